import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Volume } from "../../src/simulator/records.ts";
import { openCommandCloud } from "./support/command-cloud.ts";

const dayMs = 24 * 60 * 60 * 1000;
const start = "2026-11-01T12:00:00Z";

const daily = {
  "x-snapsentry-managed": "true",
  "x-snapsentry-daily-enabled": "true",
  "x-snapsentry-daily-retention-days": "5",
};

/** What a tenant may do to the keys after three nights. */
const attempts: readonly { readonly name: string; readonly change: Record<string, string> | null }[] = [
  ...["1", "0", "-1", "junk", ""].map((days) => ({
    name: `retention-days ${JSON.stringify(days)}`,
    change: { "x-snapsentry-daily-retention-days": days },
  })),
  { name: "enabled false", change: { "x-snapsentry-daily-enabled": "false" } },
  { name: "managed false", change: { "x-snapsentry-managed": "false" } },
  { name: "all keys removed", change: null },
  { name: "skip", change: { "skip-volume-backup": "true" } },
  { name: "another zone and time", change: { "x-snapsentry-daily-timezone": "Pacific/Apia" } },
  { name: "another retention by our own key", change: { backup_retention: "1d" } },
];

void describe("a tenant who weakens SnapSentry's keys", () => {
  for (const { name, change } of attempts) {
    void it(`shortens the life of nothing that exists: ${name}`, async (t) => {
      // Without a database, which is the hardest: nothing but the marks remembers.
      const cloud = await openCommandCloud(start);
      t.after(() => cloud.close());
      const { seed, state } = cloud.simulator;
      const volume: Volume = seed.volume({ projectId: seed.project({ name: "tenant" }).id, metadata: { ...daily } });
      const born = new Map<string, number>();
      let before = 0;
      for (const night of [0, 1, 2, 4, 6]) {
        cloud.clock.advance((night - before) * dayMs);
        before = night;
        if (night === 4) {
          const metadata = state.volumes.get(volume.id)!.metadata;
          const left = Object.entries(metadata).filter(([key]) => change !== null || !(key in daily));
          state.volumes.get(volume.id)!.metadata = { ...Object.fromEntries(left), ...change };
        }
        const ran = await cloud.run("run");
        assert.equal(ran.exitCode, 0, ran.stderr);
        const living = new Set([...cloud.simulator.state.snapshots.values()].map(({ id }) => id));
        for (const id of living) if (night < 3 && !born.has(id)) born.set(id, night);
        assert.equal(born.size, Math.min(night + 1, 3));
        // Made at noon for the slot of midnight: promised until five days after that.
        for (const [id, at] of born)
          assert.ok(night >= at + 5 || living.has(id), `of night ${at}, gone in night ${night}`);
      }
    });
  }
});
