import { at, isRecord, textAt } from "../exchange.ts";
import type { Snapshot } from "../records.ts";
import { fault, type Reply } from "../reply.ts";
import { checkMetadata, isTrue } from "../schema.ts";
import { isoMicros, wholeSecond } from "../times.ts";
import { metadataKeys, noSuchAction, notFound, requireAdmin, type StorageCall, visible } from "./call.ts";
import { equals, list, type Listing, metadataTest } from "./listing.ts";
import { reserveSnapshot } from "./quotas.ts";

export function findSnapshot(call: StorageCall, id = call.params.id ?? ""): Snapshot {
  const snapshot = call.world.snapshots.get(id);
  if (!visible(call, snapshot)) throw notFound("Snapshot", id);
  return snapshot;
}

function view(call: StorageCall, snapshot: Snapshot, { fresh = false, wide = true } = {}): Record<string, unknown> {
  const shown: Record<string, unknown> = {
    id: snapshot.id,
    created_at: isoMicros(fresh ? call.exchange.nowMs : snapshot.createdAtMs),
    updated_at: snapshot.updatedAtMs === null ? null : isoMicros(snapshot.updatedAtMs),
    name: snapshot.name,
    description: snapshot.description,
    volume_id: snapshot.volumeId,
    status: snapshot.status,
    size: snapshot.sizeGiB,
    metadata: snapshot.metadata,
  };
  if (call.minor >= 14) shown.group_snapshot_id = null;
  if (call.minor >= 41) shown.user_id = snapshot.userId;
  if (call.minor >= 65) shown.consumes_quota = true;
  if (!fresh && wide) {
    shown["os-extended-snapshot-attributes:progress"] = snapshot.status === "available" ? "100%" : "0%";
    shown["os-extended-snapshot-attributes:project_id"] = snapshot.projectId;
  }
  return shown;
}

const columns: Readonly<Record<string, (snapshot: Snapshot) => string | number | null>> = {
  id: (s) => s.id,
  status: (s) => s.status,
  volume_id: (s) => s.volumeId,
  project_id: (s) => s.projectId,
  user_id: (s) => s.userId,
  display_name: (s) => s.name,
  created_at: (s) => s.createdAtMs,
};

function listing(call: StorageCall, wide: boolean): Listing<Snapshot> {
  return {
    collection: "snapshots",
    path: wide ? "snapshots/detail" : "snapshots",
    rows: call.world.snapshots,
    memberFilters: ["name", "status", "volume_id", "metadata", "availability_zone", "consumes_quota"],
    filter: (name, value) => {
      if (name === "metadata") {
        const test = metadataTest(value);
        return (s) => test(s.metadata);
      }
      const column = columns[name === "name" ? "display_name" : name];
      return column && equals(column, value);
    },
    sortValue: (name) => {
      const column = columns[name === "name" ? "display_name" : name];
      return column && ((s) => column(s) ?? "");
    },
    notFound: (id) => notFound("Snapshot", id),
    view: (s) => view(call, s, { wide }),
  };
}

export const listSnapshots = (call: StorageCall): Reply => list(call, listing(call, false));
export const listSnapshotsDetail = (call: StorageCall): Reply => list(call, listing(call, true));
export const showSnapshot = (call: StorageCall): Reply => ({
  status: 200,
  body: { snapshot: view(call, findSnapshot(call)) },
});

/** POST /snapshots: lands in the project of the token, as backups do. */
export function createSnapshot(call: StorageCall): Reply {
  const { world, exchange, minor } = call;
  const given = at(exchange.json(), "snapshot");
  const volumeId = textAt(given, "volume_id");
  if (!isRecord(given) || volumeId === undefined)
    throw fault(400, "Invalid input for field/attribute snapshot. Value: {}. 'volume_id' is a required property");
  const metadata =
    given.metadata === undefined || given.metadata === null
      ? {}
      : checkMetadata("metadata", given.metadata, metadataKeys);
  const volume = world.volumes.get(volumeId);
  if (!visible(call, volume)) throw notFound("Volume", volumeId);
  if (minor >= 66 && given.force !== undefined && !isTrue(given.force)) {
    throw fault(
      400,
      "Since microversion 3.66 the 'force' flag is invalid for this request.  For backward compatability, however, when the 'force' flag is passed with a value evaluating to True, it is silently ignored.",
    );
  }
  const force = minor >= 66 || isTrue(given.force);
  const allowed = force ? ["available", "in-use"] : ["available"];
  if (!allowed.includes(volume.status)) {
    throw fault(
      400,
      `Invalid volume: Volume ${volume.id} status must be ${allowed.join(", ")}, but current status is: ${volume.status}.`,
    );
  }
  reserveSnapshot(call, volume);
  const createdAtMs = wholeSecond(exchange.nowMs);
  const snapshot = world.snapshots.add({
    id: world.ids.uuid(),
    projectId: call.project.id,
    userId: call.auth.user.id,
    volumeId,
    createdAtMs,
    name: textAt(given, "name") ?? null,
    description: textAt(given, "description") ?? null,
    status: "creating",
    sizeGiB: volume.sizeGiB,
    metadata: { ...metadata },
    updatedAtMs: null,
    content: volume.content,
  });
  world.snapshotWork.startSnapshot(snapshot, exchange.requestId);
  return { status: 202, body: { snapshot: view(call, snapshot, { fresh: true }) } };
}

export function deleteSnapshot(call: StorageCall): Reply {
  const snapshot = findSnapshot(call);
  removeSnapshot(call, snapshot, false);
  return { status: 202 };
}

function removeSnapshot(call: StorageCall, snapshot: Snapshot, force: boolean): void {
  if (!force && snapshot.status !== "available" && snapshot.status !== "error") {
    throw fault(400, "Invalid snapshot: Snapshot status must be available or error and must not be part of a group.");
  }
  call.world.snapshotWork.startDelete(snapshot, call.exchange.requestId);
}

export function updateSnapshot(call: StorageCall): Reply {
  const given = at(call.exchange.json(), "snapshot");
  const snapshot = findSnapshot(call);
  if (at(given, "name") !== undefined) snapshot.name = textAt(given, "name") ?? null;
  if (at(given, "description") !== undefined) snapshot.description = textAt(given, "description") ?? null;
  return { status: 200, body: { snapshot: view(call, snapshot, { wide: false }) } };
}

export const showSnapshotMetadata = (call: StorageCall): Reply => ({
  status: 200,
  body: { metadata: findSnapshot(call).metadata },
});
export const mergeSnapshotMetadata = (call: StorageCall): Reply => writeMetadata(call, false);
export const replaceSnapshotMetadata = (call: StorageCall): Reply => writeMetadata(call, true);

function writeMetadata(call: StorageCall, replace: boolean): Reply {
  const given = checkMetadata("metadata", at(call.exchange.json(), "metadata") ?? {}, metadataKeys);
  const snapshot = findSnapshot(call);
  snapshot.metadata = replace ? { ...given } : { ...snapshot.metadata, ...given };
  return { status: 200, body: { metadata: snapshot.metadata } };
}

export function deleteSnapshotMetadataItem(call: StorageCall): Reply {
  const snapshot = findSnapshot(call);
  const key = call.params.key ?? "";
  if (snapshot.metadata[key] === undefined)
    throw fault(404, `Snapshot ${snapshot.id} has no metadata with key ${key}.`);
  snapshot.metadata = Object.fromEntries(Object.entries(snapshot.metadata).filter(([name]) => name !== key));
  return { status: 200 };
}

export function snapshotAction(call: StorageCall): Reply {
  const body = call.exchange.json();
  const snapshot = findSnapshot(call);
  const status = textAt(body, "os-reset_status", "status");
  if (status !== undefined) {
    requireAdmin(call, "volume_extension:snapshot_admin_actions:reset_status");
    snapshot.status = status;
    return { status: 202 };
  }
  if (!isRecord(body) || !("os-force_delete" in body)) throw noSuchAction(body);
  requireAdmin(call, "volume_extension:snapshot_admin_actions:force_delete");
  removeSnapshot(call, snapshot, true);
  return { status: 202 };
}
