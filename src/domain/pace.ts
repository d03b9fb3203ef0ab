import type { BrakeOverride } from "./catalogue.ts";
import type { Point } from "./points.ts";
import type { Policy } from "./policy.ts";

/**
 * How much may be deleted, and how much should have been long ago. Whole chains die at once, so what is dead says little: a fleet that
 * made its fulls on one night loses thousands of points in another. What tells a normal night from a wrong clock, a wrongly cut retention or
 * damaged promises is how long ago they died.
 */

const dayMs = 24 * 60 * 60 * 1000;

/** Rule 1's bound: in 24 hours at most max(10, 15% of the project's points) plus as many as turned good there in the same 24 hours. */
export function deletionCap(
  points: readonly Point[],
  { nowMs, override }: { readonly nowMs: number; readonly override: BrakeOverride | null },
): number {
  // Created and good within the 24 hours: never more than turned good in them, and known without a database.
  const turnedGood = points.filter((point) => {
    const ageMs = nowMs - point.backup.createdAt.getTime();
    return point.good && ageMs >= 0 && ageMs < dayMs;
  });
  const cap = Math.max(10, Math.floor((points.length * 15) / 100)) + turnedGood.length;
  return override !== null && override.expiresAt.getTime() > nowMs ? Math.max(cap, override.count) : cap;
}

/** Seven missed nights of a daily rhythm explain what waits; for quick rhythms a day, and never more than a week. */
export const graceMs = (policy: Policy): number => Math.min(Math.max(7 * policy.periodMs, dayMs), 7 * dayMs);

/**
 * When each member of a dead chain is overdue, in ms since 1970, newest first: as long after the chain's death as it was made before the
 * chain's end, plus {@link graceMs}. So in a steady rhythm one member of a volume falls due in each period, as one is made.
 *
 * Death and end must not move when the newest members are gone. They are taken from the first point after the chain, too: the last member was
 * made one period before it, and expired one period before it does.
 */
export function dueTimes(
  newestFirst: readonly Point[],
  {
    successor,
    expiresAtMs,
    policy,
  }: {
    readonly successor: Point | null;
    readonly expiresAtMs: (point: Point) => number;
    readonly policy: Policy;
  },
): number[] {
  const createdMs = (point: Point): number => point.backup.createdAt.getTime();
  const later = (times: readonly number[], ofSuccessor: (point: Point) => number): number =>
    Math.max(...times, successor === null ? -Infinity : ofSuccessor(successor) - policy.periodMs);
  const diedMs = later(newestFirst.map(expiresAtMs), expiresAtMs);
  const endedMs = later(newestFirst.map(createdMs), createdMs);
  let latest = -Infinity;
  return newestFirst.map((point) => {
    // Never before a newer one, whatever its time of creation says.
    latest = Math.max(latest, diedMs + (endedMs - createdMs(point)) + graceMs(policy));
    return latest;
  });
}
