import assert from "node:assert/strict";
import { describe, it } from "node:test";
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
      const views = quotaViews({ backups: quota, gigabytes: quota });
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
    assert.deepEqual(quotaViews({ gigabytes: { limit: 10, used: 12 }, backups: { limit: -1, used: 3 } }), [
      { label: "Backup gigabytes", used: "12 GiB", limit: "10 GiB", percent: "120.0%", colour: "red", bar: 100 },
      { label: "Number of backups", used: "3", limit: "unlimited", percent: "unlimited", colour: "green", bar: 0 },
    ]);
    assert.deepEqual(quotaViews(null), []);
  });
});
