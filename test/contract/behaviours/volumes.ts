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
  volumeBecomes,
} from "../objects.ts";

const forMembers = ["attachments", "availability_zone", "bootable", "consistencygroup_id", "consumes_quota", "created_at", "description", "encrypted", "group_id", "id", "links", "metadata", "multiattach", "name", "os-vol-tenant-attr:tenant_id", "replication_status", "service_uuid", "shared_targets", "size", "snapshot_id", "source_volid", "status", "updated_at", "user_id", "volume_type", "volume_type_id"]; // prettier-ignore
const forAdmins = ["cluster_name", "migration_status", "os-vol-host-attr:host", "os-vol-mig-status-attr:migstat", "os-vol-mig-status-attr:name_id", "provider_id"]; // prettier-ignore
const at30 = ["attachments", "availability_zone", "bootable", "consistencygroup_id", "created_at", "description", "encrypted", "id", "links", "metadata", "multiattach", "name", "os-vol-tenant-attr:tenant_id", "replication_status", "size", "snapshot_id", "source_volid", "status", "updated_at", "user_id", "volume_type"]; // prettier-ignore

const unknownId = "00000000-0000-0000-0000-000000000000";
const undeletable =
  "Invalid volume: Volume status must be available or error or error_restoring or error_extending or error_managing and must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer.";

export const volumes: readonly Behaviour[] = [
  behaviour(
    "a new volume answers 202 in state creating, with the fraction of a second it was made in",
    async (stage) => {
      const made = await stage.storage(stage.owner, "POST", "/volumes", {
        volume: { size: 1, name: stage.name("vol") },
      });
      assertStatus(made, 202);
      assert.deepEqual(
        fields(at(made.body, "volume")),
        forMembers.filter((field) => field !== "os-vol-tenant-attr:tenant_id"),
      );
      assert.deepEqual(
        [at(made.body, "volume.status"), at(made.body, "volume.volume_type"), at(made.body, "volume.updated_at")],
        ["creating", "fast", null],
      );
      const shown = await volumeBecomes(stage, stage.owner, text(made.body, "volume.id"), "available");
      assert.deepEqual(fields(at(shown.body, "volume")), forMembers);
      assert.match(text(shown.body, "volume.created_at"), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000$/);
    },
  ),
  behaviour("an administrator sees more of a volume, an old microversion less", async (stage) => {
    const id = await newVolume(stage, stage.owner);
    const seen = async (version: string) =>
      fields(at((await stage.storage(stage.ops, "GET", `/volumes/${id}`, undefined, version)).body, "volume"));
    assert.deepEqual(await seen("3.70"), [...forMembers, ...forAdmins].sort());
    assert.deepEqual(
      await seen("3.0"),
      [...at30, ...forAdmins.filter((field) => field !== "cluster_name" && field !== "provider_id")].sort(),
    );
    const host = at((await stage.storage(stage.ops, "GET", `/volumes/${id}`)).body, "volume.os-vol-host-attr:host");
    assert.equal(host, "aio@fast#pool");
  }),
  behaviour("all_tenants at Cinder is for a member 200 with his own project only", async (stage) => {
    const theirs = await newVolume(stage, stage.stranger);
    const mine = await newVolume(stage, stage.owner);
    const ids = async (caller: typeof stage.owner) =>
      items((await stage.storage(caller, "GET", "/volumes/detail?all_tenants=1")).body, "volumes").map((volume) =>
        at(volume, "id"),
      );
    const [seenByOwner, seenByOps] = [await ids(stage.owner), await ids(stage.ops)];
    assert.deepEqual([seenByOwner.includes(mine), seenByOwner.includes(theirs)], [true, false]);
    assert.deepEqual([seenByOps.includes(mine), seenByOps.includes(theirs)], [true, true]);
  }),
  behaviour("volumes come in pages with a next link, also after the last full page", async (stage) => {
    const tenant = await stage.newTenant("pages");
    const made: string[] = [];
    for (let i = 0; i < 3; i++) made.push(await newVolume(stage, tenant));
    const seen: unknown[] = [];
    let search = "?limit=1";
    for (let page = 0; page < 3; page++) {
      const answer = await stage.storage(tenant, "GET", `/volumes/detail${search}`);
      seen.push(...items(answer.body, "volumes").map((volume) => at(volume, "id")));
      search = new URL(text(items(answer.body, "volumes_links")[0], "href")).search;
    }
    assert.deepEqual(new Set(seen), new Set(made));
    const past = await stage.storage(tenant, "GET", `/volumes/detail${search}`);
    assert.deepEqual({ status: past.status, body: past.body }, { status: 200, body: { volumes: [] } });
  }),
  behaviour("the next link keeps the host, the project and the other parameters of the request", async (stage) => {
    const id = await newVolume(stage, stage.owner);
    const answer = await stage.storage(
      stage.owner,
      "GET",
      `/${stage.owner.projectId}/volumes/detail?limit=1&status=available`,
    );
    const href = new URL(text(items(answer.body, "volumes_links")[0], "href"));
    assert.ok(href.pathname.endsWith(`/v3/${stage.owner.projectId}/volumes/detail`), href.pathname);
    assert.deepEqual([href.searchParams.get("limit"), href.searchParams.get("status")], ["1", "available"]);
    assert.ok(id.length > 0);
  }),
  behaviour("an unknown marker among volumes is a 404", async (stage) => {
    assertFault(
      await stage.storage(stage.owner, "GET", `/volumes/detail?marker=${unknownId}`),
      404,
      "itemNotFound",
      "Volume <uuid> could not be found.",
    );
  }),
  behaviour("a limit that is no number, or negative, is a 400 at Cinder", async (stage) => {
    assertFault(
      await stage.storage(stage.owner, "GET", "/volumes/detail?limit=abc"),
      400,
      "badRequest",
      "limit param must be an integer",
    );
    assertFault(
      await stage.storage(stage.owner, "GET", "/volumes/detail?limit=-1"),
      400,
      "badRequest",
      "limit param must be positive",
    );
  }),
  behaviour("volumes can be filtered by metadata, status and time", async (stage) => {
    const tenant = await stage.newTenant("filter");
    const tagged = await newVolume(stage, tenant, { metadata: { server: "s1" } });
    await newVolume(stage, tenant);
    const count = async (query: string) =>
      items((await stage.storage(tenant, "GET", `/volumes/detail?${query}`)).body, "volumes").length;
    assert.equal(await count(`metadata=${encodeURIComponent("{'server':'s1'}")}`), 1);
    assert.equal(await count("status=available"), 2);
    assert.equal(await count("status=in-use"), 0);
    assert.equal(await count("updated_at=gt:2020-01-01T00:00:00"), 2);
    assert.equal(await count("limit=1"), 1);
    const counted = await stage.storage(tenant, "GET", "/volumes/detail?with_count=true&limit=1");
    assert.equal(at(counted.body, "count"), 2);
    assert.ok(tagged.length > 0);
  }),
  behaviour(
    "an unknown filter of volumes is a 400 for a member and an empty list for an administrator",
    async (stage) => {
      assertFault(
        await stage.storage(stage.owner, "GET", "/volumes/detail?nonsense=1"),
        400,
        "badRequest",
        "Invalid filters nonsense are found in query options.",
      );
      assert.deepEqual((await stage.storage(stage.ops, "GET", "/volumes/detail?nonsense=1")).body, { volumes: [] });
    },
  ),
  behaviour("a volume of another project, or none, is a 404", async (stage) => {
    const id = await newVolume(stage, stage.owner);
    assertFault(
      await stage.storage(stage.stranger, "GET", `/volumes/${id}`),
      404,
      "itemNotFound",
      "Volume <uuid> could not be found.",
    );
    assertFault(
      await stage.storage(stage.owner, "GET", `/volumes/${unknownId}`),
      404,
      "itemNotFound",
      "Volume <uuid> could not be found.",
    );
  }),
  behaviour("another project's id in Cinder's URL is a malformed URL, for an administrator too", async (stage) => {
    for (const caller of [stage.owner, stage.ops]) {
      assertFault(
        await stage.storage(caller, "GET", `/${stage.stranger.projectId}/volumes`),
        400,
        "badRequest",
        "Malformed request url",
      );
    }
    assertFault(
      await stage.storage(stage.ops, "POST", `/${stage.owner.projectId}/backups`, { backup: { volume_id: unknownId } }),
      400,
      "badRequest",
      "Malformed request url",
    );
  }),
  behaviour("a volume in use, or with a snapshot, cannot be deleted", async (stage) => {
    const used = await newInUseVolume(stage, stage.owner);
    assertFault(await stage.storage(stage.owner, "DELETE", `/volumes/${used}`), 400, "badRequest", undeletable);
    const kept = await newVolume(stage, stage.owner);
    await newSnapshot(stage, stage.owner, kept);
    assertFault(await stage.storage(stage.owner, "DELETE", `/volumes/${kept}`), 400, "badRequest", undeletable);
  }),
  behaviour("a deleted volume is deleting, then gone", async (stage) => {
    const id = await newVolume(stage, stage.owner);
    assertStatus(await stage.storage(stage.owner, "DELETE", `/volumes/${id}`), 202);
    await isGone(stage, stage.owner, `/volumes/${id}`);
  }),
  behaviour("a volume grows by os-extend, and only grows", async (stage) => {
    const id = await newVolume(stage, stage.owner);
    assertStatus(
      await stage.storage(stage.owner, "POST", `/volumes/${id}/action`, { "os-extend": { new_size: 2 } }),
      202,
    );
    const grown = await volumeBecomes(stage, stage.owner, id, "available");
    assert.equal(at(grown.body, "volume.size"), 2);
    const smaller = await stage.storage(stage.owner, "POST", `/volumes/${id}/action`, { "os-extend": { new_size: 1 } });
    assertFault(
      smaller,
      400,
      "badRequest",
      "Invalid input received: New size for extend must be greater than current size. (current: 2, extended: 1).",
    );
  }),
  behaviour("a volume changes its type by os-retype, to another one only", async (stage) => {
    const id = await newVolume(stage, stage.owner);
    const type = { name: stage.name("type"), extra_specs: { volume_backend_name: "fast" } };
    assertStatus(await stage.storage(stage.ops, "POST", "/types", { volume_type: type }), 200);
    const retype = (name: string) =>
      stage.storage(stage.owner, "POST", `/volumes/${id}/action`, { "os-retype": { new_type: name, migration_policy: "never" } }); // prettier-ignore
    assertStatus(await retype(type.name), 202);
    const changed = await volumeBecomes(stage, stage.owner, id, "available");
    assert.equal(at(changed.body, "volume.volume_type"), type.name);
    const message = "Invalid volume: Retype needs volume to be in available or in-use state, not be part of an active migration or a consistency group, requested type has to be different that the one from the volume, and for in-use volumes front-end qos specs cannot change."; // prettier-ignore
    assertFault(await retype(type.name), 400, "badRequest", message);
    assertFault(await retype("nonsense"), 404, "itemNotFound", "Volume type with name nonsense could not be found.");
  }),
  behaviour("an action that Cinder does not know is a 400", async (stage) => {
    const id = await newVolume(stage, stage.owner);
    const answer = await stage.storage(stage.owner, "POST", `/volumes/${id}/action`, { nonsense: {} });
    assertFault(answer, 400, "badRequest", "There is no such action: nonsense. Verify the request body and Content-Type header and try again."); // prettier-ignore
  }),
  behaviour("a page of no rows, or past the end, is empty; a negative offset is a 400", async (stage) => {
    const tenant = await stage.newTenant("offsets");
    await newVolume(stage, tenant);
    const empty = { status: 200, body: { volumes: [] } };
    for (const query of ["limit=0", "offset=10"]) {
      const { status, body } = await stage.storage(tenant, "GET", `/volumes?${query}`);
      assert.deepEqual({ status, body }, empty, query);
    }
    assertFault(await stage.storage(tenant, "GET", "/volumes?offset=-1"), 400, "badRequest", "offset must be >= 0");
  }),
  behaviour("an administrator can put a volume into error, a member cannot", async (stage) => {
    const id = await newVolume(stage, stage.owner);
    const refused = await stage.storage(stage.owner, "POST", `/volumes/${id}/action`, {
      "os-reset_status": { status: "error" },
    });
    assertFault(
      refused,
      403,
      "forbidden",
      "Policy doesn't allow volume_extension:volume_admin_actions:reset_status to be performed.",
    );
    await resetStatus(stage, "volumes", id, "error");
    assert.equal(at((await stage.storage(stage.owner, "GET", `/volumes/${id}`)).body, "volume.status"), "error");
  }),
  behaviour("volume metadata are merged by POST and replaced by PUT", async (stage) => {
    const id = await newVolume(stage, stage.owner, { metadata: { a: "1" } });
    const merged = await stage.storage(stage.owner, "POST", `/volumes/${id}/metadata`, {
      metadata: { "skip-volume-backup": "yes" },
    });
    assert.deepEqual(merged.body, { metadata: { a: "1", "skip-volume-backup": "yes" } });
    const replaced = await stage.storage(stage.owner, "PUT", `/volumes/${id}/metadata`, {
      metadata: { "dirigent:x": "y" },
    });
    assert.deepEqual(replaced.body, { metadata: { "dirigent:x": "y" } });
  }),
];
