import { calendarDay, type CalendarDay } from "./calendar.ts";
import type { ThinningRule } from "./policy.ts";

/**
 * Retention by count and by grandfather, father, son. Each step of a rule (the last, hourly, daily ones ...) counts the calendar's hours, days, weeks ... that have a
 * point, newest first, and keeps the newest point of each, up to its number. A point stays when one step keeps it.
 */

export const thinningSteps = ["last", "hourly", "daily", "weekly", "monthly", "yearly"] as const;
export type ThinningStep = (typeof thinningSteps)[number];
/** `minimum`: among the newest good ones, of which so many stay whatever the steps say. */
export type KeptAs = ThinningStep | "minimum";

/** One restore point, as far as counting goes. */
export interface Counted {
  /** When it was made, in ms since 1970. The newest is what was made last. */
  readonly madeMs: number;
  /** What it stands for in the calendar, in ms since 1970: its slot. */
  readonly calendarMs: number;
  /**
   * `doubtful`: it takes nobody's place, and is kept as long as a good one in its place would be. `expected`: about to be made: it takes the place
   * of others in the calendar, but is not one of the `minimum`.
   */
  readonly kind: "good" | "doubtful" | "expected";
}

/** What a rule says of one point. */
export interface Thinned {
  /** Steps that keep it, as restic prints them; empty when it goes. */
  readonly keptAs: readonly KeptAs[];
  /** The step that let go of it last; `null` while it is kept. */
  readonly lastKeptAs: KeptAs | null;
  /** When it was pushed out: when the point was made that took the last place it had. Infinite while it is kept. */
  readonly outMs: number;
}

/**
 * Decides for each point whether a rule keeps it, and as what.
 * @param points of one volume, policy and mechanism, in the order in which they were made
 */
export function keepSet(points: readonly Counted[], rule: ThinningRule): readonly Thinned[] {
  return rule.countFrom === "previous" ? fromPrevious(points, rule) : fromNewest(points, rule);
}

/** The newest good one always stays. A number that is none keeps all. */
const minimumOf = ({ minimumKeep }: ThinningRule): number => (minimumKeep < 1 ? 1 : minimumKeep);

/** What makes two points one in a step's eyes. */
function keysOf(points: readonly Counted[], step: ThinningStep, timeZone: string): readonly number[] {
  if (step === "last") return points.map((_, index) => index);
  const field: keyof CalendarDay = fieldOf[step];
  return points.map((point) => calendarDay(point.calendarMs, timeZone)[field]);
}

const fieldOf = {
  hourly: "hour",
  daily: "day",
  weekly: "week",
  monthly: "month",
  yearly: "year",
} as const satisfies Record<Exclude<ThinningStep, "last">, keyof CalendarDay>;

/** One step, or the minimum, and when it lets go of each point: the index of the one that pushed it out, `null` while it is kept. */
interface StepEnds {
  readonly keptAs: KeptAs;
  readonly outBy: readonly (number | null)[];
}

/** restic's: every step begins with the newest. */
function fromNewest(points: readonly Counted[], rule: ThinningRule): readonly Thinned[] {
  const steps = thinningSteps
    .filter((step) => !(rule[step] <= 0))
    .map((step): StepEnds => {
      const keys = keysOf(points, step, rule.timeZone);
      return { keptAs: step, outBy: endsOf(points, { keys, count: rule[step], takes: takesPlace }) };
    });
  return verdicts(points, [...steps, minimumEnds(points, rule)]);
}

const takesPlace = ({ kind }: Counted): boolean => kind !== "doubtful";
const isGood = ({ kind }: Counted): boolean => kind === "good";

function minimumEnds(points: readonly Counted[], rule: ThinningRule): StepEnds {
  const keys = keysOf(points, "last", rule.timeZone);
  return { keptAs: "minimum", outBy: endsOf(points, { keys, count: minimumOf(rule), takes: isGood }) };
}

/**
 * A point is out when a newer one has come with its key, or newer ones with as many other keys as there are places. So nothing that comes later
 * brings it back.
 */
function endsOf(
  points: readonly Counted[],
  step: {
    readonly keys: readonly number[];
    readonly count: number;
    /** Which points take a place. */
    readonly takes: (point: Counted) => boolean;
  },
): readonly (number | null)[] {
  const { keys, count, takes } = step;
  // For each that takes a place, the one before it with the same key.
  const sameBefore: number[] = [];
  const newest = new Map<number, number>();
  for (const [index, point] of points.entries()) {
    const key = keys[index] ?? NaN;
    sameBefore.push(newest.get(key) ?? -1);
    if (takes(point)) newest.set(key, index);
  }
  return points.map((_, index) => {
    let places = 0;
    for (let newer = index + 1; newer < points.length; newer += 1) {
      const point = points[newer];
      if (point === undefined || !takes(point)) continue;
      if (keys[newer] === keys[index]) return newer;
      if ((sameBefore[newer] ?? -1) <= index) places += 1;
      if (places >= count) return newer;
    }
    return null;
  });
}

function verdicts(points: readonly Counted[], steps: readonly StepEnds[]): readonly Thinned[] {
  return points.map((_, index): Thinned => {
    const keptAs = steps.flatMap((step) => (step.outBy[index] === null ? step.keptAs : []));
    if (keptAs.length > 0) return { keptAs, lastKeptAs: null, outMs: Infinity };
    let last = -1;
    let lastKeptAs: KeptAs | null = null;
    for (const step of steps) {
      const outBy = step.outBy[index] ?? -1;
      if (outBy <= last) continue;
      last = outBy;
      lastKeptAs = step.keptAs;
    }
    return { keptAs, lastKeptAs, outMs: points[last]?.madeMs ?? Infinity };
  });
}

/**
 * Proxmox's: a step counts only what the steps before it do not cover. What shares its hour, day, week ... with one that a step keeps is
 * covered as well. At the edges of weeks and months a point may come back when newer ones are made; what counts then is when it went last.
 */
function fromPrevious(points: readonly Counted[], rule: ThinningRule): readonly Thinned[] {
  const keys = new Map(thinningSteps.map((step) => [step, keysOf(points, step, rule.timeZone)]));
  const takers = points.flatMap((point, index) => (takesPlace(point) ? index : []));
  const minimum = minimumEnds(points, rule).outBy;
  /** As what each was kept when the points up to `end` were all there were. */
  const keptUpTo = (end: number, extra: number | null): ReadonlyMap<number, ThinningStep> => {
    const there = takers.filter((index) => index <= end);
    if (extra !== null) there.push(extra);
    return coverInTurn(
      there.sort((a, b) => b - a),
      rule,
      keys,
    );
  };
  const shared = new Map<number, ReadonlyMap<number, ThinningStep>>();
  const stepOf = (index: number, end: number): ThinningStep | null => {
    const point = points[index];
    if (point !== undefined && !takesPlace(point)) return keptUpTo(end, index).get(index) ?? null;
    const kept = shared.get(end) ?? keptUpTo(end, null);
    shared.set(end, kept);
    return kept.get(index) ?? null;
  };
  return points.map((_, index): Thinned => {
    const now = stepOf(index, points.length - 1);
    const keptAs: KeptAs[] = [...(now === null ? [] : [now]), ...(minimum[index] === null ? ["minimum" as const] : [])];
    if (keptAs.length > 0) return { keptAs, lastKeptAs: null, outMs: Infinity };
    const afterMinimum = minimum[index] ?? index;
    for (let end = points.length - 2; end >= index; end -= 1) {
      const step = stepOf(index, end);
      const last = step ?? (end < afterMinimum ? "minimum" : null);
      if (last !== null) return { keptAs, lastKeptAs: last, outMs: points[end + 1]?.madeMs ?? Infinity };
    }
    // It was never kept, not even when it was the newest: no rule that keeps a minimum does that.
    return { keptAs, lastKeptAs: null, outMs: points[index]?.madeMs ?? Infinity };
  });
}

/** @param newestFirst indices of those that take a place */
function coverInTurn(
  newestFirst: readonly number[],
  rule: ThinningRule,
  keys: ReadonlyMap<ThinningStep, readonly number[]>,
): ReadonlyMap<number, ThinningStep> {
  const kept = new Map<number, ThinningStep>();
  const covered = new Set<number>();
  for (const step of thinningSteps) {
    if (rule[step] <= 0) continue;
    const keyOf = (index: number): number => keys.get(step)?.[index] ?? NaN;
    const before = new Set([...kept.keys()].map(keyOf));
    const places = new Set<number>();
    for (const index of newestFirst) {
      if (kept.has(index) || covered.has(index) || before.has(keyOf(index))) continue;
      if (places.has(keyOf(index))) {
        covered.add(index);
        continue;
      }
      // Proxmox stops here. What was made late can come after others in the calendar, so that one further down may share its week with one that is kept.
      if (places.size >= rule[step]) continue;
      places.add(keyOf(index));
      kept.set(index, step);
    }
  }
  return kept;
}
