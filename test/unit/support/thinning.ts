import fc from "fast-check";
import type { ThinningRule } from "../../../src/domain/policy.ts";
import type { Counted } from "../../../src/domain/thinning.ts";

/** Rules of thinning and histories to count, for properties. */

const timeZones = [
  "UTC",
  "Europe/Berlin",
  "America/Sao_Paulo",
  "Asia/Kolkata",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "America/St_Johns",
];

const few = fc.oneof(
  { weight: 2, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 5 }) },
);

export const rules: fc.Arbitrary<ThinningRule> = fc.record(
  {
    last: few,
    hourly: few,
    daily: few,
    weekly: few,
    monthly: few,
    yearly: few,
    countFrom: fc.constantFrom("newest", "previous"),
    minimumKeep: fc.integer({ min: 1, max: 3 }),
    timeZone: fc.constantFrom(...timeZones),
  },
  { noNullPrototype: true },
);

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const gapsMs = fc.oneof(
  fc.constantFrom(0, 10 * minuteMs, hourMs, 6 * hourMs, dayMs, 7 * dayMs, 31 * dayMs, 200 * dayMs),
  fc.integer({ min: 0, max: 3 * dayMs }),
);

const steps = fc.record({
  gapMs: gapsMs,
  lateMs: fc.oneof(
    { weight: 3, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 8 * hourMs }) },
  ),
  kind: fc.oneof(
    { weight: 6, arbitrary: fc.constant("good" as const) },
    { weight: 1, arbitrary: fc.constant("doubtful" as const) },
  ),
});

/** Oldest first; now and then over the end of a day, a week, a year, or over a change of clocks. */
export const countedHistories: fc.Arbitrary<Counted[]> = fc
  .tuple(
    fc.constantFrom(
      "2026-10-20T22:00:00Z",
      "2026-03-25T01:00:00Z",
      "2025-12-27T11:00:00Z",
      "2011-12-28T09:00:00Z",
      "2018-11-02T02:30:00Z",
    ),
    fc.array(steps, { maxLength: 24 }),
  )
  .map(([start, history]) => {
    let madeMs = Date.parse(start);
    return history.map(({ gapMs, lateMs, kind }): Counted => {
      madeMs += gapMs;
      return { madeMs, calendarMs: madeMs - lateMs, kind };
    });
  });
