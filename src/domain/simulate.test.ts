import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { defaultPolicy, every, type Policy, type ThinningRule } from "./policy.ts";
import { presets } from "./presets.ts";
import { simulate, type Simulation } from "./simulate.ts";
import { monthsOf } from "./simulated-months.ts";
import { storedGiB, type SimulatedPoint } from "./simulated-point.ts";

const dayMs = 24 * 60 * 60 * 1000;
const at = (text: string): Date => new Date(text);

const run = (policy: Policy, from: string, until: string): Simulation =>
  simulate({ policy, from: at(from), until: at(until), sizeGiB: 100, dailyChange: 0.5 });

const thinning: ThinningRule = {
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
const counting = (counts: Partial<ThinningRule>, more: Partial<Policy> = {}): Policy => ({
  ...defaultPolicy,
  retentionMs: 0,
  fullEvery: 1,
  ...more,
  thinning: { ...thinning, ...counts },
});

/** Days and what keeps them. */
const kept = (simulation: Simulation, when: string): Record<string, string> =>
  Object.fromEntries(
    simulation
      .existingAt(at(when))
      .map(({ point, because }) => [point.slot.slice(0, 10), because.map((reason) => reason.slice(5)).join(" ")]),
  );

describe("simulate", () => {
  it("keeps by age, and the chains that what is young needs", () => {
    const simulation = run(
      { ...defaultPolicy, retentionMs: 3 * dayMs, fullEvery: 3 },
      "2026-01-01T00:00:00Z",
      "2026-01-20T00:00:00Z",
    );
    assert.equal(simulation.points.length, 19);
    assert.deepEqual(kept(simulation, "2026-01-17T12:00:00Z"), {
      "2026-01-13": "chain",
      "2026-01-14": "chain",
      "2026-01-15": "age",
      "2026-01-16": "age",
      "2026-01-17": "age",
    });
  });

  it("keeps the newest of days, weeks and months, as the rule says", () => {
    const simulation = run(
      counting({ daily: 3, weekly: 2, monthly: 3 }),
      "2026-01-01T00:00:00Z",
      "2026-12-01T00:00:00Z",
    );
    // A Wednesday.
    assert.deepEqual(kept(simulation, "2026-11-18T12:00:00Z"), {
      "2026-09-30": "monthly",
      "2026-10-31": "monthly",
      "2026-11-15": "weekly",
      "2026-11-16": "daily",
      "2026-11-17": "daily",
      "2026-11-18": "daily weekly monthly minimum age",
    });
  });

  it("a weekly policy that keeps for two days does not churn: three made in two weeks, and always one there", () => {
    const weekly: Policy = {
      ...defaultPolicy,
      schedule: { kind: "weekly", weekDay: 1, at: "02:00" },
      periodMs: 7 * dayMs,
      windowMs: 7 * dayMs,
      retentionMs: 2 * dayMs,
    };
    const simulation = run(weekly, "2026-11-02T00:00:00Z", "2026-11-17T00:00:00Z");
    assert.deepEqual(
      simulation.points.map(({ slot }) => slot),
      ["2026-11-02T02:00:00Z", "2026-11-09T02:00:00Z", "2026-11-16T02:00:00Z"],
    );
    for (let ms = at("2026-11-02T03:00:00Z").getTime(); ms < at("2026-11-17T00:00:00Z").getTime(); ms += dayMs / 4) {
      assert.ok(simulation.existingAt(new Date(ms)).length >= 1);
    }
  });

  it("Platform9's presets keep what their names say", () => {
    const [daily5, monthly1st] = presets("UTC");
    assert.deepEqual(
      Object.keys(kept(run(daily5!, "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z"), "2026-02-20T12:00:00Z")),
      ["2026-02-16", "2026-02-17", "2026-02-18", "2026-02-19", "2026-02-20"],
    );
    assert.deepEqual(kept(run(monthly1st!, "2026-01-01T00:00:00Z", "2026-12-01T00:00:00Z"), "2026-05-20T00:00:00Z"), {
      "2026-05-01": "last minimum",
    });
  });

  it("archives live for their own time", () => {
    const policy: Policy = {
      ...defaultPolicy,
      retentionMs: 2 * dayMs,
      fullEvery: 2,
      archive: { which: { firstOf: "month" }, container: "vault", retentionMs: 70 * dayMs, availabilityZone: null },
    };
    const simulation = run(policy, "2026-01-01T00:00:00Z", "2026-04-10T00:00:00Z");
    const archives = simulation.existingAt(at("2026-04-09T00:00:00Z")).filter(({ point }) => point.isArchive);
    assert.deepEqual(
      archives.map(({ point, because }) => [point.slot.slice(0, 7), because]),
      [
        ["2026-02", ["keep_archive"]],
        ["2026-03", ["keep_archive"]],
        ["2026-04", ["keep_archive"]],
      ],
    );
  });

  it("both mechanisms are rotated apart", () => {
    const simulation = run(
      counting({ last: 2 }, { mechanisms: ["backup", "snapshot"] }),
      "2026-01-01T00:00:00Z",
      "2026-01-10T00:00:00Z",
    );
    const there = simulation.existingAt(at("2026-01-09T12:00:00Z"));
    assert.deepEqual(there.map(({ point }) => `${point.mechanism} ${point.slot.slice(0, 10)}`).sort(), [
      "backup 2026-01-08",
      "backup 2026-01-09",
      "snapshot 2026-01-08",
      "snapshot 2026-01-09",
    ]);
  });

  it("holds the minimum interval: every second of six hours is too soon", () => {
    const hourMs = dayMs / 24;
    const policy = { ...defaultPolicy, ...every(6 * hourMs), windowMs: hourMs, minimumIntervalMs: 8 * hourMs };
    assert.equal(run(policy, "2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z").points.length, 8);
  });
});

describe("monthsOf", () => {
  it("counts by the months of the zone, of which the first and the last may be parts", () => {
    const policy = counting({ last: 2 }, { timeZone: "Europe/Berlin" });
    const simulation = run(policy, "2026-01-29T23:00:00Z", "2026-03-02T23:00:00Z");
    assert.deepEqual(
      monthsOf(simulation).map(({ month, made, removed, points, storedGiB: stored }) => [
        month,
        made,
        removed,
        points,
        stored,
      ]),
      [
        ["2026-01", 2, 0, 2, 200],
        ["2026-02", 28, 28, 2, 200],
        ["2026-03", 2, 2, 2, 200],
      ],
    );
  });
});

describe("storedGiB", () => {
  const point = (createdAt: string, more: Partial<SimulatedPoint> = {}): SimulatedPoint => ({
    id: createdAt,
    mechanism: "backup",
    mode: "full",
    isArchive: false,
    slot: createdAt,
    createdAt: at(createdAt),
    removedAt: null,
    ...more,
  });
  const volume = { sizeGiB: 100, dailyChange: 0.5 };
  const now = at("2026-01-05T00:00:00Z");

  it("a full takes the volume, an incremental what changed since the one before", () => {
    const incremental = { mode: "incremental" } as const;
    const points = [
      point("2026-01-01T00:00:00Z"),
      point("2026-01-02T00:00:00Z", incremental),
      point("2026-01-04T00:00:00Z", incremental),
    ];
    assert.equal(storedGiB(points, now, volume), 100 + 50 + 75);
  });

  it("a snapshot takes what changed until the next, or until now", () => {
    const snapshot = { mechanism: "snapshot" } as const;
    assert.equal(storedGiB([point("2026-01-02T00:00:00Z", snapshot)], now, volume), 87.5);
    const two = [point("2026-01-02T00:00:00Z", snapshot), point("2026-01-04T00:00:00Z", snapshot)];
    assert.equal(storedGiB(two, now, volume), 75 + 50);
    assert.equal(storedGiB([], now, volume), 0);
  });
});
