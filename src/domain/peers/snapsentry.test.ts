import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { dayMs } from "../durations.ts";
import { defaultPolicy, type Policy } from "../policy.ts";
import { newSnapSentryCache, readSnapSentry, type SnapSentryRequest } from "./snapsentry.ts";

const hourMs = dayMs / 24;

/** Reads keys given without their prefix. */
function read(keys: Readonly<Record<string, string>>, cache = newSnapSentryCache()): SnapSentryRequest {
  const metadata = Object.fromEntries(Object.entries(keys).map(([key, value]) => [`x-snapsentry-${key}`, value]));
  return readSnapSentry({ metadata: { ...metadata, other: "x" } }, cache);
}

const expected = (changed: Partial<Policy>): Policy => ({
  ...defaultPolicy,
  mechanisms: ["snapshot"],
  catchUp: "once",
  minimumRetentionMs: dayMs,
  fullEvery: 1,
  ...changed,
});

const lastOf = (last: number, timeZone: string): Policy["thinning"] => ({
  last,
  hourly: 0,
  daily: 0,
  weekly: 0,
  monthly: 0,
  yearly: 0,
  countFrom: "newest",
  minimumKeep: 1,
  timeZone,
});

void describe("the four subscriptions of SnapSentry's document, as its command writes them", () => {
  const cases = [
    {
      name: "daily at 08:00 in Asia/Kolkata, 1",
      keys: {
        managed: "true",
        "daily-enabled": "true",
        "daily-retention-days": "1",
        "daily-retention-type": "time",
        "daily-timezone": "Asia/Kolkata",
        "daily-start-time": "08:00",
      },
      policy: expected({
        name: "snapsentry-daily",
        schedule: { kind: "daily", at: "08:00" },
        timeZone: "Asia/Kolkata",
        periodMs: dayMs,
        windowMs: dayMs,
        retentionMs: dayMs,
      }),
    },
    {
      name: "weekly on Sundays at 23:00 in Europe/Berlin, 2",
      keys: {
        managed: "true",
        "weekly-enabled": "true",
        "weekly-retention-days": "2",
        "weekly-retention-type": "count",
        "weekly-timezone": "Europe/Berlin",
        "weekly-start-time": "23:00",
        "weekly-start-day-of-week": "sunday",
      },
      policy: expected({
        name: "snapsentry-weekly",
        schedule: { kind: "weekly", weekDay: 7, at: "23:00" },
        timeZone: "Europe/Berlin",
        periodMs: 7 * dayMs,
        windowMs: 7 * dayMs,
        retentionMs: 2 * dayMs,
        thinning: lastOf(2, "Europe/Berlin"),
      }),
    },
    {
      name: "monthly on the 1st at 23:00, 2",
      keys: {
        managed: "true",
        "monthly-enabled": "true",
        "monthly-retention-days": "2",
        "monthly-retention-type": "count",
        "monthly-timezone": "Europe/Berlin",
        "monthly-start-time": "23:00",
        "monthly-day-of-month": "1",
      },
      policy: expected({
        name: "snapsentry-monthly",
        schedule: { kind: "monthly", day: 1, at: "23:00" },
        timeZone: "Europe/Berlin",
        periodMs: 30 * dayMs,
        windowMs: 30 * dayMs,
        retentionMs: 2 * dayMs,
        thinning: lastOf(2, "Europe/Berlin"),
      }),
    },
    {
      name: "express every 6 hours, 2",
      keys: {
        managed: "true",
        "express-enabled": "true",
        "express-retention-days": "2",
        "express-retention-type": "time",
        "express-timezone": "Europe/Berlin",
        "express-interval-hours": "6",
      },
      policy: expected({
        name: "snapsentry-express",
        schedule: { kind: "every", periodMs: 6 * hourMs },
        timeZone: "Europe/Berlin",
        periodMs: 6 * hourMs,
        windowMs: 6 * hourMs,
        retentionMs: 2 * dayMs,
      }),
    },
  ];
  for (const { name, keys, policy } of cases) {
    void it(name, () => {
      assert.deepEqual(read(keys), { policies: [policy], problems: [] });
    });
  }
});

void describe("readSnapSentry", () => {
  const on = { managed: "true" };

  void it("has SnapSentry's defaults for what is left out", () => {
    const keys = ["express", "daily", "weekly", "monthly"].map((kind) => [`${kind}-enabled`, "1"]);
    const { policies, problems } = read({ ...on, ...(Object.fromEntries(keys) as Record<string, string>) });
    assert.deepEqual(
      policies.map(({ name, schedule, timeZone, retentionMs, thinning }) => [
        name,
        schedule,
        timeZone,
        retentionMs / dayMs,
        thinning,
      ]),
      [
        ["snapsentry-express", { kind: "every", periodMs: 6 * hourMs }, "UTC", 1, null],
        ["snapsentry-daily", { kind: "daily", at: "00:00" }, "UTC", 2, null],
        ["snapsentry-weekly", { kind: "weekly", weekDay: 7, at: "00:00" }, "UTC", 7, null],
        ["snapsentry-monthly", { kind: "monthly", day: 1, at: "00:00" }, "UTC", 30, null],
      ],
    );
    assert.deepEqual(problems, []);
  });

  for (const { name, keys, policies, problems } of [
    { name: "no keys", keys: {}, policies: [], problems: [] },
    {
      name: "not managed",
      keys: { managed: "false", "daily-enabled": "true" },
      policies: [],
      problems: [],
    },
    {
      name: "managed was forgotten",
      keys: { "daily-enabled": "true" },
      policies: [],
      problems: ["x-snapsentry-managed: missing; without it the other keys have no effect"],
    },
    {
      name: "not enabled",
      keys: { ...on, "daily-enabled": "F", "weekly-start-time": "x" },
      policies: [],
      problems: [],
    },
    {
      name: "a switch that is neither on nor off is on",
      keys: { managed: "yes", "daily-enabled": "yes" },
      policies: ["snapsentry-daily"],
      problems: [
        "x-snapsentry-managed: yes is neither true nor false; it counts as true",
        "x-snapsentry-daily-enabled: yes is neither true nor false; it counts as true",
      ],
    },
  ]) {
    void it(name, () => {
      const request = read(keys);
      assert.deepEqual([request.policies.map((policy) => policy.name), request.problems], [policies, problems]);
    });
  }

  for (const { kind, field, value, problem } of [
    { kind: "daily", field: "retention-days", value: "ten", problem: "ten is not valid; it counts as 2" },
    { kind: "daily", field: "retention-days", value: "0", problem: "0 is not valid; it counts as 2" },
    { kind: "daily", field: "retention-days", value: "-3", problem: "-3 is not valid; it counts as 2" },
    { kind: "daily", field: "retention-type", value: "size", problem: "size is not valid; it counts as time" },
    { kind: "daily", field: "timezone", value: "Mars/Base", problem: "Mars/Base is not valid; it counts as UTC" },
    { kind: "daily", field: "timezone", value: "+01:00", problem: "+01:00 is not valid; it counts as UTC" },
    { kind: "daily", field: "start-time", value: "24:00", problem: "24:00 is not valid; it counts as 00:00" },
    { kind: "daily", field: "start-time", value: "8", problem: "8 is not valid; it counts as 00:00" },
    { kind: "weekly", field: "start-day-of-week", value: "caturday", problem: "caturday is not valid; it counts as 7" },
    { kind: "monthly", field: "start-day-of-month", value: "last", problem: "last is not valid; it counts as 1" },
    { kind: "express", field: "interval-hours", value: "5", problem: "5 is not valid; it counts as 6" },
  ]) {
    void it(`takes the default for ${kind}-${field} ${value}, and says so`, () => {
      const defaults = read({ ...on, [`${kind}-enabled`]: "true" });
      assert.deepEqual(read({ ...on, [`${kind}-enabled`]: "true", [`${kind}-${field}`]: value }), {
        policies: defaults.policies,
        problems: [`x-snapsentry-${kind}-${field}: ${problem}`],
      });
    });
  }

  for (const [value, at] of [
    ["8:05", "08:05"],
    [" 23:59:58 ", "23:59"],
  ] as const) {
    void it(`reads the time ${value}`, () => {
      const { policies, problems } = read({ ...on, "daily-enabled": "t", "daily-start-time": value });
      assert.deepEqual([policies[0]?.schedule, problems], [{ kind: "daily", at }, []]);
    });
  }

  for (const [value, weekDay] of [
    ["Sunday", 7],
    ["Sun", 7],
    ["0", 7],
    ["MONDAY", 1],
    ["6", 6],
    ["sat", 6],
  ] as const) {
    void it(`reads the weekday ${value}`, () => {
      const { policies, problems } = read({ ...on, "weekly-enabled": "T", "weekly-start-day-of-week": value });
      assert.deepEqual([policies[0]?.schedule, problems], [{ kind: "weekly", weekDay, at: "00:00" }, []]);
    });
  }

  for (const { keys, day, problems } of [
    { keys: { "monthly-day-of-month": "15" }, day: 15, problems: 0 },
    { keys: { "monthly-start-day-of-month": "15" }, day: 15, problems: 0 },
    { keys: { "monthly-start-day-of-month": "15", "monthly-day-of-month": "15" }, day: 15, problems: 0 },
    { keys: { "monthly-start-day-of-month": "15", "monthly-day-of-month": "20" }, day: 15, problems: 1 },
    { keys: { "monthly-day-of-month": "99" }, day: 31, problems: 0 },
    { keys: { "monthly-day-of-month": "-1" }, day: 1, problems: 0 },
  ]) {
    void it(`reads the day of ${JSON.stringify(keys)}`, () => {
      const request = read({ ...on, "monthly-enabled": "TRUE", ...keys });
      assert.deepEqual(
        [request.policies[0]?.schedule, request.problems.length],
        [{ kind: "monthly", day, at: "00:00" }, problems],
      );
    });
  }

  void it("makes one policy of what means the same, and problems for each volume", () => {
    const cache = newSnapSentryCache();
    const daily = { ...on, "daily-enabled": "true" };
    const [a] = read({ ...daily, "daily-start-time": "8:00" }, cache).policies;
    const [b] = read({ ...daily, "daily-start-time": "08:00:30", "daily-retention-days": "2" }, cache).policies;
    assert.ok(a !== undefined && a === b);
    const junk = { ...daily, "daily-start-time": "08:00", "daily-retention-days": "junk" };
    for (const request of [read(junk, cache), read(junk, cache)]) {
      assert.equal(request.policies[0], a);
      assert.equal(request.problems.length, 1);
    }
    assert.notEqual(read({ ...daily, "daily-retention-days": "3" }, cache).policies[0], a);
  });

  void it("never reads an enabled policy as none, nor keeps for less than a day, whatever the values", () => {
    const suffixes = [
      "retention-days",
      "retention-type",
      "timezone",
      "start-time",
      "start-day-of-week",
      "start-day-of-month",
      "day-of-month",
      "interval-hours",
    ];
    const value = fc.oneof(fc.string(), fc.integer().map(String), fc.constantFrom("", "UTC", "08:00", "count", "sun"));
    const kind = fc.constantFrom("express", "daily", "weekly", "monthly");
    fc.assert(
      fc.property(kind, fc.dictionary(fc.constantFrom(...suffixes), value), (name, fields) => {
        const keys = Object.fromEntries(Object.entries(fields).map(([field, text]) => [`${name}-${field}`, text]));
        const { policies } = read({ ...on, [`${name}-enabled`]: "true", ...keys });
        assert.deepEqual(
          policies.map((policy) => policy.name),
          [`snapsentry-${name}`],
        );
        assert.ok(policies.every(({ retentionMs }) => retentionMs >= dayMs && retentionMs <= 36_500 * dayMs));
      }),
    );
  });
});
