import assert from "node:assert/strict";
import { at, fields, text } from "../driver.ts";
import {
  assertFault,
  assertStatus,
  backupBecomes,
  behaviour,
  type Behaviour,
  newBackup,
  newInUseVolume,
  newVolume,
  resetStatus,
  volumeBecomes,
} from "../objects.ts";

export const restores: readonly Behaviour[] = [
  behaviour("a restore without a volume makes one, which remembers the backup", async (stage) => {
    const id = await newBackup(stage, stage.owner, await newVolume(stage, stage.owner));
    const answer = await stage.storage(stage.owner, "POST", `/backups/${id}/restore`, {
      restore: { name: "restored" },
    });
    assertStatus(answer, 202);
    assert.deepEqual(fields(at(answer.body, "restore")), ["backup_id", "volume_id", "volume_name"]);
    assert.deepEqual([at(answer.body, "restore.backup_id"), at(answer.body, "restore.volume_name")], [id, "restored"]);
    await backupBecomes(stage, stage.owner, id, "available");
    const volume = await volumeBecomes(stage, stage.owner, text(answer.body, "restore.volume_id"), "available");
    assert.deepEqual(at(volume.body, "volume.metadata"), { src_backup_id: id });
    assert.deepEqual([at(volume.body, "volume.name"), at(volume.body, "volume.volume_type")], ["restored", "fast"]);
  }),
  behaviour("the name of a volume made by a restore is restore_backup_ and the id, unless given", async (stage) => {
    const id = await newBackup(stage, stage.owner, await newVolume(stage, stage.owner));
    const answer = await stage.storage(stage.owner, "POST", `/backups/${id}/restore`, { restore: {} });
    assert.equal(at(answer.body, "restore.volume_name"), `restore_backup_${id}`);
    await volumeBecomes(stage, stage.owner, text(answer.body, "restore.volume_id"), "available");
  }),
  behaviour("a restore needs a free volume that is large enough", async (stage) => {
    const id = await newBackup(stage, stage.owner, await newVolume(stage, stage.owner, { sizeGiB: 2 }));
    const restore = (volume_id: string) =>
      stage.storage(stage.owner, "POST", `/backups/${id}/restore`, { restore: { volume_id } });
    const small = await restore(await newVolume(stage, stage.owner));
    assertFault(small, 400, "badRequest", "Invalid volume: volume size 1 is too small to restore backup of size 2.");
    const used = await restore(await newInUseVolume(stage, stage.owner));
    assertFault(used, 400, "badRequest", "Invalid volume: Volume to be restored to must be available");
  }),
  behaviour("a backup in error cannot be restored, and one of another project not be found", async (stage) => {
    const id = await newBackup(stage, stage.owner, await newVolume(stage, stage.owner));
    const restore = { restore: {} };
    assertFault(
      await stage.storage(stage.stranger, "POST", `/backups/${id}/restore`, restore),
      404,
      "itemNotFound",
      "Backup <uuid> could not be found.",
    );
    await resetStatus(stage, "backups", id, "error");
    await backupBecomes(stage, stage.owner, id, "error");
    assertFault(
      await stage.storage(stage.owner, "POST", `/backups/${id}/restore`, restore),
      400,
      "badRequest",
      "Invalid backup: Backup status must be available",
    );
  }),
];
