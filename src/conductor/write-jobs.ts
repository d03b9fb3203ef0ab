import type { Job, Operation } from "../domain/catalogue.ts";
import type { JobPatch } from "../store/repository.ts";
import type { Conductor } from "./context.ts";

/**
 * Writes planned jobs down. One that was refused earlier in its slot begins anew, or ends anew.
 * @param known jobs that are there; of these keys at least the failed ones
 */
export async function writeJobs(
  { repository }: Pick<Conductor, "repository">,
  jobs: readonly Job[],
  audit: readonly Operation[],
  known: readonly Job[],
): Promise<void> {
  const failed = new Map(known.filter(({ state }) => state === "failed").map((job) => [job.key, job]));
  const again = jobs.filter(({ key }) => failed.has(key));
  await repository.insertJobs(
    jobs.filter(({ key }) => !failed.has(key)),
    audit.filter(({ key }) => key === null || !failed.has(key)),
  );
  for (const job of again) {
    const operations = audit.filter(({ key }) => key === job.key);
    await repository.moveJob({
      key: job.key,
      from: "failed",
      to: job.state,
      patch: anewOf(job, failed.get(job.key)),
      operations,
    });
  }
}

/** What is known of a temporary snapshot that has not gone yet is not forgotten over a new attempt, which then does without. */
const temporaryAnew = (job: Job, before: Job | undefined): JobPatch =>
  before !== undefined && before.temporarySentAt !== null && before.temporaryGoneAt === null
    ? { temporary: "abandoned" }
    : {
        temporary: job.temporary,
        temporaryReason: job.temporaryReason,
        temporaryId: null,
        temporarySentAt: null,
        temporaryAnsweredAt: null,
        temporaryGoneAt: null,
      };

const anewOf = (job: Job, before: Job | undefined): JobPatch => ({
  ...temporaryAnew(job, before),
  runId: job.runId,
  setId: job.setId,
  plannedAt: job.plannedAt,
  reason: job.reason,
  message: job.message,
  requestId: job.requestId,
  backupId: job.backupId,
  sizeGiB: job.sizeGiB,
  mode: job.mode,
  modeReason: job.modeReason,
  parentId: job.parentId,
  archiveContainer: job.archiveContainer,
  archiveZone: job.archiveZone,
  archiveKeepUntil: job.archiveKeepUntil,
  submittedAt: job.submittedAt,
  deadlineAt: job.deadlineAt,
  stuckReportedAt: job.stuckReportedAt,
  endedAt: job.endedAt,
});
