import assert from "node:assert/strict";
import { at, items, text } from "../driver.ts";
import {
  assertFault,
  assertStatus,
  backupBecomes,
  behaviour,
  type Behaviour,
  isGone,
  newBackup,
  newSnapshot,
  newVolume,
  postBackup,
  resetStatus,
  volumeBecomes,
} from "../objects.ts";
import type { Caller, Stage } from "../stage.ts";
import { slow } from "./backups.ts";

/** Creation times have whole seconds; what must be newer has to wait for the next one. */
const nextSecond = (stage: Stage) => stage.harness.pause(1100);

async function newChain(
  stage: Stage,
  caller: Caller,
  volumeId: string,
): Promise<{ full: string; incremental: string }> {
  const full = await newBackup(stage, caller, volumeId);
  await nextSecond(stage);
  return { full, incremental: await newBackup(stage, caller, volumeId, { incremental: true }) };
}

/** The children an administrator finds: the only way to a parent over HTTP. */
async function childrenOf(stage: Stage, id: string): Promise<unknown[]> {
  const answer = await stage.storage(stage.ops, "GET", `/backups/detail?all_tenants=1&parent_id=${id}`);
  assertStatus(answer, 200);
  return items(answer.body, "backups").map((backup) => at(backup, "id"));
}

/** Cinder counts the children a moment after the child itself has come, or gone. */
const dependentsBecome = (stage: Stage, id: string, has: boolean) =>
  stage.until(
    `has_dependent_backups ${has}`,
    () => stage.storage(stage.owner, "GET", `/backups/${id}`),
    (a) => at(a.body, "backup.has_dependent_backups") === has,
  );

const hasChildren = "Invalid backup: Incremental backups exist for this backup.";
const mustBeFinal = "Invalid backup: Backup status must be available or error";
const noParent = "Invalid backup: No backups available to do an incremental backup.";
const parentNotAvailable = "Invalid backup: The parent backup must be available for incremental backup.";

export const chains: readonly Behaviour[] = [
  behaviour(
    "an incremental says so, its parent has dependents, and parent_id finds it for an administrator",
    async (stage) => {
      const { full, incremental } = await newChain(stage, stage.owner, await newVolume(stage, stage.owner));
      const parent = (await dependentsBecome(stage, full, true)).body;
      const child = (await stage.storage(stage.owner, "GET", `/backups/${incremental}`)).body;
      assert.equal(at(parent, "backup.is_incremental"), false);
      assert.deepEqual(
        [at(child, "backup.is_incremental"), at(child, "backup.has_dependent_backups"), at(child, "backup.parent_id")],
        [true, false, undefined],
      );
      assert.deepEqual([await childrenOf(stage, full), await childrenOf(stage, incremental)], [[incremental], []]);
    },
  ),
  behaviour("an incremental without any backup before it is a 400", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    assertFault(
      await postBackup(stage, stage.owner, { volume_id: volumeId, incremental: true }),
      400,
      "badRequest",
      noParent,
    );
    assert.equal(
      at((await stage.storage(stage.owner, "GET", `/volumes/${volumeId}`)).body, "volume.status"),
      "available",
    );
  }),
  behaviour("the parent is the newest backup of the volume, whoever of the project made it", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    const old = await newBackup(stage, stage.owner, volumeId);
    await nextSecond(stage);
    const byColleague = await newBackup(stage, stage.colleague, volumeId);
    await nextSecond(stage);
    const incremental = await newBackup(stage, stage.owner, volumeId, { incremental: true });
    assert.deepEqual([await childrenOf(stage, old), await childrenOf(stage, byColleague)], [[], [incremental]]);
  }),
  behaviour("backups of the same volume in another project are no parents", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    await newBackup(stage, stage.ops, volumeId);
    assertFault(
      await postBackup(stage, stage.owner, { volume_id: volumeId, incremental: true }),
      400,
      "badRequest",
      noParent,
    );
  }),
  behaviour("a newest backup in error refuses incrementals; a full is still possible and heals it", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    await newBackup(stage, stage.owner, volumeId);
    await nextSecond(stage);
    const failed = await newBackup(stage, stage.owner, volumeId);
    await resetStatus(stage, "backups", failed, "error");
    await backupBecomes(stage, stage.owner, failed, "error");
    assertFault(
      await postBackup(stage, stage.owner, { volume_id: volumeId, incremental: true }),
      400,
      "badRequest",
      parentNotAvailable,
    );
    await nextSecond(stage);
    const full = await newBackup(stage, stage.owner, volumeId);
    await nextSecond(stage);
    const incremental = await newBackup(stage, stage.owner, volumeId, { incremental: true });
    assert.deepEqual(await childrenOf(stage, full), [incremental]);
  }),
  behaviour("an incremental from a snapshot takes the newest backup that is older than the snapshot", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    const before = await newBackup(stage, stage.owner, volumeId);
    await nextSecond(stage);
    const snapshotId = await newSnapshot(stage, stage.owner, volumeId);
    await nextSecond(stage);
    const after = await newBackup(stage, stage.owner, volumeId);
    const incremental = await newBackup(stage, stage.owner, volumeId, { incremental: true, snapshot_id: snapshotId });
    assert.deepEqual([await childrenOf(stage, before), await childrenOf(stage, after)], [[incremental], []]);
  }),
  behaviour("a parent with an incremental cannot be deleted in its project", async (stage) => {
    const { full } = await newChain(stage, stage.owner, await newVolume(stage, stage.owner));
    assertFault(await stage.storage(stage.owner, "DELETE", `/backups/${full}`), 400, "badRequest", hasChildren);
  }),
  behaviour(
    "an administrator of another project deletes a parent all the same, and the orphan's restore fails",
    async (stage) => {
      const volumeId = await newVolume(stage, stage.owner);
      const { full, incremental } = await newChain(stage, stage.owner, volumeId);
      assertStatus(await stage.storage(stage.ops, "DELETE", `/backups/${full}`), 202);
      await isGone(stage, stage.owner, `/backups/${full}`);
      const orphan = await stage.storage(stage.owner, "GET", `/backups/${incremental}`);
      assert.deepEqual(
        [at(orphan.body, "backup.status"), at(orphan.body, "backup.is_incremental")],
        ["available", true],
      );
      const target = await newVolume(stage, stage.owner);
      assertStatus(
        await stage.storage(stage.owner, "POST", `/backups/${incremental}/restore`, { restore: { volume_id: target } }),
        202,
      );
      await volumeBecomes(stage, stage.owner, target, "error_restoring");
      await backupBecomes(stage, stage.owner, incremental, "available");
    },
  ),
  behaviour("when the last incremental is gone its parent has no dependents and can be deleted", async (stage) => {
    const { full, incremental } = await newChain(stage, stage.owner, await newVolume(stage, stage.owner));
    assertStatus(await stage.storage(stage.owner, "DELETE", `/backups/${incremental}`), 202);
    await isGone(stage, stage.owner, `/backups/${incremental}`);
    await dependentsBecome(stage, full, false);
    assertStatus(await stage.storage(stage.owner, "DELETE", `/backups/${full}`), 202);
    await isGone(stage, stage.owner, `/backups/${full}`);
  }),
  behaviour("a deleted backup is a 404, and so is a second DELETE", async (stage) => {
    const id = await newBackup(stage, stage.owner, await newVolume(stage, stage.owner));
    const first = await stage.storage(stage.owner, "DELETE", `/backups/${id}`);
    assert.deepEqual({ status: first.status, body: first.body }, { status: 202, body: "" });
    await isGone(stage, stage.owner, `/backups/${id}`);
    assertFault(
      await stage.storage(stage.owner, "DELETE", `/backups/${id}`),
      404,
      "itemNotFound",
      "Backup <uuid> could not be found.",
    );
  }),
  behaviour("a backup of another project cannot be deleted by a member", async (stage) => {
    const id = await newBackup(stage, stage.owner, await newVolume(stage, stage.owner));
    assertFault(
      await stage.storage(stage.stranger, "DELETE", `/backups/${id}`),
      404,
      "itemNotFound",
      "Backup <uuid> could not be found.",
    );
  }),
  behaviour("a backup in error can be deleted", async (stage) => {
    const id = await newBackup(stage, stage.owner, await newVolume(stage, stage.owner));
    await resetStatus(stage, "backups", id, "error");
    await backupBecomes(stage, stage.owner, id, "error");
    assertStatus(await stage.storage(stage.owner, "DELETE", `/backups/${id}`), 202);
    await isGone(stage, stage.owner, `/backups/${id}`);
  }),
  behaviour("os-reset_status of a backup is an administrator's and knows available and error only", async (stage) => {
    const id = await newBackup(stage, stage.owner, await newVolume(stage, stage.owner));
    const reset = (caller: Caller, status: string) =>
      stage.storage(caller, "POST", `/backups/${id}/action`, { "os-reset_status": { status } });
    assertFault(
      await reset(stage.owner, "error"),
      403,
      "forbidden",
      "Policy doesn't allow volume_extension:backup_admin_actions:reset_status to be performed.",
    );
    const message =
      "Invalid input for field/attribute status. Value: deleting. Backup status: deleting is invalid, valid statuses are: ['available', 'error'].";
    const answer = await reset(stage.ops, "deleting");
    assertStatus(answer, 400);
    assert.ok(
      text(answer.body, "badRequest.message").includes(
        "Backup status: deleting is invalid, valid statuses are: ['available', 'error'].",
      ),
      message,
    );
  }),
  behaviour("os-force_delete ends a backup that is being made, for administrators only", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner, slow);
    const made = await postBackup(stage, stage.owner, { volume_id: volumeId });
    const id = text(made.body, "backup.id");
    const force = { "os-force_delete": {} };
    const refused = await stage.storage(stage.owner, "POST", `/backups/${id}/action`, force);
    assertFault(
      refused,
      403,
      "forbidden",
      "Policy doesn't allow volume_extension:backup_admin_actions:force_delete to be performed.",
    );
    assertStatus(await stage.storage(stage.ops, "POST", `/backups/${id}/action`, force), 202);
    await isGone(stage, stage.owner, `/backups/${id}`);
    await volumeBecomes(stage, stage.owner, volumeId, "available");
  }),
  behaviour(
    "a backup whose volume vanishes during the copy stays creating until an administrator ends it",
    async (stage) => {
      const volumeId = await newVolume(stage, stage.owner, { sizeGiB: 300 });
      const made = await postBackup(stage, stage.owner, { volume_id: volumeId });
      const id = text(made.body, "backup.id");
      const show = () => stage.storage(stage.owner, "GET", `/backups/${id}`);
      // The row has a container from the moment the copy begins. Sooner, the backup would end in error, or not begin.
      const begun = await stage.until("the copy to begin", show, (a) => at(a.body, "backup.container") !== null);
      assert.equal(at(begun.body, "backup.status"), "creating");
      assertStatus(
        await stage.storage(stage.ops, "POST", `/volumes/${volumeId}/action`, { "os-force_delete": {} }),
        202,
      );
      await isGone(stage, stage.owner, `/volumes/${volumeId}`);
      // Long enough for the copy to have ended, if it was to end.
      await stage.harness.pause(15_000);
      const stuck = await show();
      assert.deepEqual([at(stuck.body, "backup.status"), at(stuck.body, "backup.fail_reason")], ["creating", null]);
      await resetStatus(stage, "backups", id, "error");
      await backupBecomes(stage, stage.owner, id, "error");
      assertStatus(await stage.storage(stage.owner, "DELETE", `/backups/${id}`), 202);
      await isGone(stage, stage.owner, `/backups/${id}`);
    },
  ),
  behaviour("a backup that is being restored cannot be deleted", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner, slow);
    const id = await newBackup(stage, stage.owner, volumeId);
    await volumeBecomes(stage, stage.owner, volumeId, "available");
    assertStatus(
      await stage.storage(stage.owner, "POST", `/backups/${id}/restore`, { restore: { volume_id: volumeId } }),
      202,
    );
    assertFault(await stage.storage(stage.owner, "DELETE", `/backups/${id}`), 400, "badRequest", mustBeFinal);
    await backupBecomes(stage, stage.owner, id, "available");
  }),
];
