import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { stringify } from "yaml";
import { systemClock } from "../../src/cli/system-clock.ts";
import type { Conductor } from "../../src/conductor/context.ts";
import { runOnce } from "../../src/conductor/once.ts";
import { readPolicyBook } from "../../src/config/policies/read-book.ts";
import { directIo } from "../../src/domain/io.ts";
import { silentLogger } from "../../src/domain/log.ts";
import type { Clouds } from "../../src/openstack/open.ts";
import { openStore } from "../../src/store/open.ts";
import type { Repository } from "../../src/store/repository.ts";
import { settings } from "../simulation/support/night.ts";
import { addCeph } from "./support/ceph.ts";
import { Cloud } from "./support/cloud.ts";
import { makeReader, makeWriter } from "./support/credentials.ts";
import { backups, snapshots } from "./support/judge.ts";
import { openProductClouds } from "./support/product.ts";
import { removeWorld, seed, type World } from "./support/world.ts";

const signal = AbortSignal.timeout(10 * 60_000);
const slotMs = 30_000;

describe("a set of volumes whose backups go to Ceph", () => {
  const prefix = "cephsets";
  let cloud: Cloud;
  let world: World;
  let clouds: Clouds;
  let repository: Repository;
  let conductor: Conductor;

  before(async () => {
    await addCeph();
    cloud = await Cloud.open();
    await removeWorld(cloud, prefix);
    world = await seed(cloud, { prefix, servers: 1, volumesEach: 2, projects: 1, share: 0, type: "rbd" });
    clouds = await openProductClouds(cloud, await makeReader(cloud, prefix), await makeWriter(cloud, prefix));
    repository = await openStore("sqlite::memory:", { io: directIo });
    const text = stringify({
      policies: {
        together: {
          schedule: { interval: { every: "30s", from: "2026-01-01T00:00:00Z" } },
          consistency: "set",
          retention: { last: 9 },
          full_every: 9,
        },
      },
      rules: [{ name: "ours", match: { project: { name: { prefix } } }, policies: ["together"] }],
    });
    const book = readPolicyBook(
      { policies: { path: "/policies.yaml", text }, rules: null },
      { builtIn: settings.policy, timeZone: "UTC", container: null },
    );
    conductor = {
      // What an operator should never have written.
      settings: { ...settings, pollMs: 1000, fromSnapshotTypes: ["rbd"] },
      reader: clouds.reader,
      writer: clouds.writer,
      repository,
      clock: systemClock,
      log: silentLogger,
      newId: randomUUID,
      policyBook: () => book,
    };
  });

  after(async () => {
    clouds.close();
    await repository.close();
    await removeWorld(cloud, prefix);
  });

  it("is never backed up from snapshots, even when the operator names the type, and the set says so", async () => {
    const [server] = world.servers;
    for (let slot = 0; slot < 3; slot += 1) {
      // So that a cycle ends within its slot.
      await systemClock.sleep(slotMs + 500 - (Date.now() % slotMs), signal);
      const { outcome, run } = await runOnce(conductor, true, { drain: signal, cut: signal });
      assert.equal(outcome, "ok", JSON.stringify(await repository.jobs({ runId: run.id })));
    }
    const made = (await backups(cloud.admin)).filter((row) => server!.volumes.includes(row.volume_id));
    assert.deepEqual(
      made.map(({ snapshot_id: snapshot, status }) => [snapshot, status]),
      Array(6).fill([null, "available"]),
    );
    assert.ok(made.some((row) => row.is_incremental));
    for (const { id } of made) assert.equal((await clouds.reader.backup(id, signal))?.objectCount, 0);
    assert.deepEqual(
      (await snapshots(cloud.admin)).filter((row) => server!.volumes.includes(row.volume_id)),
      [],
    );
    assert.deepEqual(await repository.operations({ kinds: ["temporary"] }), []);
    assert.deepEqual(
      (await repository.operations({ kinds: ["set"] })).map(({ message }) => message),
      Array(3).fill("crash-volume, 0 of 2 volumes from temporary snapshots"),
    );
    const told = await repository.operations({ kinds: ["notice"] });
    assert.deepEqual(
      told.map(({ reason }) => reason),
      [...Array<string>(2).fill("ordinary_no_evidence"), ...Array<string>(4).fill("ordinary_ceph")],
    );
  });
});
