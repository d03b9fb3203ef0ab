import { operatorText, tenantText, type Reason } from "../domain/reasons.ts";
import type { Mechanism } from "../domain/inventory.ts";
import type { ProjectReport, ReportLine, SetSummary } from "../domain/runs.ts";
import { count, durationWords, localDay, localTime, plain } from "./format.ts";
import { quotaViews, type Colour, type QuotaView } from "./quota.ts";

/** One volume as the digest shows it. */
export interface LineView {
  readonly server: string;
  /** Its name, else its id; empty for a server without volumes. */
  readonly volume: string;
  readonly mechanism: Mechanism;
  /** Empty where it is the only one in the report. */
  readonly policy: string;
  readonly outcome: "succeeded" | "failed" | "not backed up" | "no snapshot" | "skipped" | "running";
  readonly colour: Colour | "grey";
  /** `full`, `incremental`, `snapshot`, or empty. */
  readonly mode: string;
  readonly size: string;
  readonly duration: string;
  /** In words that a tenant understands. */
  readonly reason: string;
  /** When its last good backup or snapshot was made, e.g. `Sat 21 Nov 2026, 02:14 UTC`; empty when it has none or that is not known. */
  readonly lastGood: string;
}

/** What a project's own people are told. All texts are ready to show, in one line each; none is escaped yet. */
export interface ProjectDigest {
  readonly subject: string;
  readonly verdict: { readonly colour: Colour; readonly headline: string };
  readonly project: { readonly id: string; readonly name: string };
  readonly backupTime: string;
  readonly endTime: string;
  /** Empty when it is not known, as in the four below. */
  readonly nextRun: string;
  readonly oldestPoint: string;
  readonly newestPoint: string;
  readonly points: string;
  /** Empty where it has no snapshots. */
  readonly snapshots: string;
  readonly oldestSnapshot: string;
  readonly newestSnapshot: string;
  /** What was made, as headings call it. */
  readonly words: { readonly made: string; readonly next: string; readonly expired: string };
  /** Volumes of one server that were snapshotted together. */
  readonly sets: readonly {
    readonly server: string;
    readonly policy: string;
    readonly colour: Colour;
    readonly text: string;
  }[];
  readonly counts: Readonly<Record<"volumes" | "succeeded" | "failed" | "notBackedUp" | "skipped" | "running", number>>;
  readonly quota: readonly QuotaView[];
  /** Failed, not backed up, and running ones: what somebody may have to look at. */
  readonly troubles: readonly LineView[];
  readonly successes: readonly LineView[];
  /** Skipped at somebody's wish, or because they are done. */
  readonly skips: readonly LineView[];
  /** How many of each list are left out, so that the mail stays readable. */
  readonly hidden: Readonly<Record<"troubles" | "successes" | "sets" | "skips", number>>;
  /** Requests for protection that are invalid or weakened, and marks that are not what they should be. */
  readonly requests: readonly { readonly resource: string; readonly text: string }[];
  readonly rotation: { readonly removed: number; readonly notRemoved: number; readonly note: string };
  readonly reportId: string;
}

/** Reasons to skip a volume that nobody has to look into. */
const harmless: ReadonlySet<Reason> = new Set<Reason>([
  "skip_requested",
  "shared_volume",
  "not_due",
  "not_yet",
  "too_soon",
  "excluded",
]);

const requests: ReadonlySet<Reason> = new Set<Reason>([
  "request_invalid",
  "request_bounded",
  "request_waits",
  "protection_ended",
]);

type Outcome = Pick<LineView, "outcome" | "colour">;

function outcomeOf({ mechanism, outcome, reason }: ReportLine): Outcome {
  switch (outcome) {
    case "succeeded":
      return { outcome: "succeeded", colour: "green" };
    case "failed":
      return { outcome: "failed", colour: "red" };
    case "running":
      return { outcome: "running", colour: "yellow" };
    case "skipped":
      return harmless.has(reason)
        ? { outcome: "skipped", colour: "grey" }
        : { outcome: mechanism === "snapshot" ? "no snapshot" : "not backed up", colour: "red" };
  }
}

/** Whether somebody may have to look into it. */
export const needsAttention = (line: ReportLine): boolean =>
  ["failed", "not backed up", "no snapshot", "running"].includes(outcomeOf(line).outcome);

/** @param policies how many the report has */
const lineView = (line: ReportLine, { policies, timeZone }: { policies: number; timeZone: string }): LineView => ({
  server: plain(line.serverName === "" ? line.serverId : line.serverName, 60),
  volume: plain(line.volumeName === "" ? line.volumeId : line.volumeName, 60),
  mechanism: line.mechanism,
  policy: policies > 1 ? plain(line.policy, 60) : "",
  ...outcomeOf(line),
  mode: line.mode === null ? "" : line.mechanism === "snapshot" ? "snapshot" : line.mode,
  size: line.mode === null ? "" : `${line.sizeGiB} GiB`,
  duration: durationWords(line.durationMs),
  reason: line.outcome === "succeeded" ? "" : tenantText(line.reason, line.mechanism),
  lastGood: line.lastGoodAt === null ? "" : localTime(line.lastGoodAt, timeZone),
});

/** What the lines of a report are counted in. */
interface Unit {
  readonly noun: string;
  readonly done: string;
  readonly notDone: string;
}

const ofVolumes: Unit = { noun: "volume", done: "backed up", notDone: "not backed up" };
const made = (noun: string): Unit => ({ noun, done: "made", notDone: "not made" });

/** Volumes, where each has one line about a backup: then a line less is a volume less. */
export function unitOf(lines: readonly ReportLine[]): Unit {
  const mechanisms = new Set(lines.map(({ mechanism }) => mechanism));
  if (mechanisms.size > 1) return made("restore point");
  if (mechanisms.has("snapshot")) return made("snapshot");
  const volumes = new Set(lines.map(({ serverId, volumeId }) => (volumeId === "" ? serverId : volumeId)));
  return volumes.size === lines.length ? ofVolumes : made("backup");
}

/** The same for several reports together: each counts its own way. */
export function commonUnit(units: readonly Unit[]): Unit {
  const [first = ofVolumes, ...others] = units;
  return others.every(({ noun }) => noun === first.noun) ? first : made("restore point");
}

/** How a project's run ended, in one word and one line. */
export function verdictOf(
  report: ProjectReport,
): ProjectDigest["verdict"] & { readonly counts: ProjectDigest["counts"] } {
  const outcomes = report.lines.map((line) => outcomeOf(line).outcome);
  const number = (...wanted: LineView["outcome"][]): number =>
    outcomes.filter((outcome) => wanted.includes(outcome)).length;
  const counts = {
    volumes: outcomes.length,
    succeeded: number("succeeded"),
    failed: number("failed"),
    notBackedUp: number("not backed up", "no snapshot"),
    skipped: number("skipped"),
    running: number("running"),
  };
  const { failed, notBackedUp, running, succeeded } = counts;
  const due = counts.volumes - counts.skipped;
  const missing = failed + notBackedUp;
  const { noun, done, notDone } = unitOf(report.lines);
  const headline =
    missing > 0
      ? `${missing} of ${count(due, noun)} ${notDone}`
      : running > 0
        ? `${succeeded} of ${count(due, noun)} ${done}, ${running} still running`
        : due === 0
          ? "No volume was due"
          : due === 1
            ? `The ${noun} was ${done}`
            : `All ${due} ${noun}s ${done}`;
  const worried =
    running > 0 ||
    report.notices.length > 0 ||
    report.sets.some(({ complete }) => !complete) ||
    quotaViews(report).some((q) => q.colour === "red");
  return { colour: missing > 0 ? "red" : worried ? "yellow" : "green", headline, counts };
}

/** A skew in words that do not promise more than was measured. */
const skewWords = (ms: number): string => (ms < 10_000 ? `${Math.max(1, Math.round(ms))} ms` : durationWords(ms));

/** What a set may be called: never more than was measured. */
export const setText = ({ complete, made, skewMs, volumes }: SetSummary): string =>
  complete
    ? `all ${volumes} volumes together${skewMs === null ? "" : `, within ${skewWords(skewMs)}`}`
    : `only ${made} of ${volumes} volumes: each is of use for itself, not as a whole`;

/** A project's digest. Pure: the same for the same report, so that it can be sent again as it was. */
export function projectDigest(report: ProjectReport, { timeZone }: { readonly timeZone: string }): ProjectDigest {
  const { colour, counts, headline } = verdictOf(report);
  const name = plain(report.projectName, 60);
  const time = (at: Date | null | undefined): string => (at ? localTime(at, timeZone) : "");
  const policies = new Set(report.lines.flatMap(({ policy }) => (policy === "" ? [] : [policy]))).size;
  const view = (line: ReportLine): LineView => lineView(line, { policies, timeZone });
  const others = report.lines.filter((line) => !needsAttention(line)).map(view);
  const { points, rotation, snapshots } = report;
  const startedAt = report.startedAt ?? report.at;
  return {
    subject: `${name}: ${headline} · ${localDay(startedAt, timeZone)}`,
    verdict: { colour, headline },
    project: { id: plain(report.projectId), name },
    backupTime: localTime(startedAt, timeZone),
    endTime: localTime(report.at, timeZone),
    nextRun: time(report.nextRunAt),
    oldestPoint: time(points?.oldestAt),
    newestPoint: time(points?.newestAt),
    points: points === null ? "" : String(points.count),
    snapshots: snapshots === null ? "" : String(snapshots.count),
    oldestSnapshot: time(snapshots?.oldestAt),
    newestSnapshot: time(snapshots?.newestAt),
    words: wordsOf(report),
    sets: report.sets.map((set) => ({
      server: plain(set.serverName === "" ? set.serverId : set.serverName, 60),
      policy: policies > 1 ? plain(set.policy, 60) : "",
      colour: set.complete ? "green" : "yellow",
      text: setText(set),
    })),
    counts,
    quota: quotaViews(report),
    troubles: report.lines.filter(needsAttention).map(view),
    successes: others.filter(({ outcome }) => outcome === "succeeded"),
    skips: others.filter(({ outcome }) => outcome === "skipped"),
    hidden: { troubles: 0, successes: 0, sets: 0, skips: 0 },
    requests: report.notices.map((notice) => ({
      resource: resourceName(report, notice.resourceId),
      text: noticeText(notice),
    })),
    rotation: {
      removed: rotation.deleted,
      notRemoved: rotation.failed,
      note: rotation.blocked === null ? "" : tenantText(rotation.blocked),
    },
    reportId: plain(report.id),
  };
}

function wordsOf({ lines, snapshots }: ProjectReport): ProjectDigest["words"] {
  const { noun } = unitOf(lines);
  return {
    made: noun === "volume" ? "Backed up" : `${noun[0]?.toUpperCase() ?? ""}${noun.slice(1)}s made`,
    next: snapshots === null && noun !== "snapshot" && noun !== "restore point" ? "Next backup" : "Next run",
    expired: snapshots === null ? "Expired backups removed" : "Expired backups and snapshots removed",
  };
}

/** What a request asked for are the tenant's own words; other messages are for operators. */
const noticeText = ({ reason, message }: ProjectReport["notices"][number]): string =>
  message !== null && requests.has(reason) ? `${tenantText(reason)} (${plain(message, 120)})` : tenantText(reason);

/** The name of a server or volume that the report speaks of, else its id. */
export function resourceName({ lines }: ProjectReport, id: string | null): string {
  if (id === null) return "";
  const line = lines.find(({ serverId, volumeId }) => serverId === id || volumeId === id);
  const name = line?.volumeId === id ? line.volumeName : (line?.serverName ?? "");
  return plain(name === "" ? id : name, 60);
}

/** In the words that operators get, with the service's own behind them. */
export function operatorReason(reason: Reason, message: string | null, mechanism?: Mechanism): string {
  const text = operatorText(reason, mechanism);
  return plain(message === null ? text : `${text}: ${message}`, 300);
}
