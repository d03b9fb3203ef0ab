import { promiseOf, type Job } from "../domain/catalogue.ts";
import { automatedMark, mark, markTime } from "../domain/marks.ts";
import type { Reason } from "../domain/reasons.ts";
import { deadlineOf } from "../domain/states.ts";
import { CloudError, NoProjectAccess, QuotaExceeded } from "../openstack/errors.ts";
import type { BackupRequest, SnapshotRequest } from "../openstack/cloud.ts";
import { operation, type Conductor, type ConductorSettings } from "./context.ts";
import type { LeaseKeeper } from "./lease.ts";
import { endJob } from "./sets.ts";

/** The marks of a new restore point: what a rebuild needs. @param asked what is remembered of requests for it, as marks */
export const marksOf = (job: Job, asked: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  [automatedMark]: "True",
  [mark.key]: job.key,
  [mark.policy]: job.policy,
  [mark.slot]: job.slot,
  [mark.server]: job.serverId,
  [mark.set]: job.setId,
  [mark.keepUntil]: markTime(promiseOf(job)),
  [mark.volumeType]: job.volumeType ?? "",
  ...(job.parentId === null ? {} : { [mark.parent]: job.parentId }),
  ...(job.archiveContainer === null ? {} : { [mark.archive]: "True" }),
  ...(job.retention === null ? {} : { [mark.retention]: job.retention }),
  ...(job.fullNumber === null ? {} : { [mark.fullNumber]: String(job.fullNumber) }),
  ...asked,
});

/**
 * Sends the POST of one planned job. The row is `submitting` before anything leaves; afterwards it is `running` with the backup's id, back in `planned` (nothing
 * was sent), `failed` (Cinder said no), or still `submitting`: the answer was lost, and only a look-up by key tells.
 * @throws LeaseLost, StoreError
 */
export async function submit(
  conductor: Conductor,
  lease: LeaseKeeper,
  { asked, job }: { readonly job: Job; readonly asked: Readonly<Record<string, string>> },
  signal: AbortSignal,
): Promise<void> {
  const { clock, repository, settings, writer } = conductor;
  await lease.keep();
  const submittedAt = clock.now();
  const claimed = await repository.moveJob({
    key: job.key,
    from: "planned",
    to: "submitting",
    patch: { submittedAt, reason: null, message: null },
    lease: lease.lease,
  });
  if (!claimed) return;
  try {
    const project = writer.forProject(job.projectId);
    const { id, requestId } = await (job.mechanism === "snapshot"
      ? project.createSnapshot(requestOf(job, asked), signal)
      : project.createBackup(backupRequestOf(job, asked, settings), signal));
    await started(conductor, job, { backupId: id, requestId, submittedAt });
  } catch (error) {
    await settle(conductor, job, error);
  }
}

const requestOf = (job: Job, asked: Readonly<Record<string, string>>): SnapshotRequest => {
  const what = job.mechanism === "snapshot" ? "snapshot" : `${job.mode} backup`;
  return {
    volumeId: job.volumeId,
    name: job.backupName,
    description: job.description ?? `${what} of ${job.volumeName === "" ? job.volumeId : job.volumeName}`,
    metadata: marksOf(job, asked),
  };
};

function backupRequestOf(
  job: Job,
  asked: Readonly<Record<string, string>>,
  settings: Pick<ConductorSettings, "container">,
): BackupRequest {
  const container = job.archiveContainer ?? job.container ?? settings.container;
  return {
    ...requestOf(job, asked),
    incremental: job.mode === "incremental",
    ...(job.temporary === "ready" && job.temporaryId !== null ? { snapshotId: job.temporaryId } : {}),
    ...(container === null ? {} : { container }),
    ...(job.archiveZone === null ? {} : { availabilityZone: job.archiveZone }),
  };
}

/** Records that Cinder has taken the job. Also used when a lost answer is found by key. */
export async function started(
  conductor: Conductor,
  job: Job,
  answer: { backupId: string; requestId: string | null; submittedAt: Date; adopted?: boolean },
): Promise<void> {
  const { repository, settings } = conductor;
  const { backupId, requestId } = answer;
  await repository.moveJob({
    key: job.key,
    from: "submitting",
    to: "running",
    patch: {
      backupId,
      requestId,
      reason: null,
      deadlineAt: deadlineOf(job, answer.submittedAt, settings.deadline),
    },
    operations: [
      operation(conductor, job.runId, {
        kind: answer.adopted === true ? "adopt" : "create",
        reason: answer.adopted === true ? "adopted" : job.modeReason,
        ...subjectOf(job),
        backupId,
        requestId,
      }),
    ],
  });
}

async function settle(conductor: Conductor, job: Job, error: unknown): Promise<void> {
  const { clock, repository } = conductor;
  if (!(error instanceof CloudError)) throw error;
  const { message, requestId } = error;
  if (error.reached === "no" && !(error instanceof NoProjectAccess)) {
    // Nothing left this process: the next round may send it as if for the first time.
    await repository.moveJob({
      key: job.key,
      from: "submitting",
      to: "planned",
      patch: { submittedAt: null, reason: "unavailable", message },
    });
    return;
  }
  if (error instanceof CloudError && error.reached === "maybe") {
    await repository.moveJob({
      key: job.key,
      from: "submitting",
      to: "submitting",
      patch: { reason: "answer_lost", message, requestId },
    });
    return;
  }
  if (job.temporary === "ready" && (error.status === 400 || error.status === 404)) {
    // What is wrong with the snapshot is not wrong with the volume; whatever else it is, the next request tells.
    await repository.moveJob({
      key: job.key,
      from: "submitting",
      to: "planned",
      patch: { submittedAt: null, temporary: "abandoned", temporaryReason: "temporary_failed", message, requestId },
      operations: [
        operation(conductor, job.runId, {
          kind: "notice",
          reason: "temporary_failed",
          ...subjectOf(job),
          backupId: job.temporaryId,
          message,
          requestId,
        }),
      ],
    });
    return;
  }
  if (error.status === 400 && job.mode === "incremental") {
    // Refused for good as an incremental (a parent that is gone or not available): the volume still needs its backup.
    await repository.moveJob({
      key: job.key,
      from: "submitting",
      to: "planned",
      patch: {
        submittedAt: null,
        mode: "full",
        modeReason: "full_parent_not_good",
        parentId: null,
        message,
        requestId,
      },
    });
    return;
  }
  const isOurs = error instanceof NoProjectAccess || error instanceof QuotaExceeded;
  if (job.archiveContainer !== null && !isOurs) {
    // A container or zone that Cinder does not want must not leave the volume without its backup.
    await repository.moveJob({
      key: job.key,
      from: "submitting",
      to: "planned",
      patch: {
        submittedAt: null,
        modeReason: "archive_refused",
        archiveContainer: null,
        archiveZone: null,
        archiveKeepUntil: null,
        message,
        requestId,
      },
      operations: [
        operation(conductor, job.runId, {
          kind: "notice",
          reason: "archive_refused",
          ...subjectOf(job),
          message,
          requestId,
        }),
      ],
    });
    return;
  }
  const reason: Reason =
    error instanceof NoProjectAccess ? "no_project_access" : error instanceof QuotaExceeded ? "over_quota" : "refused";
  await endJob(conductor, job, {
    from: "submitting",
    to: "failed",
    patch: { reason, message, requestId, endedAt: clock.now() },
    operations: [operation(conductor, job.runId, { kind: "fail", reason, ...subjectOf(job), message, requestId })],
  });
}

/** The columns of an operation that say what it was about. */
export const subjectOf = (job: Job): Pick<Job, "projectId" | "serverId" | "volumeId" | "key"> => ({
  projectId: job.projectId,
  serverId: job.serverId,
  volumeId: job.volumeId,
  key: job.key,
});
