import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { aBackup } from "../../test/unit/support/builders.ts";
import { ourUser } from "../../test/unit/support/clouds.ts";
import { complianceOf, type Compliance } from "./compliance.ts";
import { mark } from "./marks.ts";
import { defaultPolicy, type Policy } from "./policy.ts";
import { readPoints, type Point } from "./points.ts";
import type { Reason } from "./reasons.ts";
import { currentSlot, slotBefore } from "./slots.ts";

const hourMs = 60 * 60 * 1000;
const dayMs = 24 * hourMs;

const policyOf = (schedule: Policy["schedule"], windowMs: number): Policy => ({
  ...defaultPolicy,
  name: "gold",
  schedule,
  windowMs,
  catchUp: "once",
});
const daily = policyOf({ kind: "daily", at: "02:00" }, 6 * hourMs);
const weekly = policyOf({ kind: "weekly", weekDay: 1, at: "02:00" }, dayMs);
const monthly = policyOf({ kind: "monthly", day: 1, at: "02:00" }, dayMs);

interface Made {
  readonly slot: string;
  readonly at?: string;
  readonly policy?: string;
  readonly status?: string;
}

const pointsOf = (made: readonly Made[]): readonly Point[] => {
  const backups = made.map(({ slot, at = slot, policy = "gold", status = "available" }, index) =>
    aBackup(`b${index}`, at, { status, marks: { [mark.policy]: policy, [mark.slot]: slot } }),
  );
  const input = { backups, catalogue: new Map(), userIds: new Set([ourUser]) };
  return readPoints(input).get("v1")?.points ?? [];
};

const judge = (
  policy: Policy,
  now: string,
  made: readonly Made[],
  more: { readonly obstacle?: Reason; readonly protectedSince?: Date } = {},
): Compliance =>
  complianceOf({ policy, points: pointsOf(made), now: new Date(now), obstacle: null, protectedSince: null, ...more });

const compliant = (since: string, pointId = "b0"): Compliance => ({
  state: "compliant",
  since: new Date(since),
  pointId,
});
const overdue = (since: string, lacking: string): Compliance => ({ state: "overdue", since: new Date(since), lacking });

describe("complianceOf", () => {
  const first = { slot: "2026-11-01T02:00:00Z" };
  const cases: readonly { readonly name: string; readonly is: Compliance; readonly expected: Compliance }[] = [
    {
      name: "a monthly policy on day 20",
      is: judge(monthly, "2026-11-20T12:00:00Z", [first]),
      expected: compliant(first.slot),
    },
    {
      name: "a monthly policy on day 20 that missed the day",
      is: judge(monthly, "2026-11-20T12:00:00Z", [{ slot: "2026-10-01T02:00:00Z" }]),
      expected: overdue("2026-11-02T02:00:00Z", first.slot),
    },
    {
      name: "one that missed the day, and was made up for",
      is: judge(monthly, "2026-11-20T12:00:00Z", [{ ...first, at: "2026-11-19T02:00:00Z" }]),
      expected: compliant("2026-11-19T02:00:00Z"),
    },
    {
      name: "a weekly policy on day 6",
      is: judge(weekly, "2026-11-22T01:00:00Z", [{ slot: "2026-11-16T02:00:00Z" }]),
      expected: compliant("2026-11-16T02:00:00Z"),
    },
    {
      name: "while the slot of now has time",
      is: judge(daily, "2026-11-21T07:59:59Z", [{ slot: "2026-11-20T02:00:00Z" }]),
      expected: compliant("2026-11-20T02:00:00Z"),
    },
    {
      name: "when it has none left",
      is: judge(daily, "2026-11-21T08:00:00Z", [{ slot: "2026-11-20T02:00:00Z" }]),
      expected: overdue("2026-11-21T08:00:00Z", "2026-11-21T02:00:00Z"),
    },
    {
      name: "after days of downtime, since the first of them",
      is: judge(daily, "2026-11-21T07:00:00Z", [{ slot: "2026-11-16T02:00:00Z" }]),
      expected: overdue("2026-11-17T08:00:00Z", "2026-11-20T02:00:00Z"),
    },
    {
      name: "after them, caught up",
      is: judge(daily, "2026-11-21T07:00:00Z", [
        { slot: "2026-11-16T02:00:00Z" },
        { slot: "2026-11-21T02:00:00Z", at: "2026-11-21T06:00:00Z" },
      ]),
      expected: compliant("2026-11-21T06:00:00Z", "b1"),
    },
    {
      name: "failed, of another policy, and made by hand",
      is: judge(daily, "2026-11-21T12:00:00Z", [
        { slot: "2026-11-21T02:00:00Z", status: "error" },
        { slot: "2026-11-21T02:00:00Z", policy: "silver" },
        { slot: "manual:1", at: "2026-11-21T09:00:00Z" },
      ]),
      expected: { state: "never", since: new Date("2026-11-21T08:00:00Z"), lacking: "2026-11-21T02:00:00Z" },
    },
    {
      name: "a slot to come that somebody wrote on it",
      is: judge(daily, "2026-11-21T12:00:00Z", [{ slot: "2027-11-21T02:00:00Z", at: "2026-11-20T02:00:00Z" }]),
      expected: overdue("2026-11-21T08:00:00Z", "2026-11-21T02:00:00Z"),
    },
    {
      name: "before its first slot is over",
      is: judge(daily, "2026-11-21T03:00:00Z", []),
      expected: { state: "pending", until: new Date("2026-11-21T08:00:00Z") },
    },
    {
      name: "where it was not the first",
      is: judge(daily, "2026-11-21T03:00:00Z", [], { protectedSince: new Date("2026-11-20T02:00:00Z") }),
      expected: { state: "never", since: new Date("2026-11-20T08:00:00Z"), lacking: "2026-11-20T02:00:00Z" },
    },
    {
      name: "before a schedule begins",
      is: judge(
        policyOf({ kind: "interval", everyMs: dayMs, anchor: new Date("2026-12-01T00:00:00Z") }, hourMs),
        "2026-11-21T03:00:00Z",
        [],
      ),
      expected: { state: "pending", until: new Date("2026-12-01T01:00:00Z") },
    },
    ...(["skip_requested", "excluded", "release_requested", "too_soon"] as const).map((obstacle) => ({
      name: `lacking for a good reason: ${obstacle}`,
      is: judge(daily, "2026-11-21T12:00:00Z", [{ slot: "2026-11-19T02:00:00Z" }], { obstacle }),
      expected: { state: "excused" as const, reason: obstacle, lacking: "2026-11-21T02:00:00Z" },
    })),
    {
      name: "skipped only after it was made",
      is: judge(daily, "2026-11-21T12:00:00Z", [{ slot: "2026-11-21T02:00:00Z" }], { obstacle: "skip_requested" }),
      expected: compliant("2026-11-21T02:00:00Z"),
    },
    {
      name: "lacking for no good reason",
      is: judge(daily, "2026-11-21T12:00:00Z", [{ slot: "2026-11-20T02:00:00Z" }], { obstacle: "volume_state" }),
      expected: overdue("2026-11-21T08:00:00Z", "2026-11-21T02:00:00Z"),
    },
  ];
  for (const { name, is, expected } of cases) {
    it(name, () => {
      assert.deepEqual(is, expected);
    });
  }
});

const schedules = fc.constantFrom<Policy["schedule"]>(
  { kind: "every", periodMs: 6 * hourMs },
  { kind: "daily", at: "02:30" },
  { kind: "weekly", weekDay: 7, at: "23:00" },
  { kind: "monthly", day: 31, at: "00:00" },
  { kind: "yearly", month: 2, day: 29, at: "12:00" },
  { kind: "interval", everyMs: 36 * hourMs, anchor: new Date("2020-01-01T00:17:00Z") },
);

const situations = fc.record({
  schedule: schedules,
  timeZone: fc.constantFrom("UTC", "Europe/Berlin", "Australia/Lord_Howe"),
  windowMs: fc.constantFrom(hourMs, 6 * hourMs, dayMs, 40 * dayMs),
  catchUp: fc.constantFrom("once" as const, "skip" as const),
  nowMs: fc.integer({ min: Date.parse("2025-01-01T00:00:00Z"), max: Date.parse("2027-01-01T00:00:00Z") }),
  /** How many slots ago, and how late in it. */
  made: fc.array(fc.record({ ago: fc.nat(6), late: fc.double({ min: 0, max: 1, noNaN: true }) }), { maxLength: 5 }),
  obstacle: fc.constantFrom<Reason | null>(null, null, "skip_requested", "volume_state"),
});

describe("compliance, whatever the schedule and the history", () => {
  it("is there with a good point of the slot of now, and never when the newest is older than the last slot whose time is over", () => {
    const states = new Set<string>();
    fc.assert(
      fc.property(situations, ({ schedule, timeZone, windowMs, catchUp, nowMs, made, obstacle }) => {
        const policy: Policy = { ...policyOf(schedule, windowMs), timeZone, catchUp };
        const now = new Date(nowMs);
        const slots = [currentSlot(policy, now)];
        while (slots.length <= 8) {
          const oldest = slots.at(-1);
          slots.push(oldest == null ? null : slotBefore(policy, oldest));
        }
        const history = made.flatMap(({ ago, late }) => {
          const slot = slots[ago];
          if (slot == null) return [];
          const endMs = Math.min(nowMs, slot.endsAt.getTime());
          const at = new Date(slot.startsAt.getTime() + late * (endMs - slot.startsAt.getTime()));
          return { slot: slot.id, at: at.toISOString(), ago };
        });
        const { state } = judge(policy, now.toISOString(), history, obstacle === null ? {} : { obstacle });
        states.add(state);
        const newestAgo = Math.min(Infinity, ...history.map(({ ago }) => ago));
        const isOver = (slot: { readonly startsAt: Date; readonly endsAt: Date }): boolean =>
          nowMs >= slot.endsAt.getTime() || nowMs >= slot.startsAt.getTime() + windowMs;
        const lastOver = slots.findIndex((slot) => slot != null && isOver(slot));
        assert.equal(state === "compliant", newestAgo <= lastOver);
        if (newestAgo === 0) assert.equal(state, "compliant");
        if (state === "excused") assert.equal(obstacle, "skip_requested");
        if (state === "never" || state === "pending") assert.equal(history.length, 0);
      }),
      { numRuns: 5000 },
    );
    assert.deepEqual([...states].sort(), ["compliant", "excused", "never", "overdue", "pending"]);
  });
});
