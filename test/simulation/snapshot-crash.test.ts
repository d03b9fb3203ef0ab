import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { directIo, type Io } from "../../src/domain/io.ts";
import { isOpen } from "../../src/domain/catalogue.ts";
import { openStore } from "../../src/store/open.ts";
import { watchedIo } from "./support/crash-plan.ts";
import { hourMs, startNight } from "./support/night.ts";
import { snapshotJobs, work } from "./support/snapshot-jobs.ts";

/** From the nth passage of a kind of point on, every step of the process fails: it is dead. */
function mortalIo(death: { readonly kind: string | null }): { io: Io; points: string[] } {
  const points: string[] = [];
  let dead = false;
  const io = watchedIo((kind) => {
    points.push(kind);
    dead ||= kind === death.kind;
    if (dead) throw new Error("the process is dead");
  });
  return { io, points };
}

/** Works a set of two snapshots, dies at a point, and works on with a new process. */
async function night(kind: string | null): Promise<readonly string[]> {
  const directory = await mkdtemp(join(tmpdir(), "dirigent-snap-"));
  const databaseUrl = `sqlite:${join(directory, "d.db")}`;
  const base = await startNight({ databaseUrl, simulator: { durations: { snapshotMs: () => 2_000 } } });
  const rig = { ...base, cloud: base.simulator.seedCloud({ projects: 1, servers: 1, volumesPerServer: 2 }) };
  const jobs = snapshotJobs(rig);
  const { io, points } = mortalIo({ kind });
  try {
    const repository = await openStore(databaseUrl, { io: directIo });
    const dying: typeof repository = new Proxy(repository, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== "function") return method;
        return (...given: unknown[]) =>
          io.run({ kind: "db", name: String(name) }, () => method.apply(target, given) as Promise<unknown>);
      },
    });
    await work(rig, jobs, { repository: dying }).catch((error: unknown) => {
      if (kind === null) throw error;
    });
    await repository.close();
    rig.clock.advance(hourMs);
    await work(rig, jobs);
    const all = await rig.repository.jobs({});
    assert.ok(!all.some(isOpen), kind ?? "");
    assert.deepEqual(
      rig.simulator.state.snapshots
        .values()
        .map(({ volumeId }) => volumeId)
        .sort(),
      rig.cloud.volumes.map(({ id }) => id).sort(),
      kind ?? "",
    );
    const sets = await rig.repository.operations({ kinds: ["set"] });
    assert.deepEqual(
      sets.map(({ reason }) => reason),
      ["set_complete"],
      kind ?? "",
    );
    assert.equal((await rig.repository.catalogue()).length, 2, kind ?? "");
  } finally {
    await rig.close();
    await rm(directory, { recursive: true });
  }
  return points;
}

test("a set of snapshots survives the death of the process at every kind of step of the database: one snapshot a volume, one row for the set", async () => {
  const kinds = new Set(await night(null));
  assert.ok(kinds.size > 10);
  for (const kind of kinds) await night(kind);
});
