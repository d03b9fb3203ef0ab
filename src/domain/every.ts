import { Temporal } from "temporal-polyfill";
import { dayOf, startOfDay } from "./local-time.ts";
import { dayMs } from "./durations.ts";

/** From one slot's start to the next one's, in milliseconds since 1970, UTC. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

const epoch = new Temporal.PlainDate(1970, 1, 1);

/** The span of a period, one that divides a day or is a whole number of days, in which `nowMs` is. */
export const everySpan = (periodMs: number, timeZone: string, nowMs: number): Span =>
  periodMs < dayMs ? withinDay(periodMs, timeZone, nowMs) : overDays(periodMs / dayMs, timeZone, nowMs);

/**
 * Slots count from the start of the local day in elapsed time. A day of 23 hours ends with a shorter slot. What is left over of a longer
 * day belongs to its last slot, unless it has room for whole ones: a sliver of a slot would make a needless backup.
 */
function withinDay(periodMs: number, timeZone: string, nowMs: number): Span {
  const today = dayOf(nowMs, timeZone);
  const dayStartMs = today.toZonedDateTime(timeZone).epochMilliseconds;
  // The day after the next is asked for where the next one does not exist: both begin at the same instant.
  const dayEndMs = today.add({ days: 1 }).toZonedDateTime(timeZone).epochMilliseconds;
  const lastIndex = Math.max(dayMs / periodMs, Math.floor((dayEndMs - dayStartMs) / periodMs)) - 1;
  const index = Math.min(Math.floor((nowMs - dayStartMs) / periodMs), lastIndex);
  const startMs = dayStartMs + index * periodMs;
  return { startMs, endMs: index === lastIndex ? dayEndMs : Math.min(startMs + periodMs, dayEndMs) };
}

/** Slots of whole days, counted from the zone's 1970-01-01. */
function overDays(days: number, timeZone: string, nowMs: number): Span {
  const passed = epoch.until(dayOf(nowMs, timeZone)).days;
  const dayStart = (number: number): number | null => startOfDay(epoch.add({ days: number }), timeZone);
  let first = Math.floor(passed / days) * days;
  let startMs = dayStart(first);
  // A slot whose day does not exist (Apia went from the 29th to the 31st) is none: the one before goes on.
  while (startMs === null) startMs = dayStart((first -= days));
  let next = Math.floor(passed / days) * days + days;
  let endMs = dayStart(next);
  while (endMs === null) endMs = dayStart((next += days));
  return { startMs, endMs };
}
