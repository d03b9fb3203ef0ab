import assert from "node:assert/strict";
import { at, fields, items, text } from "../driver.ts";
import {
  assertFault,
  assertStatus,
  behaviour,
  type Behaviour,
  isGone,
  newInUseVolume,
  newSnapshot,
  newVolume,
  resetStatus,
  snapshotBecomes,
  volumeBecomes,
} from "../objects.ts";

const fresh = ["consumes_quota", "created_at", "description", "group_snapshot_id", "id", "metadata", "name", "size", "status", "updated_at", "user_id", "volume_id"]; // prettier-ignore
const shown = [
  ...fresh,
  "os-extended-snapshot-attributes:progress",
  "os-extended-snapshot-attributes:project_id",
].sort();
const unknownId = "00000000-0000-0000-0000-000000000000";

export const snapshots: readonly Behaviour[] = [
  behaviour("a new snapshot answers 202 in state creating and becomes available", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    const snapshot = { volume_id: volumeId, name: stage.name("snap"), metadata: { "dirigent:key": "k" } };
    const made = await stage.storage(stage.owner, "POST", "/snapshots", { snapshot });
    assertStatus(made, 202);
    assert.deepEqual(fields(at(made.body, "snapshot")), fresh);
    assert.deepEqual(
      [at(made.body, "snapshot.status"), at(made.body, "snapshot.user_id"), at(made.body, "snapshot.metadata")],
      ["creating", stage.owner.userId, { "dirigent:key": "k" }],
    );
    const later = await snapshotBecomes(stage, stage.owner, text(made.body, "snapshot.id"), "available");
    assert.deepEqual(fields(at(later.body, "snapshot")), shown);
    assert.equal(at(later.body, "snapshot.os-extended-snapshot-attributes:progress"), "100%");
  }),
  behaviour("a snapshot of a volume in use needs force below 3.66", async (stage) => {
    const volumeId = await newInUseVolume(stage, stage.owner);
    const answer = await stage.storage(
      stage.owner,
      "POST",
      "/snapshots",
      { snapshot: { volume_id: volumeId } },
      "3.65",
    );
    assertFault(
      answer,
      400,
      "badRequest",
      "Invalid volume: Volume <uuid> status must be available, but current status is: in-use.",
    );
    const forced = await stage.storage(
      stage.owner,
      "POST",
      "/snapshots",
      { snapshot: { volume_id: volumeId, force: true } },
      "3.65",
    );
    assertStatus(forced, 202);
    await snapshotBecomes(stage, stage.owner, text(forced.body, "snapshot.id"), "available");
  }),
  behaviour("from 3.66 on a snapshot of a volume in use needs no force", async (stage) => {
    await newSnapshot(stage, stage.owner, await newInUseVolume(stage, stage.owner));
  }),
  behaviour("from 3.66 on force=false is an error", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    const answer = await stage.storage(stage.owner, "POST", "/snapshots", {
      snapshot: { volume_id: volumeId, force: false },
    });
    const message =
      "Since microversion 3.66 the 'force' flag is invalid for this request.  For backward compatability, however, when the 'force' flag is passed with a value evaluating to True, it is silently ignored.";
    assertFault(answer, 400, "badRequest", message);
  }),
  behaviour(
    "a snapshot belongs to the project of the token, hidden from the volume's owner, whose volume it holds",
    async (stage) => {
      const volumeId = await newVolume(stage, stage.owner);
      const id = await newSnapshot(stage, stage.ops, volumeId);
      const seen = await stage.storage(stage.ops, "GET", `/snapshots/${id}`);
      assert.equal(at(seen.body, "snapshot.os-extended-snapshot-attributes:project_id"), stage.ops.projectId);
      assertFault(
        await stage.storage(stage.owner, "GET", `/snapshots/${id}`),
        404,
        "itemNotFound",
        "Snapshot <uuid> could not be found.",
      );
      assertStatus(await stage.storage(stage.owner, "DELETE", `/volumes/${volumeId}`), 400);
    },
  ),
  behaviour("snapshots are listed by volume and status, with all fields in the detailed list", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    const id = await newSnapshot(stage, stage.owner, volumeId);
    const listed = await stage.storage(stage.owner, "GET", `/snapshots/detail?volume_id=${volumeId}&status=available`);
    assert.deepEqual(
      items(listed.body, "snapshots").map((snapshot) => at(snapshot, "id")),
      [id],
    );
    assert.deepEqual(fields(items(listed.body, "snapshots")[0]), shown);
    const all = await stage.storage(stage.ops, "GET", `/snapshots/detail?all_tenants=1&volume_id=${volumeId}`);
    assert.deepEqual(
      items(all.body, "snapshots").map((snapshot) => at(snapshot, "id")),
      [id],
    );
  }),
  behaviour("a snapshot of an unknown volume, and an unknown snapshot, are 404s", async (stage) => {
    assertFault(
      await stage.storage(stage.owner, "POST", "/snapshots", { snapshot: { volume_id: unknownId } }),
      404,
      "itemNotFound",
      "Volume <uuid> could not be found.",
    );
    assertFault(
      await stage.storage(stage.owner, "GET", `/snapshots/${unknownId}`),
      404,
      "itemNotFound",
      "Snapshot <uuid> could not be found.",
    );
    assertFault(
      await stage.storage(stage.owner, "GET", `/snapshots/detail?marker=${unknownId}`),
      404,
      "itemNotFound",
      "Snapshot <uuid> could not be found.",
    );
  }),
  behaviour("a deleted snapshot is gone, and one in another state cannot be deleted", async (stage) => {
    const volumeId = await newVolume(stage, stage.owner);
    const id = await newSnapshot(stage, stage.owner, volumeId);
    await resetStatus(stage, "snapshots", id, "creating");
    const refused = await stage.storage(stage.owner, "DELETE", `/snapshots/${id}`);
    assertStatus(refused, 400);
    assert.match(
      text(refused.body, "badRequest.message"),
      /^Invalid snapshot: Snapshot status must be available or error/,
    );
    await resetStatus(stage, "snapshots", id, "available");
    assertStatus(await stage.storage(stage.owner, "DELETE", `/snapshots/${id}`), 202);
    await isGone(stage, stage.owner, `/snapshots/${id}`);
  }),
  behaviour("a snapshot that is deleted again, or in error, can be forced by an administrator only", async (stage) => {
    const id = await newSnapshot(stage, stage.owner, await newVolume(stage, stage.owner));
    await resetStatus(stage, "snapshots", id, "error_deleting");
    const force = { "os-force_delete": {} };
    assertFault(
      await stage.storage(stage.owner, "POST", `/snapshots/${id}/action`, force),
      403,
      "forbidden",
      "Policy doesn't allow volume_extension:snapshot_admin_actions:force_delete to be performed.",
    );
    assertFault(
      await stage.storage(stage.owner, "DELETE", `/snapshots/${id}`),
      400,
      "badRequest",
      "Invalid snapshot: Snapshot status must be available or error and must not be part of a group.",
    );
    assertStatus(await stage.storage(stage.ops, "POST", `/snapshots/${id}/action`, force), 202);
    await isGone(stage, stage.owner, `/snapshots/${id}`);
  }),
  behaviour("a volume made from a snapshot says so, and a backend that copies lets the snapshot go", async (stage) => {
    const snapshotId = await newSnapshot(stage, stage.owner, await newVolume(stage, stage.owner));
    const made = await stage.storage(stage.owner, "POST", "/volumes", { volume: { size: 1, snapshot_id: snapshotId } });
    assertStatus(made, 202);
    const volumeId = text(made.body, "volume.id");
    const volume = await volumeBecomes(stage, stage.owner, volumeId, "available");
    assert.equal(at(volume.body, "volume.snapshot_id"), snapshotId);
    const query = `/volumes/detail?all_tenants=1&snapshot_id=${snapshotId}`;
    assert.deepEqual(
      items((await stage.storage(stage.ops, "GET", query)).body, "volumes").map((each) => at(each, "id")),
      [volumeId],
    );
    assertFault(
      await stage.storage(stage.owner, "GET", query),
      400,
      "badRequest",
      "Invalid filters snapshot_id are found in query options.",
    );
    assertStatus(await stage.storage(stage.owner, "DELETE", `/snapshots/${snapshotId}`), 202);
    await isGone(stage, stage.owner, `/snapshots/${snapshotId}`);
  }),
  behaviour(
    "a key is taken off a snapshot or a volume by itself, and one that is not there is a 404",
    async (stage) => {
      const volumeId = await newVolume(stage, stage.owner);
      const id = await newSnapshot(stage, stage.owner, volumeId);
      for (const [path, what] of [
        [`/snapshots/${id}`, "Snapshot"],
        [`/volumes/${volumeId}`, "Volume"],
      ] as const) {
        const metadata = { "dirigent:a": "1", b: "2" };
        assertStatus(await stage.storage(stage.owner, "POST", `${path}/metadata`, { metadata }), 200);
        assertStatus(await stage.storage(stage.owner, "DELETE", `${path}/metadata/dirigent%3Aa`), 200);
        assert.deepEqual((await stage.storage(stage.owner, "GET", `${path}/metadata`)).body, { metadata: { b: "2" } });
        assertFault(
          await stage.storage(stage.owner, "DELETE", `${path}/metadata/none`),
          404,
          "itemNotFound",
          `${what} <uuid> has no metadata with key none.`,
        );
      }
    },
  ),
  behaviour("snapshot metadata are merged by POST and replaced by PUT", async (stage) => {
    const id = await newSnapshot(stage, stage.owner, await newVolume(stage, stage.owner));
    assertStatus(await stage.storage(stage.owner, "POST", `/snapshots/${id}/metadata`, { metadata: { a: "1" } }), 200);
    const merged = await stage.storage(stage.owner, "POST", `/snapshots/${id}/metadata`, {
      metadata: { "dirigent:hold": "x" },
    });
    assert.deepEqual(merged.body, { metadata: { a: "1", "dirigent:hold": "x" } });
    const replaced = await stage.storage(stage.owner, "PUT", `/snapshots/${id}/metadata`, { metadata: { b: "2" } });
    assert.deepEqual(replaced.body, { metadata: { b: "2" } });
  }),
];
