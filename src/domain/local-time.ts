import { Temporal } from "temporal-polyfill";

/** Instants are in milliseconds since 1970, UTC. */

const zoned = (timeZone: string, atMs: number): Temporal.ZonedDateTime =>
  Temporal.Instant.fromEpochMilliseconds(atMs).toZonedDateTimeISO(timeZone);

/** The same few instants are asked for by every tick, policy and volume. By zone, and in it by date and minute. */
const known = new Map<string, Map<number, number | null>>();
const knownLimit = 20_000;

/**
 * The first instant of a day at which its clocks show that time or a later one: the first of two where an hour is doubled, and the first after
 * the gap where it is left out. So later times never come earlier. `null` when the zone left the day out (Pacific/Apia 2011-12-30).
 */
export function firstInstantAt(date: Temporal.PlainDate, minuteOfDay: number, timeZone: string): number | null {
  const inZone = known.get(timeZone) ?? new Map<number, number | null>();
  known.set(timeZone, inZone);
  const key = (date.year * 366 + date.dayOfYear) * 1440 + minuteOfDay;
  const before = inZone.get(key);
  if (before !== undefined) return before;
  if (inZone.size >= knownLimit) inZone.clear();
  const instant = findInstant(date, minuteOfDay, timeZone);
  inZone.set(key, instant);
  return instant;
}

function findInstant(date: Temporal.PlainDate, minuteOfDay: number, timeZone: string): number | null {
  const wanted = date.toPlainDateTime(new Temporal.PlainTime(Math.floor(minuteOfDay / 60), minuteOfDay % 60));
  const first = wanted.toZonedDateTime(timeZone, { disambiguation: "earlier" });
  if (first.toPlainDateTime().equals(wanted)) return first.epochMilliseconds;
  if (!date.toZonedDateTime(timeZone).toPlainDate().equals(date)) return null;
  // In a gap Temporal goes back by its length; the gap's end is the change that follows.
  return (first.getTimeZoneTransition("next") ?? first).epochMilliseconds;
}

/** The first instant of a day; midnight itself may not exist. `null` when there is no such day. */
export const startOfDay = (date: Temporal.PlainDate, timeZone: string): number | null =>
  firstInstantAt(date, 0, timeZone);

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
