import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Temporal } from "temporal-polyfill";
import { markTime } from "./marks.ts";
import { longestSlotMs, scheduleProblem, type Schedule } from "./schedule.ts";
import { currentSlot, nextSlotStart, slotBefore, type Slot, type Timetable } from "./slots.ts";

/** 5,000 in `npm test`; `npm run soak` does a million. */
const numRuns = Number(process.env["SCHEDULE_RUNS"] ?? 5000);

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** What clocks have done to schedules: half hours, midnights, two hours, a minute after midnight, whole days left out. */
const zones = [
  "UTC",
  "Europe/Berlin",
  "America/Sao_Paulo",
  "America/St_Johns",
  "America/New_York",
  "America/Havana",
  "Africa/Casablanca",
  "Africa/Monrovia",
  "Antarctica/Troll",
  "Asia/Kolkata",
  "Asia/Kathmandu",
  "Asia/Amman",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "Pacific/Kwajalein",
  "Pacific/Chatham",
];

const time = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
  .map((parts) => parts.map((part) => String(part).padStart(2, "0")).join(":"));

const schedule: fc.Arbitrary<Schedule> = fc.oneof(
  fc
    .constantFrom(minuteMs, 30 * minuteMs, hourMs, 6 * hourMs, 8 * hourMs, 12 * hourMs, dayMs, 2 * dayMs, 7 * dayMs)
    .map((periodMs) => ({ kind: "every" as const, periodMs })),
  time.map((at) => ({ kind: "daily" as const, at })),
  fc.record({ kind: fc.constant("weekly" as const), weekDay: fc.integer({ min: 1, max: 7 }), at: time }),
  fc.record({ kind: fc.constant("monthly" as const), day: fc.integer({ min: 1, max: 31 }), at: time }),
  fc
    .record({
      kind: fc.constant("yearly" as const),
      month: fc.integer({ min: 1, max: 12 }),
      day: fc.integer({ min: 1, max: 31 }),
      at: time,
    })
    .filter((each) => scheduleProblem(each) === null),
  fc
    .tuple(
      fc.constantFrom("0", "30", "*/20", "7,52", "*"),
      fc.constantFrom("0", "2", "*", "1-3", "*/6", "23"),
      fc.constantFrom("*", "1", "31", "L", "*/10", "29,30"),
      fc.constantFrom("*", "2", "12", "3,10", "*/3"),
      fc.constantFrom("*", "1-5", "sun", "3"),
    )
    .map((fields) => ({ kind: "cron" as const, expression: fields.join(" ") }))
    .filter((each) => scheduleProblem(each) === null),
  fc
    .tuple(fc.integer({ min: 60, max: 4_000_000 }), fc.integer({ min: -2e9, max: 2e9 }))
    .map(([seconds, at]) => ({ kind: "interval" as const, everyMs: seconds * 1000, anchor: new Date(at * 1000) })),
);

const instant = fc.date({ min: new Date("1969-01-01"), max: new Date("2040-01-01"), noInvalidDate: true });
/** Around Apia's missing day, Kwajalein's, and changes of clocks in Berlin, São Paulo, St John's and on Lord Howe. */
const nearChange = fc
  .tuple(
    fc.constantFrom(
      "2011-12-30T10:00Z",
      "1993-08-21T12:00Z",
      "2026-03-29T01:00Z",
      "2026-10-25T01:00Z",
      "2018-11-04T03:00Z",
      "2018-02-18T02:00Z",
      "2010-11-07T02:31Z",
      "2026-04-04T15:00Z",
      "1972-01-07T00:44Z",
    ),
    fc.integer({ min: -40 * 60, max: 40 * 60 }),
  )
  .map(([at, minutes]) => new Date(Date.parse(at) + minutes * minuteMs));

const timetable: fc.Arbitrary<Timetable> = fc.record({
  schedule,
  timeZone: fc.constantFrom(...zones),
  windowMs: fc.integer({ min: 1, max: 40 * 24 }).map((hours) => hours * hourMs),
  catchUp: fc.constantFrom("once", "skip"),
});

const ms = ({ startsAt, endsAt }: Slot): [number, number] => [startsAt.getTime(), endsAt.getTime()];

describe("slots of any schedule in any zone", () => {
  it("cover time without gap or overlap, and each has one start, id and window", () => {
    fc.assert(
      fc.property(timetable, fc.oneof(instant, nearChange), (policy, now) => {
        const slot = currentSlot(policy, now);
        const next = nextSlotStart(policy, now);
        assert.ok(next > now, "the next slot is later");
        if (slot === null) {
          assert.ok(policy.schedule.kind === "interval" && now < policy.schedule.anchor);
          assert.deepEqual(next, policy.schedule.anchor);
          return;
        }
        const [startMs, endMs] = ms(slot);
        assert.ok(startMs <= now.getTime() && now.getTime() < endMs, "now is inside");
        assert.deepEqual(next, slot.endsAt);
        assert.deepEqual(currentSlot(policy, slot.startsAt), slot);
        assert.deepEqual(currentSlot(policy, new Date(endMs - 1)), slot);
        assert.deepEqual(currentSlot(policy, slot.endsAt)?.startsAt, slot.endsAt);
        assert.equal(slot.id, markTime(slot.startsAt));
        assert.equal(Date.parse(slot.id), startMs);
        const before = slotBefore(policy, slot);
        if (before === null)
          assert.ok(policy.schedule.kind === "interval" && startMs === policy.schedule.anchor.getTime());
        else assert.deepEqual(before.endsAt, slot.startsAt);
        const windowMs = slot.windowEndsAt.getTime() - startMs;
        assert.equal(
          windowMs,
          policy.catchUp === "once" ? endMs - startMs : Math.min(policy.windowMs, endMs - startMs),
        );
      }),
      { numRuns },
    );
  });

  it("begin at the local time that was asked for wherever there is one", () => {
    const timed = timetable.filter((each) => "at" in each.schedule);
    fc.assert(
      fc.property(timed, fc.oneof(instant, nearChange), (policy, now) => {
        if (!("at" in policy.schedule)) return;
        const { startsAt } = currentSlot(policy, now) ?? assert.fail();
        const local = Temporal.Instant.fromEpochMilliseconds(startsAt.getTime()).toZonedDateTimeISO(policy.timeZone);
        const shown = local.toPlainTime().toString({ smallestUnit: "minute" });
        if (shown === policy.schedule.at) return;
        // Else it was left out: clocks went forward in this very instant, over the time asked for.
        const before = Temporal.Instant.fromEpochMilliseconds(startsAt.getTime() - 1).toZonedDateTimeISO(
          policy.timeZone,
        );
        assert.ok(local.offsetNanoseconds > before.offsetNanoseconds, `${local.toString()} is not after a gap`);
        const wanted = before.toPlainDate().toPlainDateTime(policy.schedule.at);
        const inGap = (at: Temporal.PlainDateTime): boolean =>
          Temporal.PlainDateTime.compare(before.toPlainDateTime(), at) < 0 &&
          Temporal.PlainDateTime.compare(at, local.toPlainDateTime()) < 0;
        assert.ok(inGap(wanted) || inGap(wanted.add({ days: 1 })), `${policy.schedule.at} was there`);
      }),
      { numRuns: numRuns / 5 },
    );
  });

  it("are never longer than longestSlotMs says, but for what clocks and calendars leave out", () => {
    fc.assert(
      fc.property(timetable, instant, (policy, now) => {
        const slot = currentSlot(policy, now);
        if (slot === null) return;
        const [startMs, endMs] = ms(slot);
        const longestMs = longestSlotMs(policy.schedule);
        // A slot whose day does not exist is added to the one before.
        const slackMs = ["Pacific/Apia", "Pacific/Kwajalein"].includes(policy.timeZone) ? longestMs + dayMs : 0;
        assert.ok(endMs - startMs <= longestMs + 3 * hourMs + slackMs, `${(endMs - startMs) / dayMs} days`);
      }),
      { numRuns: numRuns / 5 },
    );
  });
});
