import type { CatalogueEntry, Job } from "../domain/catalogue.ts";
import type { BackupQuota } from "../domain/inventory.ts";
import type { Notice, Skip } from "../domain/planner.ts";
import type { PointsSummary, ProjectReport, ReportLine, RotationSummary } from "../domain/runs.ts";

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

function summarize(entries: readonly CatalogueEntry[]): PointsSummary {
  const times = entries.filter(isGood).map(({ createdAt }) => createdAt.getTime());
  const at = (ms: number): Date | null => (Number.isFinite(ms) ? new Date(ms) : null);
  // One by one: a project may have more points than a call takes arguments.
  return {
    count: times.length,
    oldestAt: at(times.reduce((a, b) => Math.min(a, b), Infinity)),
    newestAt: at(times.reduce((a, b) => Math.max(a, b), -Infinity)),
  };
}

/** When each volume's newest good restore point was made. */
function newestGood(entries: readonly CatalogueEntry[]): ReadonlyMap<string, Date> {
  const newest = new Map<string, Date>();
  for (const { volumeId, createdAt } of entries.filter(isGood)) {
    const known = newest.get(volumeId);
    if (known === undefined || known < createdAt) newest.set(volumeId, createdAt);
  }
  return newest;
}

/** One project's report: a line for each volume, failures first. */
export function buildReport(input: ReportInput): ProjectReport {
  const order: readonly ReportLine["outcome"][] = ["failed", "running", "skipped", "succeeded"];
  const lastGood = newestGood(input.entries);
  const lastGoodOf = (volumeId: string | null): Date | null => lastGood.get(volumeId ?? "") ?? null;
  const lines = [
    ...input.jobs.map((job) => lineOfJob(job, lastGoodOf(job.volumeId))),
    ...input.skips.map((skip) => lineOfSkip(skip, lastGoodOf(skip.volumeId))),
  ].sort(
    (a, b) =>
      order.indexOf(a.outcome) - order.indexOf(b.outcome) ||
      a.serverName.localeCompare(b.serverName) ||
      a.volumeName.localeCompare(b.volumeName) ||
      a.volumeId.localeCompare(b.volumeId),
  );
  const { quota } = input;
  return {
    id: input.id,
    runId: input.runId,
    projectId: input.projectId,
    projectName: input.projectName,
    at: input.at,
    startedAt: input.startedAt,
    nextRunAt: input.nextRunAt,
    points: summarize(input.entries),
    lines,
    rotation: input.rotation,
    quota:
      quota === null
        ? null
        : {
            backups: { limit: quota.backups.limit, used: quota.backups.inUse + quota.backups.reserved },
            gigabytes: { limit: quota.backupGiB.limit, used: quota.backupGiB.inUse + quota.backupGiB.reserved },
          },
    notices: input.notices.map(({ reason, resourceId, message }) => ({ reason, resourceId, message })),
  };
}
