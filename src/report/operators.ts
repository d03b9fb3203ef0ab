import { operatorText } from "../domain/reasons.ts";
import type { ProjectReport, Run, RunNotice, RunOutcome } from "../domain/runs.ts";
import { commonUnit, needsAttention, operatorReason, resourceName, setText, unitOf, verdictOf } from "./digest.ts";
import { count, durationWords, localDay, localTime, plain } from "./format.ts";
import { quotaViews, type Colour } from "./quota.ts";

/** Something about settings or the reports themselves that operators have to see to. */
export interface Problem {
  /** What it is about: a file, a template, a receiver. */
  readonly what: string;
  readonly text: string;
}

/** What operators are told of a run. All texts are ready to show, in one line each; none is escaped yet. */
export interface OperatorsDigest {
  readonly subject: string;
  readonly verdict: { readonly colour: Colour; readonly headline: string };
  readonly run: Readonly<
    Record<"id" | "kind" | "outcome" | "startTime" | "endTime" | "duration" | "servers" | "volumes" | "message", string>
  >;
  /** What {@link counts} counts, e.g. `Volumes` and `backed up`. */
  readonly unit: { readonly title: string; readonly done: string };
  readonly counts: Readonly<Record<"projects" | "succeeded" | "failed" | "skipped" | "running" | "removed", number>>;
  /** Worst first. */
  readonly projects: readonly {
    readonly id: string;
    readonly name: string;
    readonly colour: Colour;
    readonly headline: string;
    readonly removed: number;
    /** The fullest of its quotas, e.g. `81.2%`; empty when they could not be read. */
    readonly quota: string;
    /** Which one that is, e.g. `backup GiB` or `snapshots`. */
    readonly quotaName: string;
    readonly quotaColour: Colour;
  }[];
  readonly failures: readonly Readonly<
    Record<"project" | "server" | "volume" | "volumeId" | "policy" | "mechanism" | "reason", string>
  >[];
  /** Rotations that were held up, marks and requests that are not what they should be. */
  readonly notices: readonly { readonly project: string; readonly resource: string; readonly text: string }[];
  /** Of settings, templates and deliveries. */
  readonly problems: readonly Problem[];
  /** How many of each list are left out, so that the mail stays readable. */
  readonly hidden: Readonly<Record<"projects" | "failures" | "notices" | "problems", number>>;
}

const outcomeColours: Readonly<Record<RunOutcome, Colour>> = {
  ok: "green",
  partial: "red",
  failed: "red",
  interrupted: "yellow",
};

const byUrgency: readonly Colour[] = ["red", "yellow", "green"];

function projectRow(report: ProjectReport): OperatorsDigest["projects"][number] {
  const { colour, headline } = verdictOf(report);
  const quotas = quotaViews(report);
  const fullest = [...quotas].sort((a, b) => b.bar - a.bar)[0];
  return {
    id: plain(report.projectId),
    name: plain(report.projectName, 60),
    colour,
    headline,
    removed: report.rotation.deleted,
    quota: fullest?.percent ?? "",
    quotaName: fullest?.short ?? "",
    quotaColour: fullest?.colour ?? "green",
  };
}

const failuresOf = (report: ProjectReport): OperatorsDigest["failures"] =>
  report.lines.filter(needsAttention).map((line) => ({
    project: plain(report.projectName, 60),
    server: plain(line.serverName === "" ? line.serverId : line.serverName, 60),
    volume: plain(line.volumeName === "" ? line.volumeId : line.volumeName, 60),
    volumeId: plain(line.volumeId),
    policy: plain(line.policy, 60),
    mechanism: line.mechanism,
    reason: operatorReason(line.reason, line.message, line.mechanism),
  }));

function noticesOf(report: ProjectReport): OperatorsDigest["notices"] {
  const project = plain(report.projectName, 60);
  const { blocked, failed } = report.rotation;
  return [
    ...(blocked === null ? [] : [{ project, resource: "", text: `nothing was deleted: ${operatorText(blocked)}` }]),
    ...(failed === 0 ? [] : [{ project, resource: "", text: `${count(failed, "deletion")} did not complete` }]),
    ...report.sets
      .filter(({ complete }) => !complete)
      .map((set) => ({
        project,
        resource: plain(set.serverName === "" ? set.serverId : set.serverName, 60),
        text: `partial set of ${plain(set.policy, 60)}: ${setText(set)}`,
      })),
    ...report.notices.map((notice) => ({
      project,
      resource: resourceName(report, notice.resourceId),
      text: operatorReason(notice.reason, notice.message),
    })),
  ];
}

/** The operators' digest of a run, made of the reports of its projects. */
export function operatorsDigest(
  run: Run,
  reports: readonly ProjectReport[],
  {
    notices,
    problems,
    timeZone,
  }: {
    /** Of the run as a whole. */
    readonly notices: readonly RunNotice[];
    readonly problems: readonly Problem[];
    readonly timeZone: string;
  },
): OperatorsDigest {
  const verdicts = reports.map((report) => verdictOf(report).counts);
  const sum = (of: (counts: (typeof verdicts)[number]) => number): number => verdicts.reduce((n, c) => n + of(c), 0);
  const counts = {
    projects: reports.length,
    succeeded: sum((c) => c.succeeded),
    failed: sum((c) => c.failed + c.notBackedUp),
    skipped: sum((c) => c.skipped),
    running: sum((c) => c.running),
    removed: reports.reduce((n, { rotation }) => n + rotation.deleted, 0),
  };
  const projects = reports
    .map(projectRow)
    .sort((a, b) => byUrgency.indexOf(a.colour) - byUrgency.indexOf(b.colour) || a.name.localeCompare(b.name));
  const due = counts.succeeded + counts.failed + counts.running;
  const { noun, done, notDone } = commonUnit(
    reports.filter(({ lines }) => lines.length > 0).map(({ lines }) => unitOf(lines)),
  );
  const headline =
    run.outcome === "failed" && reports.length === 0
      ? "The run failed"
      : counts.failed > 0
        ? `${counts.failed} of ${count(due, noun)} ${notDone}`
        : counts.running > 0
          ? `${counts.succeeded} of ${count(due, noun)} ${done}, ${counts.running} still running`
          : `${count(counts.succeeded, noun)} ${done} in ${count(reports.length, "project")}`;
  const worst = projects[0]?.colour ?? "green";
  const ofRun = outcomeColours[run.outcome ?? "interrupted"];
  const worried = problems.length > 0 ? "yellow" : "green";
  const colour = byUrgency.find((each) => [worst, ofRun, worried].includes(each)) ?? "green";
  const seen = (n: number | null): string => (n === null ? "" : String(n));
  return {
    subject: `Backup: ${headline} · ${localDay(run.startedAt, timeZone)}`,
    verdict: { colour, headline },
    run: {
      id: plain(run.id),
      kind: run.kind,
      outcome: run.outcome ?? "running",
      startTime: localTime(run.startedAt, timeZone),
      endTime: run.endedAt === null ? "" : localTime(run.endedAt, timeZone),
      duration: durationWords(run.endedAt === null ? null : Number(run.endedAt) - Number(run.startedAt)),
      servers: seen(run.servers),
      volumes: seen(run.volumes),
      message: plain(run.message ?? "", 600),
    },
    unit: { title: `${noun[0]?.toUpperCase() ?? ""}${noun.slice(1)}s`, done },
    counts,
    projects,
    failures: reports.flatMap(failuresOf),
    notices: [
      ...notices.map(({ reason, message }) => ({
        project: "all projects",
        resource: "",
        text: operatorReason(reason, message),
      })),
      ...reports.flatMap(noticesOf),
    ],
    problems: problems.map(({ what, text }) => ({ what: plain(what, 120), text: plain(text, 400) })),
    hidden: { projects: 0, failures: 0, notices: 0, problems: 0 },
  };
}
