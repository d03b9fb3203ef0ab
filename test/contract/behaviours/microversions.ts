import assert from "node:assert/strict";
import { at, fields, items, send } from "../driver.ts";
import { assertFault, assertStatus, behaviour, type Behaviour, newBackup, newVolume, postBackup } from "../objects.ts";

const backupAt30 = ["availability_zone", "container", "created_at", "data_timestamp", "description", "fail_reason", "has_dependent_backups", "id", "is_incremental", "links", "name", "object_count", "size", "snapshot_id", "status", "updated_at", "volume_id"]; // prettier-ignore
const sorted = (names: readonly string[]) => [...names].sort();

export const microversions: readonly Behaviour[] = [
  behaviour("Cinder's root answers 300 with its versions", async (stage) => {
    const answer = await send("GET", `${stage.rootOf("storage")}/`);
    assertStatus(answer, 300);
    const [version] = items(answer.body, "versions");
    assert.deepEqual(fields(version), ["id", "links", "media-types", "min_version", "status", "updated", "version"]);
    assert.deepEqual([at(version, "id"), at(version, "min_version"), at(version, "version")], ["v3.0", "3.0", "3.70"]);
  }),
  behaviour("Nova's version document says how far its microversions reach", async (stage) => {
    const answer = await stage.compute(stage.owner, "GET", "/");
    assertStatus(answer, 200);
    const version = at(answer.body, "version");
    assert.deepEqual(fields(version), ["id", "links", "media-types", "min_version", "status", "updated", "version"]);
    assert.deepEqual([at(version, "id"), at(version, "min_version"), at(version, "version")], ["v2.1", "2.1", "2.93"]);
  }),
  behaviour("a microversion too high is a 406", async (stage) => {
    assertFault(
      await stage.storage(stage.owner, "GET", "/backups", undefined, "3.999"),
      406,
      "computeFault",
      "Version 3.999 is not supported by the API. Minimum is 3.0 and maximum is 3.70.",
    );
    assertFault(
      await stage.compute(stage.owner, "GET", "/servers", undefined, "2.999"),
      406,
      "computeFault",
      "Version 2.999 is not supported by the API. Minimum is 2.1 and maximum is 2.93.",
    );
  }),
  behaviour("what is no microversion is a 400", async (stage) => {
    const message = "API Version String abc is of invalid format. Must be of format MajorNum.MinorNum.";
    assertFault(await stage.storage(stage.owner, "GET", "/backups", undefined, "abc"), 400, "badRequest", message);
    assertFault(await stage.compute(stage.owner, "GET", "/servers", undefined, "abc"), 400, "badRequest", message);
  }),
  behaviour("the microversion used comes back in a header, the oldest without one asked for", async (stage) => {
    const header = async (version: string) =>
      (await stage.storage(stage.owner, "GET", "/backups", undefined, version)).headers.get("openstack-api-version");
    assert.deepEqual(
      [await header("3.50"), await header(""), await header("latest")],
      ["volume 3.50", "volume 3.0", "volume 3.70"],
    );
    assert.equal(
      (await stage.compute(stage.owner, "GET", "/servers", undefined, "2.50")).headers.get("openstack-api-version"),
      "compute 2.50",
    );
  }),
  behaviour("old microversions hide what they do not know of a backup", async (stage) => {
    const id = await newBackup(stage, stage.owner, await newVolume(stage, stage.owner));
    const seen = async (version: string) =>
      fields(at((await stage.storage(stage.ops, "GET", `/backups/${id}`, undefined, version)).body, "backup"));
    assert.deepEqual(await seen("3.0"), backupAt30);
    assert.deepEqual(await seen("3.18"), sorted([...backupAt30, "os-backup-project-attr:project_id"]));
    assert.deepEqual(await seen("3.43"), sorted([...backupAt30, "os-backup-project-attr:project_id", "metadata"]));
    assert.deepEqual(
      await seen("3.56"),
      sorted([...backupAt30, "os-backup-project-attr:project_id", "metadata", "user_id"]),
    );
    assert.deepEqual(await seen("3.70"), await seen("3.56"));
  }),
  behaviour("metadata below 3.43 are refused when a backup is made", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    const answer = await postBackup(stage, stage.owner, { volume_id: volumeId, metadata: { a: "b" } }, "3.42");
    const message =
      "Invalid input for field/attribute backup. Value: {'volume_id': '<uuid>', 'metadata': {'a': 'b'}}. Additional properties are not allowed ('metadata' was unexpected)";
    assertFault(answer, 400, "badRequest", message);
  }),
  behaviour("metadata below 3.43 are refused when a backup is updated", async (stage) => {
    const id = await newBackup(stage, stage.owner, await newVolume(stage, stage.owner));
    const answer = await stage.storage(
      stage.owner,
      "PUT",
      `/backups/${id}`,
      { backup: { metadata: { keep: "no" } } },
      "3.42",
    );
    const message =
      "Invalid input for field/attribute backup. Value: {'metadata': {'keep': 'no'}}. Additional properties are not allowed ('metadata' was unexpected)";
    assertFault(answer, 400, "badRequest", message);
  }),
  behaviour("an availability zone below 3.51 is refused, and ignored from then on", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    const answer = await postBackup(stage, stage.owner, { volume_id: volumeId, availability_zone: "nova" }, "3.50");
    const message =
      "Invalid input for field/attribute backup. Value: {'volume_id': '<uuid>', 'availability_zone': 'nova'}. Additional properties are not allowed ('availability_zone' was unexpected)";
    assertFault(answer, 400, "badRequest", message);
    const id = await newBackup(stage, stage.owner, volumeId, { availability_zone: "nonsense" });
    assert.equal(
      at((await stage.storage(stage.owner, "GET", `/backups/${id}`)).body, "backup.availability_zone"),
      null,
    );
  }),
  behaviour("what is unknown below a service's version is a 404 in a form of its own", async (stage) => {
    const body = {
      code: "404 Not Found",
      message: "The resource could not be found.<br /><br />\n\n\n",
      title: "Not Found",
    };
    const answers = [
      await stage.storage(stage.owner, "GET", "/nonsense"),
      await stage.compute(stage.owner, "GET", "/nonsense"),
    ];
    assert.deepEqual(
      answers.map((answer) => [answer.status, answer.body]),
      [
        [404, body],
        [404, body],
      ],
    );
  }),
  behaviour("Nova and Cinder say what time it is and number their answers", async (stage) => {
    for (const answer of [
      await stage.storage(stage.owner, "GET", "/volumes"),
      await stage.compute(stage.owner, "GET", "/servers"),
    ]) {
      assert.match(answer.headers.get("date") ?? "", /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
      assert.match(answer.headers.get("x-openstack-request-id") ?? "", /^req-[0-9a-f-]{36}$/);
    }
  }),
];
