import { Temporal } from "temporal-polyfill";

/** Instants are in milliseconds since 1970, UTC. */

const zoned = (timeZone: string, atMs: number): Temporal.ZonedDateTime =>
  Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone);

/** The first instant of a day in the zone; `null` when the zone left it out (Pacific/Apia 2011-12-30). */
export function startOfDay(date: Temporal.PlainDate, timeZone: string): number | null {
  // Midnight itself may not exist; Temporal's choice is the first instant that does.
  const start = date.toZonedDateTime(timeZone);
  return start.toPlainDate().equals(date) ? start.epochMilliseconds : null;
}

/**
 * The first instant of a day at which its clocks show that time or a later one: the first of two where an hour is doubled, and the first after
 * the gap where it is left out. So later times never come earlier.
 */
export function firstInstantAt(date: Temporal.PlainDate, minuteOfDay: number, timeZone: string): number {
  const time = new Temporal.PlainTime(Math.floor(minuteOfDay / 60), minuteOfDay % 60);
  const wanted = date.toPlainDateTime(time);
  const first = wanted.toZonedDateTime(timeZone, { disambiguation: "earlier" });
  if (first.toPlainDateTime().equals(wanted)) return first.epochMilliseconds;
  // In a gap Temporal goes back by its length; the gap's end is the change that follows.
  return (first.getTimeZoneTransition("next") ?? first).epochMilliseconds;
}

/**
 * The day that has begun last. Not always the one that the clocks show: where they go back shortly after midnight (America/St_Johns until 2011,
 * at 00:01), they show the day before once more, but the new one does not begin twice.
 */
export function dayOf(atMs: number, timeZone: string): Temporal.PlainDate {
  const shown = zoned(timeZone, atMs).toPlainDate();
  const next = shown.add({ days: 1 });
  const nextMs = startOfDay(next, timeZone);
  return nextMs !== null && nextMs <= atMs ? next : shown;
}
