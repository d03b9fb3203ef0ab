import { operatorText, tenantText, type Reason } from "../domain/reasons.ts";
import type { ProjectReport, ReportLine } from "../domain/runs.ts";
import { count, durationWords, localDay, localTime, plain } from "./format.ts";
import { quotaViews, type Colour, type QuotaView } from "./quota.ts";

/** One volume as the digest shows it. */
export interface LineView {
  readonly server: string;
  /** Its name, else its id; empty for a server without volumes. */
  readonly volume: string;
  readonly outcome: "succeeded" | "failed" | "not backed up" | "skipped" | "running";
  readonly colour: Colour | "grey";
  /** `full`, `incremental`, or empty. */
  readonly mode: string;
  readonly size: string;
  readonly duration: string;
  /** In words that a tenant understands. */
  readonly reason: string;
  /** When its last good backup was made, e.g. `Sat 21 Nov 2026, 02:14 UTC`; empty when it has none or that is not known. */
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
  readonly counts: Readonly<Record<"volumes" | "succeeded" | "failed" | "notBackedUp" | "skipped" | "running", number>>;
  readonly quota: readonly QuotaView[];
  /** Failed, not backed up, and running ones: what somebody may have to look at. */
  readonly troubles: readonly LineView[];
  readonly successes: readonly LineView[];
  /** Skipped at somebody's wish, or because they are done. */
  readonly skips: readonly LineView[];
  /** How many of each list are left out, so that the mail stays readable. */
  readonly hidden: { readonly troubles: number; readonly successes: number; readonly skips: number };
  /** Requests for protection that are invalid or weakened, and marks that are not what they should be. */
  readonly requests: readonly { readonly resource: string; readonly text: string }[];
  readonly rotation: { readonly removed: number; readonly notRemoved: number; readonly note: string };
  readonly reportId: string;
}

/** Reasons to skip a volume that nobody has to look into. */
const harmless: ReadonlySet<Reason> = new Set<Reason>(["skip_requested", "shared_volume", "not_due", "too_soon"]);

const requests: ReadonlySet<Reason> = new Set<Reason>([
  "request_invalid",
  "request_bounded",
  "request_waits",
  "protection_ended",
]);

type Outcome = Pick<LineView, "outcome" | "colour">;

function outcomeOf({ outcome, reason }: ReportLine): Outcome {
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
        : { outcome: "not backed up", colour: "red" };
  }
}

/** Whether somebody may have to look into it. */
export const needsAttention = (line: ReportLine): boolean =>
  ["failed", "not backed up", "running"].includes(outcomeOf(line).outcome);

export const lineView = (line: ReportLine, timeZone: string): LineView => ({
  server: plain(line.serverName === "" ? line.serverId : line.serverName, 60),
  volume: plain(line.volumeName === "" ? line.volumeId : line.volumeName, 60),
  ...outcomeOf(line),
  mode: line.mode ?? "",
  size: line.mode === null ? "" : `${line.sizeGiB} GiB`,
  duration: durationWords(line.durationMs),
  reason: line.outcome === "succeeded" ? "" : tenantText(line.reason),
  lastGood: line.lastGoodAt === null ? "" : localTime(line.lastGoodAt, timeZone),
});

/** How a project's run ended, in one word and one line. */
export function verdictOf(
  report: ProjectReport,
): ProjectDigest["verdict"] & { readonly counts: ProjectDigest["counts"] } {
  const outcomes = report.lines.map((line) => outcomeOf(line).outcome);
  const number = (wanted: LineView["outcome"]): number => outcomes.filter((outcome) => outcome === wanted).length;
  const counts = {
    volumes: outcomes.length,
    succeeded: number("succeeded"),
    failed: number("failed"),
    notBackedUp: number("not backed up"),
    skipped: number("skipped"),
    running: number("running"),
  };
  const { failed, notBackedUp, running, succeeded } = counts;
  const due = counts.volumes - counts.skipped;
  const missing = failed + notBackedUp;
  const headline =
    missing > 0
      ? `${missing} of ${count(due, "volume")} not backed up`
      : running > 0
        ? `${succeeded} of ${count(due, "volume")} backed up, ${running} still running`
        : due === 0
          ? "No volume was due"
          : due === 1
            ? "The volume was backed up"
            : `All ${due} volumes backed up`;
  const worried = running > 0 || report.notices.length > 0 || quotaViews(report.quota).some((q) => q.colour === "red");
  return { colour: missing > 0 ? "red" : worried ? "yellow" : "green", headline, counts };
}

/** A project's digest. Pure: the same for the same report, so that it can be sent again as it was. */
export function projectDigest(report: ProjectReport, { timeZone }: { readonly timeZone: string }): ProjectDigest {
  const { colour, counts, headline } = verdictOf(report);
  const name = plain(report.projectName, 60);
  const time = (at: Date | null | undefined): string => (at ? localTime(at, timeZone) : "");
  const view = (line: ReportLine): LineView => lineView(line, timeZone);
  const others = report.lines.filter((line) => !needsAttention(line)).map(view);
  const { points, rotation } = report;
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
    counts,
    quota: quotaViews(report.quota),
    troubles: report.lines.filter(needsAttention).map(view),
    successes: others.filter(({ outcome }) => outcome === "succeeded"),
    skips: others.filter(({ outcome }) => outcome === "skipped"),
    hidden: { troubles: 0, successes: 0, skips: 0 },
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
export const operatorReason = (reason: Reason, message: string | null): string =>
  plain(message === null ? operatorText(reason) : `${operatorText(reason)}: ${message}`, 300);
