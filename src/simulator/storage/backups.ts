import { textAt } from "../exchange.ts";
import type { Backup, Snapshot } from "../records.ts";
import { fault, type Reply } from "../reply.ts";
import { checkBody, isTrue, type Field } from "../schema.ts";
import { isoMicros, wholeSecond } from "../times.ts";
import { linksOf, metadataKeys, noSuchAction, notFound, requireAdmin, type StorageCall, visible } from "./call.ts";
import { equals, list, type Listing } from "./listing.ts";
import { reserveBackup, reserveVolume } from "./quotas.ts";
import { findSnapshot } from "./snapshots.ts";
import { createVolumeFor, findVolume } from "./volumes.ts";

const text: Field = { type: "text", maxLength: 255, nullable: true };

export function findBackup(call: StorageCall, id = call.params.id ?? ""): Backup {
  const backup = call.world.backups.get(id);
  if (!visible(call, backup)) throw notFound("Backup", id);
  return backup;
}

const summary = (call: StorageCall, backup: Backup) => ({
  id: backup.id,
  name: backup.name,
  links: linksOf(call, "backups", backup.id),
});

/** One backup with the fields of the microversion asked for. */
export function detail(call: StorageCall, backup: Backup): Record<string, unknown> {
  const view: Record<string, unknown> = {
    id: backup.id,
    status: backup.status,
    size: backup.sizeGiB,
    object_count: backup.objectCount,
    availability_zone: backup.availabilityZone,
    container: backup.container,
    created_at: isoMicros(backup.createdAtMs),
    updated_at: backup.updatedAtMs === null ? null : isoMicros(backup.updatedAtMs),
    name: backup.name,
    description: backup.description,
    fail_reason: backup.failReason,
    volume_id: backup.volumeId,
    links: linksOf(call, "backups", backup.id),
    is_incremental: backup.parentId !== null,
    has_dependent_backups: backup.dependentCount > 0,
    snapshot_id: backup.snapshotId,
    data_timestamp: isoMicros(backup.dataTimestampMs),
  };
  if (call.minor >= 43) view.metadata = backup.metadata;
  if (call.minor >= 18 && call.auth.isAdmin) view["os-backup-project-attr:project_id"] = backup.projectId;
  if (call.minor >= 56 && call.auth.isAdmin) view.user_id = backup.userId;
  return view;
}

const columns: Readonly<Record<string, (backup: Backup) => string | number | null>> = {
  id: (b) => b.id,
  status: (b) => b.status,
  size: (b) => b.sizeGiB,
  display_name: (b) => b.name,
  project_id: (b) => b.projectId,
  user_id: (b) => b.userId,
  volume_id: (b) => b.volumeId,
  snapshot_id: (b) => b.snapshotId,
  parent_id: (b) => b.parentId,
  host: (b) => b.host,
  container: (b) => b.container,
  created_at: (b) => b.createdAtMs,
  updated_at: (b) => b.updatedAtMs,
  data_timestamp: (b) => b.dataTimestampMs,
};

function listing(call: StorageCall, wide: boolean): Listing<Backup> {
  return {
    collection: "backups",
    path: wide ? "backups/detail" : "backups",
    rows: call.world.backups,
    memberFilters: ["name", "status", "volume_id"],
    filter: (name, value) => {
      if (name === "name~") return (b) => b.name?.includes(value) === true;
      const column = columns[name === "name" ? "display_name" : name];
      if (column === undefined || name === "created_at") return undefined;
      return equals(column, value);
    },
    narrow: (name, value) => {
      if (name === "volume_id") return call.world.backups.ofVolume(value);
      return name === "parent_id" ? call.world.backups.childrenOf(value) : undefined;
    },
    sortValue: (name) => {
      const column = columns[name === "name" && call.minor >= 37 ? "display_name" : name];
      return column && ((b) => column(b) ?? "");
    },
    notFound: (id) => notFound("Backup", id),
    view: (b) => (wide ? detail(call, b) : summary(call, b)),
  };
}

export const listBackups = (call: StorageCall): Reply => list(call, listing(call, false));
export const listBackupsDetail = (call: StorageCall): Reply => list(call, listing(call, true));
export const showBackup = (call: StorageCall): Reply => ({
  status: 200,
  body: { backup: detail(call, findBackup(call)) },
});

/** POST /backups: lands in the project of the token, whoever owns the volume. */
export function createBackup(call: StorageCall): Reply {
  const { minor, world, exchange } = call;
  const given = checkBody(exchange.json(), {
    root: "backup",
    required: ["volume_id"],
    fields: {
      volume_id: { type: "uuid" },
      container: text,
      description: text,
      incremental: { type: "flag" },
      force: { type: "flag" },
      name: text,
      snapshot_id: { type: "uuid", nullable: true },
      ...(minor >= 43 ? { metadata: { type: "metadata", keys: metadataKeys, nullable: true } as const } : {}),
      ...(minor >= 51 ? { availability_zone: text } : {}),
    },
  });
  const volume = findVolume(call, textAt(given, "volume_id") ?? "");
  const snapshotId = textAt(given, "snapshot_id") ?? null;
  const snapshot = snapshotId === null ? undefined : findSnapshot(call, snapshotId);
  if (snapshot !== undefined) {
    if (snapshot.volumeId !== volume.id)
      throw fault(
        400,
        `Invalid volume: Volume ${volume.id} does not match with snapshot.volume_id ${snapshot.volumeId}.`,
      );
    if (snapshot.status !== "available")
      throw fault(
        400,
        `Invalid snapshot: Snapshot to be backed up must be available, but the current status is "${snapshot.status}".`,
      );
  } else if (volume.status === "in-use") {
    if (!isTrue(given.force)) throw fault(400, "Invalid volume: Backing up an in-use volume must use the force flag.");
  } else if (volume.status !== "available") {
    throw fault(
      400,
      `Invalid volume: Volume to be backed up must be available or in-use, but the current status is "${volume.status}".`,
    );
  }
  reserveBackup(call, volume.sizeGiB);
  const parent = isTrue(given.incremental) ? parentFor(call, volume.id, snapshot) : undefined;

  const createdAtMs = wholeSecond(exchange.nowMs);
  const backup: Backup = {
    id: world.ids.uuid(),
    projectId: call.project.id,
    userId: call.auth.user.id,
    volumeId: volume.id,
    snapshotId,
    parentId: parent?.id ?? null,
    createdAtMs,
    name: textAt(given, "name") ?? null,
    description: textAt(given, "description") ?? null,
    status: "creating",
    sizeGiB: volume.sizeGiB,
    metadata: { ...(given.metadata as Record<string, string> | null | undefined) },
    dataTimestampMs: snapshot?.createdAtMs ?? createdAtMs,
    updatedAtMs: null,
    failReason: null,
    container: textAt(given, "container") ?? null,
    // Zed takes it and forgets it.
    availabilityZone: world.heedsBackupZone ? (textAt(given, "availability_zone") ?? "nova") : null,
    objectCount: 0,
    dependentCount: 0,
    host: "aio",
    content: "",
  };
  if (snapshot !== undefined) snapshot.status = "backing-up";
  else {
    volume.previousStatus = volume.status;
    volume.status = "backing-up";
    volume.updatedAtMs = createdAtMs;
  }
  world.backups.add(backup);
  world.backupWork.startBackup(backup, exchange.requestId);
  return { status: 202, body: { backup: summary(call, backup) } };
}

/** The newest of this volume in the token's project, whoever made it and whatever its state. */
function parentFor(call: StorageCall, volumeId: string, snapshot: Snapshot | undefined): Backup {
  const age = (b: Backup) =>
    snapshot === undefined || b.dataTimestampMs < snapshot.createdAtMs ? b.dataTimestampMs : -Infinity;
  const candidates = [...call.world.backups.ofVolume(volumeId)]
    .filter((b) => b.projectId === call.project.id)
    .sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1));
  const [first, ...rest] = candidates;
  if (first === undefined) throw fault(400, "Invalid backup: No backups available to do an incremental backup.");
  const newest = rest.reduce((best, b) => (age(b) > age(best) ? b : best), first);
  if (newest.status !== "available")
    throw fault(400, "Invalid backup: The parent backup must be available for incremental backup.");
  return newest;
}

/** PUT /backups/{id}: the metadata given take the place of all there were. */
export function updateBackup(call: StorageCall): Reply {
  if (call.minor < 9) throw fault(404, "The resource could not be found.");
  const given = checkBody(call.exchange.json(), {
    root: "backup",
    nullable: true,
    fields: {
      name: text,
      description: text,
      ...(call.minor >= 43 ? { metadata: { type: "metadata", keys: metadataKeys } as const } : {}),
    },
  });
  const backup = findBackup(call);
  if (given.name !== undefined) backup.name = textAt(given, "name") ?? null;
  if (given.description !== undefined) backup.description = textAt(given, "description") ?? null;
  if (given.metadata !== undefined) backup.metadata = { ...(given.metadata as Record<string, string>) };
  backup.updatedAtMs = wholeSecond(call.exchange.nowMs);
  return { status: 200, body: { backup: summary(call, backup) } };
}

export function deleteBackup(call: StorageCall): Reply {
  const backup = findBackup(call);
  remove(call, backup, false);
  return { status: 202 };
}

function remove(call: StorageCall, backup: Backup, force: boolean): void {
  if (!force && backup.status !== "available" && backup.status !== "error")
    throw fault(400, "Invalid backup: Backup status must be available or error");
  // Children in other projects do not count: the check does not look there, not even for an admin.
  for (const child of call.world.backups.childrenOf(backup.id)) {
    if (child.projectId === call.project.id)
      throw fault(400, "Invalid backup: Incremental backups exist for this backup.");
  }
  call.world.backupWork.startDelete(backup);
}

/** POST /backups/{id}/restore, to a volume given or a new one. */
export function restoreBackup(call: StorageCall): Reply {
  const given = checkBody(call.exchange.json(), {
    root: "restore",
    nullable: true,
    fields: { name: text, volume_id: { type: "uuid", nullable: true } },
  });
  const backup = findBackup(call);
  if (backup.status !== "available") throw fault(400, "Invalid backup: Backup status must be available");
  const volumeId = textAt(given, "volume_id");
  if (volumeId === undefined) reserveVolume(call, { sizeGiB: backup.sizeGiB, typeName: "fast" }, "bare");
  const volume =
    volumeId === undefined
      ? createVolumeFor(call, backup.sizeGiB, textAt(given, "name") ?? `restore_backup_${backup.id}`)
      : findVolume(call, volumeId);
  if (volume.status !== "available") throw fault(400, "Invalid volume: Volume to be restored to must be available");
  if (backup.sizeGiB > volume.sizeGiB)
    throw fault(
      400,
      `Invalid volume: volume size ${volume.sizeGiB} is too small to restore backup of size ${backup.sizeGiB}.`,
    );
  call.world.backupWork.startRestore(backup, volume, call.exchange.requestId);
  return { status: 202, body: { restore: { backup_id: backup.id, volume_id: volume.id, volume_name: volume.name } } };
}

/** POST /backups/{id}/action: os-reset_status and os-force_delete, both an admin's. */
export function backupAction(call: StorageCall): Reply {
  const body = call.exchange.json();
  const backup = findBackup(call);
  const status = textAt(body, "os-reset_status", "status");
  if (status !== undefined) {
    if (status !== "available" && status !== "error") {
      throw fault(
        400,
        `Invalid input for field/attribute status. Value: ${status}. Backup status: ${status} is invalid, valid statuses are: ['available', 'error'].`,
      );
    }
    requireAdmin(call, "volume_extension:backup_admin_actions:reset_status");
    backup.status = status;
    backup.updatedAtMs = wholeSecond(call.exchange.nowMs);
    return { status: 202 };
  }
  if (body !== null && typeof body === "object" && "os-force_delete" in body) {
    requireAdmin(call, "volume_extension:backup_admin_actions:force_delete");
    remove(call, backup, true);
    return { status: 202 };
  }
  throw noSuchAction(body);
}
