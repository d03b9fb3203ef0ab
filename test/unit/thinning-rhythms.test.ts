import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { Backup } from "../../src/domain/inventory.ts";
import { mark } from "../../src/domain/marks.ts";
import type { Policy, ThinningRule } from "../../src/domain/policy.ts";
import type { RotationPlan } from "../../src/domain/retention.ts";
import { keepSet } from "../../src/domain/thinning.ts";
import { dayMs, hourMs, Rhythm, type RhythmOptions } from "./support/rhythm.ts";

/** Months and years of nights with policies that keep by counts: what counts is kept, the rest goes, and the brake tells it from mass deletion. */

const none: ThinningRule = {
  last: 0,
  hourly: 0,
  daily: 0,
  weekly: 0,
  monthly: 0,
  yearly: 0,
  countFrom: "newest",
  minimumKeep: 1,
  timeZone: "Europe/Berlin",
};
const gfs: ThinningRule = { ...none, daily: 7, weekly: 4, monthly: 12 };
const nightly = { periodMs: dayMs, retentionMs: 0, fullEvery: 1 };

interface Case extends RhythmOptions {
  readonly name: string;
  /** Points of one volume that there may ever be. */
  readonly most: number;
}

const cases: Case[] = [
  { ...nightly, name: "last 3, forty volumes", thinning: { ...none, last: 3 }, volumes: 40, slots: 100, most: 3 },
  { ...nightly, name: "last 1, one volume", thinning: { ...none, last: 1 }, volumes: 1, slots: 100, most: 1 },
  { ...nightly, name: "a year of daily 7, weekly 4, monthly 12", thinning: gfs, volumes: 4, slots: 400, most: 21 },
  {
    ...nightly,
    name: "the same in chains of seven",
    thinning: gfs,
    fullEvery: 7,
    volumes: 3,
    slots: 430,
    most: 103,
  },
  {
    ...nightly,
    name: "chains of seven that die on one night, few of them kept",
    thinning: { ...none, last: 2, weekly: 2 },
    fullEvery: 7,
    volumes: 40,
    slots: 90,
    most: 12,
  },
  {
    ...nightly,
    name: "one volume with chains longer than a night's allowance",
    thinning: { ...none, last: 2 },
    fullEvery: 30,
    volumes: 1,
    slots: 200,
    most: 31,
  },
  {
    ...nightly,
    name: "counted in turn, daily 7, weekly 4, monthly 6",
    thinning: { ...gfs, monthly: 6, countFrom: "previous" },
    volumes: 4,
    slots: 220,
    most: 17,
  },
  {
    periodMs: 6 * hourMs,
    retentionMs: 0,
    fullEvery: 4,
    name: "every six hours, hourly 8, daily 5",
    thinning: { ...none, hourly: 8, daily: 5 },
    volumes: 8,
    slots: 200,
    most: 20,
  },
  {
    ...nightly,
    name: "snapshots, last 5",
    mechanism: "snapshot",
    thinning: { ...none, last: 5 },
    volumes: 20,
    slots: 60,
    most: 5,
  },
  {
    periodMs: 6 * hourMs,
    retentionMs: dayMs,
    fullEvery: 7,
    name: "every six hours for a day, and in the same chains a daily one for two weeks",
    second: { every: 4, policy: { periodMs: dayMs, retentionMs: 14 * dayMs } },
    volumes: 10,
    slots: 200,
    most: 75,
  },
  {
    periodMs: 6 * hourMs,
    retentionMs: dayMs,
    fullEvery: 7,
    name: "every six hours for a day, and in the same chains daily 7, weekly 4",
    second: { every: 4, policy: { periodMs: dayMs, retentionMs: 0, thinning: { ...none, daily: 7, weekly: 4 } } },
    volumes: 10,
    slots: 240,
    most: 54,
  },
  {
    ...nightly,
    name: "a week of downtime now and then",
    thinning: gfs,
    fullEvery: 3,
    volumes: 4,
    slots: 200,
    isDown: (slot) => slot % 60 >= 53,
    most: 33,
  },
  {
    ...nightly,
    name: "every third night failed",
    thinning: { ...none, last: 4, weekly: 3 },
    fullEvery: 3,
    volumes: 20,
    slots: 100,
    fails: (slot, volume) => (slot + volume) % 3 === 0,
    most: 13,
  },
];

/** What the counts keep of a volume's points, by nothing of rotation's. */
function countedIn(rhythm: Rhythm, volumeId: string, policy: Policy): Set<string> {
  const rule = policy.thinning;
  if (rule === null) return new Set();
  const good = [...rhythm.backups.values()].filter(
    (backup) =>
      backup.volumeId === volumeId && backup.status === "available" && backup.metadata[mark.policy] === policy.name,
  );
  const set = keepSet(
    good.map((backup) => {
      const calendarMs = Date.parse(backup.metadata[mark.slot] ?? "");
      return { madeMs: backup.createdAt.getTime(), calendarMs, kind: "good" };
    }),
    rule,
  );
  return new Set(good.flatMap(({ id }, index) => (set[index]!.keptAs.length > 0 ? id : [])));
}

function play(test: TestContext, options: Case): void {
  const rhythm = new Rhythm(options);
  let most = 0;
  rhythm.play((plan) => {
    most = Math.max(most, plan.overdue / Math.max(1, plan.allowance));
    for (const { volumeId, members } of plan.chains) {
      const policies = [rhythm.policy, ...(rhythm.second === null ? [] : [rhythm.second])];
      const counted = policies.map((policy) => countedIn(rhythm, volumeId, policy));
      for (const { backup } of members) {
        assert.ok(
          counted.every((kept) => !kept.has(backup.id)),
          `${backup.id} is counted in slot ${rhythm.slot}`,
        );
      }
    }
  });
  assert.deepEqual(rhythm.braked, []);
  assert.ok(rhythm.mostOfOneVolume <= options.most, `${rhythm.mostOfOneVolume} points, not ${options.most}`);
  test.diagnostic(
    `at most ${rhythm.mostOfOneVolume} points a volume, overdue at most ${Math.round(100 * most)} % of the allowance`,
  );
}

describe("a steady rhythm that is kept by counts is never braked, and never grows", () => {
  for (const each of cases) it(each.name, (test) => play(test, each));
});

it("after a year exactly what the counts say is there", () => {
  const rhythm = new Rhythm({ ...nightly, thinning: gfs, volumes: 1, slots: 400 }).play();
  const kept = [...rhythm.backups.values()].map(({ metadata }) => metadata[mark.slot]!.slice(0, 10));
  // The last night is 2026-02-04, a Wednesday.
  assert.deepEqual(kept, [
    ...["2025-03-31", "2025-04-30", "2025-05-31", "2025-06-30", "2025-07-31", "2025-08-31"],
    ...["2025-09-30", "2025-10-31", "2025-11-30", "2025-12-31", "2026-01-18", "2026-01-25"],
    ...["2026-01-29", "2026-01-30", "2026-01-31", "2026-02-01", "2026-02-02", "2026-02-03", "2026-02-04"],
  ]);
});

const assertStopped = (plan: RotationPlan): void => {
  assert.equal(plan.blocked, "brake");
  assert.deepEqual(plan.chains, []);
};

/** Takes the rules and the promises off the points, from the database, too. */
function loseMarks(rhythm: Rhythm): void {
  for (const [id, backup] of rhythm.backups) {
    const left = Object.entries(backup.metadata).filter(([key]) => key !== mark.retention && key !== mark.keepUntil);
    rhythm.backups.set(id, { ...backup, metadata: Object.fromEntries(left) } satisfies Backup);
  }
  rhythm.catalogue.clear();
}

describe("fewer in the policy", () => {
  for (const fullEvery of [1, 7]) {
    it(`take nothing that was made under more, full every ${fullEvery}`, () => {
      const rhythm = new Rhythm({
        ...nightly,
        fullEvery,
        thinning: { ...none, daily: 30 },
        volumes: 20,
        slots: 60,
      }).play();
      rhythm.next();
      const before = rhythm.plan();
      const cut = rhythm.plan({ thinning: { ...none, daily: 3 } });
      assert.equal(cut.blocked, null);
      assert.deepEqual(
        cut.chains.flatMap(({ deletions }) => deletions.map(({ backup }) => backup.id)),
        before.chains.flatMap(({ deletions }) => deletions.map(({ backup }) => backup.id)),
      );
    });

    it(`are stopped in full when all marks are lost as well, full every ${fullEvery}`, () => {
      const rhythm = new Rhythm({
        ...nightly,
        fullEvery,
        thinning: { ...none, daily: 30 },
        volumes: 20,
        slots: 60,
      }).play();
      rhythm.next();
      loseMarks(rhythm);
      assert.equal(rhythm.plan().blocked, null);
      assertStopped(rhythm.plan({ thinning: { ...none, daily: 3 } }));
    });
  }
});

it("a clock that is a month ahead pushes nothing out", () => {
  const rhythm = new Rhythm({ ...nightly, thinning: { ...none, daily: 30 }, volumes: 20, slots: 60 }).play();
  const plan = rhythm.plan({ nowMs: rhythm.nowMs + 30 * dayMs });
  assert.deepEqual([plan.blocked, plan.chains], [null, []]);
});

it("a retention shorter than the period does not churn: weekly for two days makes three points in two weeks, each there until the next is good", () => {
  const weekly = { periodMs: 7 * dayMs, retentionMs: 2 * dayMs, fullEvery: 1, volumes: 3, slots: 3 };
  const rhythm = new Rhythm(weekly);
  const counts: number[] = [];
  for (let slot = 0; slot < 3; slot += 1) {
    rhythm.next();
    // Rotation runs every eight hours, the conductor makes what no point has the slot of.
    for (let hours = 0; hours < 7 * 24; hours += 8) {
      const plan = rhythm.plan({ nowMs: rhythm.nowMs + hours * hourMs });
      assert.equal(plan.blocked, null);
      rhythm.execute(plan);
      counts.push(rhythm.backups.size);
    }
  }
  assert.equal(rhythm.lives.length, 3 * 3);
  assert.deepEqual(
    counts.filter((count) => count !== 3),
    [],
  );
});
