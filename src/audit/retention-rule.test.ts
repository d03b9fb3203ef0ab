import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isAtLeast, keptBy, readRule } from "./retention-rule.ts";
import type { Counted, RetentionRule } from "./retention-rule.ts";

const rule = (text: string): RetentionRule => readRule(text) ?? assert.fail(`not a rule: ${text}`);

describe("the text of a rule", () => {
  it("is read", () => {
    assert.deepEqual(rule("last=5,daily=7,min=2,from=previous,tz=Europe/Berlin"), {
      steps: [
        { unit: "last", count: 5 },
        { unit: "daily", count: 7 },
      ],
      minimum: 2,
      isInTurn: true,
      timeZone: "Europe/Berlin",
    });
    assert.deepEqual(rule("min=1,tz=UTC"), { steps: [], minimum: 1, isInTurn: false, timeZone: "UTC" });
  });

  const unreadable = [
    "",
    "last=5",
    "last=5,tz=UTC",
    "last=5,min=1",
    "last=0,min=1,tz=UTC",
    "last=-1,min=1,tz=UTC",
    "last=five,min=1,tz=UTC",
    "last=5,last=6,min=1,tz=UTC",
    "last=5,min=0,tz=UTC",
    "last=5,min=1,tz=Mars/Olympus",
    "last=5,min=1,from=newest,tz=UTC",
    "last=5,fortnightly=2,min=1,tz=UTC",
    "last=5,min=1,tz=UTC,",
    "Last=5,min=1,tz=UTC",
  ];
  for (const text of unreadable) {
    it(`is not read: ${JSON.stringify(text)}`, () => assert.equal(readRule(text), undefined));
  }
});

/** Points at these local times of a zone without changes, newest first; the time is the id. */
const at = (...times: readonly string[]): Counted[] =>
  times.map((id) => ({ id, calendarMs: Date.parse(id), isGood: true }));
const kept = (text: string, points: readonly Counted[]): readonly string[] => [...keptBy(rule(text), points)].sort();

describe("what a rule keeps", () => {
  const sundays = at(
    "2026-03-01T10:00Z",
    "2026-02-22T10:00Z",
    "2026-02-15T10:00Z",
    "2026-02-08T10:00Z",
    "2026-02-01T10:00Z",
  );

  it("counts what there is, not what is missing", () => {
    assert.deepEqual(kept("daily=3,min=1,tz=UTC", sundays), [
      "2026-02-15T10:00Z",
      "2026-02-22T10:00Z",
      "2026-03-01T10:00Z",
    ]);
  });

  it("is the newest of each hour, day, week, month and year", () => {
    const points = at(
      "2026-01-05T09:40Z",
      "2026-01-05T09:10Z",
      "2026-01-05T08:00Z",
      "2026-01-04T08:00Z",
      "2025-12-30T08:00Z",
      "2025-12-29T08:00Z",
      "2025-12-28T08:00Z",
      "2025-11-28T08:00Z",
    );
    assert.deepEqual(kept("hourly=2,min=1,tz=UTC", points), ["2026-01-05T08:00Z", "2026-01-05T09:40Z"]);
    assert.deepEqual(kept("daily=2,min=1,tz=UTC", points), ["2026-01-04T08:00Z", "2026-01-05T09:40Z"]);
    // The week of 29 December goes on to 4 January.
    assert.deepEqual(kept("weekly=3,min=1,tz=UTC", points), [
      "2025-12-28T08:00Z",
      "2026-01-04T08:00Z",
      "2026-01-05T09:40Z",
    ]);
    assert.deepEqual(kept("monthly=2,min=1,tz=UTC", points), ["2025-12-30T08:00Z", "2026-01-05T09:40Z"]);
    assert.deepEqual(kept("yearly=9,min=1,tz=UTC", points), ["2025-12-30T08:00Z", "2026-01-05T09:40Z"]);
  });

  it("is any that a step keeps", () => {
    assert.deepEqual(kept("last=1,monthly=2,min=1,tz=UTC", sundays), ["2026-02-22T10:00Z", "2026-03-01T10:00Z"]);
  });

  it("begins each step where the one before it ended, if it says so", () => {
    assert.deepEqual(kept("last=1,weekly=2,monthly=1,min=1,from=previous,tz=UTC", sundays), [
      "2026-02-15T10:00Z",
      "2026-02-22T10:00Z",
      "2026-03-01T10:00Z",
    ]);
    assert.deepEqual(kept("last=2,daily=2,min=1,from=previous,tz=UTC", sundays), [
      "2026-02-08T10:00Z",
      "2026-02-15T10:00Z",
      "2026-02-22T10:00Z",
      "2026-03-01T10:00Z",
    ]);
  });

  it("is never less than the minimum of good ones", () => {
    const points = sundays.map((each, index) => ({ ...each, isGood: index > 0 }));
    assert.deepEqual(kept("last=1,min=2,tz=UTC", points), [
      "2026-02-15T10:00Z",
      "2026-02-22T10:00Z",
      "2026-03-01T10:00Z",
    ]);
  });

  it("goes by the calendar of the zone", () => {
    const points = at("2026-01-01T10:30Z", "2026-01-01T09:30Z");
    assert.equal(kept("daily=2,min=1,tz=UTC", points).length, 1);
    // Midnight on the other side of the world.
    assert.equal(kept("daily=2,min=1,tz=Pacific/Honolulu", points).length, 2);
    assert.equal(kept("yearly=2,min=1,tz=Pacific/Honolulu", points).length, 2);
  });

  it("takes the hour that a clock shows twice for two", () => {
    const points = at("2026-10-25T01:30Z", "2026-10-25T00:30Z");
    assert.equal(kept("hourly=2,min=1,tz=Europe/Berlin", points).length, 2);
    assert.equal(kept("daily=2,min=1,tz=Europe/Berlin", points).length, 1);
  });
});

describe("a rule keeps at least as much", () => {
  const isMore = (to: string, from: string): boolean => isAtLeast(rule(to), rule(from));
  it("with larger numbers", () => {
    assert.ok(isMore("last=2,daily=7,min=1,tz=UTC", "last=2,min=1,tz=UTC"));
    assert.ok(isMore("last=3,min=2,tz=UTC", "last=2,min=1,tz=UTC"));
  });
  it("not with a smaller one, another zone or another way to count", () => {
    assert.ok(!isMore("last=1,daily=9,min=1,tz=UTC", "last=2,min=1,tz=UTC"));
    assert.ok(!isMore("last=2,min=1,tz=UTC", "last=2,min=2,tz=UTC"));
    assert.ok(!isMore("daily=2,min=1,tz=Asia/Kolkata", "daily=2,min=1,tz=UTC"));
    assert.ok(!isMore("last=2,min=1,from=previous,tz=UTC", "last=2,min=1,tz=UTC"));
  });
  it("only with the same numbers where steps are counted in turn", () => {
    assert.ok(isMore("last=2,min=2,from=previous,tz=UTC", "last=2,min=1,from=previous,tz=UTC"));
    assert.ok(!isMore("last=2,daily=1,min=1,from=previous,tz=UTC", "last=1,daily=1,min=1,from=previous,tz=UTC"));
  });
});
