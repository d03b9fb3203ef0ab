import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { markTime, mark } from "../../src/domain/marks.ts";
import type { RotationPlan } from "../../src/domain/retention.ts";
import { dayMs, hourMs, minuteMs, project, Rhythm, type RhythmOptions } from "./support/rhythm.ts";

/** A year of nights: rotation keeps what is wanted, clears what is dead, and tells normal nights from mass deletion. */

interface Case extends RhythmOptions {
  readonly name: string;
  /** Rotations after which the last member of a dead chain is gone; `full_every` when not said. */
  readonly goneWithin?: number;
  /** Points that one volume may have more than a steady rhythm explains. */
  readonly extra?: number;
}

const daily5 = { periodMs: dayMs, retentionMs: 5 * dayMs, slots: 365 };

const vault = { every: 4, retentionMs: 60 * dayMs };

const steady: Case[] = [
  ...[1, 3, 7].flatMap((fullEvery) =>
    [1, 2, 3, 40].map((volumes) => ({ ...daily5, name: `daily_5, full every ${fullEvery}`, fullEvery, volumes })),
  ),
  { ...daily5, name: "daily_5, full every 7, all on one night", fullEvery: 7, volumes: 100 },
  { ...daily5, name: "daily_5, full every 14", fullEvery: 14, volumes: 40 },
  { ...daily5, name: "daily_30, full every 7", retentionMs: 30 * dayMs, fullEvery: 7, volumes: 12 },
  { name: "weekly, 30 days", periodMs: 7 * dayMs, retentionMs: 30 * dayMs, fullEvery: 4, volumes: 40, slots: 52 * 2 },
  { name: "weekly, 90 days", periodMs: 7 * dayMs, retentionMs: 90 * dayMs, fullEvery: 1, volumes: 40, slots: 52 * 2 },
  { name: "hourly, one day", periodMs: hourMs, retentionMs: dayMs, fullEvery: 24, volumes: 8, slots: 24 * 20 },
  { name: "hourly, one day", periodMs: hourMs, retentionMs: dayMs, fullEvery: 24, volumes: 1, slots: 24 * 100 },
  { name: "slots of 60 s", periodMs: minuteMs, retentionMs: 3 * minuteMs, fullEvery: 3, volumes: 20, slots: 600 },
  {
    ...daily5,
    name: "starting later or earlier each night",
    fullEvery: 7,
    volumes: 40,
    extra: 1,
    jitterMs: (slot) => ((slot * 37) % 100) * 0.04 * hourMs,
  },
];

// What is missed must not be blamed on the nights after it. Nights missed are added to the bound.
const disturbed: Case[] = [1, 3, 7].flatMap((fullEvery): Case[] => {
  const base = { ...daily5, fullEvery, volumes: 40 };
  return [
    { ...base, name: "every fifth night missed", isDown: (slot) => slot % 5 === 3, goneWithin: fullEvery + 2 },
    { ...base, name: "three of ten nights missed", isDown: (slot) => slot % 10 >= 7, goneWithin: fullEvery + 4 },
    {
      ...base,
      name: "no rotation in three of ten nights",
      rotationOff: (slot) => slot % 10 >= 7,
      goneWithin: fullEvery + 4,
      extra: 4,
    },
    { ...base, name: "a week of downtime", isDown: (slot) => slot % 60 >= 53, goneWithin: fullEvery + 8 },
    {
      ...base,
      name: "a week of downtime, starting earlier each night",
      isDown: (slot) => slot % 60 >= 53,
      jitterMs: (slot) => (11 - (slot % 12)) * 0.5 * hourMs,
      goneWithin: fullEvery + 8,
      extra: 1,
    },
    {
      ...base,
      name: "every eleventh backup failed",
      fails: (slot, volume) => (slot * 7 + volume * 13) % 11 === 0,
      extra: 2,
    },
    {
      ...base,
      name: "three of nine nights failed",
      fails: (slot) => slot % 9 < 3,
      goneWithin: fullEvery + 3,
      extra: 3,
    },
  ];
});

/** Plays a case and checks every deletion and every night on the way. */
function play(test: TestContext, options: Case): void {
  const { fullEvery, periodMs, retentionMs } = options;
  const rhythm = new Rhythm(options);
  let most = 0;
  rhythm.play((plan) => {
    most = Math.max(most, plan.overdue / Math.max(1, plan.allowance));
    for (const chain of plan.chains) {
      for (const { backup } of chain.members) {
        const keptMs = rhythm.retentionMsOf(backup);
        const isWanted = backup.status === "available" && rhythm.nowMs < backup.createdAt.getTime() + keptMs;
        assert.ok(!isWanted, `${backup.id} is wanted in slot ${rhythm.slot}`);
      }
    }
  });
  assert.deepEqual(rhythm.braked, []);
  const waited = rhythm.lives.flatMap(({ diedSlot, goneSlot }) =>
    diedSlot === null ? [] : (goneSlot ?? rhythm.slot) - diedSlot,
  );
  const goneWithin = options.goneWithin ?? fullEvery;
  assert.ok(Math.max(...waited) <= goneWithin, `a dead chain was there for ${Math.max(...waited)} slots`);
  // Wanted points, the rest of their oldest chain, and a dead chain waiting its turn.
  const archives =
    options.archive === undefined
      ? 0
      : Math.ceil(options.archive.retentionMs / (periodMs * fullEvery * (options.archive.every - 1))) + 1;
  const bound = Math.ceil(retentionMs / periodMs) + 2 * fullEvery + archives + (options.extra ?? 0);
  assert.ok(rhythm.mostOfOneVolume <= bound, `${rhythm.mostOfOneVolume} points of one volume, not ${bound}`);
  test.diagnostic(
    `gone within ${Math.max(...waited)} slots, at most ${rhythm.mostOfOneVolume} points a volume, overdue at most ${Math.round(100 * most)} % of the allowance`,
  );
}

const archiving: Case[] = [1, 3, 7].flatMap((fullEvery): Case[] => {
  const base = { ...daily5, fullEvery, archive: vault, slots: 365 };
  return [
    ...[1, 2, 40].map((volumes): Case => ({ ...base, name: "an archive every 4th full", volumes })),
    { ...base, name: "an archive every 2nd full", volumes: 40, archive: { ...vault, every: 2 } },
    { ...base, name: "an archive every 2nd full, all on one night", volumes: 100, archive: { ...vault, every: 2 } },
    {
      ...base,
      name: "an archive every 4th full, three of ten nights missed",
      volumes: 40,
      isDown: (slot) => slot % 10 >= 7,
      goneWithin: fullEvery + 4,
    },
    {
      ...base,
      name: "an archive every 4th full, a week of downtime",
      volumes: 40,
      isDown: (slot) => slot % 60 >= 53,
      goneWithin: fullEvery + 8,
    },
    {
      ...base,
      name: "an archive every 4th full, every eleventh backup failed",
      volumes: 40,
      fails: (slot, volume) => (slot * 7 + volume * 13) % 11 === 0,
      extra: 2,
    },
  ];
});

describe("a rhythm with archives is never braked, and keeps each archive as long as it was promised", () => {
  for (const each of archiving) {
    it(`${each.name}, full every ${each.fullEvery}, ${each.volumes} volumes`, (test) => play(test, each));
  }
});

describe("a steady rhythm is never braked", () => {
  for (const each of steady) it(`${each.name}, ${each.volumes} volumes`, (test) => play(test, each));
});

describe("nights that are missed or fail are not braked either", () => {
  for (const each of disturbed) it(`${each.name}, full every ${each.fullEvery}`, (test) => play(test, each));
});

/** A rhythm that has run for `slots` slots, rotation included, and has made the next slot's backups. */
function settled(options: Omit<RhythmOptions, "slots">, slots: number): Rhythm {
  const rhythm = new Rhythm({ ...options, slots }).play();
  rhythm.next();
  return rhythm;
}

const countOf = (plan: RotationPlan): number => plan.chains.flatMap((chain) => chain.deletions).length;

function assertStopped(plan: RotationPlan): void {
  assert.equal(plan.blocked, "brake");
  assert.deepEqual(plan.chains, []);
  assert.ok(plan.decisions.every(({ action }) => action === "keep"));
  assert.ok(plan.decisions.some(({ reason }) => reason === "brake"));
}

/** Writes other promises into all marks, and lets the database forget its own. */
function damagePromises(rhythm: Rhythm, keepUntil: Date | null): void {
  for (const [id, backup] of rhythm.backups) {
    const metadata = { ...backup.metadata, [mark.keepUntil]: keepUntil === null ? "" : markTime(keepUntil) };
    rhythm.backups.set(id, { ...backup, metadata });
  }
  rhythm.catalogue.clear();
}

const fleet = { periodMs: dayMs, volumes: 100, retentionMs: 30 * dayMs, fullEvery: 7 };

describe("mass deletion is stopped in full", () => {
  for (const fullEvery of [1, 3, 7]) {
    for (const slots of [60, 61, 62, 63, 64, 65, 66]) {
      it(`a clock a month ahead: daily_5, full every ${fullEvery}, slot ${slots}`, () => {
        const rhythm = settled({ ...daily5, volumes: 100, fullEvery }, slots);
        assertStopped(rhythm.plan({ nowMs: rhythm.nowMs + 30 * dayMs }));
      });
    }
  }

  for (const fullEvery of [1, 3, 7]) {
    for (const slots of [120, 123, 126]) {
      it(`a clock a month ahead, with archives: daily_5, full every ${fullEvery}, slot ${slots}`, () => {
        const rhythm = settled({ ...daily5, volumes: 100, fullEvery, archive: vault }, slots);
        assertStopped(rhythm.plan({ nowMs: rhythm.nowMs + 30 * dayMs }));
      });
    }
  }

  it("a clock three months ahead, of archives that are alone", () => {
    const rhythm = settled(
      { ...daily5, volumes: 100, fullEvery: 1, archive: { every: 2, retentionMs: 60 * dayMs } },
      120,
    );
    for (const [id, { container }] of rhythm.backups) if (container === null) rhythm.backups.delete(id);
    assertStopped(rhythm.plan({ nowMs: rhythm.nowMs + 90 * dayMs }));
  });

  it("a clock a month ahead: daily_30", () => {
    const rhythm = settled(fleet, 60);
    assertStopped(rhythm.plan({ nowMs: rhythm.nowMs + 30 * dayMs }));
  });

  it("a clock a month ahead, and backups made by it", () => {
    const rhythm = new Rhythm({ ...fleet, slots: 92, isDown: (slot) => slot >= 60 && slot < 90 }).play();
    assert.deepEqual(rhythm.braked, [90, 91]);
  });

  it("a retention of 30 days cut to 5, with all promises lost", () => {
    const rhythm = settled(fleet, 60);
    damagePromises(rhythm, null);
    assertStopped(rhythm.plan({ retentionMs: 5 * dayMs }));
  });

  it("the same with all promises set to the past", () => {
    const rhythm = settled(fleet, 60);
    damagePromises(rhythm, new Date("2000-01-01T00:00:00Z"));
    assertStopped(rhythm.plan({ retentionMs: 5 * dayMs }));
  });

  it("the same while the database still knows the promises: they are lost with it", () => {
    const rhythm = settled(fleet, 60);
    const known = new Map(rhythm.catalogue);
    damagePromises(rhythm, null);
    const plan = rhythm.plan({ retentionMs: 5 * dayMs, catalogue: known });
    assert.deepEqual([plan.blocked, plan.chains], ["brake", []]);
  });

  it("a retention of 5 days cut to 1 where every point is a full", () => {
    const rhythm = settled({ ...daily5, volumes: 100, fullEvery: 1 }, 60);
    damagePromises(rhythm, null);
    assertStopped(rhythm.plan({ retentionMs: dayMs }));
  });

  it("a week without rotation while backups go on", () => {
    const rhythm = new Rhythm({
      ...daily5,
      volumes: 100,
      fullEvery: 1,
      slots: 48,
      rotationOff: (s) => s >= 40 && s < 47,
    });
    rhythm.play();
    assert.deepEqual(rhythm.braked, [47]);
  });
});

describe("promises alone or retention alone delete nothing", () => {
  it("a cut retention leaves what was promised", () => {
    const rhythm = settled(fleet, 60);
    const before = rhythm.plan();
    const cut = rhythm.plan({ retentionMs: dayMs });
    assert.equal(cut.blocked, null);
    assert.equal(countOf(cut), countOf(before));
  });

  it("promises set to the past leave the retention in force", () => {
    const rhythm = settled(fleet, 60);
    const before = rhythm.plan();
    damagePromises(rhythm, new Date("2000-01-01T00:00:00Z"));
    const all = new Set(rhythm.backups.values().map((backup) => backup.volumeId));
    assert.equal(all.size, 100);
    const after = rhythm.plan();
    assert.equal(after.blocked, null);
    assert.equal(countOf(after), countOf(before));
  });
});

describe("an override", () => {
  const braked = (): Rhythm => new Rhythm({ ...fleet, slots: 91, isDown: (slot) => slot >= 60 && slot < 90 }).play();
  const permit = (rhythm: Rhythm, count: number): { projectId: string; count: number; expiresAt: Date } => ({
    projectId: project,
    count,
    expiresAt: new Date(rhythm.nowMs + hourMs),
  });

  it("for as many as are overdue lets rotation go on, to its count and no further", () => {
    const rhythm = braked();
    const { overdue } = rhythm.plan();
    const plan = rhythm.plan({ override: permit(rhythm, overdue + 50) });
    assert.equal(plan.blocked, null);
    assert.equal(countOf(plan), overdue + 50);
    rhythm.execute(plan);
    assert.equal(countOf(rhythm.plan({ override: permit(rhythm, overdue + 50) })), 0);
  });

  it("for fewer than are overdue changes nothing", () => {
    const rhythm = braked();
    assertStopped(rhythm.plan({ override: permit(rhythm, rhythm.plan().overdue - 1) }));
  });

  it("that has expired changes nothing", () => {
    const rhythm = braked();
    assertStopped(rhythm.plan({ override: { ...permit(rhythm, 1e6), expiresAt: new Date(rhythm.nowMs) } }));
  });
});
