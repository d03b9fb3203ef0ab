/** Two years of ticks in zones whose clocks and calendars do everything that clocks and calendars do. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { complianceOf } from "../../src/domain/compliance.ts";
import { startsAfter } from "../../src/domain/jitter.ts";
import { mark } from "../../src/domain/marks.ts";
import { readPoints } from "../../src/domain/points.ts";
import { defaultPolicy, type Policy } from "../../src/domain/policy.ts";
import { longestSlotMs, scheduleProblem, type Schedule } from "../../src/domain/schedule.ts";
import { currentSlot } from "../../src/domain/slots.ts";
import { aBackup } from "./support/builders.ts";
import { ourUser } from "./support/histories.ts";
import { LocalClock } from "./support/local-clock.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const tickMs = 10 * minuteMs;

/** With the years in which they did what nobody expects. */
const zones = [
  ["Europe/Berlin", "2025-06-15", "summer time"],
  ["America/Sao_Paulo", "2016-06-15", "its old rules, by which midnight itself is left out or doubled"],
  ["Asia/Kolkata", "2025-06-15", "half an hour beside the hour, no changes"],
  ["Australia/Lord_Howe", "2025-06-15", "changes of half an hour"],
  ["Pacific/Apia", "2010-12-15", "no 2011-12-30"],
] as const;

interface Case {
  readonly schedule: Schedule;
  /** When its slots start by the local calendar: minutes of each local day; by a rule written anew. */
  readonly minutesOf: (day: LocalDay) => readonly number[];
}

interface LocalDay {
  readonly month: number;
  readonly day: number;
  readonly weekDay: number;
  /** Of its month. */
  readonly lastDay: number;
}

const at = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
const when = (condition: boolean, minutes: readonly number[]): readonly number[] => (condition ? minutes : []);

/** Times in the hours that changes leave out or double, and others. */
const cases: readonly Case[] = [
  ...["00:00", "00:30", "02:00", "02:30", "03:15"].map((time): Case => {
    return { schedule: { kind: "daily", at: time }, minutesOf: () => [at(time)] };
  }),
  ...[1, 5, 7].map((weekDay): Case => {
    const schedule: Schedule = { kind: "weekly", weekDay, at: "02:15" };
    return { schedule, minutesOf: (day) => when(day.weekDay === weekDay, [at("02:15")]) };
  }),
  ...[1, 15, 29, 30, 31].map((wanted): Case => {
    const schedule: Schedule = { kind: "monthly", day: wanted, at: "00:00" };
    return { schedule, minutesOf: ({ day, lastDay }) => when(day === Math.min(wanted, lastDay), [0]) };
  }),
  {
    schedule: { kind: "yearly", month: 2, day: 29, at: "23:59" },
    minutesOf: ({ month, day, lastDay }) => when(month === 2 && day === lastDay, [at("23:59")]),
  },
  {
    schedule: { kind: "yearly", month: 12, day: 30, at: "12:00" },
    minutesOf: ({ month, day }) => when(month === 12 && day === 30, [at("12:00")]),
  },
  {
    schedule: { kind: "cron", expression: "30 1,13 * * 1-5" },
    minutesOf: ({ weekDay }) => when(weekDay <= 5, [at("01:30"), at("13:30")]),
  },
  {
    schedule: { kind: "cron", expression: "15,45 */4 L 3,10,12 sun" },
    minutesOf: ({ month, day, weekDay, lastDay }) =>
      when(
        [3, 10, 12].includes(month) && (day === lastDay || weekDay === 7),
        [0, 4, 8, 12, 16, 20].flatMap((hour) => [hour * 60 + 15, hour * 60 + 45]),
      ),
  },
];

/** The local days from `from` on, with their local minutes. */
function* localDays(from: Date, until: Date): Generator<LocalDay & { readonly local: number }> {
  for (let ms = from.getTime() - 400 * dayMs; ms < until.getTime() + 400 * dayMs; ms += dayMs) {
    const date = new Date(ms);
    yield {
      local: ms / minuteMs,
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
      weekDay: date.getUTCDay() === 0 ? 7 : date.getUTCDay(),
      lastDay: new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate(),
    };
  }
}

interface Expected {
  readonly startMs: number;
  readonly endMs: number;
}

/** All slots around two years, from starts in ascending order. */
function between(starts: readonly number[]): Expected[] {
  const distinct = [...new Set(starts)];
  return distinct.slice(1).map((endMs, index) => ({ startMs: distinct[index] ?? NaN, endMs }));
}

const clockOf = (zone: string, from: Date, until: Date): LocalClock =>
  new LocalClock(zone, new Date(from.getTime() - 402 * dayMs), new Date(until.getTime() + 402 * dayMs));

function byCalendar(clock: LocalClock, { minutesOf }: Case, [from, until]: readonly [Date, Date]): Expected[] {
  const days = [...localDays(from, until)].filter(({ local }) => clock.hasDay(local));
  return between(days.flatMap((day) => minutesOf(day).map((minute) => clock.firstAt(day.local + minute) * minuteMs)));
}

/** From midnight in elapsed time; what is left of a day belongs to its last slot. */
function byPeriod(clock: LocalClock, periodMs: number, [from, until]: readonly [Date, Date]): Expected[] {
  const days = [...localDays(from, until)].filter(({ local }) => clock.hasDay(local));
  const midnights = days.map(({ local }) => clock.firstAt(local) * minuteMs);
  return between(
    midnights.slice(1).flatMap((endMs, index) => {
      const startMs = midnights[index] ?? NaN;
      const starts: number[] = [];
      const usual = dayMs / periodMs;
      for (let n = 0; startMs + n * periodMs < endMs; n += 1) {
        if (n < usual || startMs + (n + 1) * periodMs <= endMs) starts.push(startMs + n * periodMs);
      }
      return starts;
    }),
  );
}

const anchor = new Date("2010-01-01T00:17:00Z");
function byInterval(everyMs: number, [from, until]: readonly [Date, Date]): Expected[] {
  const starts: number[] = [];
  for (let ms = anchor.getTime(); ms < until.getTime() + 2 * everyMs; ms += everyMs) {
    if (ms > from.getTime() - 2 * everyMs) starts.push(ms);
  }
  return between(starts);
}

/** How a volume stands with a policy that has made these slots. */
function complianceAt(policy: Policy, made: readonly string[], now: Date): string {
  const backups = made.map((slot, index) => {
    return aBackup(`b${index}`, slot, { marks: { [mark.policy]: policy.name, [mark.slot]: slot } });
  });
  const read = readPoints({ backups, catalogue: new Map(), userIds: new Set([ourUser]) });
  const { points = [] } = read.get("v1") ?? {};
  return complianceOf({ policy, points, now, obstacle: null, protectedSince: null }).state;
}

type Down = readonly [fromMs: number, untilMs: number];

/** What a conductor makes that looks every ten minutes, and does nothing while it is down. */
function nightly(policy: Policy, [from, until]: readonly [Date, Date], downs: readonly Down[]): string[] {
  const made: string[] = [];
  let [id, opensMs, closesMs, endMs] = ["", Infinity, -Infinity, -Infinity];
  let [down, ...later] = downs;
  for (let ms = from.getTime(); ms < until.getTime(); ms += tickMs) {
    if (down !== undefined && ms >= down[1]) [down, ...later] = later;
    if (down !== undefined && ms >= down[0]) continue;
    // The same all through a slot, which slots.property.test.ts holds: asked for once, for the time it takes.
    if (ms >= endMs) {
      const slot = currentSlot(policy, new Date(ms));
      id = slot?.id ?? "";
      opensMs = slot === null ? Infinity : startsAfter(policy, slot, volumeId).getTime();
      closesMs = slot === null ? -Infinity : slot.windowEndsAt.getTime();
      endMs = slot?.endsAt.getTime() ?? -Infinity;
    }
    if (ms >= opensMs && ms < closesMs && made.at(-1) !== id) made.push(id);
  }
  return made;
}

const volumeId = "3f0b2f8e-53f5-4a0e-9e3e-0d7a3c1b2a11";

/** The slots of which a tick saw a part in which work could start. */
function visible(
  slots: readonly Expected[],
  policy: Policy,
  range: readonly [Date, Date],
  downs: readonly Down[],
): string[] {
  const [fromMs, untilMs] = range.map((date) => date.getTime()) as [number, number];
  return slots
    .filter(({ startMs, endMs }) => {
      const closesMs = policy.catchUp === "once" ? endMs : Math.min(startMs + policy.windowMs, endMs);
      // Ticks are at whole ten minutes from the start of the two years.
      let tick = fromMs + Math.max(0, Math.ceil((startMs - fromMs) / tickMs)) * tickMs;
      for (; tick < closesMs && tick < untilMs; tick += tickMs) {
        const down = downs.find(([downMs, upMs]) => tick >= downMs && tick < upMs);
        if (down === undefined) return true;
        tick = fromMs + Math.ceil((down[1] - fromMs) / tickMs) * tickMs - tickMs;
      }
      return false;
    })
    .map(({ startMs }) => new Date(startMs).toISOString().replace(".000Z", "Z"));
}

const downtimes = (from: Date): readonly Down[] => {
  const down = (day: number, hour: number, lengthMs: number): Down => {
    const startMs = from.getTime() + day * dayMs + hour * hourMs;
    return [startMs, startMs + lengthMs];
  };
  return [
    down(20, 23, 5 * hourMs),
    down(40, 1, 30 * hourMs),
    down(60, 7, 3 * dayMs),
    down(120, 0, 16 * dayMs),
    down(300, 11, 40 * dayMs),
    // Over the changes of clocks and the day that Apia left out.
    down(375, 5, 9 * dayMs),
    down(500, 3, 50 * hourMs),
  ];
};

for (const [zone, first, why] of zones) {
  const from = new Date(`${first}T00:00:00Z`);
  const range = [from, new Date(from.getTime() + 2 * 365 * dayMs)] as const;
  const clock = clockOf(zone, ...range);
  const all: (readonly [Schedule, Expected[]])[] = [
    ...cases.map((each) => [each.schedule, byCalendar(clock, each, range)] as const),
    ...[6, 8, 12, 24].map((hours) => {
      const periodMs = hours * hourMs;
      return [{ kind: "every", periodMs }, byPeriod(clock, periodMs, range)] as const;
    }),
    ...[5 * hourMs, 36 * hourMs].map((everyMs) => {
      return [{ kind: "interval", everyMs, anchor }, byInterval(everyMs, range)] as const;
    }),
  ];

  describe(`two years in ${zone} (${why})`, () => {
    for (const [schedule, slots] of all) {
      const policy: Policy = {
        ...defaultPolicy,
        schedule,
        periodMs: longestSlotMs(schedule),
        timeZone: zone,
        windowMs: hourMs,
      };
      it(`${JSON.stringify(schedule)}: one restore point a slot`, () => {
        assert.equal(scheduleProblem(schedule), null);
        const made = nightly(policy, range, []);
        assert.deepEqual(made, visible(slots, policy, range, []));
        assert.equal(new Set(made).size, made.length);
      });
      if (schedule.kind === "monthly") {
        it(`${JSON.stringify(schedule)}: compliant on day 20 of each month, and not without that month's`, () => {
          const made = nightly(policy, range, []);
          const days = [...localDays(...range)].filter(({ day }) => day === 20);
          const noons = days.map(({ local }) => clock.firstAt(local + 12 * 60) * minuteMs);
          const [first = "", last = ""] = [made[0], made.at(-1)];
          const asked = noons.filter((ms) => ms > Date.parse(first) && ms < Date.parse(last));
          assert.ok(asked.length >= 22);
          for (const now of asked.map((ms) => new Date(ms))) {
            const until = made.filter((slot) => Date.parse(slot) <= now.getTime());
            assert.equal(complianceAt(policy, until, now), "compliant");
            assert.equal(complianceAt(policy, until.slice(0, -1), now), until.length === 1 ? "never" : "overdue");
          }
        });
      }
      it(`${JSON.stringify(schedule)}: downtime is made up for once, or skipped, as configured`, () => {
        const downs = downtimes(from);
        const once = { ...policy, catchUp: "once" } as const;
        const expected = visible(slots, once, range, downs);
        assert.deepEqual(nightly(once, range, downs), expected);
        assert.deepEqual(nightly(policy, range, downs), visible(slots, policy, range, downs));
      });
    }
  });
}
