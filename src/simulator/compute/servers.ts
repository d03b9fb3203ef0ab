import { at, isRecord, textAt } from "../exchange.ts";
import type { Server } from "../records.ts";
import { fault, type Reply } from "../reply.ts";
import { wholeSecond } from "../times.ts";
import type { World } from "../world.ts";
import { type ComputeCall, findServer, forbidden, requireChangeable } from "./call.ts";
import { detailView, summaryView } from "./view.ts";

export const showServer = (call: ComputeCall): Reply => ({
  status: 200,
  body: { server: detailView(call, findServer(call), true) },
});

/** POST /servers: boots from the volumes of block_device_mapping_v2. */
export function createServer(call: ComputeCall): Reply {
  const body = call.exchange.json();
  const { world, exchange } = call;
  const mapping = at(body, "server", "block_device_mapping_v2");
  const volumeIds = Array.isArray(mapping) ? mapping.map((m: unknown) => textAt(m, "uuid") ?? "") : [];
  for (const id of volumeIds) {
    const volume = world.volumes.get(id);
    if (volume === undefined || volume.projectId !== call.project.id)
      throw fault(400, `Block Device Mapping is Invalid: failed to get volume ${id}.`);
    if (!volume.bootable) throw fault(400, `Block Device ${id} is not bootable.`);
  }
  const metadata = at(body, "server", "metadata");
  const server: Server = {
    id: world.ids.uuid(),
    projectId: call.project.id,
    userId: call.auth.user.id,
    createdAtMs: wholeSecond(exchange.nowMs),
    updatedAtMs: wholeSecond(exchange.nowMs),
    name: textAt(body, "server", "name") ?? "",
    vmState: "building",
    taskState: "spawning",
    locked: false,
    lockedByAdmin: false,
    lockedReason: null,
    imageId: textAt(body, "server", "imageRef") || null,
    metadata: isRecord(metadata) ? (metadata as Record<string, string>) : {},
    tags: [],
    availabilityZone: "nova",
    volumes: [],
  };
  world.servers.add(server);
  for (const id of volumeIds) attachVolume(world, server, id);
  world.tasks.schedule(exchange.nowMs + world.durations.volumeMs(1), () => {
    server.vmState = "active";
    server.taskState = null;
  });
  const created = {
    id: server.id,
    links: summaryView(call, server).links,
    "OS-DCF:diskConfig": "MANUAL",
    security_groups: [{ name: "default" }],
    adminPass: "simulated",
  };
  return {
    status: 202,
    body: { server: created },
    headers: { Location: `${exchange.base}/v2.1/servers/${server.id}` },
  };
}

/** Both sides of an attachment: the server's list and the volume's. */
export function attachVolume(world: World, server: Server, volumeId: string): string {
  const volume = world.volumes.get(volumeId);
  const device = `/dev/sd${String.fromCharCode("a".charCodeAt(0) + server.volumes.length)}`;
  const attachmentId = world.ids.uuid();
  server.volumes.push({ id: volumeId, deleteOnTermination: false, device });
  if (volume !== undefined) {
    volume.attachments.push({ attachmentId, serverId: server.id, device, attachedAtMs: wholeSecond(world.now()) });
    volume.status = "in-use";
  }
  return attachmentId;
}

export function detachVolume(world: World, server: Server, volumeId: string): void {
  server.volumes = server.volumes.filter((v) => v.id !== volumeId);
  const volume = world.volumes.get(volumeId);
  if (volume === undefined) return;
  volume.attachments = volume.attachments.filter((a) => a.serverId !== server.id);
  if (volume.attachments.length === 0 && volume.status === "in-use") volume.status = "available";
}

export function deleteServer(call: ComputeCall): Reply {
  const server = findServer(call);
  if (server.locked && !call.auth.isAdmin) throw fault(409, `Instance ${server.id} is locked`);
  const { world, exchange } = call;
  server.taskState = "deleting";
  world.tasks.schedule(exchange.nowMs + world.durations.volumeMs(1), () => {
    for (const { id } of [...server.volumes]) detachVolume(world, server, id);
    world.servers.delete(server.id);
  });
  return { status: 204 };
}

export function listAttachments(call: ComputeCall): Reply {
  const server = findServer(call);
  return { status: 200, body: { volumeAttachments: server.volumes.map((v) => attachmentView(call, server, v.id)) } };
}

function attachmentView(call: ComputeCall, server: Server, volumeId: string) {
  const mine = server.volumes.find((v) => v.id === volumeId);
  const attachment = call.world.volumes.get(volumeId)?.attachments.find((a) => a.serverId === server.id);
  const base = { volumeId, serverId: server.id, device: mine?.device ?? null };
  const tag = call.minor >= 70 ? { tag: null } : {};
  const keep = call.minor >= 79 ? { delete_on_termination: mine?.deleteOnTermination ?? false } : {};
  const ids =
    call.minor >= 89
      ? { attachment_id: attachment?.attachmentId ?? null, bdm_uuid: attachment?.attachmentId ?? null }
      : { id: volumeId };
  return { ...base, ...tag, ...keep, ...ids };
}

export function createAttachment(call: ComputeCall): Reply {
  const server = findServer(call);
  requireChangeable(call, server, "attach_volume", [
    "active",
    "paused",
    "suspended",
    "stopped",
    "resized",
    "shelved",
    "shelved_offloaded",
  ]);
  const id = textAt(call.exchange.json(), "volumeAttachment", "volumeId") ?? "";
  const volume = call.world.volumes.get(id);
  if (volume === undefined || (!call.auth.isAdmin && volume.projectId !== call.project.id))
    throw fault(404, `Volume ${id} could not be found.`);
  const free = volume.status === "available" || (volume.multiattach && volume.status === "in-use");
  if (!free)
    throw fault(
      400,
      `Invalid volume: volume ${id} status must be available or in-use or downloading to reserve, but the current status is ${volume.status}.`,
    );
  attachVolume(call.world, server, id);
  return { status: 200, body: { volumeAttachment: attachmentView(call, server, id) } };
}

export function deleteAttachment(call: ComputeCall): Reply {
  const server = findServer(call);
  const id = call.params.volume ?? "";
  if (!server.volumes.some((v) => v.id === id))
    throw fault(404, `Instance ${server.id} is not attached to volume ${id}`);
  detachVolume(call.world, server, id);
  return { status: 202 };
}

const states: Readonly<Record<string, string>> = {
  "os-stop": "stopped",
  "os-start": "active",
  pause: "paused",
  unpause: "active",
  suspend: "suspended",
  resume: "active",
};

/** POST /servers/{id}/action, as far as states and locks go. */
export function serverAction(call: ComputeCall): Reply {
  const server = findServer(call);
  const body = call.exchange.json();
  const [name] = isRecord(body) ? Object.keys(body) : [];
  if (name === undefined) throw fault(400, "There is no such action: None");
  if (name === "os-resetState") {
    if (!call.auth.isAdmin) throw forbidden("os_compute_api:os-admin-actions:reset_state");
    server.vmState = textAt(body, name, "state") === "active" ? "active" : "error";
    server.taskState = null;
  } else if (name === "lock") {
    server.locked = true;
    server.lockedByAdmin = call.auth.isAdmin;
    server.lockedReason = textAt(body, name, "locked_reason") ?? null;
  } else if (name === "unlock") {
    if (server.lockedByAdmin && !call.auth.isAdmin)
      throw forbidden("os_compute_api:os-lock-server:unlock:unlock_override");
    server.locked = false;
    server.lockedByAdmin = false;
    server.lockedReason = null;
  } else {
    const state = states[name];
    if (state === undefined) throw fault(400, `There is no such action: ${name}`);
    if (server.locked && !call.auth.isAdmin) throw fault(409, `Instance ${server.id} is locked`);
    server.vmState = state;
  }
  server.updatedAtMs = wholeSecond(call.exchange.nowMs);
  return { status: 202 };
}
