import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ProjectReport } from "../domain/runs.ts";
import { quotaColour, quotaViews } from "./quota.ts";

describe("quota colours", () => {
  for (const [used, limit, colour, percent] of [
    [499, 1000, "green", "49.9%"],
    [500, 1000, "yellow", "50.0%"],
    [800, 1000, "yellow", "80.0%"],
    [801, 1000, "red", "80.1%"],
    [0, 1000, "green", "0.0%"],
    [1200, 1000, "red", "120.0%"],
    // Next to a bound, the figure reads on the side of its colour.
    [49_999, 100_000, "green", "49.9%"],
    [80_001, 100_000, "red", "80.1%"],
    [1, 2, "yellow", "50.0%"],
    [4, 5, "yellow", "80.0%"],
    [0, 0, "red", "no quota"],
    [7, 0, "red", "no quota"],
    [7, -1, "green", "unlimited"],
    [0, -1, "green", "unlimited"],
  ] as const) {
    it(`${used} of ${limit} is ${colour}, ${percent}`, () => {
      const quota = { limit, used };
      assert.equal(quotaColour(quota), colour);
      const views = quotaViews({ lines: [], points: null, quota: { backups: quota, gigabytes: quota } });
      assert.deepEqual(
        views.map((view) => [view.colour, view.percent]),
        [
          [colour, percent],
          [colour, percent],
        ],
      );
    });
  }

  it("has figures with units, and a bar that never leaves its track", () => {
    const quota = { gigabytes: { limit: 10, used: 12 }, backups: { limit: -1, used: 3 } };
    assert.deepEqual(quotaViews({ lines: [], points: null, quota }), [
      {
        label: "Backup gigabytes",
        short: "backup GiB",
        used: "12 GiB",
        limit: "10 GiB",
        percent: "120.0%",
        colour: "red",
        bar: 100,
      },
      {
        label: "Number of backups",
        short: "backups",
        used: "3",
        limit: "unlimited",
        percent: "unlimited",
        colour: "green",
        bar: 0,
      },
    ]);
    assert.deepEqual(quotaViews({ lines: [], points: null, quota: null }), []);
  });

  it("has those of volume types that are limited, and none of backups where only snapshots are made", () => {
    const quota = {
      backups: { limit: 0, used: 0 },
      gigabytes: { limit: 0, used: 0 },
      snapshots: { limit: 20, used: 3 },
      volumeGigabytes: { limit: -1, used: 70 },
      ofType: [
        { type: "fast", snapshots: { limit: 4, used: 3 }, volumeGigabytes: { limit: -1, used: 30 } },
        { type: "slow", snapshots: { limit: -1, used: 0 }, volumeGigabytes: { limit: 100, used: 40 } },
      ],
    };
    const shown = (points: ProjectReport["points"]): readonly string[] =>
      quotaViews({ lines: [], points, quota }).map(
        (view) => `${view.label}: ${view.used} ${view.percent} ${view.short}`,
      );
    const ofSnapshots = [
      "Gigabytes of volumes and snapshots: 70 GiB unlimited volume GiB",
      "Number of snapshots: 3 15.0% snapshots",
      "Number of snapshots of type fast: 3 75.0% snapshots of fast",
      "Gigabytes of volumes and snapshots of type slow: 40 GiB 40.0% volume GiB of slow",
    ];
    assert.deepEqual(shown({ count: 0, oldestAt: null, newestAt: null }), ofSnapshots);
    assert.deepEqual(shown({ count: 1, oldestAt: null, newestAt: null }), [
      "Backup gigabytes: 0 GiB no quota backup GiB",
      "Number of backups: 0 no quota backups",
      ...ofSnapshots,
    ]);
  });
});
