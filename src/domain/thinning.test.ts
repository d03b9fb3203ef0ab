import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ThinningRule } from "./policy.ts";
import { keepSet, type Counted, type Thinned } from "./thinning.ts";

const none: ThinningRule = {
  last: 0,
  hourly: 0,
  daily: 0,
  weekly: 0,
  monthly: 0,
  yearly: 0,
  countFrom: "newest",
  minimumKeep: 1,
  timeZone: "UTC",
};
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

const counted = (at: string | number, kind: Counted["kind"] = "good"): Counted => {
  const atMs = typeof at === "number" ? at : Date.parse(at);
  return { madeMs: atMs, calendarMs: atMs, kind };
};
const dateOf = ({ madeMs }: Counted): string => new Date(madeMs).toISOString().slice(0, 10);

/** What is kept, and as what without the minimum, e.g. `2019-11-17 daily weekly`. */
function kept(points: readonly Counted[], rule: Partial<ThinningRule>, label = dateOf): string[] {
  const set = keepSet(points, { ...none, ...rule });
  return points.flatMap((point, index) => {
    const keptAs = set[index]?.keptAs ?? [];
    return keptAs.length === 0 ? [] : [label(point), ...keptAs.filter((each) => each !== "minimum")].join(" ");
  });
}

const days = (from: string, count: number): Counted[] =>
  Array.from({ length: count }, (_, n) => counted(Date.parse(from) + n * dayMs));

describe("restic's documented examples", () => {
  it("keep-daily 4 of twelve Sundays: the last four Sundays", () => {
    const sundays = Array.from({ length: 12 }, (_, n) => counted(Date.parse("2019-09-01T11:00:00Z") + n * 7 * dayMs));
    assert.deepEqual(kept(sundays, { daily: 4 }), [
      "2019-10-27 daily",
      "2019-11-03 daily",
      "2019-11-10 daily",
      "2019-11-17 daily",
    ]);
  });

  it("a point is kept when one of the steps keeps it: the newest of a Sunday is hourly, daily, weekly ...", () => {
    assert.deepEqual(kept(days("2019-11-11T11:00:00Z", 7), { hourly: 1, daily: 2, weekly: 1, monthly: 1 }), [
      "2019-11-16 daily",
      "2019-11-17 hourly daily weekly monthly",
    ]);
  });

  it("a hundred years of days: 7 daily, 4 more that end a week, 11 or 12 that end a month, 73 or 74 that end a year", () => {
    const firstAs = (end: string): number[] => {
      const points = days(new Date(Date.parse(`${end}T11:00:00Z`) - 36_524 * dayMs).toISOString(), 36_525);
      const rows = kept(points, { daily: 7, weekly: 5, monthly: 12, yearly: 75 });
      return ["daily", "weekly", "monthly", "yearly"].map(
        (step) => rows.filter((row) => row.split(" ")[1] === step).length,
      );
    };
    // A Sunday. The end of the year before is one of the monthly ones.
    assert.deepEqual(firstAs("2019-11-17"), [7, 4, 11, 73]);
  });

  it("a policy that keeps nothing removes nothing it should not: the newest stays", () => {
    assert.deepEqual(kept(days("2019-11-11T11:00:00Z", 3), {}), ["2019-11-13"]);
  });
});

describe("Proxmox's documented examples", () => {
  const rule = { countFrom: "previous" } as const;
  const stamp = ({ madeMs }: Counted): string => new Date(madeMs).toISOString().slice(0, 16);
  const hours = ["09:39", "10:49", "10:59", "11:39", "11:49", "11:59"].map((at) => counted(`2019-11-15T${at}:15Z`));

  it("of each of the last hours with a backup the newest", () => {
    const label = (point: Counted): string => stamp(point).slice(11);
    assert.deepEqual(kept(hours, { ...rule, hourly: 3 }, label), ["09:39 hourly", "10:59 hourly", "11:59 hourly"]);
    assert.deepEqual(kept(hours, { ...rule, hourly: 2 }, label), ["10:59 hourly", "11:59 hourly"]);
  });

  const dates = [
    "2018-11-15",
    "2019-11-15",
    "2019-11-21",
    "2019-11-22",
    "2019-11-29",
    "2019-12-01",
    "2019-12-02",
    "2019-12-03",
    "2019-12-04",
  ];
  const scattered = dates.map((date) => counted(`${date}T11:59:15Z`));
  for (const [steps, expected] of [
    [{ daily: 1 }, ["2019-12-04 daily"]],
    [{ last: 1, daily: 1 }, ["2019-12-03 daily", "2019-12-04 last"]],
    [{ daily: 1, weekly: 1 }, ["2019-12-01 weekly", "2019-12-04 daily"]],
    [{ daily: 1, weekly: 1, monthly: 1 }, ["2019-11-22 monthly", "2019-12-01 weekly", "2019-12-04 daily"]],
    [{ monthly: 1, yearly: 1 }, ["2018-11-15 yearly", "2019-12-04 monthly"]],
  ] as const) {
    it(`each step begins where the one before ended: ${JSON.stringify(steps)}`, () => {
      assert.deepEqual(kept(scattered, { ...rule, ...steps }), expected);
    });
  }

  const week = ["2019-12-02T11:59:15Z", "2019-12-03T11:59:15Z", "2019-12-04T11:59:15Z", "2019-12-04T12:59:15Z"].map(
    (at) => counted(at),
  );
  for (const [steps, removed] of [
    [{ last: 4 }, []],
    [{ last: 3 }, ["2019-12-02T11:59"]],
    [{ last: 2 }, ["2019-12-02T11:59", "2019-12-03T11:59"]],
    [{ last: 2, daily: 2 }, []],
    [{ daily: 3 }, ["2019-12-04T11:59"]],
    [{ daily: 2 }, ["2019-12-02T11:59", "2019-12-04T11:59"]],
    [{ weekly: 5 }, ["2019-12-02T11:59", "2019-12-03T11:59", "2019-12-04T11:59"]],
    [{ daily: 1, weekly: 5 }, ["2019-12-02T11:59", "2019-12-03T11:59", "2019-12-04T11:59"]],
    [{ weekly: 5, monthly: 6, yearly: 7 }, ["2019-12-02T11:59", "2019-12-03T11:59", "2019-12-04T11:59"]],
  ] as const) {
    it(`of one week ${JSON.stringify(steps)} removes ${removed.length}`, () => {
      const set = keepSet(week, { ...none, ...rule, ...steps });
      assert.deepEqual(week.filter((_, index) => set[index]?.keptAs.length === 0).map(stamp), removed);
    });
  }

  it("a step that is full goes on covering: what shares a week with one made late goes at once, not when others are gone (found by a soak)", () => {
    const late: Counted = {
      madeMs: Date.parse("2012-01-02T00:30:00Z"),
      calendarMs: Date.parse("2012-01-01T23:30:00Z"),
      kind: "good",
    };
    const history = [
      counted("2011-12-30T12:00:00Z"),
      counted("2012-01-02T00:00:00Z"),
      late,
      counted("2012-02-01T00:00:00Z"),
    ];
    const rule = { weekly: 2, yearly: 1, countFrom: "previous" } as const;
    const before = ["2012-01-02 weekly", "2012-02-01 weekly"];
    assert.deepEqual(kept(history, rule), before);
    assert.deepEqual(kept(history.toSpliced(1, 1), rule), before);
  });

  it("last 3, daily 13, weekly 8, monthly 11, yearly 9: two weeks, two months, a year, ten years", () => {
    const monthEnds = Array.from({ length: 132 }, (_, n) => counted(Date.UTC(2008, n + 1, 0, 21)));
    const points = [...monthEnds, ...days("2019-01-01T21:00:00Z", 527)];
    const rows = kept(points, { ...rule, last: 3, daily: 13, weekly: 8, monthly: 11, yearly: 9 });
    const of = (step: string): string[] => rows.flatMap((row) => (row.endsWith(` ${step}`) ? row.slice(0, 10) : []));
    assert.deepEqual(of("last"), ["2020-06-08", "2020-06-09", "2020-06-10"]);
    assert.deepEqual([of("daily")[0], of("daily").length], ["2020-05-26", 13]);
    assert.deepEqual(of("weekly"), [
      "2020-04-05",
      "2020-04-12",
      "2020-04-19",
      "2020-04-26",
      "2020-05-03",
      "2020-05-10",
      "2020-05-17",
      "2020-05-24",
    ]);
    assert.deepEqual([of("monthly")[0], of("monthly").length], ["2019-05-31", 11]);
    assert.deepEqual(
      of("yearly"),
      Array.from({ length: 9 }, (_, n) => `${2010 + n}-12-31`),
    );
    assert.equal(rows.length, 3 + 13 + 8 + 11 + 9);
  });
});

/** What becomes of each point: `daily`, or `out by 2026-11-21 (weekly)`. */
const story = (points: readonly Counted[], rule: Partial<ThinningRule>): string[] =>
  keepSet(points, { ...none, ...rule }).map(({ keptAs, lastKeptAs, outMs }: Thinned) =>
    keptAs.length > 0 ? keptAs.join(" ") : `out by ${dateOf(counted(outMs))} (${lastKeptAs})`,
  );

describe("when a point was pushed out", () => {
  for (const countFrom of ["newest", "previous"] as const) {
    it(`is when the one was made that took its last place, counting from ${countFrom}`, () => {
      assert.deepEqual(story(days("2026-11-16T00:00:00Z", 5), { last: 2, countFrom }), [
        "out by 2026-11-18 (last)",
        "out by 2026-11-19 (last)",
        "out by 2026-11-20 (last)",
        "last",
        "last minimum",
      ]);
    });
  }

  it("names the step that kept it longest", () => {
    // 2026-11-15 was a Sunday.
    assert.deepEqual(story(days("2026-11-14T00:00:00Z", 10), { daily: 2, weekly: 1 }), [
      "out by 2026-11-16 (daily)",
      "out by 2026-11-17 (daily)",
      "out by 2026-11-18 (daily)",
      "out by 2026-11-19 (daily)",
      "out by 2026-11-20 (daily)",
      "out by 2026-11-21 (daily)",
      "out by 2026-11-22 (daily)",
      "out by 2026-11-23 (daily)",
      "daily",
      "daily weekly minimum",
    ]);
  });

  it("is when a newer one of its day was made", () => {
    const points = ["2026-11-20T01:00:00Z", "2026-11-21T01:00:00Z", "2026-11-21T13:00:00Z"].map((at) => counted(at));
    assert.deepEqual(story(points, { daily: 2 }), ["daily", "out by 2026-11-21 (daily)", "daily minimum"]);
  });
});

describe("what counts", () => {
  it("a doubtful one takes nobody's place, and stays as long as a good one would", () => {
    const points = days("2026-11-16T00:00:00Z", 6).map((point, index) =>
      index === 1 || index === 4 ? { ...point, kind: "doubtful" as const } : point,
    );
    for (const countFrom of ["newest", "previous"] as const) {
      assert.deepEqual(story(points, { last: 3, countFrom }), [
        "out by 2026-11-21 (last)",
        "out by 2026-11-21 (last)",
        "last",
        "last",
        "last",
        "last minimum",
      ]);
    }
  });

  it("an expected one takes a place in the calendar, but is none of the minimum", () => {
    const [first, second, third] = days("2026-11-19T00:00:00Z", 3) as [Counted, Counted, Counted];
    const points = [first, second, { ...third, kind: "expected" as const }];
    for (const countFrom of ["newest", "previous"] as const) {
      assert.deepEqual(story(points, { last: 2, countFrom }).slice(0, 2), ["out by 2026-11-21 (last)", "last minimum"]);
      assert.deepEqual(story(points, { last: 1, countFrom })[1], "minimum");
      assert.deepEqual(story(points, { last: 1, minimumKeep: 2, countFrom })[0], "minimum");
    }
  });

  it("the newest good one stays, whatever the numbers are", () => {
    for (const minimumKeep of [1, 0, -3, NaN]) {
      for (const countFrom of ["newest", "previous"] as const) {
        assert.deepEqual(story(days("2026-11-20T00:00:00Z", 2), { minimumKeep, countFrom }).at(-1), "minimum");
      }
    }
  });

  it("a number that is none keeps everything", () => {
    assert.deepEqual(story(days("2026-11-18T00:00:00Z", 4), { last: NaN }).slice(0, 3), ["last", "last", "last"]);
  });
});

describe("the calendar", () => {
  const at = (zone: string, ...instants: string[]): number =>
    kept(
      instants.map((each) => counted(each)),
      { daily: 9, timeZone: zone },
    ).length;

  it("is that of the rule's zone", () => {
    const night = ["2026-11-20T22:30:00Z", "2026-11-20T23:30:00Z"] as const;
    assert.equal(at("UTC", ...night), 1);
    assert.equal(at("Europe/Berlin", ...night), 2);
  });

  it("has weeks of ISO 8601: they begin on Monday, and the first days of a year may be of the last week of the one before", () => {
    const turn = days("2026-12-28T12:00:00Z", 8);
    assert.deepEqual(kept(turn, { weekly: 9 }), ["2027-01-03 weekly", "2027-01-04 weekly"]);
  });

  it("has two hours where a clock shows one twice, and each point of a slot of an hour stays", () => {
    const hours = Array.from({ length: 5 }, (_, n) => counted(Date.parse("2026-10-24T23:00:00Z") + n * hourMs));
    assert.equal(kept(hours, { hourly: 5, timeZone: "Europe/Berlin" }).length, 5);
  });

  it("counts a day once although it is entered twice (St. John's, where clocks went back at a minute past midnight)", () => {
    const points = ["2010-11-07T01:00:00Z", "2010-11-07T02:30:30Z", "2010-11-07T03:00:00Z", "2010-11-07T12:00:00Z"];
    assert.deepEqual(
      kept(
        points.map((each) => counted(each)),
        { daily: 2, timeZone: "America/St_Johns" },
        ({ madeMs }) => new Date(madeMs).toISOString().slice(11, 16),
      ),
      ["03:00 daily", "12:00 daily"],
    );
  });

  it("is of the slot, not of the moment: what was made after midnight for the evening before is of the evening", () => {
    const evenings = [19, 20, 21].map((day): Counted => {
      const calendarMs = Date.parse(`2026-11-${day}T23:00:00Z`);
      return { calendarMs, madeMs: calendarMs + (day === 20 ? 2 * hourMs : 0), kind: "good" };
    });
    assert.equal(kept(evenings, { daily: 3 }).length, 3);
  });
});
