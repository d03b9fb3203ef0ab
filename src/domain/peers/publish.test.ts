import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { defaultPolicy, type Policy } from "../policy.ts";
import { presets } from "../presets.ts";
import { readPlatform9 } from "./platform9.ts";
import { publicationOf } from "./publish.ts";

const all: readonly Policy[] = [...presets("UTC"), defaultPolicy];

void describe("publicationOf", () => {
  const written = {
    auto_snapshot: "true",
    snapshot_policies: "daily_5,monthly_15th,monthly_1st",
    retention_daily_5: "5",
    retention_monthly_15th: "1",
    retention_monthly_1st: "1",
  };

  void it("says which policies make snapshots, and how many are kept, as Platform9 reads it", () => {
    assert.deepEqual(publicationOf(all, { mine: "stays" }), written);
    const { counts, policies, problems } = readPlatform9(written);
    assert.deepEqual(
      [policies, Object.fromEntries(counts), problems],
      [["daily_5", "monthly_15th", "monthly_1st"], { daily_5: 5, monthly_15th: 1, monthly_1st: 1 }, []],
    );
  });

  void it("says nothing twice, and only what differs", () => {
    assert.deepEqual(publicationOf(all, written), {});
    assert.deepEqual(publicationOf(all, { ...written, retention_daily_5: "9" }), { retention_daily_5: "5" });
  });

  void it("takes back what it said of a volume that no policy makes snapshots of, and leaves others alone", () => {
    assert.deepEqual(publicationOf([defaultPolicy], written), { auto_snapshot: "false" });
    assert.deepEqual(publicationOf([defaultPolicy], { mine: "stays" }), {});
    assert.deepEqual(publicationOf([], { auto_snapshot: "false" }), {});
  });
});
