import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readPlatform9 } from "./platform9.ts";

void describe("readPlatform9", () => {
  for (const { name, metadata, policies, counts, problems } of [
    { name: "no keys", metadata: {}, policies: [], counts: {}, problems: [] },
    {
      name: "the keys of Platform9's document",
      metadata: {
        auto_snapshot: "true",
        snapshot_policies: "daily_5,monthly_1st,monthly_15th",
        retention_daily_5: "5",
        retention_monthly_1st: "1",
        retention_monthly_15th: "1",
      },
      policies: ["daily_5", "monthly_1st", "monthly_15th"],
      counts: { daily_5: 5, monthly_1st: 1, monthly_15th: 1 },
      problems: [],
    },
    {
      name: "switched off",
      metadata: { auto_snapshot: "False", snapshot_policies: "daily_5" },
      policies: [],
      counts: {},
      problems: [],
    },
    {
      name: "no switch",
      metadata: { snapshot_policies: "daily_5", retention_daily_5: "5" },
      policies: [],
      counts: {},
      problems: [],
    },
    {
      name: "semicolons, spaces, capitals, repetitions, and the legacy keys",
      metadata: {
        auto_snapshot: "Y",
        snapshot_policies: " Daily_5 ; monthly_1st;;",
        snapshot_policy: "daily_5",
        retention_Daily_5: "4",
        retention: "9",
      },
      policies: ["daily_5", "monthly_1st"],
      counts: { daily_5: 4, monthly_1st: 9 },
      problems: [],
    },
    {
      name: "the alternate key comes before the common one, and after the policy's own",
      metadata: {
        auto_snapshot: "1",
        snapshot_policies: "a,b",
        retention_a: "1",
        snapshot_retention_a: "2",
        snapshot_retention_b: "3",
        retention: "4",
      },
      policies: ["a", "b"],
      counts: { a: 1, b: 3 },
      problems: [],
    },
    {
      name: "counts that would delete everything are none",
      metadata: {
        auto_snapshot: "yes",
        snapshot_policies: "a,b,c",
        retention_a: "0",
        retention_b: "-1",
        retention_c: "two",
        retention: "4",
      },
      policies: ["a", "b", "c"],
      counts: {},
      problems: [
        "retention_a: 0 is no number of snapshots to keep; the policy's own retention counts",
        "retention_b: -1 is no number of snapshots to keep; the policy's own retention counts",
        "retention_c: two is no number of snapshots to keep; the policy's own retention counts",
      ],
    },
    {
      name: "a switch that says neither",
      metadata: { auto_snapshot: "maybe", snapshot_policies: "a" },
      policies: ["a"],
      counts: {},
      problems: ["auto_snapshot: maybe is neither yes nor no; it counts as yes"],
    },
    {
      name: "a switch without a policy",
      metadata: { auto_snapshot: "true" },
      policies: [],
      counts: {},
      problems: ["auto_snapshot: set, but snapshot_policies names no policy"],
    },
  ]) {
    void it(name, () => {
      const request = readPlatform9(metadata);
      assert.deepEqual({ ...request, counts: Object.fromEntries(request.counts) }, { policies, counts, problems });
    });
  }
});
