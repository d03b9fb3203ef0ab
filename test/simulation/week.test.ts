import assert from "node:assert/strict";
import { test } from "node:test";
import { auditNight, dayMs, startNight } from "./support/night.ts";

test("ten nights: one backup a volume and night, chains rotate whole, the last good one stays", async (t) => {
  const night = await startNight();
  t.after(() => night.close());
  const cloud = night.simulator.seedCloud({ projects: 2, servers: 6, volumesPerServer: 2, tagged: (i) => i % 3 !== 2 });
  const protectedVolumes = cloud.volumes.length - 4;
  let before;
  const counts: number[] = [];
  for (let i = 0; i < 10; i++) {
    const result = await night.once();
    assert.equal(result.outcome, "ok");
    counts.push([...night.simulator.state.backups.values()].length / protectedVolumes);
    before = await auditNight(night, before);
    night.clock.advance(dayMs);
  }
  // Three points are wanted at any time; the rest waits until its whole chain has expired.
  assert.deepEqual(counts, [1, 2, 3, 3.75, 4.25, 3.75, 4, 4.25, 3.75, 4]);
});
