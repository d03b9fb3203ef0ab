import assert from "node:assert/strict";
import { test } from "node:test";
import { auditNight, dayMs, settings, startNight, type Night } from "./support/night.ts";

type Backup = ReturnType<Night["simulator"]["state"]["backups"]["values"]>[number];

test("ten nights: one backup a volume and night, whole chains rotate as soon as nothing of them is wanted", async (t) => {
  const night = await startNight();
  t.after(() => night.close());
  const { backups } = night.simulator.state;
  const cloud = night.simulator.seedCloud({ projects: 2, servers: 6, volumesPerServer: 2, tagged: (i) => i % 3 !== 2 });
  const tagged = cloud.volumes.filter((_, index) => Math.floor(index / 2) % 3 !== 2).map((volume) => volume.id);
  const made = new Map<string, Backup>();
  let before;
  for (let i = 0; i < 10; i++) {
    const known = new Set(made.keys());
    assert.equal((await night.once()).outcome, "ok");
    for (const backup of backups.values()) made.set(backup.id, backup);
    const tonight = [...made.values()].filter((backup) => !known.has(backup.id));
    assert.deepEqual(tonight.map((backup) => backup.volumeId).sort(), [...tagged].sort());
    assert.deepEqual(
      backups
        .values()
        .map((backup) => backup.id)
        .sort(),
      wanted([...made.values()], Number(night.clock.now())).sort(),
      `what is left after night ${i}`,
    );
    before = await auditNight(night, before);
    night.clock.advance(dayMs);
  }
  assert.ok(made.size > backups.size, "something was rotated");
});

/** Ids of the chains of which at least one member is within its retention. */
function wanted(made: readonly Backup[], nowMs: number): string[] {
  const byId = new Map(made.map((backup) => [backup.id, backup]));
  const rootOf = (backup: Backup): string => {
    const parent = backup.parentId === null ? undefined : byId.get(backup.parentId);
    return parent === undefined ? backup.id : rootOf(parent);
  };
  const chains = Map.groupBy(made, rootOf);
  const isWanted = (backup: Backup): boolean => backup.createdAtMs + settings.policy.retentionMs > nowMs;
  return [...chains.values()]
    .filter((chain) => chain.some(isWanted))
    .flatMap((chain) => chain.map((backup) => backup.id));
}
