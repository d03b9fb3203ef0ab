import { Temporal } from "temporal-polyfill";

/** Which hour, day, week, month and year of a zone an instant is in, each as a number that only its like have. */
export interface CalendarDay {
  /** The hour's first instant, in ms since 1970: the two hours that a clock shows twice in autumn are two. */
  readonly hour: number;
  /** 20261121 */
  readonly day: number;
  /** The ISO week, with the year that it counts to: 202647. */
  readonly week: number;
  /** 202611 */
  readonly month: number;
  readonly year: number;
}

/** Slots are shared by all volumes of a policy, so that the same instants are asked for again and again. */
const known = new Map<string, Map<number, CalendarDay>>();
const knownLimit = 20_000;

/** @param atMs ms since 1970; must be a time */
export function calendarDay(atMs: number, timeZone: string): CalendarDay {
  const inZone = known.get(timeZone) ?? new Map<number, CalendarDay>();
  known.set(timeZone, inZone);
  const before = inZone.get(atMs);
  if (before !== undefined) return before;
  if (inZone.size >= knownLimit) inZone.clear();
  const at = Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone);
  const { year, month, day } = at;
  const intoHourMs = (at.minute * 60 + at.second) * 1000 + at.millisecond;
  const calendar: CalendarDay = {
    hour: atMs - intoHourMs,
    day: year * 10_000 + month * 100 + day,
    // The ISO calendar always has weeks.
    week: (at.yearOfWeek ?? year) * 100 + (at.weekOfYear ?? 0),
    month: year * 100 + month,
    year,
  };
  inZone.set(atMs, calendar);
  return calendar;
}
