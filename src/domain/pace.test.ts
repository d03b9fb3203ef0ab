import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aBackup, anIncremental, at, dailyPolicy, pointsOf } from "../../test/unit/support/builders.ts";
import { dayMs } from "../../test/unit/support/clouds.ts";
import { sureOf } from "./certainty.ts";
import type { Backup } from "./inventory.ts";
import { deletionCap, dueTimes } from "./pace.ts";
import type { Point } from "./points.ts";

const now = at("2026-11-21T00:00:00Z");
const nowMs = now.getTime();

const read = (backups: readonly Backup[]): readonly Point[] => pointsOf(backups).get("v1")?.points ?? [];
const ago = (days: number): string => new Date(nowMs - days * dayMs).toISOString();

describe("deletionCap", () => {
  const old = (count: number): Backup[] =>
    Array.from({ length: count }, (_, n) => aBackup(`b${String(n).padStart(3, "0")}`, ago(30)));
  const cap = (backups: readonly Backup[]): number =>
    deletionCap(read(backups), { nowMs, override: null, sure: sureOf(read(backups)) });

  it("is ten at least", () => {
    assert.equal(cap([]), 10);
    assert.equal(cap(old(73)), 10);
  });

  it("is 15% of the points, rounded down", () => {
    assert.equal(cap(old(74)), 11);
    assert.equal(cap(old(200)), 30);
  });

  it("and as many as were made in the last 24 hours and are good", () => {
    const ofAge = (ms: number, status = "available"): Backup =>
      aBackup("new", new Date(nowMs - ms).toISOString(), { status });
    assert.equal(cap([ofAge(0)]), 11);
    assert.equal(cap([ofAge(dayMs - 1)]), 11);
    assert.equal(cap([ofAge(dayMs)]), 10);
    assert.equal(cap([ofAge(-1)]), 10);
    assert.equal(cap([ofAge(0, "error")]), 10);
  });

  it("of which is known for certain what they build on", () => {
    const chain = [aBackup("f", ago(0.5)), anIncremental("i", ago(0.25), "f")];
    assert.equal(cap(chain), 12);
    const claimed = pointsOf(chain, { unverified: true }).get("v1")?.points ?? [];
    assert.equal(deletionCap(claimed, { nowMs, override: null, sure: sureOf(claimed) }), 11);
  });

  it("is what an override says, while it lasts and where that is more", () => {
    const withOverride = (count: number, expiresAt: Date): number =>
      deletionCap([], { nowMs, override: { projectId: "p1", count, expiresAt }, sure: new Set() });
    assert.equal(withOverride(500, new Date(nowMs + 1)), 500);
    assert.equal(withOverride(5, new Date(nowMs + 1)), 10);
    assert.equal(withOverride(500, now), 10);
  });
});

describe("dueTimes", () => {
  // A daily rhythm: three members made 20, 19 and 18 days ago, promised for five days; the last expired 13 days ago.
  const chain = read([20, 19, 18].map((days) => aBackup(`made ${days} days ago`, ago(days)))).toReversed();
  const steady = Array.from({ length: 18 }, (_, n) => 17 - n);

  /** When the members are overdue, in days before now, newest first. */
  function due(
    madeLater: readonly number[],
    { members = chain, promisedDays = 5, successorPromisedDays = 5 } = {},
  ): (number | string)[] {
    const later = read(madeLater.map((days, index) => aBackup(`later ${String(index).padStart(2, "0")}`, ago(days))));
    const times = dueTimes(members, {
      later,
      diesAtMs: (point) =>
        point.backup.createdAt.getTime() + (point === later[0] ? successorPromisedDays : promisedDays) * dayMs,
      nowMs,
      archive: dailyPolicy.archive,
      periodMs: dailyPolicy.periodMs,
    });
    return times.map((ms) => (nowMs - ms) / dayMs);
  }

  it("one member a period, newest first, beginning two days after the chain's death", () => {
    assert.deepEqual(due(steady), [11, 10, 9]);
  });

  it("stay where they are when the newest are gone", () => {
    assert.deepEqual(due(steady, { members: chain.slice(1) }), [10, 9]);
    assert.deepEqual(due(steady, { members: chain.slice(2) }), [9]);
  });

  it("wait for a longer promise of the point after the chain, not for a shorter one", () => {
    assert.deepEqual(due(steady, { successorPromisedDays: 9 }), [7, 6, 5]);
    assert.deepEqual(due(steady, { successorPromisedDays: 1 }), [11, 10, 9]);
  });

  it("a night missed after the chain moves its end and its death, a day each", () => {
    assert.deepEqual(due(steady.slice(1), { members: chain.slice(2) }), [7]);
  });

  it("time without backups counts, up to five days", () => {
    const madeUntil = (days: number): number[] => steady.filter((each) => each >= days);
    assert.deepEqual(due(madeUntil(1)), [11, 10, 9]);
    assert.deepEqual(due(madeUntil(2)), [10, 9, 8]);
    assert.deepEqual(due(madeUntil(6)), [6, 5, 4]);
    assert.deepEqual(due(madeUntil(7)), [6, 5, 4]);
    assert.deepEqual(due(steady.filter((days) => days < 8 || days > 10)), [8, 7, 6]);
  });

  it("without any point after the chain, its own times count, and all since is idle", () => {
    assert.deepEqual(due([]), [6, 5, 4]);
  });

  it("quicker backups than the policy's do not make up for gaps", () => {
    const often = [17, 16.75, 16.5, 16.25, 16, 14].concat(steady.filter((days) => days < 14));
    assert.deepEqual(due(often), [10, 9, 8]);
  });

  it("never put an older member before a newer one", () => {
    const odd = read([aBackup("a", ago(18)), aBackup("b", ago(20), { dataTimestamp: at(ago(17)) })]).toReversed();
    assert.deepEqual(
      odd.map(({ backup }) => backup.id),
      ["b", "a"],
    );
    assert.deepEqual(due(steady, { members: odd }), [9, 9]);
  });
});
