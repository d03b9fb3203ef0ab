import { Temporal } from "temporal-polyfill";
import { dayMs } from "./durations.ts";
import { markTime } from "./marks.ts";
import type { Policy } from "./policy.ts";

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

/** Instants in milliseconds since 1970, UTC. */
interface Span {
  readonly startMs: number;
  readonly endMs: number;
}

const anchor = new Temporal.PlainDate(1970, 1, 1);

/** Why a period cannot be a schedule's, in words for the configuration; `null` when it can. */
export function periodProblem(periodMs: number): string | null {
  // The slot's id, and with it the key of every unit of work, is written in whole seconds.
  if (!Number.isInteger(periodMs) || periodMs <= 0 || periodMs % 1000 !== 0) {
    return "must be a whole number of seconds above zero";
  }
  return dayMs % periodMs === 0 || periodMs % dayMs === 0 ? null : "must divide a day or be a whole number of days";
}

/** The slot that `now` falls into. The period must be one that {@link periodProblem} has nothing against. */
export function currentSlot(policy: Policy, timeZone: string, now: Date): Slot {
  const { startMs, endMs } =
    policy.periodMs < dayMs
      ? withinDay(policy.periodMs, timeZone, now)
      : overDays(policy.periodMs / dayMs, timeZone, now);
  const startsAt = new Date(startMs);
  return {
    id: markTime(startsAt),
    startsAt,
    windowEndsAt: new Date(Math.min(startMs + policy.windowMs, endMs)),
    endsAt: new Date(endMs),
  };
}

/** The slot that ended when `slot` began. */
export const slotBefore = (policy: Policy, timeZone: string, slot: Slot): Slot =>
  currentSlot(policy, timeZone, new Date(slot.startsAt.getTime() - 1));

export const nextSlotStart = (policy: Policy, timeZone: string, now: Date): Date =>
  currentSlot(policy, timeZone, now).endsAt;

/**
 * Slots count from the start of the local day in elapsed time. A day of 23 hours ends with a shorter slot. What is left over of a longer
 * day belongs to its last slot, unless it has room for whole ones: a sliver of a slot would make a needless backup.
 */
function withinDay(periodMs: number, timeZone: string, now: Date): Span {
  const today = zoned(timeZone, now).startOfDay();
  const dayStartMs = today.epochMilliseconds;
  const dayEndMs = today.add({ days: 1 }).startOfDay().epochMilliseconds;
  const lastIndex = Math.max(dayMs / periodMs, Math.floor((dayEndMs - dayStartMs) / periodMs)) - 1;
  const index = Math.min(Math.floor((now.getTime() - dayStartMs) / periodMs), lastIndex);
  const startMs = dayStartMs + index * periodMs;
  return { startMs, endMs: index === lastIndex ? dayEndMs : Math.min(startMs + periodMs, dayEndMs) };
}

/** Slots of whole days, counted from the zone's 1970-01-01. */
function overDays(days: number, timeZone: string, now: Date): Span {
  const today = zoned(timeZone, now).toPlainDate();
  const passed = anchor.until(today).days;
  let first = Math.floor(passed / days) * days;
  let startMs = dayStart(first, timeZone);
  // A slot whose day does not exist (Apia went from the 29th to the 31st) is none: the one before goes on.
  while (startMs === null) startMs = dayStart((first -= days), timeZone);
  let next = Math.floor(passed / days) * days + days;
  let endMs = dayStart(next, timeZone);
  while (endMs === null) endMs = dayStart((next += days), timeZone);
  return { startMs, endMs };
}

/** The first instant of the nth day since 1970-01-01 in the zone; `null` when there is no such day. */
function dayStart(dayNumber: number, timeZone: string): number | null {
  const date = anchor.add({ days: dayNumber });
  // Midnight itself may not exist; startOfDay's choice is the first instant that does.
  const start = date.toZonedDateTime(timeZone);
  return start.toPlainDate().equals(date) ? start.epochMilliseconds : null;
}

const zoned = (timeZone: string, at: Date): Temporal.ZonedDateTime =>
  Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(timeZone);
