import { Temporal } from "temporal-polyfill";
import { cronProblem, longestGapMs } from "./cron.ts";
import { dayMs, formatDuration } from "./durations.ts";

/** When slots begin. All but `interval` follow the calendar and the clocks of the policy's zone. */
export type Schedule =
  /** Divides a day, or is a whole number of days; from local midnight, days counted from the zone's 1970-01-01. */
  | { readonly kind: "every"; readonly periodMs: number }
  /** `at` is a local time such as `02:30`. */
  | { readonly kind: "daily"; readonly at: string }
  /** Monday is 1, Sunday 7. */
  | { readonly kind: "weekly"; readonly weekDay: number; readonly at: string }
  /** A month that has no such day has its slot on its last. */
  | { readonly kind: "monthly"; readonly day: number; readonly at: string }
  /** The same: February 29 is the 28th in most years. */
  | { readonly kind: "yearly"; readonly month: number; readonly day: number; readonly at: string }
  /** Five fields: minute, hour, day of the month, month, day of the week. */
  | { readonly kind: "cron"; readonly expression: string }
  /** Elapsed time from an instant, whatever clocks and calendar do; nothing before it. */
  | { readonly kind: "interval"; readonly everyMs: number; readonly anchor: Date };

const weekDays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"] as const;

/** Why a period cannot be a schedule's, in words for the configuration; `null` when it can. */
export function periodProblem(periodMs: number): string | null {
  const problem = secondsProblem(periodMs);
  if (problem !== null) return problem;
  return dayMs % periodMs === 0 || periodMs % dayMs === 0 ? null : "must divide a day or be a whole number of days";
}

/** The slot's id, and with it the key of every unit of work, is written in whole seconds. */
const secondsProblem = (ms: number): string | null =>
  !Number.isInteger(ms) || ms <= 0 || ms % 1000 !== 0 ? "must be a whole number of seconds above zero" : null;

/** What is wrong with a schedule, and what is allowed, in words for the configuration; `null` when nothing is. */
export function scheduleProblem(schedule: Schedule): string | null {
  switch (schedule.kind) {
    case "every":
      return about("period", periodProblem(schedule.periodMs));
    case "daily":
      return timeProblem(schedule.at);
    case "weekly":
      return wholeProblem("day of the week", schedule.weekDay, [1, 7], " (Monday is 1)") ?? timeProblem(schedule.at);
    case "monthly":
      return wholeProblem("day", schedule.day, [1, 31]) ?? timeProblem(schedule.at);
    case "yearly":
      return (
        wholeProblem("month", schedule.month, [1, 12]) ??
        wholeProblem("day", schedule.day, [1, longestMonth(schedule.month)], ` in month ${schedule.month}`) ??
        timeProblem(schedule.at)
      );
    case "cron":
      return about("cron expression", cronProblem(schedule.expression));
    case "interval":
      if (Number.isNaN(schedule.anchor.getTime()))
        return "anchor is no date and time; allowed: e.g. 2026-01-31T02:00:00Z";
      return schedule.anchor.getTime() % 1000 === 0
        ? about("interval", secondsProblem(schedule.everyMs))
        : "it must begin at a whole second";
  }
}

const about = (what: string, problem: string | null): string | null => (problem === null ? null : `${what} ${problem}`);

/** Minutes since midnight of a time such as `02:30`; `null` when it is none. */
export function minuteOfDay(at: string): number | null {
  const [, hour, minute] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(at) ?? [];
  return hour === undefined ? null : Number(hour) * 60 + Number(minute);
}

const timeProblem = (at: string): string | null =>
  minuteOfDay(at) === null
    ? `time ${JSON.stringify(at)} is none; allowed: 00:00 to 23:59, always with two digits`
    : null;

function wholeProblem(
  what: string,
  value: number,
  [minimum, maximum]: readonly [number, number],
  more = "",
): string | null {
  const fits = Number.isInteger(value) && value >= minimum && value <= maximum;
  return fits ? null : `${what} ${value} is none; allowed: ${minimum} to ${maximum}${more}`;
}

const longestMonth = (month: number): number => Temporal.PlainDate.from({ year: 2000, month, day: 1 }).daysInMonth;

/** For people, e.g. `weekly on Sunday at 02:00`. */
export function describeSchedule(schedule: Schedule): string {
  switch (schedule.kind) {
    case "every":
      return `every ${formatDuration(schedule.periodMs)} from midnight`;
    case "daily":
      return `daily at ${schedule.at}`;
    case "weekly":
      return `weekly on ${weekDays[schedule.weekDay - 1] ?? ""} at ${schedule.at}`;
    case "monthly":
      return `monthly on day ${schedule.day} at ${schedule.at}`;
    case "yearly":
      return `yearly on ${String(schedule.month).padStart(2, "0")}-${String(schedule.day).padStart(2, "0")} at ${schedule.at}`;
    case "cron":
      return `by cron ${schedule.expression}`;
    case "interval":
      return `every ${formatDuration(schedule.everyMs)} from ${schedule.anchor.toISOString()}`;
  }
}

/** The longest that a slot is by the calendar, changes of clocks aside. A policy's `periodMs`. */
export function longestSlotMs(schedule: Schedule): number {
  switch (schedule.kind) {
    case "every":
      return schedule.periodMs;
    case "daily":
      return dayMs;
    case "weekly":
      return 7 * dayMs;
    case "monthly":
      return 31 * dayMs;
    case "yearly":
      return 366 * dayMs;
    case "cron":
      return longestGapMs(schedule.expression);
    case "interval":
      return schedule.everyMs;
  }
}
