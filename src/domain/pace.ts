import { isArchive } from "./archive.ts";
import type { BrakeOverride } from "./catalogue.ts";
import type { Point } from "./points.ts";
import type { ArchiveRule } from "./policy.ts";

/**
 * How much may be deleted, and how much should have been long ago. Whole chains die at once, so what is dead says little: a fleet that
 * made its fulls on one night loses thousands of points in another. What tells a normal night from a wrong clock, a wrongly cut retention or
 * damaged promises is how long ago they died.
 */

const dayMs = 24 * 60 * 60 * 1000;

/** Rule 1's bound: in 24 hours at most max(10, 15% of the project's points) plus as many as turned good there in the same 24 hours. */
export function deletionCap(
  points: readonly Point[],
  {
    nowMs,
    override,
    sure,
  }: {
    readonly nowMs: number;
    readonly override: BrakeOverride | null;
    /** Ids of those whose ancestors are known for certain. */
    readonly sure: ReadonlySet<string>;
  },
): number {
  // Created and good within the 24 hours, whatever only a mark says left aside: never more than turned good in them. Those that are gone again
  // are left out here and of what was deleted.
  const turnedGood = points.filter((point) => {
    const ageMs = nowMs - point.backup.createdAt.getTime();
    return point.good && sure.has(point.backup.id) && ageMs >= 0 && ageMs < dayMs;
  });
  const cap = Math.max(10, Math.floor((points.length * 15) / 100)) + turnedGood.length;
  return override !== null && override.expiresAt.getTime() > nowMs ? Math.max(cap, override.count) : cap;
}

/** Rotation may miss two nights: what waits then is due within one. */
const graceMs = 2 * dayMs;
/** Time in which nothing was backed up either explains what waits, too: the conductor was down. But a wrong clock looks the same. */
const idleLimitMs = 5 * dayMs;

/**
 * When each member of a dead chain is overdue, in ms since 1970, newest first: as long after the chain's death as it was made before the
 * chain's end, and a time of grace later. So in a steady rhythm one member of a volume falls due in each period, as one is made.
 *
 * Death and end must not move when the newest members are gone. They are taken from the first point after the chain, too: the last member was
 * made one period before it, and expired one period before it does.
 *
 * Archives have a rhythm of their own: they say nothing of when the chains between them ended and died, and a dead one is a chain of one, which lived
 * so long that only what was missed since its death counts.
 */
export function dueTimes(
  newestFirst: readonly Point[],
  { later, diesAtMs, nowMs, archive, periodMs }: Rest & { readonly archive: ArchiveRule | null },
): number[] {
  const inArchive = (point: Point): boolean => isArchive(point, archive);
  const archived = newestFirst.some(inArchive);
  const successor = archived ? undefined : later.find((point) => !inArchive(point));
  const latest = (msOf: (point: Point) => number): number =>
    Math.max(...newestFirst.map(msOf), successor === undefined ? -Infinity : msOf(successor) - periodMs);
  const diedMs = latest(diesAtMs);
  const endedMs = latest(createdMs);
  const times = [endedMs, ...later.map(createdMs), nowMs];
  const idleMs = idleTime(archived ? since(diedMs, times) : times, periodMs);
  return spread(newestFirst, { diedMs: diedMs + idleMs, endedMs });
}

/** What is known beside a dead chain. */
interface Rest {
  /** The volume's points after the chain, oldest first. */
  readonly later: readonly Point[];
  /** When nothing kept a point for its own sake any more. */
  readonly diesAtMs: (point: Point) => number;
  readonly nowMs: number;
  /** Nominal: from one point of a chain to the next. */
  readonly periodMs: number;
}

/** More than so many of a chain are not guessed at. */
const guessLimit = 100;

/**
 * The same where several policies share the chains of a volume, or counts keep points: then the first point after a chain says nothing of when the
 * chain's last one died. In place of those that may have been deleted already, the points are taken that the chain may have had after the newest
 * that is left, at the longest that each of the volume's policies would have kept them.
 */
export function dueTimesOfMany(
  newestFirst: readonly Point[],
  {
    later,
    diesAtMs,
    nowMs,
    periodMs,
    chainLength,
    isArchive: inArchive,
    wouldDieAtMs,
  }: Rest & {
    /** Of the longest chains there are. */
    readonly chainLength: number;
    readonly isArchive: (point: Point) => boolean;
    /** When a point made then would have died; minus infinity when there was none, as it would still be kept. */
    readonly wouldDieAtMs: (madeMs: number) => number;
  },
): number[] {
  const newestMs = Math.max(...newestFirst.map(createdMs));
  const successorMs = Math.min(nowMs, ...later.filter((point) => !inArchive(point)).map(createdMs));
  const missingMs: number[] = [];
  for (let count = newestFirst.length; count < chainLength && missingMs.length < guessLimit; count += 1) {
    const atMs = newestMs + (missingMs.length + 1) * periodMs;
    if (newestFirst.some(inArchive) || !(atMs < successorMs - periodMs / 2)) break;
    missingMs.push(atMs);
  }
  const diedMs = Math.max(...newestFirst.map(diesAtMs), ...missingMs.map(wouldDieAtMs));
  const endedMs = Math.max(newestMs, ...missingMs);
  // Points thin out as they grow older, so that only gaps after the death are time in which nothing was made.
  const idleMs = idleTime(since(diedMs, [endedMs, ...later.map(createdMs), nowMs]), periodMs);
  return spread(newestFirst, { diedMs: diedMs + idleMs, endedMs });
}

function spread(
  newestFirst: readonly Point[],
  { diedMs, endedMs }: { readonly diedMs: number; readonly endedMs: number },
): number[] {
  let dueMs = -Infinity;
  return newestFirst.map((point) => {
    // Never before a newer one, whatever its time of creation says.
    dueMs = Math.max(dueMs, diedMs + (endedMs - createdMs(point)) + graceMs);
    return dueMs;
  });
}

const createdMs = (point: Point): number => point.backup.createdAt.getTime();

/** The times after an instant, and the last one before it. */
const since = (atMs: number, timesMs: readonly number[]): number[] => {
  const after = timesMs.filter((each) => each > atMs);
  return [Math.max(...timesMs.filter((each) => each <= atMs)), ...after];
};

function idleTime(timesMs: readonly number[], periodMs: number): number {
  const gaps = timesMs.slice(1).map((atMs, index) => Math.max(0, atMs - (timesMs[index] ?? atMs) - periodMs));
  const sumMs = gaps.reduce((sum, gapMs) => sum + gapMs, 0);
  return Math.min(sumMs, idleLimitMs);
}
