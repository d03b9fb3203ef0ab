import type { Job, Operation } from "./catalogue.ts";

/** What the restore points of a server's volumes in one slot are worth together. */
export interface SetConsistency {
  /** All of its volumes have theirs, as they were at nearly one moment. */
  readonly complete: boolean;
  /** How many of its volumes have one of that moment. */
  readonly made: number;
  /** Milliseconds from the first request to the last answer; `null` where an answer was lost, or nothing was sent. */
  readonly skewMs: number | null;
  /** For operators: what it may be called, and the figures. */
  readonly message: string;
}

/** Whether what a job makes is one of a set: a snapshot, or a backup whose policy wants those of a server to be of one moment. */
export const isOfSet = ({ mechanism, temporary }: Pick<Job, "mechanism" | "temporary">): boolean =>
  mechanism === "snapshot" || temporary !== null;

/**
 * Judges a set whose jobs have all ended. All of its volumes as they were at nearly one moment are `crash-set`: as after a power cut that takes as
 * long as the skew. Anything less is a `crash-volume` for each volume that succeeded. A backup is of the moment of its temporary snapshot; one that was made
 * the ordinary way is of none.
 * @param answers operations of kind create, of these jobs among others; only snapshots need them
 */
export function consistencyOf(jobs: readonly Job[], answers: readonly Operation[]): SetConsistency {
  const isOfMoment = (job: Job): boolean => job.mechanism === "snapshot" || job.temporary === "ready";
  const good = jobs.filter((job) => job.state === "succeeded" && isOfMoment(job));
  const complete = good.length === jobs.length;
  const skewMs = skewOf(good, answers);
  const skew = skewMs === null ? "skew unknown" : `skew ${skewMs} ms`;
  const from = jobs.some(({ mechanism }) => mechanism === "backup") ? " from temporary snapshots" : "";
  const message = `${complete ? "crash-set" : "crash-volume"}, ${good.length} of ${jobs.length} volumes${from}`;
  return { complete, made: good.length, skewMs, message: good.length > 1 ? `${message}, ${skew}` : message };
}

function skewOf(jobs: readonly Job[], answers: readonly Operation[]): number | null {
  const answeredAt = new Map(answers.map(({ at, key }) => [key, at]));
  const times = jobs.map((job) =>
    job.mechanism === "snapshot"
      ? { sent: job.submittedAt, answered: answeredAt.get(job.key) ?? null }
      : { sent: job.temporarySentAt, answered: job.temporaryAnsweredAt },
  );
  const first = Math.min(...times.map(({ sent }) => Number(sent ?? Number.NaN)));
  const last = Math.max(...times.map(({ answered }) => Number(answered ?? Number.NaN)));
  return Number.isFinite(last - first) ? last - first : null;
}
