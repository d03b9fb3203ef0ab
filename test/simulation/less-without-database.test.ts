import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openCommandCloud } from "./support/command-cloud.ts";

const dayMs = 24 * 60 * 60 * 1000;

void describe("less without a database", () => {
  void it("waits for new snapshots, too, and counts in the end; so do other policies", async (t) => {
    const cloud = await openCommandCloud("2026-11-01T12:00:00Z");
    t.after(() => cloud.close());
    const { seed, state } = cloud.simulator;
    const { id: projectId } = seed.project({ name: "tenant" });
    const daily = (days: string): Record<string, string> => ({
      "x-snapsentry-managed": "true",
      "x-snapsentry-daily-enabled": "true",
      "x-snapsentry-daily-retention-days": days,
    });
    const shorter = seed.volume({ projectId, metadata: daily("12") });
    const swapped = seed.volume({ projectId, metadata: { backup_policy: "daily_5" } });
    const put = (id: string, metadata: Record<string, string>): void => {
      const volume = state.volumes.get(id);
      assert.ok(volume !== undefined);
      volume.metadata = metadata;
    };
    const days: number[] = [];
    const policies: string[] = [];
    let before = 0;
    for (const night of [0, 1, 2, 9]) {
      cloud.clock.advance((night - before) * dayMs);
      before = night;
      if (night === 1) {
        put(shorter.id, daily("1"));
        put(swapped.id, { backup_policy: "monthly_1st" });
      }
      const known = new Set([...state.snapshots.values()].map(({ id }) => id));
      const ran = await cloud.run("run");
      assert.equal(ran.exitCode, 0, ran.stderr);
      const made = [...state.snapshots.values()].filter(({ id }) => !known.has(id));
      for (const { metadata, volumeId } of made) {
        const promisedMs =
          Date.parse(metadata["dirigent:keep-until"] ?? "") - Date.parse(metadata["dirigent:slot"] ?? "");
        if (volumeId === shorter.id) days.push(promisedMs / dayMs);
        else policies.push(`${night} ${metadata["dirigent:policy"] ?? ""}`);
      }
    }
    assert.deepEqual(days, [12, 12, 12, 1]);
    // What the owner gave up goes on for the delay, although nothing but its own snapshots remembers that he had asked for it.
    assert.deepEqual(policies.sort(), ["0 daily_5", "1 daily_5", "1 monthly_1st", "2 daily_5"]);
  });
});
