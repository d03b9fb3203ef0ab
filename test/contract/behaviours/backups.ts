import assert from "node:assert/strict";
import { at, fields, items, text } from "../driver.ts";
import {
  assertFault,
  assertStatus,
  backupBecomes,
  behaviour,
  type Behaviour,
  newBackup,
  newInUseVolume,
  newSnapshot,
  newVolume,
  postBackup,
  resetStatus,
  volumeBecomes,
} from "../objects.ts";

const forMembers = ["availability_zone", "container", "created_at", "data_timestamp", "description", "fail_reason", "has_dependent_backups", "id", "is_incremental", "links", "metadata", "name", "object_count", "size", "snapshot_id", "status", "updated_at", "volume_id"]; // prettier-ignore
const forAdmins = ["os-backup-project-attr:project_id", "user_id"];
const unknownId = "00000000-0000-0000-0000-000000000000";

/** Large enough that the copy takes longer than a few requests. */
export const slow = { sizeGiB: 60 };

export const backups: readonly Behaviour[] = [
  behaviour("a new backup answers 202 with id, name and links only, and becomes available", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    const made = await postBackup(stage, stage.owner, { volume_id: volumeId, name: "n", description: "d" });
    assertStatus(made, 202);
    assert.deepEqual(fields(at(made.body, "backup")), ["id", "links", "name"]);
    const shown = await backupBecomes(stage, stage.owner, text(made.body, "backup.id"), "available");
    assert.deepEqual(fields(at(shown.body, "backup")), forMembers);
    const backup = at(shown.body, "backup");
    assert.deepEqual(
      [
        "name",
        "description",
        "size",
        "volume_id",
        "is_incremental",
        "has_dependent_backups",
        "fail_reason",
        "snapshot_id",
        "availability_zone",
        "object_count",
        "metadata",
      ].map((f) => at(backup, f)),
      ["n", "d", 1, volumeId, false, false, null, null, null, 1, {}],
    );
    assert.equal(at(backup, "data_timestamp"), at(backup, "created_at"));
    assert.match(text(backup, "created_at"), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000$/);
  }),
  behaviour("a backup goes to the container of its request; the zone is taken and forgotten", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    const wanted = { volume_id: volumeId, container: "vault", availability_zone: "nowhere" };
    const made = await postBackup(stage, stage.owner, wanted);
    assertStatus(made, 202);
    const shown = await backupBecomes(stage, stage.owner, text(made.body, "backup.id"), "available");
    assert.deepEqual([at(shown.body, "backup.container"), at(shown.body, "backup.availability_zone")], ["vault", null]);
    // The parent of an incremental is the newest backup, in whatever container.
    const next = await postBackup(stage, stage.owner, { volume_id: volumeId, incremental: true });
    await backupBecomes(stage, stage.owner, text(next.body, "backup.id"), "available");
    const children = await stage.storage(
      stage.ops,
      "GET",
      `/backups?all_tenants=1&parent_id=${text(made.body, "backup.id")}`,
    );
    assert.deepEqual(
      items(children.body, "backups").map((row) => at(row, "id")),
      [text(next.body, "backup.id")],
    );
  }),
  behaviour("only an administrator sees whose a backup is", async (stage) => {
    const id = await newBackup(stage, stage.owner, await newVolume(stage, stage.owner));
    const shown = await stage.storage(stage.ops, "GET", `/backups/${id}`);
    assert.deepEqual(fields(at(shown.body, "backup")), [...forMembers, ...forAdmins].sort());
    assert.deepEqual(
      [at(shown.body, "backup.user_id"), at(shown.body, "backup.os-backup-project-attr:project_id")],
      [stage.owner.userId, stage.owner.projectId],
    );
  }),
  behaviour("while a backup is made it is creating and its volume backing-up", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner, slow);
    const made = await postBackup(stage, stage.owner, { volume_id: volumeId });
    const id = text(made.body, "backup.id");
    const volume = await stage.storage(stage.owner, "GET", `/volumes/${volumeId}`);
    const listed = await stage.storage(
      stage.ops,
      "GET",
      `/backups/detail?all_tenants=1&status=creating&volume_id=${volumeId}`,
    );
    assert.equal(at(volume.body, "volume.status"), "backing-up");
    assert.deepEqual(
      items(listed.body, "backups").map((b) => [at(b, "id"), at(b, "status")]),
      [[id, "creating"]],
    );
    await backupBecomes(stage, stage.owner, id, "available");
    await volumeBecomes(stage, stage.owner, volumeId, "available");
  }),
  behaviour("a second backup of a volume that is being backed up is a 400", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner, slow);
    await postBackup(stage, stage.owner, { volume_id: volumeId });
    const second = await postBackup(stage, stage.owner, { volume_id: volumeId });
    assertFault(
      second,
      400,
      "badRequest",
      'Invalid volume: Volume to be backed up must be available or in-use, but the current status is "backing-up".',
    );
    await volumeBecomes(stage, stage.owner, volumeId, "available");
  }),
  behaviour("a backup that is being made cannot be deleted", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner, slow);
    const made = await postBackup(stage, stage.owner, { volume_id: volumeId });
    const answer = await stage.storage(stage.owner, "DELETE", `/backups/${text(made.body, "backup.id")}`);
    assertFault(answer, 400, "badRequest", "Invalid backup: Backup status must be available or error");
    await backupBecomes(stage, stage.owner, text(made.body, "backup.id"), "available");
  }),
  behaviour("a volume in use is backed up with force only, and stays in use", async (stage) => {
    const volumeId = await newInUseVolume(stage, stage.owner);
    const refused = await postBackup(stage, stage.owner, { volume_id: volumeId });
    assertFault(refused, 400, "badRequest", "Invalid volume: Backing up an in-use volume must use the force flag.");
    await newBackup(stage, stage.owner, volumeId, { force: true });
    await volumeBecomes(stage, stage.owner, volumeId, "in-use");
  }),
  behaviour("a volume in error cannot be backed up, even with force", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    await resetStatus(stage, "volumes", volumeId, "error");
    const message =
      'Invalid volume: Volume to be backed up must be available or in-use, but the current status is "error".';
    assertFault(await postBackup(stage, stage.owner, { volume_id: volumeId }), 400, "badRequest", message);
    assertFault(await postBackup(stage, stage.owner, { volume_id: volumeId, force: true }), 400, "badRequest", message);
  }),
  behaviour("a backup of an unknown volume is a 404", async (stage) => {
    assertFault(
      await postBackup(stage, stage.owner, { volume_id: unknownId }),
      404,
      "itemNotFound",
      "Volume <uuid> could not be found.",
    );
  }),
  behaviour("a backup without a volume is a 400 that quotes the request", async (stage) => {
    const answer = await postBackup(stage, stage.owner, { volume: unknownId });
    assertFault(
      answer,
      400,
      "badRequest",
      "Invalid input for field/attribute backup. Value: {'volume': '<uuid>'}. 'volume_id' is a required property",
    );
  }),
  behaviour("a body that is no JSON is a 400, and none at all a 500", async (stage) => {
    const broken = await stage.storageRaw(stage.owner, "POST", "/backups", "{nonsense");
    assertFault(broken, 400, "badRequest", "Malformed request body");
    const empty = await stage.storageRaw(stage.owner, "POST", "/backups", "");
    const message = "The server has either erred or is incapable of performing the requested operation.";
    assertFault(empty, 500, "computeFault", message);
  }),
  behaviour("a name longer than 255 characters is a 400", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    const name = "n".repeat(256);
    assertFault(
      await postBackup(stage, stage.owner, { volume_id: volumeId, name }),
      400,
      "badRequest",
      `Invalid input for field/attribute name. Value: ${name}. '${name}' is too long`,
    );
    await newBackup(stage, stage.owner, volumeId, { name: "n".repeat(255) });
  }),
  behaviour("a backup from a snapshot carries the time of the snapshot and leaves the volume alone", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    const snapshotId = await newSnapshot(stage, stage.owner, volumeId);
    const made = await postBackup(stage, stage.owner, { volume_id: volumeId, snapshot_id: snapshotId });
    assertStatus(made, 202);
    const shown = await backupBecomes(stage, stage.owner, text(made.body, "backup.id"), "available");
    const snapshot = await stage.storage(stage.owner, "GET", `/snapshots/${snapshotId}`);
    assert.deepEqual(
      [
        at(shown.body, "backup.snapshot_id"),
        at(shown.body, "backup.data_timestamp"),
        at(snapshot.body, "snapshot.status"),
      ],
      [snapshotId, at(snapshot.body, "snapshot.created_at"), "available"],
    );
  }),
  behaviour("a snapshot of another volume is no source for a backup", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    const snapshotId = await newSnapshot(stage, stage.owner, await newVolume(stage, stage.owner));
    const answer = await postBackup(stage, stage.owner, { volume_id: volumeId, snapshot_id: snapshotId });
    assertFault(
      answer,
      400,
      "badRequest",
      "Invalid volume: Volume <uuid> does not match with snapshot.volume_id <uuid>.",
    );
  }),
  behaviour("a backup belongs to the project of the token, not of the volume", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    const id = await newBackup(stage, stage.ops, volumeId);
    const shown = await stage.storage(stage.ops, "GET", `/backups/${id}`);
    assert.deepEqual(
      [at(shown.body, "backup.os-backup-project-attr:project_id"), at(shown.body, "backup.user_id")],
      [stage.ops.projectId, stage.ops.userId],
    );
    assertFault(
      await stage.storage(stage.owner, "GET", `/backups/${id}`),
      404,
      "itemNotFound",
      "Backup <uuid> could not be found.",
    );
  }),
  behaviour("a member of another project cannot back a volume up", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    assertFault(
      await postBackup(stage, stage.stranger, { volume_id: volumeId }),
      404,
      "itemNotFound",
      "Volume <uuid> could not be found.",
    );
  }),
  behaviour(
    "a writer who is member of a project makes backups in it that its members can see and delete",
    async (stage) => {
      const volumeId = await newVolume(stage, stage.owner);
      const id = await newBackup(stage, stage.colleague, volumeId);
      assert.equal(
        at((await stage.storage(stage.ops, "GET", `/backups/${id}`)).body, "backup.user_id"),
        stage.colleague.userId,
      );
      assertStatus(await stage.storage(stage.owner, "GET", `/backups/${id}`), 200);
      assertStatus(await stage.storage(stage.owner, "DELETE", `/backups/${id}`), 202);
    },
  ),
  behaviour("the size of a backup is the size its volume had", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    const id = await newBackup(stage, stage.owner, volumeId);
    assertStatus(
      await stage.storage(stage.owner, "POST", `/volumes/${volumeId}/action`, { "os-extend": { new_size: 2 } }),
      202,
    );
    await volumeBecomes(stage, stage.owner, volumeId, "available");
    const later = await newBackup(stage, stage.owner, volumeId);
    const size = async (backup: string) =>
      at((await stage.storage(stage.owner, "GET", `/backups/${backup}`)).body, "backup.size");
    assert.deepEqual([await size(id), await size(later)], [1, 2]);
  }),
  behaviour("a backup outlives its volume", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    const id = await newBackup(stage, stage.owner, volumeId);
    await volumeBecomes(stage, stage.owner, volumeId, "available");
    assertStatus(await stage.storage(stage.owner, "DELETE", `/volumes/${volumeId}`), 202);
    await stage.until(
      "volume gone",
      () => stage.storage(stage.owner, "GET", `/volumes/${volumeId}`),
      (a) => a.status === 404,
    );
    const shown = await stage.storage(stage.owner, "GET", `/backups/${id}`);
    assert.deepEqual([at(shown.body, "backup.status"), at(shown.body, "backup.volume_id")], ["available", volumeId]);
  }),
];
