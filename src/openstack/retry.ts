import type { FailureKind } from "./errors.ts";

export interface RetryPolicy {
  /** Tries in all. */
  readonly attempts: number;
  /** The wait after the first failure; it doubles from there. */
  readonly baseMs: number;
  readonly capMs: number;
  /** What a server may make us wait at most. */
  readonly retryAfterCapMs: number;
}

export const defaultRetries: RetryPolicy = { attempts: 5, baseMs: 500, capMs: 15_000, retryAfterCapMs: 60_000 };

/** How a try ended. */
export interface FailedTry {
  readonly kind: FailureKind;
  readonly status: number | null;
  /** The header as it came. */
  readonly retryAfter: string | null;
  /** The answer's own `Date`, by which a date in `Retry-After` is to be read. */
  readonly date: string | null;
}

/** True for failures that pass by themselves. 413 is not one of them: it is a quota. 501 does not change by waiting. */
export const isTransient = ({ kind, status }: Pick<FailedTry, "kind" | "status">): boolean =>
  kind === "network" ||
  kind === "timeout" ||
  (kind === "answer" && status !== null && (status === 429 || (status >= 500 && status !== 501)));

/**
 * How long to wait before trying a GET again; `null` to give up. Half of the backoff is jitter, so that callers that failed together do not come
 * back together.
 * @param tries how many there have been
 */
export function retryDelayMs(
  failed: FailedTry,
  tries: number,
  { policy, now, random }: { policy: RetryPolicy; now: Date; random: () => number },
): number | null {
  if (tries >= policy.attempts || !isTransient(failed)) return null;
  const backoffMs = Math.min(policy.baseMs * 2 ** (tries - 1), policy.capMs) * (0.5 + random() / 2);
  const askedMs = retryAfterMs(failed, now);
  return askedMs === null ? backoffMs : Math.max(backoffMs, Math.min(askedMs, policy.retryAfterCapMs));
}

function retryAfterMs({ retryAfter, date }: FailedTry, now: Date): number | null {
  if (retryAfter === null) return null;
  if (/^\d+$/.test(retryAfter.trim())) return Number(retryAfter) * 1000;
  const until = Date.parse(retryAfter);
  if (Number.isNaN(until)) return null;
  const serverNow = date === null ? NaN : Date.parse(date);
  return Math.max(0, until - (Number.isNaN(serverNow) ? now.getTime() : serverNow));
}
