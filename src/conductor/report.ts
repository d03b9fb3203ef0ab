import { isOpen, type CatalogueEntry, type Job, type Operation } from "../domain/catalogue.ts";
import { compareText } from "../domain/compare.ts";
import { consistencyOf, isOfSet } from "../domain/consistency.ts";
import type { BackupQuota, Mechanism, QuotaUse } from "../domain/inventory.ts";
import type { Notice, Skip } from "../domain/planner.ts";
import type {
  PointsSummary,
  ProjectReport,
  QuotaFigures,
  ReportLine,
  RotationSummary,
  SetSummary,
} from "../domain/runs.ts";

/** What is known of a project at the end of its part of a run. */
export interface ReportInput {
  readonly id: string;
  readonly runId: string;
  readonly projectId: string;
  readonly projectName: string;
  readonly at: Date;
  /** Of the run. */
  readonly startedAt: Date;
  readonly nextRunAt: Date;
  /** The project's restore points after rotation. */
  readonly entries: readonly CatalogueEntry[];
  readonly jobs: readonly Job[];
  readonly sets: readonly SetSummary[];
  readonly skips: readonly Skip[];
  readonly notices: readonly Notice[];
  readonly rotation: RotationSummary;
  readonly quota: BackupQuota | null;
}

const outcomes = {
  planned: "running",
  submitting: "running",
  running: "running",
  succeeded: "succeeded",
  failed: "failed",
  cancelled: "failed",
} as const satisfies Record<Job["state"], ReportLine["outcome"]>;

const lineOfJob = (job: Job, lastGoodAt: Date | null): ReportLine => ({
  policy: job.policy,
  mechanism: job.mechanism,
  volumeId: job.volumeId,
  volumeName: job.volumeName,
  serverId: job.serverId,
  serverName: job.serverName,
  outcome: outcomes[job.state],
  mode: job.mode,
  backupId: job.backupId,
  sizeGiB: job.sizeGiB,
  durationMs: job.submittedAt === null || job.endedAt === null ? null : Number(job.endedAt) - Number(job.submittedAt),
  reason: job.reason ?? "still_running",
  message: job.message,
  lastGoodAt,
});

const lineOfSkip = (skip: Skip, lastGoodAt: Date | null): ReportLine => ({
  policy: skip.policy,
  mechanism: skip.mechanism,
  volumeId: skip.volumeId ?? "",
  volumeName: skip.volumeName,
  serverId: skip.serverId,
  serverName: skip.serverName,
  outcome: "skipped",
  mode: null,
  backupId: null,
  sizeGiB: 0,
  durationMs: null,
  reason: skip.reason,
  message: skip.message,
  lastGoodAt,
});

/** What can be restored: good, and not about to go. */
const isGood = ({ goodAt, deleteSentAt }: CatalogueEntry): boolean => goodAt !== null && deleteSentAt === null;

function summarize(entries: readonly CatalogueEntry[], wanted: Mechanism): PointsSummary {
  const own = entries.filter((entry) => entry.mechanism === wanted && isGood(entry));
  const times = own.map(({ createdAt }) => createdAt.getTime());
  const at = (ms: number): Date | null => (Number.isFinite(ms) ? new Date(ms) : null);
  // One by one: a project may have more points than a call takes arguments.
  return {
    count: times.length,
    oldestAt: at(times.reduce((a, b) => Math.min(a, b), Infinity)),
    newestAt: at(times.reduce((a, b) => Math.max(a, b), -Infinity)),
  };
}

const ofVolume = (mechanism: Mechanism, volumeId: string | null): string => `${mechanism} ${volumeId ?? ""}`;

/** When each volume's newest good restore point was made, by mechanism: a snapshot stands in for no backup. */
function newestGood(entries: readonly CatalogueEntry[]): ReadonlyMap<string, Date> {
  const newest = new Map<string, Date>();
  for (const { createdAt, mechanism, volumeId } of entries.filter(isGood)) {
    const key = ofVolume(mechanism, volumeId);
    const known = newest.get(key);
    if (known === undefined || known < createdAt) newest.set(key, createdAt);
  }
  return newest;
}

/**
 * The sets among some jobs that have ended. A server with one volume makes none.
 * @param answers operations of kind create, of these jobs among others
 */
export function setsOf(jobs: readonly Job[], answers: readonly Operation[]): SetSummary[] {
  const sets: SetSummary[] = [];
  for (const set of Map.groupBy(jobs.filter(isOfSet), ({ setId }) => setId).values()) {
    const [first] = set;
    if (first === undefined || set.length === 1 || set.some(isOpen)) continue;
    const { complete, made, skewMs } = consistencyOf(set, answers);
    const { policy, serverId, serverName, slot } = first;
    sets.push({ serverId, serverName, policy, slot, complete, volumes: set.length, made, skewMs });
  }
  return sets.sort(
    (a, b) =>
      Number(a.complete) - Number(b.complete) ||
      a.serverName.localeCompare(b.serverName) ||
      compareText(a.serverId, b.serverId) ||
      compareText(a.policy, b.policy),
  );
}

const figures = ({ inUse, limit, reserved }: QuotaUse): QuotaFigures => ({ limit, used: inUse + reserved });

/** Those of snapshots only where there are some, or should be: elsewhere they say nothing about protection. */
const quotaOf = (quota: BackupQuota, withSnapshots: boolean): ProjectReport["quota"] => ({
  backups: figures(quota.backups),
  gigabytes: figures(quota.backupGiB),
  ...(withSnapshots ? snapshotQuota(quota) : {}),
});

function snapshotQuota({ snapshots, gigabytes, ofType }: BackupQuota): Partial<NonNullable<ProjectReport["quota"]>> {
  const limited = [...ofType]
    .filter(([, own]) => own.snapshots.limit >= 0 || own.gigabytes.limit >= 0)
    .map(([type, own]) => ({ type, snapshots: figures(own.snapshots), volumeGigabytes: figures(own.gigabytes) }))
    .sort((a, b) => compareText(a.type, b.type));
  return {
    snapshots: figures(snapshots),
    volumeGigabytes: figures(gigabytes),
    ...(limited.length > 0 ? { ofType: limited } : {}),
  };
}

/** A job and a skip of the same work are one line: what came of the job. */
const withoutJobs = (skips: readonly Skip[], jobs: readonly Job[]): readonly Skip[] => {
  const worked = new Set(jobs.map(({ key }) => key));
  return skips.filter(({ key }) => !worked.has(key));
};

/** One project's report: a line for each volume, policy and mechanism, failures first. */
export function buildReport(input: ReportInput): ProjectReport {
  const order: readonly ReportLine["outcome"][] = ["failed", "running", "skipped", "succeeded"];
  const lastGood = newestGood(input.entries);
  const lastGoodOf = ({ mechanism, volumeId }: Pick<Skip, "mechanism" | "volumeId">): Date | null =>
    lastGood.get(ofVolume(mechanism, volumeId)) ?? null;
  const lines = [
    ...input.jobs.map((job) => lineOfJob(job, lastGoodOf(job))),
    ...withoutJobs(input.skips, input.jobs).map((skip) => lineOfSkip(skip, lastGoodOf(skip))),
  ].sort(
    (a, b) =>
      order.indexOf(a.outcome) - order.indexOf(b.outcome) ||
      a.serverName.localeCompare(b.serverName) ||
      a.volumeName.localeCompare(b.volumeName) ||
      a.volumeId.localeCompare(b.volumeId) ||
      compareText(a.policy, b.policy) ||
      compareText(a.mechanism, b.mechanism),
  );
  const { quota } = input;
  const snapshots = summarize(input.entries, "snapshot");
  const withSnapshots = snapshots.count > 0 || lines.some(({ mechanism }) => mechanism === "snapshot");
  return {
    id: input.id,
    runId: input.runId,
    projectId: input.projectId,
    projectName: input.projectName,
    at: input.at,
    startedAt: input.startedAt,
    nextRunAt: input.nextRunAt,
    points: summarize(input.entries, "backup"),
    snapshots: withSnapshots ? snapshots : null,
    lines,
    sets: input.sets,
    rotation: input.rotation,
    quota: quota === null ? null : quotaOf(quota, withSnapshots),
    notices: input.notices.map(({ reason, resourceId, message }) => ({ reason, resourceId, message })),
  };
}
