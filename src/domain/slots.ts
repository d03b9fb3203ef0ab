import type { Temporal } from "temporal-polyfill";
import { dayOf, firstInstantAt } from "./local-time.ts";
import { everySpan, type Span } from "./every.ts";
import { markTime } from "./marks.ts";
import type { Schedule } from "./schedule.ts";
import { datesOf, type CalendarSchedule } from "./slot-dates.ts";

/** The start of a schedule window. Consecutive slots leave no gap between them. */
export interface Slot {
  /** ISO 8601 UTC as in the marks, or `manual:<run id>`. */
  readonly id: string;
  readonly startsAt: Date;
  /** Work may start until then; never later than {@link endsAt}. */
  readonly windowEndsAt: Date;
  /** The next slot's start. */
  readonly endsAt: Date;
}

/** The part of a policy that says when. */
export interface Timetable {
  /** One that `scheduleProblem` has nothing against. */
  readonly schedule: Schedule;
  /** IANA name. */
  readonly timeZone: string;
  readonly windowMs: number;
  /** `once`: what its window missed is made up for until the next slot begins; `skip`: nothing is made after the window. */
  readonly catchUp: "once" | "skip";
}

/**
 * The slot that `now` falls into; `null` before the first one of an interval.
 * @throws Error for a schedule that `scheduleProblem` objects to
 */
export function currentSlot(policy: Timetable, now: Date): Slot | null {
  const { startMs, endMs } = spanOf(policy, now.getTime());
  if (startMs === null) return null;
  const startsAt = new Date(startMs);
  return {
    id: markTime(startsAt),
    startsAt,
    windowEndsAt: new Date(policy.catchUp === "once" ? endMs : Math.min(startMs + policy.windowMs, endMs)),
    endsAt: new Date(endMs),
  };
}

/** The slot that ended when `slot` began; `null` when that was the first. */
export const slotBefore = (policy: Timetable, slot: Slot): Slot | null =>
  currentSlot(policy, new Date(slot.startsAt.getTime() - 1));

/** When the first slot begins that begins after `now`. */
export const nextSlotStart = (policy: Timetable, now: Date): Date => new Date(spanOf(policy, now.getTime()).endMs);

/** Time before the first slot is a span without a start. */
type OpenSpan = Span | { readonly startMs: null; readonly endMs: number };

function spanOf({ schedule, timeZone }: Timetable, nowMs: number): OpenSpan {
  switch (schedule.kind) {
    case "every":
      return everySpan(schedule.periodMs, timeZone, nowMs);
    case "interval":
      return intervalSpan(schedule, nowMs);
    case "daily":
    case "weekly":
    case "monthly":
    case "yearly":
    case "cron":
      return calendarSpan(schedule, timeZone, nowMs);
  }
}

function intervalSpan({ everyMs, anchor }: Extract<Schedule, { kind: "interval" }>, nowMs: number): OpenSpan {
  const anchorMs = anchor.getTime();
  if (nowMs < anchorMs) return { startMs: null, endMs: anchorMs };
  const startMs = anchorMs + Math.floor((nowMs - anchorMs) / everyMs) * everyMs;
  return { startMs, endMs: startMs + everyMs };
}

/** Between the last start that is not after `now` and the first that is. No start of a date comes before the day itself. */
function calendarSpan(schedule: CalendarSchedule, timeZone: string, nowMs: number): Span {
  const { from, minutes } = datesOf(schedule);
  const today = dayOf(nowMs, timeZone);
  const startsOn = (date: Temporal.PlainDate) => dayStarts(date, minutes, timeZone);
  // The dates go on for ever: what ends the loop is a start.
  const startMs = firstFound(from(today, -1), (date) => startsOn(date).lastUntil(nowMs));
  const endMs = firstFound(from(today, 1), (date) => startsOn(date).firstAfter(nowMs));
  return { startMs, endMs };
}

function firstFound<T>(items: Generator<T, never>, find: (item: T) => number | null): number {
  for (;;) {
    const found = find(items.next().value);
    if (found !== null) return found;
  }
}

interface DayStarts {
  readonly lastUntil: (nowMs: number) => number | null;
  readonly firstAfter: (nowMs: number) => number | null;
}

/** The starts of one date, which there may be one of for each minute. None at all where the zone has no such date. */
function dayStarts(date: Temporal.PlainDate, minutes: readonly number[], timeZone: string): DayStarts {
  const known = new Map<number, number | null>();
  const at = (index: number): number | null => {
    const minute = minutes[index];
    if (minute === undefined) return null;
    const instant = known.get(index) ?? firstInstantAt(date, minute, timeZone);
    known.set(index, instant);
    return instant;
  };
  /** How many are not after `now`. */
  const countUntil = (nowMs: number): number => {
    let low = 0;
    let high = minutes.length;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((at(middle) ?? Infinity) <= nowMs) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return { lastUntil: (nowMs) => at(countUntil(nowMs) - 1), firstAfter: (nowMs) => at(countUntil(nowMs)) };
}
