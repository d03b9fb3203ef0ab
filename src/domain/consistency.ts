import type { Job, Operation } from "./catalogue.ts";

/** What the snapshots of a server's volumes in one slot are worth together. */
export interface SetConsistency {
  readonly complete: boolean;
  /** How many of its volumes have their snapshot. */
  readonly made: number;
  /** Milliseconds from the first request to the last answer; `null` where an answer was lost, or nothing was sent. */
  readonly skewMs: number | null;
  /** For operators: what it may be called, and the figures. */
  readonly message: string;
}

/**
 * Judges a set of snapshots whose jobs have all ended. All of its volumes as they were at nearly one moment are `crash-set`: as after a power cut that takes as
 * long as the skew. Anything less is a `crash-volume` for each volume that succeeded.
 * @param answers operations of kind create, of these jobs among others
 */
export function consistencyOf(jobs: readonly Job[], answers: readonly Operation[]): SetConsistency {
  const good = jobs.filter((job) => job.state === "succeeded");
  const complete = good.length === jobs.length;
  const skewMs = skewOf(good, answers);
  const skew = skewMs === null ? "skew unknown" : `skew ${skewMs} ms`;
  const message = `${complete ? "crash-set" : "crash-volume"}, ${good.length} of ${jobs.length} volumes`;
  return { complete, made: good.length, skewMs, message: good.length > 1 ? `${message}, ${skew}` : message };
}

function skewOf(jobs: readonly Job[], answers: readonly Operation[]): number | null {
  const answeredAt = new Map(answers.map(({ at, key }) => [key, Number(at)]));
  const first = Math.min(...jobs.map((job) => Number(job.submittedAt ?? Number.NaN)));
  const last = Math.max(...jobs.map((job) => answeredAt.get(job.key) ?? Number.NaN));
  return Number.isFinite(last - first) ? last - first : null;
}
