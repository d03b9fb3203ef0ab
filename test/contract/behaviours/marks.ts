import assert from "node:assert/strict";
import { at, fields } from "../driver.ts";
import { assertFault, assertStatus, behaviour, type Behaviour, newBackup, newVolume, postBackup } from "../objects.ts";
import type { Caller, Stage } from "../stage.ts";

const marks = {
  __automated_backup: "True",
  "dirigent:key": "k".repeat(255),
  "dirigent:slot": "2026-01-01T02:00:00+01:00",
  "dirigent:keep-until": "2026-02-01T00:00:00Z",
};

const put = (stage: Stage, caller: Caller, id: string, backup: unknown) =>
  stage.storage(caller, "PUT", `/backups/${id}`, { backup });
const metadataOf = async (stage: Stage, id: string) =>
  at((await stage.storage(stage.owner, "GET", `/backups/${id}`)).body, "backup.metadata");

export const backupMarks: readonly Behaviour[] = [
  behaviour("backup metadata take keys with colons and underscores and values of 255 characters", async (stage) => {
    const id = await newBackup(stage, stage.owner, await newVolume(stage, stage.owner), { metadata: marks });
    assert.deepEqual(await metadataOf(stage, id), marks);
  }),
  behaviour("backup metadata can be read while the backup is being made", async (stage) => {
    const made = await postBackup(stage, stage.owner, {
      volume_id: await newVolume(stage, stage.owner),
      metadata: marks,
    });
    const listed = await stage.storage(stage.owner, "GET", "/backups/detail?limit=1");
    assert.ok(Array.isArray(at(listed.body, "backups")));
    assert.deepEqual(await metadataOf(stage, String(at(made.body, "backup.id"))), marks);
  }),
  behaviour("metadata may be null or missing when a backup is made", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    assert.deepEqual(await metadataOf(stage, await newBackup(stage, stage.owner, volumeId, { metadata: null })), {});
    assert.deepEqual(await metadataOf(stage, await newBackup(stage, stage.owner, volumeId)), {});
  }),
  behaviour("a metadata value of 256 characters is a 400 at creation and at update", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    const k = "x".repeat(256);
    const message = `Invalid input for field/attribute k. Value: ${k}. '${k}' is too long`;
    assertFault(
      await postBackup(stage, stage.owner, { volume_id: volumeId, metadata: { k } }),
      400,
      "badRequest",
      message,
    );
    const id = await newBackup(stage, stage.owner, volumeId);
    assertFault(await put(stage, stage.owner, id, { metadata: { k } }), 400, "badRequest", message);
  }),
  behaviour("a metadata key with other signs is a 400", async (stage) => {
    const id = await newBackup(stage, stage.owner, await newVolume(stage, stage.owner));
    const message =
      "Invalid input for field/attribute metadata. Value: {'a$b': 'x'}. 'a$b' does not match any of the regexes: '^[a-zA-Z0-9-_:. /]{1,255}$'";
    assertFault(await put(stage, stage.owner, id, { metadata: { a$b: "x" } }), 400, "badRequest", message);
  }),
  behaviour("a metadata value that is no text is a 400", async (stage) => {
    const id = await newBackup(stage, stage.owner, await newVolume(stage, stage.owner));
    const answer = await put(stage, stage.owner, id, { metadata: { k: 1 } });
    assertFault(answer, 400, "badRequest", "Invalid input for field/attribute k. Value: 1. 1 is not of type 'string'");
  }),
  behaviour("PUT replaces all metadata of a backup", async (stage) => {
    const id = await newBackup(stage, stage.owner, await newVolume(stage, stage.owner), { metadata: marks });
    const answer = await put(stage, stage.owner, id, { metadata: { keep: "yes" } });
    assertStatus(answer, 200);
    assert.deepEqual(fields(at(answer.body, "backup")), ["id", "links", "name"]);
    assert.deepEqual(await metadataOf(stage, id), { keep: "yes" });
  }),
  behaviour("PUT of a name or description leaves the metadata as they are", async (stage) => {
    const id = await newBackup(stage, stage.owner, await newVolume(stage, stage.owner), { metadata: marks });
    assertStatus(await put(stage, stage.owner, id, { name: "new", description: "x" }), 200);
    const shown = await stage.storage(stage.owner, "GET", `/backups/${id}`);
    assert.deepEqual(
      [at(shown.body, "backup.name"), at(shown.body, "backup.description"), at(shown.body, "backup.metadata")],
      ["new", "x", marks],
    );
  }),
  behaviour("another member of the project can wipe the marks of a backup", async (stage) => {
    const id = await newBackup(stage, stage.owner, await newVolume(stage, stage.owner), { metadata: marks });
    assertStatus(await put(stage, stage.colleague, id, { metadata: {} }), 200);
    assert.deepEqual(await metadataOf(stage, id), {});
  }),
  behaviour("an administrator can update a backup of another project, a stranger not", async (stage) => {
    const id = await newBackup(stage, stage.owner, await newVolume(stage, stage.owner));
    assertStatus(await put(stage, stage.ops, id, { metadata: { by: "ops" } }), 200);
    assert.deepEqual(await metadataOf(stage, id), { by: "ops" });
    assertFault(
      await put(stage, stage.stranger, id, { metadata: {} }),
      404,
      "itemNotFound",
      "Backup <uuid> could not be found.",
    );
  }),
  behaviour("the user of a backup cannot be changed", async (stage) => {
    const id = await newBackup(stage, stage.owner, await newVolume(stage, stage.owner));
    const answer = await put(stage, stage.ops, id, { user_id: stage.ops.userId });
    const message =
      "Invalid input for field/attribute backup. Value: {'user_id': '<hex>'}. Additional properties are not allowed ('user_id' was unexpected)";
    assertFault(answer, 400, "badRequest", message);
  }),
];
