import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { runOnce } from "../../src/conductor/once.ts";
import { addCeph } from "./support/ceph.ts";
import { Cloud } from "./support/cloud.ts";
import { backups, snapshots } from "./support/judge.ts";
import { openSetStage, type SetStage } from "./support/sets.ts";

const signal = AbortSignal.timeout(10 * 60_000);

describe("a set of volumes whose backups go to Ceph", () => {
  let cloud: Cloud;
  let stage: SetStage;

  before(async () => {
    await addCeph();
    cloud = await Cloud.open();
    // What an operator should never have written.
    stage = await openSetStage(cloud, { prefix: "cephsets", volumes: 2, type: "rbd", from: ["rbd"] });
  });

  after(() => stage.close());

  it("is never backed up from snapshots, even when the operator names the type, and the set says so", async () => {
    const { conductor, server } = stage;
    const { reader, repository } = conductor;
    for (let slot = 0; slot < 3; slot += 1) {
      await stage.nextSlot(signal);
      const { outcome, run } = await runOnce(conductor, true, { drain: signal, cut: signal });
      assert.equal(outcome, "ok", JSON.stringify(await repository.jobs({ runId: run.id })));
    }
    const made = (await backups(cloud.admin)).filter((row) => server.volumes.includes(row.volume_id));
    assert.deepEqual(
      made.map(({ snapshot_id: snapshot, status }) => [snapshot, status]),
      Array(6).fill([null, "available"]),
    );
    assert.ok(made.some((row) => row.is_incremental));
    for (const { id } of made) assert.equal((await reader.backup(id, signal))?.objectCount, 0);
    assert.deepEqual(
      (await snapshots(cloud.admin)).filter((row) => server.volumes.includes(row.volume_id)),
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
