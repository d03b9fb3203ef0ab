import type { Job } from "../domain/catalogue.ts";
import type { BackupQuota } from "../domain/inventory.ts";
import type { Notice, Skip } from "../domain/planner.ts";
import type { ProjectReport, ReportLine, RotationSummary } from "../domain/runs.ts";

/** What is known of a project at the end of its part of a run. */
export interface ReportInput {
  readonly id: string;
  readonly runId: string;
  readonly projectId: string;
  readonly projectName: string;
  readonly at: Date;
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

const lineOfJob = (job: Job): ReportLine => ({
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
});

const lineOfSkip = (skip: Skip): ReportLine => ({
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
});

/** One project's report: a line for each volume, failures first. */
export function buildReport(input: ReportInput): ProjectReport {
  const order: readonly ReportLine["outcome"][] = ["failed", "running", "skipped", "succeeded"];
  const lines = [...input.jobs.map(lineOfJob), ...input.skips.map(lineOfSkip)].sort(
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
