import assert from "node:assert/strict";
import { at, fields, items, text } from "../driver.ts";
import {
  assertFault,
  assertStatus,
  behaviour,
  type Behaviour,
  newServer,
  newVolume,
  serverAction,
} from "../objects.ts";
import type { Caller, Stage } from "../stage.ts";

const forMembers = ["OS-DCF:diskConfig", "OS-EXT-AZ:availability_zone", "OS-EXT-SRV-ATTR:hostname", "OS-EXT-STS:power_state", "OS-EXT-STS:task_state", "OS-EXT-STS:vm_state", "OS-SRV-USG:launched_at", "OS-SRV-USG:terminated_at", "accessIPv4", "accessIPv6", "addresses", "config_drive", "created", "description", "flavor", "hostId", "id", "image", "key_name", "links", "locked", "locked_reason", "metadata", "name", "os-extended-volumes:volumes_attached", "progress", "status", "tags", "tenant_id", "trusted_image_certificates", "updated", "user_id"]; // prettier-ignore
const forAdmins = ["OS-EXT-SRV-ATTR:host", "OS-EXT-SRV-ATTR:hypervisor_hostname", "OS-EXT-SRV-ATTR:instance_name", "OS-EXT-SRV-ATTR:kernel_id", "OS-EXT-SRV-ATTR:launch_index", "OS-EXT-SRV-ATTR:ramdisk_id", "OS-EXT-SRV-ATTR:reservation_id", "OS-EXT-SRV-ATTR:root_device_name", "OS-EXT-SRV-ATTR:user_data", "host_status"]; // prettier-ignore

const unknownId = "00000000-0000-0000-0000-000000000000";
const allTenantsRefused = "Policy doesn't allow os_compute_api:servers:detail:get_all_tenants to be performed.";

export const servers: readonly Behaviour[] = [
  behaviour(
    "a server is listed with its metadata and its volumes, in fields that depend on the role",
    async (stage) => {
      const { id, volumeId } = await newServer(stage, stage.owner, { metadata: { backup: "yes" } });
      const mine = await stage.compute(stage.owner, "GET", "/servers/detail");
      const row = items(mine.body, "servers").find((server) => at(server, "id") === id);
      assert.deepEqual(fields(row), forMembers);
      assert.deepEqual(at(row, "metadata"), { backup: "yes" });
      assert.deepEqual(at(row, "os-extended-volumes:volumes_attached"), [
        { id: volumeId, delete_on_termination: false },
      ]);
      assert.deepEqual(
        [at(row, "status"), at(row, "tenant_id"), at(row, "image")],
        ["ACTIVE", stage.owner.projectId, ""],
      );
      const all = await stage.compute(
        stage.ops,
        "GET",
        `/servers/detail?all_tenants=1&project_id=${stage.owner.projectId}`,
      );
      assert.deepEqual(
        fields(items(all.body, "servers").find((server) => at(server, "id") === id)),
        [...forMembers, ...forAdmins].sort(),
      );
      const old = await stage.compute(stage.owner, "GET", "/servers/detail", undefined, "2.1");
      const oldRow = items(old.body, "servers").find((server) => at(server, "id") === id);
      assert.deepEqual(at(oldRow, "os-extended-volumes:volumes_attached"), [{ id: volumeId }]);
      assert.deepEqual(
        ["locked", "locked_reason", "tags", "description"].filter((field) => fields(oldRow).includes(field)),
        [],
      );
    },
  ),
  behaviour("servers come in pages, newest first, until a page is not full", async (stage) => {
    const tenant = await stage.newTenant("pages");
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) {
      ids.push((await newServer(stage, tenant)).id);
      await stage.harness.pause(1100);
    }
    const first = await stage.compute(tenant, "GET", "/servers/detail?limit=2");
    assert.deepEqual(
      items(first.body, "servers").map((server) => at(server, "id")),
      [ids[2], ids[1]],
    );
    const [link] = items(first.body, "servers_links");
    assert.equal(at(link, "rel"), "next");
    assert.equal(new URL(text(link, "href")).search, `?limit=2&marker=${ids[1] ?? ""}`);
    const second = await stage.compute(tenant, "GET", `/servers/detail${new URL(text(link, "href")).search}`);
    assert.deepEqual(
      [items(second.body, "servers").map((server) => at(server, "id")), at(second.body, "servers_links")],
      [[ids[0]], undefined],
    );
    const past = await stage.compute(tenant, "GET", `/servers/detail?marker=${ids[0] ?? ""}`);
    assert.deepEqual({ status: past.status, body: past.body }, { status: 200, body: { servers: [] } });
    const full = await stage.compute(tenant, "GET", "/servers/detail?limit=3");
    assert.equal(items(full.body, "servers_links").length, 1);
  }),
  behaviour("an unknown marker among servers is a 400", async (stage) => {
    assertFault(
      await stage.compute(stage.owner, "GET", `/servers/detail?marker=${unknownId}`),
      400,
      "badRequest",
      "marker [<uuid>] not found",
    );
  }),
  behaviour("all_tenants at Nova is a 403 without the role admin", async (stage) => {
    assertFault(
      await stage.compute(stage.owner, "GET", "/servers/detail?all_tenants=1"),
      403,
      "forbidden",
      allTenantsRefused,
    );
  }),
  behaviour("a filter by metadata is a 400 for an administrator", async (stage) => {
    const answer = await stage.compute(
      stage.ops,
      "GET",
      `/servers/detail?metadata=${encodeURIComponent('{"backup":"yes"}')}`,
    );
    assertFault(answer, 400, "badRequest", "Invalid filter field: metadata.");
  }),
  behaviour("a filter by metadata is ignored for a member", async (stage) => {
    const tenant = await stage.newTenant("filter");
    const { id } = await newServer(stage, tenant, { metadata: { backup: "no" } });
    const answer = await stage.compute(
      tenant,
      "GET",
      `/servers/detail?metadata=${encodeURIComponent('{"backup":"yes"}')}`,
    );
    assertStatus(answer, 200);
    assert.deepEqual(
      items(answer.body, "servers").map((server) => at(server, "id")),
      [id],
    );
  }),
  behaviour("an unknown filter of servers is a 400", async (stage) => {
    assertFault(
      await stage.compute(stage.owner, "GET", "/servers/detail?nonsense=1"),
      400,
      "badRequest",
      "'nonsense' does not match any of the regexes: '^_'",
    );
  }),
  behaviour("a limit that is no number is a 400 at Nova", async (stage) => {
    const answer = await stage.compute(stage.owner, "GET", "/servers/detail?limit=abc");
    assertFault(
      answer,
      400,
      "badRequest",
      "Invalid input for query parameters limit. Value: abc. 'abc' does not match '^[0-9]*$'",
    );
  }),
  behaviour("a server of another project, or none, is a 404", async (stage) => {
    const { id } = await newServer(stage, stage.owner);
    assertFault(
      await stage.compute(stage.stranger, "GET", `/servers/${id}`),
      404,
      "itemNotFound",
      "Instance <uuid> could not be found.",
    );
    assertFault(
      await stage.compute(stage.owner, "GET", `/servers/${unknownId}`),
      404,
      "itemNotFound",
      "Instance <uuid> could not be found.",
    );
  }),
  behaviour("a member of the project writes server metadata, and POST merges them", async (stage) => {
    const { id } = await newServer(stage, stage.owner, { metadata: { backup: "yes" } });
    const written = await stage.compute(stage.colleague, "POST", `/servers/${id}/metadata`, {
      metadata: { "last-backup-time": "2026-01-01T00:00:00Z" },
    });
    const body = { metadata: { backup: "yes", "last-backup-time": "2026-01-01T00:00:00Z" } };
    assert.deepEqual({ status: written.status, body: written.body }, { status: 200, body });
    const again = await stage.compute(stage.owner, "POST", `/servers/${id}/metadata`, {
      metadata: { "a:b": "x", backup: "no" },
    });
    assert.deepEqual(at(again.body, "metadata"), { ...body.metadata, backup: "no", "a:b": "x" });
  }),
  behaviour("server metadata of another project are a 404", async (stage) => {
    const { id } = await newServer(stage, stage.owner);
    const answer = await stage.compute(stage.stranger, "POST", `/servers/${id}/metadata`, { metadata: { k: "v" } });
    assertFault(answer, 404, "itemNotFound", "Instance <uuid> could not be found.");
  }),
  behaviour("server metadata: values end at 255 characters, and keys are of few characters", async (stage) => {
    const { id } = await newServer(stage, stage.owner);
    const write = (metadata: unknown) => stage.compute(stage.owner, "POST", `/servers/${id}/metadata`, { metadata });
    assertStatus(await write({ k: "x".repeat(255) }), 200);
    const long = "x".repeat(256);
    assertFault(
      await write({ k: long }),
      400,
      "badRequest",
      `Invalid input for field/attribute k. Value: ${long}. '${long}' is too long`,
    );
    const message =
      "Invalid input for field/attribute metadata. Value: {'k$!': 'x'}. 'k$!' does not match any of the regexes: '^[a-zA-Z0-9-_:. ]{1,255}$'";
    assertFault(await write({ "k$!": "x" }), 400, "badRequest", message);
    assertFault(
      await stage.compute(stage.owner, "POST", `/servers/${id}/metadata`, { meta: {} }),
      400,
      "badRequest",
      "'metadata' is a required property",
    );
  }),
  behaviour("the metadata of a locked server are a 409 for members and free for administrators", async (stage) => {
    const { id } = await newServer(stage, stage.owner);
    await serverAction(stage, stage.owner, id, { lock: {} });
    const write = (value: string) => ({ metadata: { k: value } });
    assertFault(
      await stage.compute(stage.owner, "POST", `/servers/${id}/metadata`, write("1")),
      409,
      "conflictingRequest",
      "Instance <uuid> is locked",
    );
    assertStatus(await stage.compute(stage.ops, "POST", `/servers/${id}/metadata`, write("2")), 200);
    const shown = await stage.compute(stage.owner, "GET", `/servers/${id}`);
    assert.deepEqual([at(shown.body, "server.locked"), at(shown.body, "server.metadata")], [true, { k: "2" }]);
  }),
  behaviour("the metadata of a server in error are a 409, of a stopped one not", async (stage) => {
    const { id } = await newServer(stage, stage.owner);
    await serverAction(stage, stage.owner, id, { "os-stop": null });
    await stage.until(
      "server SHUTOFF",
      () => stage.compute(stage.owner, "GET", `/servers/${id}`),
      (a) => at(a.body, "server.status") === "SHUTOFF" && at(a.body, "server.OS-EXT-STS:task_state") === null,
    );
    assertStatus(await stage.compute(stage.owner, "POST", `/servers/${id}/metadata`, { metadata: { k: "1" } }), 200);
    await serverAction(stage, stage.ops, id, { "os-resetState": { state: "error" } });
    const answer = await stage.compute(stage.owner, "POST", `/servers/${id}/metadata`, { metadata: { k: "2" } });
    assertFault(
      answer,
      409,
      "conflictingRequest",
      "Cannot 'update metadata' instance <uuid> while it is in vm_state error",
    );
  }),
  behaviour("PUT replaces all metadata of a server; one item can be deleted, once", async (stage) => {
    const { id } = await newServer(stage, stage.owner, { metadata: { backup: "yes", other: "x" } });
    const put = await stage.compute(stage.owner, "PUT", `/servers/${id}/metadata`, { metadata: { backup: "no" } });
    assert.deepEqual(put.body, { metadata: { backup: "no" } });
    assertStatus(await stage.compute(stage.owner, "DELETE", `/servers/${id}/metadata/backup`), 204);
    assertFault(
      await stage.compute(stage.owner, "DELETE", `/servers/${id}/metadata/backup`),
      404,
      "itemNotFound",
      "Metadata item was not found",
    );
  }),
  behaviour("a deleted server releases its volume", async (stage) => {
    const { id, volumeId } = await newServer(stage, stage.owner);
    assertStatus(await stage.compute(stage.owner, "DELETE", `/servers/${id}`), 204);
    await stage.until(
      "server gone",
      () => stage.compute(stage.owner, "GET", `/servers/${id}`),
      (a) => a.status === 404,
    );
    await stage.until(
      "volume free",
      () => stage.storage(stage.owner, "GET", `/volumes/${volumeId}`),
      (a) => at(a.body, "volume.status") === "available",
    );
  }),
  behaviour("a volume in use is not attached to a second server", async (stage) => {
    const { id, volumeId } = await newServer(stage, stage.owner);
    const other = await newServer(stage, stage.owner);
    const listed = await stage.compute(stage.owner, "GET", `/servers/${id}/os-volume_attachments`);
    assert.deepEqual(
      items(listed.body, "volumeAttachments").map((a) => [at(a, "volumeId"), at(a, "serverId")]),
      [[volumeId, id]],
    );
    const again = await attach(stage, stage.owner, other.id, volumeId);
    assertStatus(again, 400);
    assert.match(text(again.body, "badRequest.message"), /^Invalid volume: /);
  }),
  behaviour("a volume of a multiattach type is attached to two servers and listed by both", async (stage) => {
    const type = { name: stage.name("type"), extra_specs: { multiattach: "<is> True" } };
    const made = await stage.storage(stage.ops, "POST", "/types", { volume_type: type });
    assertStatus(made, 200);
    const volumeId = await newVolume(stage, stage.owner, { type: type.name });
    const [one, two] = [await newServer(stage, stage.owner), await newServer(stage, stage.owner)];
    for (const server of [one, two]) {
      assertStatus(await attach(stage, stage.owner, server.id, volumeId), 200);
      await attachedTo(stage, volumeId, server.id);
    }
    const volume = await stage.storage(stage.ops, "GET", `/volumes/${volumeId}`);
    assert.deepEqual([at(volume.body, "volume.multiattach"), at(volume.body, "volume.status")], [true, "in-use"]);
    const attachments = items(volume.body, "volume.attachments");
    assert.deepEqual(fields(attachments[0]), ["attached_at", "attachment_id", "device", "host_name", "id", "server_id", "volume_id"]); // prettier-ignore
    assert.deepEqual(attachments.map((a) => at(a, "server_id")).sort(), [one.id, two.id].sort());
    for (const server of [one, two]) {
      const shown = await stage.compute(stage.owner, "GET", `/servers/${server.id}`);
      const attached = items(shown.body, "server.os-extended-volumes:volumes_attached");
      assert.deepEqual(attached.map((a) => at(a, "id")).sort(), [server.volumeId, volumeId].sort());
    }
  }),
];

const attach = (stage: Stage, caller: Caller, serverId: string, volumeId: string) =>
  stage.compute(caller, "POST", `/servers/${serverId}/os-volume_attachments`, { volumeAttachment: { volumeId } });

const attachedTo = (stage: Stage, volumeId: string, serverId: string) =>
  stage.until(
    "attachment",
    () => stage.storage(stage.ops, "GET", `/volumes/${volumeId}`),
    (a) =>
      at(a.body, "volume.status") === "in-use" &&
      items(a.body, "volume.attachments").some((attachment) => at(attachment, "server_id") === serverId),
  );
