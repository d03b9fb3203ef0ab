import assert from "node:assert/strict";
import { at, fields, items } from "../driver.ts";
import {
  assertFault,
  assertStatus,
  behaviour,
  type Behaviour,
  isGone,
  newBackup,
  newVolume,
  volumeBecomes,
} from "../objects.ts";

export const services: readonly Behaviour[] = [
  behaviour("an administrator sees which backup services are up, a member does not", async (stage) => {
    const answer = await stage.storage(stage.ops, "GET", "/os-services?binary=cinder-backup");
    assertStatus(answer, 200);
    const [service] = items(answer.body, "services");
    assert.deepEqual(fields(service), [
      "binary",
      "cluster",
      "disabled_reason",
      "host",
      "state",
      "status",
      "updated_at",
      "zone",
    ]);
    assert.deepEqual(
      [at(service, "binary"), at(service, "state"), at(service, "status")],
      ["cinder-backup", "up", "enabled"],
    );
    const refused = await stage.storage(stage.owner, "GET", "/os-services");
    assertFault(refused, 403, "forbidden", "Policy doesn't allow volume_extension:services:index to be performed.");
  }),
  behaviour("messages of an object nothing happened to are an empty list", async (stage) => {
    const answer = await stage.storage(
      stage.owner,
      "GET",
      "/messages?resource_uuid=00000000-0000-0000-0000-000000000000",
    );
    assert.deepEqual({ status: answer.status, body: answer.body }, { status: 200, body: { messages: [] } });
  }),
  behaviour("a failed restore leaves a message for the users of the project", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    const full = await newBackup(stage, stage.owner, volumeId);
    await stage.harness.pause(1100);
    const incremental = await newBackup(stage, stage.owner, volumeId, { incremental: true });
    assertStatus(await stage.storage(stage.ops, "DELETE", `/backups/${full}`), 202);
    await isGone(stage, stage.owner, `/backups/${full}`);
    const target = await newVolume(stage, stage.owner);
    await stage.storage(stage.owner, "POST", `/backups/${incremental}/restore`, { restore: { volume_id: target } });
    await volumeBecomes(stage, stage.owner, target, "error_restoring");
    const answer = await stage.storage(stage.owner, "GET", `/messages?resource_uuid=${incremental}`);
    const [message] = items(answer.body, "messages");
    // Whoever asks sees it, whatever his project: the reader does, too.
    const asked = await stage.storage(stage.stranger, "GET", `/messages?resource_uuid=${incremental}`);
    assert.deepEqual(items(asked.body, "messages"), [message]);
    assert.deepEqual(fields(message), [
      "created_at",
      "event_id",
      "guaranteed_until",
      "id",
      "links",
      "message_level",
      "request_id",
      "resource_type",
      "resource_uuid",
      "user_message",
    ]);
    assert.deepEqual(
      [
        at(message, "event_id"),
        at(message, "user_message"),
        at(message, "message_level"),
        at(message, "resource_type"),
      ],
      [
        "VOLUME_VOLUME_BACKUP_015_026",
        "restore backup:Backup driver failed to restore backup.",
        "ERROR",
        "VOLUME_BACKUP",
      ],
    );
  }),
  behaviour("volume types have names, and fast is among them", async (stage) => {
    const answer = await stage.storage(stage.owner, "GET", "/types");
    const fast = items(answer.body, "volume_types").find((type) => at(type, "name") === "fast");
    assert.deepEqual(fields(fast), [
      "description",
      "extra_specs",
      "id",
      "is_public",
      "name",
      "os-volume-type-access:is_public",
    ]);
  }),
];
