import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { describeSchedule, longestSlotMs, periodProblem, scheduleProblem, type Schedule } from "./schedule.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

describe("periodProblem", () => {
  it("accepts what divides a day and whole days", () => {
    for (const periodMs of [1000, minuteMs, 90_000, hourMs, 8 * hourMs, dayMs, 2 * dayMs, 7 * dayMs, 365 * dayMs]) {
      assert.equal(periodProblem(periodMs), null);
    }
  });
  it("refuses the rest", () => {
    for (const periodMs of [0, -dayMs, 1, 500, 1500, 0.5, NaN, Infinity]) {
      assert.equal(periodProblem(periodMs), "must be a whole number of seconds above zero");
    }
    for (const periodMs of [7000, 5 * hourMs, 25 * hourMs, 36 * hourMs]) {
      assert.equal(periodProblem(periodMs), "must divide a day or be a whole number of days");
    }
  });
});

const cron = (expression: string): Schedule => ({ kind: "cron", expression });

describe("scheduleProblem", () => {
  const fine: Schedule[] = [
    { kind: "every", periodMs: 6 * hourMs },
    { kind: "daily", at: "00:00" },
    { kind: "daily", at: "23:59" },
    { kind: "weekly", weekDay: 7, at: "02:30" },
    { kind: "monthly", day: 31, at: "02:30" },
    { kind: "yearly", month: 2, day: 29, at: "02:30" },
    cron("0 2 * * *"),
    cron("*/15 0-6,22 1,15 jan-mar MON-fri"),
    cron(" 30  2 L * * "),
    cron("0 0 29 2 *"),
    cron("0 0 31 2,3 *"),
    { kind: "interval", everyMs: 5 * hourMs, anchor: new Date("2026-01-01T00:00:00Z") },
  ];
  for (const schedule of fine) {
    it(`accepts ${JSON.stringify(schedule)}`, () => assert.equal(scheduleProblem(schedule), null));
  }

  const wrong: [Schedule, string][] = [
    [{ kind: "every", periodMs: 5 * hourMs }, "period must divide a day or be a whole number of days"],
    [{ kind: "daily", at: "2:30" }, 'time "2:30" is none; allowed: 00:00 to 23:59, always with two digits'],
    [{ kind: "daily", at: "24:00" }, 'time "24:00" is none; allowed: 00:00 to 23:59, always with two digits'],
    [{ kind: "weekly", weekDay: 0, at: "02:30" }, "day of the week 0 is none; allowed: 1 to 7 (Monday is 1)"],
    [{ kind: "weekly", weekDay: 1, at: "" }, 'time "" is none; allowed: 00:00 to 23:59, always with two digits'],
    [{ kind: "monthly", day: 32, at: "02:30" }, "day 32 is none; allowed: 1 to 31"],
    [{ kind: "monthly", day: 1.5, at: "02:30" }, "day 1.5 is none; allowed: 1 to 31"],
    [{ kind: "yearly", month: 13, day: 1, at: "02:30" }, "month 13 is none; allowed: 1 to 12"],
    [{ kind: "yearly", month: 2, day: 30, at: "02:30" }, "day 30 is none; allowed: 1 to 29 in month 2"],
    [{ kind: "yearly", month: 4, day: 31, at: "02:30" }, "day 31 is none; allowed: 1 to 30 in month 4"],
    [cron("0 2 * *"), "cron expression must have five fields: minute, hour, day of the month, month, day of the week"],
    [
      cron("0 0 2 * * *"),
      "cron expression must have five fields: minute, hour, day of the month, month, day of the week",
    ],
    [cron("60 2 * * *"), "cron expression Constraint error, got value 60 expected range 0-59"],
    [cron("0 2 * * 5L"), "cron expression L is supported for the day of the month only"],
    [
      cron("0 2 * * 6#1"),
      "cron expression # and ? are not supported; allowed: numbers, names, *, lists, ranges, steps, and L for the last day of the month",
    ],
    [cron("0 2 31 4,6,9,11 *"), "cron expression never comes: no month of these has such a day"],
    [cron("0 2 30 2 *"), "cron expression Invalid explicit day of month definition"],
    [{ kind: "interval", everyMs: 1500, anchor: new Date(0) }, "interval must be a whole number of seconds above zero"],
    [
      { kind: "interval", everyMs: hourMs, anchor: new Date(NaN) },
      "anchor is no date and time; allowed: e.g. 2026-01-31T02:00:00Z",
    ],
    [{ kind: "interval", everyMs: hourMs, anchor: new Date(1) }, "it must begin at a whole second"],
  ];
  for (const [schedule, problem] of wrong) {
    it(`${JSON.stringify(schedule)}: ${problem}`, () => assert.equal(scheduleProblem(schedule), problem));
  }
});

describe("longestSlotMs and describeSchedule", () => {
  const cases: [Schedule, number, string][] = [
    [{ kind: "every", periodMs: 6 * hourMs }, 6 * hourMs, "every 6h from midnight"],
    [{ kind: "daily", at: "02:30" }, dayMs, "daily at 02:30"],
    [{ kind: "weekly", weekDay: 7, at: "02:30" }, 7 * dayMs, "weekly on Sunday at 02:30"],
    [{ kind: "monthly", day: 31, at: "02:30" }, 31 * dayMs, "monthly on day 31 at 02:30"],
    [{ kind: "yearly", month: 2, day: 9, at: "02:30" }, 366 * dayMs, "yearly on 02-09 at 02:30"],
    [cron("0 2 * * *"), dayMs, "by cron 0 2 * * *"],
    [cron("0 2 * * 1-5"), 3 * dayMs, "by cron 0 2 * * 1-5"],
    [cron("0 2,6 * * *"), 20 * hourMs, "by cron 0 2,6 * * *"],
    [cron("0 0 29 2 *"), 1461 * dayMs, "by cron 0 0 29 2 *"],
    [
      { kind: "interval", everyMs: 5 * hourMs, anchor: new Date("2026-01-01T00:00:00Z") },
      5 * hourMs,
      "every 5h from 2026-01-01T00:00:00.000Z",
    ],
  ];
  for (const [schedule, ms, words] of cases) {
    it(words, () => {
      assert.equal(longestSlotMs(schedule), ms);
      assert.equal(describeSchedule(schedule), words);
    });
  }
});
