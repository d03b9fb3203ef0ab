import type { Job, JobState } from "../domain/catalogue.ts";
import type { Point } from "../domain/points.ts";
import type { Reason } from "../domain/reasons.ts";
import { deadlineOf } from "../domain/states.ts";
import { operation, type Conductor } from "./context.ts";
import { subjectOf } from "./submit.ts";
import { writeJobs } from "./write-jobs.ts";

/**
 * Slots that Cinder shows as done but the database does not know (it was lost, or came back old): their jobs are written as they ended, or as running, so
 * that they are watched and the next tick need not list the backups again.
 * @param candidates the jobs that would be due if Cinder had nothing
 */
export async function adoptDone(
  conductor: Conductor,
  candidates: readonly Job[],
  points: Iterable<Point>,
): Promise<void> {
  const byKey = new Map<string, Point>();
  for (const point of points)
    if (point.marks.key !== null && !byKey.has(point.marks.key)) byKey.set(point.marks.key, point);
  const adopted = candidates.flatMap((job) => {
    const point = byKey.get(job.key);
    return point === undefined ? [] : [adoptedJob(conductor, job, point)];
  });
  if (adopted.length === 0) return;
  const rows = adopted.map((job) =>
    operation(conductor, job.runId, { kind: "adopt", reason: "adopted", ...subjectOf(job), backupId: job.backupId }),
  );
  const keys = adopted.map(({ key }) => key);
  await writeJobs(conductor, adopted, rows, await conductor.repository.jobs({ keys, states: ["failed"] }));
}

function adoptedJob({ settings }: Conductor, job: Job, { backup, marks }: Point): Job {
  const { state, reason } = endOf(backup.status);
  return {
    ...job,
    state,
    reason,
    message: backup.failReason,
    mode: backup.isIncremental ? "incremental" : "full",
    backupId: backup.id,
    backupName: backup.name,
    keepUntil: marks.keepUntil ?? job.keepUntil,
    archiveContainer: marks.archived ? backup.container : null,
    archiveZone: null,
    archiveKeepUntil: null,
    fullNumber: marks.fullNumber,
    submittedAt: backup.createdAt,
    deadlineAt: deadlineOf(job, backup.createdAt, settings.deadline),
    endedAt: state === "running" ? null : (backup.updatedAt ?? backup.createdAt),
    // Of its temporary snapshot nothing is known any more.
    ...(job.temporary === null ? {} : { temporary: "refused", temporaryReason: null }),
  };
}

function endOf(status: string): { state: JobState; reason: Reason } {
  switch (status) {
    case "creating":
      return { state: "running", reason: "adopted" };
    case "error":
    case "error_deleting":
      return { state: "failed", reason: "ended_in_error" };
    case "deleting":
    case "deleted":
      return { state: "failed", reason: "vanished" };
    default:
      return { state: "succeeded", reason: "adopted" };
  }
}
