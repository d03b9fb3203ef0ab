import { Temporal } from "temporal-polyfill";
import { readCron } from "./cron.ts";
import { minuteOfDay, type Schedule } from "./schedule.ts";

/** A schedule by the calendar: on which dates, and when on each of them. */
export interface Dates {
  /** Minutes since local midnight, ascending. */
  readonly minutes: readonly number[];
  /** The dates from `date` on, itself included, later ones with 1 and earlier ones with -1; without end. */
  readonly from: (date: Temporal.PlainDate, direction: 1 | -1) => Generator<Temporal.PlainDate, never>;
}

export type CalendarSchedule = Exclude<Schedule, { readonly kind: "every" | "interval" }>;

/** @throws Error for a schedule that `scheduleProblem` objects to */
export function datesOf(schedule: CalendarSchedule): Dates {
  switch (schedule.kind) {
    case "daily":
      return { minutes: minutesOf(schedule.at), from: everyDay };
    case "weekly":
      return { minutes: minutesOf(schedule.at), from: weekly(schedule.weekDay) };
    case "monthly":
      return { minutes: minutesOf(schedule.at), from: monthly(schedule.day) };
    case "yearly":
      return { minutes: minutesOf(schedule.at), from: yearly(schedule.month, schedule.day) };
    case "cron":
      return { minutes: readCron(schedule.expression).minutesOfDay, from: byCron(schedule.expression) };
  }
}

function minutesOf(at: string): readonly number[] {
  const minute = minuteOfDay(at);
  if (minute === null) throw new Error(`${JSON.stringify(at)} is no time of day`);
  return [minute];
}

function* everyDay(date: Temporal.PlainDate, direction: 1 | -1): Generator<Temporal.PlainDate, never> {
  for (let days = 0; ; days += direction) yield date.add({ days });
}

function weekly(weekDay: number): Dates["from"] {
  return function* (date, direction) {
    const forward = (weekDay - date.dayOfWeek + 7) % 7;
    const first = direction === 1 || forward === 0 ? forward : forward - 7;
    for (let days = first; ; days += 7 * direction) yield date.add({ days });
  };
}

function monthly(day: number): Dates["from"] {
  return function* (date, direction) {
    for (let months = 0; ; months += direction) {
      // A day beyond a month's end becomes its last.
      const found = date.with({ day: 1 }).add({ months }).with({ day });
      if (isReached(found, date, direction)) yield found;
    }
  };
}

function yearly(month: number, day: number): Dates["from"] {
  return function* (date, direction) {
    for (let years = 0; ; years += direction) {
      const found = Temporal.PlainDate.from({ year: date.year + years, month, day });
      if (isReached(found, date, direction)) yield found;
    }
  };
}

const isReached = (found: Temporal.PlainDate, date: Temporal.PlainDate, direction: 1 | -1): boolean =>
  Temporal.PlainDate.compare(found, date) * direction >= 0;

function byCron(expression: string): Dates["from"] {
  const { months, matchesDay } = readCron(expression);
  return function* (date, direction) {
    for (let at = date; ;) {
      if (!months.has(at.month)) {
        // The first day of the next month, or the last of the one before.
        at = direction === 1 ? at.with({ day: 1 }).add({ months: 1 }) : at.with({ day: 1 }).subtract({ days: 1 });
        continue;
      }
      if (matchesDay(at)) yield at;
      at = at.add({ days: direction });
    }
  };
}
