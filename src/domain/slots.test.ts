import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { defaultPolicy, every, type Policy } from "./policy.ts";
import { currentSlot, nextSlotStart, type Slot, type Timetable } from "./slots.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const policyOf = (timeZone: string, periodMs: number, windowMs = 100 * dayMs): Policy => ({
  ...defaultPolicy,
  ...every(periodMs),
  timeZone,
  windowMs,
});

/** The slot there always is where the schedule is no interval. */
function slotAt(policy: Timetable, now: Date): Slot {
  const slot = currentSlot(policy, now);
  assert.ok(slot !== null);
  return slot;
}

/** Start and end of the slot, in UTC, and its length in hours. */
function span(zone: string, periodMs: number, now: string): [start: string, end: string, hours: number] {
  const slot = slotAt(policyOf(zone, periodMs), new Date(now));
  const hours = (slot.endsAt.getTime() - slot.startsAt.getTime()) / hourMs;
  return [slot.startsAt.toISOString().slice(0, 16), slot.endsAt.toISOString().slice(0, 16), hours];
}

describe("currentSlot", () => {
  const cases: [name: string, zone: string, periodMs: number, now: string, expected: [string, string, number]][] = [
    ["a day in winter", "Europe/Berlin", dayMs, "2026-11-21T12:00:00Z", ["2026-11-20T23:00", "2026-11-21T23:00", 24]],
    ["its first instant", "Europe/Berlin", dayMs, "2026-11-20T23:00:00Z", ["2026-11-20T23:00", "2026-11-21T23:00", 24]],
    ["its last", "Europe/Berlin", dayMs, "2026-11-21T22:59:59.999Z", ["2026-11-20T23:00", "2026-11-21T23:00", 24]],
    ["clocks go forward", "Europe/Berlin", dayMs, "2026-03-29T12:00:00Z", ["2026-03-28T23:00", "2026-03-29T22:00", 23]],
    ["clocks go back", "Europe/Berlin", dayMs, "2026-10-25T12:00:00Z", ["2026-10-24T22:00", "2026-10-25T23:00", 25]],
    [
      "6 h, day of 23 h, last",
      "Europe/Berlin",
      6 * hourMs,
      "2026-03-29T20:00:00Z",
      ["2026-03-29T17:00", "2026-03-29T22:00", 5],
    ],
    [
      "6 h, day of 25 h, first",
      "Europe/Berlin",
      6 * hourMs,
      "2026-10-25T03:59:59Z",
      ["2026-10-24T22:00", "2026-10-25T04:00", 6],
    ],
    [
      "6 h, day of 25 h, last",
      "Europe/Berlin",
      6 * hourMs,
      "2026-10-25T22:59:00Z",
      ["2026-10-25T16:00", "2026-10-25T23:00", 7],
    ],
    [
      "1 h, day of 25 h, last",
      "Europe/Berlin",
      hourMs,
      "2026-10-25T22:30:00Z",
      ["2026-10-25T22:00", "2026-10-25T23:00", 1],
    ],
    [
      "1 h, day of 23 h, last",
      "Europe/Berlin",
      hourMs,
      "2026-03-29T21:30:00Z",
      ["2026-03-29T21:00", "2026-03-29T22:00", 1],
    ],
    [
      "1 h, the repeated hour",
      "Europe/Berlin",
      hourMs,
      "2026-10-25T01:30:00Z",
      ["2026-10-25T01:00", "2026-10-25T02:00", 1],
    ],
    ["no midnight", "America/Sao_Paulo", dayMs, "2018-11-04T12:00:00Z", ["2018-11-04T03:00", "2018-11-05T02:00", 23]],
    [
      "before no midnight",
      "America/Sao_Paulo",
      dayMs,
      "2018-11-04T02:59:59Z",
      ["2018-11-03T03:00", "2018-11-04T03:00", 24],
    ],
    ["two midnights", "America/Sao_Paulo", dayMs, "2018-02-18T02:30:00Z", ["2018-02-17T02:00", "2018-02-18T03:00", 25]],
    [
      "half an hour less",
      "Australia/Lord_Howe",
      dayMs,
      "2026-10-04T00:00:00Z",
      ["2026-10-03T13:30", "2026-10-04T13:00", 23.5],
    ],
    [
      "half an hour more",
      "Australia/Lord_Howe",
      dayMs,
      "2026-04-05T00:00:00Z",
      ["2026-04-04T13:00", "2026-04-05T13:30", 24.5],
    ],
    [
      "1 h, half an hour more",
      "Australia/Lord_Howe",
      hourMs,
      "2026-04-05T13:15:00Z",
      ["2026-04-05T12:00", "2026-04-05T13:30", 1.5],
    ],
    [
      "30 min, half an hour more",
      "Australia/Lord_Howe",
      30 * minuteMs,
      "2026-04-05T13:15:00Z",
      ["2026-04-05T13:00", "2026-04-05T13:30", 0.5],
    ],
    [
      "1 h, half an hour less",
      "Australia/Lord_Howe",
      hourMs,
      "2026-10-04T12:45:00Z",
      ["2026-10-04T12:30", "2026-10-04T13:00", 0.5],
    ],
    [
      "an offset of half an hour",
      "Asia/Kolkata",
      6 * hourMs,
      "2026-11-21T00:00:00Z",
      ["2026-11-20T18:30", "2026-11-21T00:30", 6],
    ],
    [
      "a day that does not exist follows",
      "Pacific/Apia",
      dayMs,
      "2011-12-30T09:59:59Z",
      ["2011-12-29T10:00", "2011-12-30T10:00", 24],
    ],
    [
      "a day that does not exist has gone by",
      "Pacific/Apia",
      dayMs,
      "2011-12-30T10:00:00Z",
      ["2011-12-30T10:00", "2011-12-31T10:00", 24],
    ],
    [
      "2 d, the slot's day does not exist",
      "Pacific/Apia",
      2 * dayMs,
      "2011-12-30T10:00:00Z",
      ["2011-12-28T10:00", "2011-12-31T10:00", 72],
    ],
    [
      "2 d, before the slot's day that does not exist",
      "Pacific/Apia",
      2 * dayMs,
      "2011-12-29T11:00:00Z",
      ["2011-12-28T10:00", "2011-12-31T10:00", 72],
    ],
    ["2 d, the next", "Pacific/Apia", 2 * dayMs, "2011-12-31T10:00:00Z", ["2011-12-31T10:00", "2012-01-02T10:00", 48]],
    ["6 h across it", "Pacific/Apia", 6 * hourMs, "2011-12-30T09:59:59Z", ["2011-12-30T04:00", "2011-12-30T10:00", 6]],
    [
      "7 d from the zone's 1970-01-01",
      "Europe/Berlin",
      7 * dayMs,
      "1970-01-07T22:59:59Z",
      ["1969-12-31T23:00", "1970-01-07T23:00", 168],
    ],
    [
      "7 d, the second",
      "Europe/Berlin",
      7 * dayMs,
      "1970-01-07T23:00:00Z",
      ["1970-01-07T23:00", "1970-01-14T23:00", 168],
    ],
    [
      "7 d over a change of clocks",
      "Europe/Berlin",
      7 * dayMs,
      "2026-10-25T12:00:00Z",
      ["2026-10-21T22:00", "2026-10-28T23:00", 169],
    ],
    ["before 1970", "UTC", 3 * dayMs, "1969-12-31T12:00:00Z", ["1969-12-29T00:00", "1970-01-01T00:00", 72]],
    ["a minute", "UTC", minuteMs, "2026-11-21T10:11:59Z", ["2026-11-21T10:11", "2026-11-21T10:12", 1 / 60]],
  ];
  for (const [name, zone, periodMs, now, expected] of cases) {
    it(`${name} (${zone})`, () => assert.deepEqual(span(zone, periodMs, now), expected));
  }

  it("has its start in UTC as its id and a window that ends before the next slot", () => {
    const now = new Date("2026-11-21T12:00:00Z");
    const at = (text: string): Date => new Date(text);
    assert.deepEqual(slotAt(policyOf("Europe/Berlin", dayMs, 8 * hourMs), now), {
      id: "2026-11-20T23:00:00Z",
      startsAt: at("2026-11-20T23:00:00Z"),
      windowEndsAt: at("2026-11-21T07:00:00Z"),
      endsAt: at("2026-11-21T23:00:00Z"),
    });
    assert.deepEqual(
      slotAt(policyOf("Europe/Berlin", dayMs, 25 * hourMs), now).windowEndsAt,
      at("2026-11-21T23:00:00Z"),
    );
  });

  it("covers time without gap or overlap, whatever the zone", () => {
    const zones = ["Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia", "UTC"];
    const periods = [minuteMs, 30 * minuteMs, hourMs, 6 * hourMs, 12 * hourMs, dayMs, 2 * dayMs, 7 * dayMs];
    const instant = fc.date({ min: new Date("2009-01-01"), max: new Date("2030-01-01"), noInvalidDate: true });
    fc.assert(
      fc.property(fc.constantFrom(...zones), fc.constantFrom(...periods), instant, (zone, periodMs, now) => {
        const policy = policyOf(zone, periodMs);
        const slot = slotAt(policy, now);
        assert.ok(slot.startsAt <= now && now < slot.endsAt, "now is inside");
        assert.deepEqual(slotAt(policy, slot.startsAt), slot);
        assert.deepEqual(slotAt(policy, new Date(slot.endsAt.getTime() - 1)), slot);
        assert.deepEqual(slotAt(policy, slot.endsAt).startsAt, slot.endsAt);
        assert.deepEqual(nextSlotStart(policy, now), slot.endsAt);
        const local = Temporal.Instant.fromEpochMilliseconds(slot.startsAt.getTime()).toZonedDateTimeISO(zone);
        const sinceMidnightMs = slot.startsAt.getTime() - local.startOfDay().epochMilliseconds;
        assert.equal(sinceMidnightMs % Math.min(periodMs, dayMs), 0);
      }),
    );
  });
});
