/**
 * Rules of thinning as points carry them, e.g. `last=5,daily=7,min=1,tz=Europe/Berlin`: read and judged by code of the audit's own.
 */

const units = ["last", "hourly", "daily", "weekly", "monthly", "yearly"] as const;
type Unit = (typeof units)[number];

export interface RetentionRule {
  /** How many stay of each, in the order in which they are counted. */
  readonly steps: readonly { readonly unit: Unit; readonly count: number }[];
  /** So many of the newest good ones stay, whatever the steps say. */
  readonly minimum: number;
  /** Each step begins where the one before it ended, instead of at the newest. */
  readonly isInTurn: boolean;
  readonly timeZone: string;
}

/** A point, as far as counting goes. */
export interface Counted {
  readonly id: string;
  /** What it stands for in the calendar, in ms since 1970. */
  readonly calendarMs: number;
  readonly isGood: boolean;
}

/** The rule that a mark tells, or undefined when it cannot be read. */
export function readRule(text: string): RetentionRule | undefined {
  const fields = new Map(text.split(",").map((part) => splitAt(part, "=")));
  if (fields.size !== text.split(",").length) return undefined;
  const counts = [...units, "min"].flatMap((name) => {
    const value = fields.get(name);
    return value === undefined ? [] : [[name, /^[1-9]\d{0,4}$/.test(value) ? Number(value) : NaN] as const];
  });
  const from = fields.get("from");
  const timeZone = fields.get("tz");
  const minimum = counts.find(([name]) => name === "min")?.[1];
  const understood = counts.length + (from === "previous" ? 1 : 0) + (timeZone === undefined ? 0 : 1);
  if (understood !== fields.size || counts.some(([, count]) => Number.isNaN(count))) return undefined;
  if (minimum === undefined || timeZone === undefined || clockOf(timeZone) === undefined) return undefined;
  const steps = units.flatMap((unit) => {
    const count = counts.find(([name]) => name === unit)?.[1];
    return count === undefined ? [] : [{ unit, count }];
  });
  return { steps, minimum, isInTurn: from === "previous", timeZone };
}

function splitAt(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** Whether `to` keeps whatever `from` keeps. */
export function isAtLeast(to: RetentionRule, from: RetentionRule): boolean {
  const countOf = ({ steps }: RetentionRule, wanted: Unit) => steps.find(({ unit }) => unit === wanted)?.count ?? 0;
  const isSameKind = to.timeZone === from.timeZone && to.isInTurn === from.isInTurn;
  // In turn, a longer step takes from the ones after it.
  const isEnough = (unit: Unit) =>
    from.isInTurn ? countOf(to, unit) === countOf(from, unit) : countOf(to, unit) >= countOf(from, unit);
  return isSameKind && to.minimum >= from.minimum && units.every(isEnough);
}

/**
 * Which points a rule keeps.
 * @param newestFirst of one volume, policy, mechanism and project, by when they were made
 */
export function keptBy(rule: RetentionRule, newestFirst: readonly Counted[]): ReadonlySet<string> {
  const newestGood = newestFirst.filter((each) => each.isGood).slice(0, rule.minimum);
  const kept = rule.isInTurn ? countInTurn(rule, newestFirst) : countEach(rule, newestFirst);
  return new Set([...newestGood.map((each) => each.id), ...kept]);
}

function countEach({ steps, timeZone }: RetentionRule, newestFirst: readonly Counted[]): ReadonlySet<string> {
  const kept = new Set<string>();
  for (const { unit, count } of steps) {
    const seen = new Set<string>();
    for (const each of newestFirst) {
      const label = labelOf(each, unit, timeZone);
      if (seen.has(label)) continue;
      if (seen.size === count) break;
      seen.add(label);
      kept.add(each.id);
    }
  }
  return kept;
}

function countInTurn({ steps, timeZone }: RetentionRule, newestFirst: readonly Counted[]): ReadonlySet<string> {
  const kept = new Set<string>();
  const passed = new Set<string>();
  for (const { unit, count } of steps) {
    const label = (each: Counted) => labelOf(each, unit, timeZone);
    const covered = new Set(newestFirst.filter((each) => kept.has(each.id)).map(label));
    const seen = new Set<string>();
    for (const each of newestFirst) {
      if (kept.has(each.id) || passed.has(each.id) || covered.has(label(each))) continue;
      if (seen.has(label(each))) {
        passed.add(each.id);
      } else if (seen.size < count) {
        seen.add(label(each));
        kept.add(each.id);
      }
    }
  }
  return kept;
}

/** Names the hour, day, week ... of a point; a clock that is set back shows an hour twice, and the two are two. */
function labelOf({ calendarMs, id }: Counted, unit: Unit, timeZone: string): string {
  if (unit === "last") return id;
  const { year, month, day, hour, offset } = localTime(calendarMs, timeZone);
  switch (unit) {
    case "hourly":
      return [year, month, day, hour, offset].join();
    case "daily":
      return [year, month, day].join();
    case "weekly": {
      const midnight = new Date(Date.UTC(year, month - 1, day));
      // Weeks begin on Monday.
      return String(midnight.getTime() - ((midnight.getUTCDay() + 6) % 7) * 86_400_000);
    }
    case "monthly":
      return [year, month].join();
    case "yearly":
      return String(year);
  }
}

interface LocalTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  /** From UTC, as `GMT+01:00`. */
  readonly offset: string;
}

/** What clocks of a zone showed, by instant: the same ones are asked for again and again. */
interface ZoneClock {
  readonly format: Intl.DateTimeFormat;
  readonly shown: Map<number, LocalTime>;
}
const clocks = new Map<string, ZoneClock>();
const shownLimit = 10_000;

function clockOf(timeZone: string): ZoneClock | undefined {
  const known = clocks.get(timeZone);
  if (known) return known;
  try {
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      calendar: "iso8601",
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      timeZoneName: "longOffset",
    });
    const clock: ZoneClock = { format, shown: new Map() };
    clocks.set(timeZone, clock);
    return clock;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function localTime(atMs: number, timeZone: string): LocalTime {
  const clock = clockOf(timeZone);
  if (!clock) throw new RangeError(`no time zone: ${timeZone}`);
  const before = clock.shown.get(atMs);
  if (before) return before;
  const parts = new Map(clock.format.formatToParts(atMs).map(({ type, value }) => [type, value]));
  const numberOf = (type: Intl.DateTimeFormatPartTypes) => Number(parts.get(type));
  const time: LocalTime = {
    year: numberOf("year"),
    month: numberOf("month"),
    day: numberOf("day"),
    hour: numberOf("hour"),
    offset: parts.get("timeZoneName") ?? "",
  };
  if (clock.shown.size >= shownLimit) clock.shown.clear();
  clock.shown.set(atMs, time);
  return time;
}
