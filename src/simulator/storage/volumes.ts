import { at, isRecord, textAt } from "../exchange.ts";
import type { Snapshot, Volume } from "../records.ts";
import { fault, type Reply } from "../reply.ts";
import { checkBody, checkMetadata, type Field, isTrue } from "../schema.ts";
import { wholeSecond } from "../times.ts";
import { linksOf, metadataKeys, notFound, type StorageCall, visible } from "./call.ts";
import { equals, list, type Listing, metadataTest, timeTest } from "./listing.ts";
import { reserveVolume } from "./quotas.ts";
import { findSnapshot } from "./snapshots.ts";
import { volumeView } from "./volume-view.ts";

const text: Field = { type: "text", maxLength: 255, nullable: true };

export function findVolume(call: StorageCall, id = call.params.id ?? ""): Volume {
  const volume = call.world.volumes.get(id);
  if (!visible(call, volume)) throw notFound("Volume", id);
  return volume;
}

const columns: Readonly<Record<string, (volume: Volume) => string | number | null>> = {
  id: (v) => v.id,
  status: (v) => v.status,
  size: (v) => v.sizeGiB,
  display_name: (v) => v.name,
  project_id: (v) => v.projectId,
  user_id: (v) => v.userId,
  host: (v) => v.host,
  bootable: (v) => String(v.bootable),
  snapshot_id: (v) => v.snapshotId,
  source_volid: (v) => v.sourceVolumeId,
  availability_zone: (v) => v.availabilityZone,
  created_at: (v) => v.createdAtMs,
  updated_at: (v) => v.updatedAtMs,
};

function listing(call: StorageCall, wide: boolean): Listing<Volume> {
  return {
    collection: "volumes",
    path: wide ? "volumes/detail" : "volumes",
    rows: call.world.volumes,
    memberFilters: [
      "name",
      "status",
      "metadata",
      "bootable",
      "migration_status",
      "availability_zone",
      "group_id",
      "size",
      "created_at",
      "updated_at",
      "consumes_quota",
    ],
    filter: (name, value) => {
      if (name === "metadata") {
        const test = metadataTest(value);
        return (v) => test(v.metadata);
      }
      if (name === "created_at" || name === "updated_at") {
        const test = timeTest(value);
        return (v) => test((name === "created_at" ? v.createdAtMs : v.updatedAtMs) ?? NaN);
      }
      const column = columns[name === "name" ? "display_name" : name];
      return column && equals(column, value);
    },
    sortValue: (name) => {
      const column = columns[name === "name" ? "display_name" : name];
      return column && ((v) => column(v) ?? "");
    },
    notFound: (id) => notFound("Volume", id),
    view: (v) => (wide ? volumeView(call, v) : { id: v.id, name: v.name, links: linksOf(call, "volumes", v.id) }),
  };
}

export const listVolumes = (call: StorageCall): Reply => list(call, listing(call, false));
export const listVolumesDetail = (call: StorageCall): Reply => list(call, listing(call, true));
export const showVolume = (call: StorageCall): Reply => ({
  status: 200,
  body: { volume: volumeView(call, findVolume(call)) },
});

/** POST /volumes: empty, or from a snapshot, a volume, or a backup. */
export function createVolume(call: StorageCall): Reply {
  const given = checkBody(call.exchange.json(), {
    root: "volume",
    fields: {
      name: text,
      description: text,
      size: { type: "size" },
      metadata: { type: "metadata", keys: metadataKeys, nullable: true },
      volume_type: text,
      availability_zone: text,
      snapshot_id: { type: "uuid", nullable: true },
      source_volid: { type: "uuid", nullable: true },
      imageRef: { type: "any" },
      ...(call.minor >= 47 ? { backup_id: { type: "uuid", nullable: true } as const } : {}),
    },
  });
  const typeName = textAt(given, "volume_type") ?? "fast";
  const type = call.world.volumeType(typeName);
  if (type === undefined) throw fault(404, `Volume type with name ${typeName} could not be found.`);
  const snapshotId = textAt(given, "snapshot_id");
  const snapshot: Snapshot | undefined = snapshotId === undefined ? undefined : findSnapshot(call, snapshotId);
  const sourceId = textAt(given, "source_volid");
  const source = sourceId === undefined ? undefined : findVolume(call, sourceId);
  const backupId = textAt(given, "backup_id");
  const backup = backupId === undefined ? undefined : call.world.backups.get(backupId);
  if (backupId !== undefined && !visible(call, backup)) throw notFound("Backup", backupId);
  const sizeGiB =
    given.size === undefined || given.size === null
      ? (snapshot?.sizeGiB ?? source?.sizeGiB ?? backup?.sizeGiB)
      : Number(given.size);
  if (sizeGiB === undefined || sizeGiB < 1)
    throw fault(400, "Invalid input received: Volume size 'None' must be an integer and greater than 0");
  reserveVolume(call, { sizeGiB, typeName: type.name });
  const volume = createVolumeFor(call, sizeGiB, textAt(given, "name") ?? null, {
    description: textAt(given, "description") ?? null,
    typeName: type.name,
    multiattach: type.extraSpecs.multiattach === "<is> True",
    status: "creating",
    snapshotId: snapshot?.id ?? null,
    sourceVolumeId: source?.id ?? null,
    metadata: { ...(given.metadata as Record<string, string> | undefined) },
    content: snapshot?.content ?? source?.content ?? backup?.content ?? "",
  });
  const { world, exchange } = call;
  world.tasks.schedule(exchange.nowMs + world.durations.volumeMs(sizeGiB), (atMs) => {
    if (volume.status !== "creating") return;
    volume.status = "available";
    volume.host = `aio@${volume.typeName}#pool`;
    volume.updatedAtMs = wholeSecond(atMs);
  });
  return { status: 202, body: { volume: volumeView(call, volume, { fresh: true }) } };
}

/** A new volume of the token's project, `available` unless `with` says otherwise. */
export function createVolumeFor(
  call: StorageCall,
  sizeGiB: number,
  name: string | null,
  extra: Partial<Volume> = {},
): Volume {
  const createdAtMs = wholeSecond(call.exchange.nowMs);
  return call.world.volumes.add({
    id: call.world.ids.uuid(),
    projectId: call.project.id,
    userId: call.auth.user.id,
    createdAtMs,
    name,
    description: "auto-created_from_restore_from_backup",
    status: "available",
    previousStatus: null,
    sizeGiB,
    typeName: "fast",
    bootable: false,
    multiattach: false,
    encrypted: false,
    availabilityZone: "nova",
    host: null,
    snapshotId: null,
    sourceVolumeId: null,
    metadata: {},
    attachments: [],
    updatedAtMs: null,
    content: "",
    ...extra,
  });
}

const deletable = new Set(["available", "error", "error_restoring", "error_extending", "error_managing"]);

export function deleteVolume(call: StorageCall): Reply {
  const volume = findVolume(call);
  removeVolume(call, volume, false);
  return { status: 202, raw: "", headers: { "Content-Type": "text/html; charset=UTF-8" } };
}

export function removeVolume(call: StorageCall, volume: Volume, force: boolean): void {
  const { world, exchange } = call;
  const snapshots = world.snapshots.filter((s) => s.volumeId === volume.id);
  const cascade = isTrue(exchange.query.get("cascade") ?? "false");
  if (
    (!force && !deletable.has(volume.status)) ||
    volume.attachments.length > 0 ||
    (snapshots.length > 0 && !cascade)
  ) {
    const states = force
      ? ""
      : "status must be available or error or error_restoring or error_extending or error_managing and ";
    throw fault(
      400,
      `Invalid volume: Volume ${states}must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, or be disassociated from snapshots after volume transfer.`,
    );
  }
  volume.status = "deleting";
  volume.updatedAtMs = wholeSecond(exchange.nowMs);
  world.tasks.schedule(exchange.nowMs + world.durations.volumeMs(volume.sizeGiB), () => {
    for (const snapshot of snapshots) world.snapshots.delete(snapshot.id);
    world.volumes.delete(volume.id);
  });
}

export function updateVolume(call: StorageCall): Reply {
  const given = at(call.exchange.json(), "volume");
  const volume = findVolume(call);
  if (isRecord(given) && given.name !== undefined) volume.name = textAt(given, "name") ?? null;
  if (isRecord(given) && given.metadata !== undefined)
    volume.metadata = checkMetadata("metadata", given.metadata, metadataKeys);
  volume.updatedAtMs = wholeSecond(call.exchange.nowMs);
  return { status: 200, body: { volume: volumeView(call, volume) } };
}

export const showVolumeMetadata = (call: StorageCall): Reply => ({
  status: 200,
  body: { metadata: findVolume(call).metadata },
});
export const mergeVolumeMetadata = (call: StorageCall): Reply => writeMetadata(call, false);
export const replaceVolumeMetadata = (call: StorageCall): Reply => writeMetadata(call, true);

function writeMetadata(call: StorageCall, replace: boolean): Reply {
  const given = checkMetadata("metadata", at(call.exchange.json(), "metadata") ?? {}, metadataKeys);
  const volume = findVolume(call);
  volume.metadata = replace ? { ...given } : { ...volume.metadata, ...given };
  volume.updatedAtMs = wholeSecond(call.exchange.nowMs);
  return { status: 200, body: { metadata: volume.metadata } };
}

export function deleteVolumeMetadataItem(call: StorageCall): Reply {
  const volume = findVolume(call);
  const key = call.params.key ?? "";
  if (volume.metadata[key] === undefined) throw fault(404, `Volume ${volume.id} has no metadata with key ${key}.`);
  volume.metadata = Object.fromEntries(Object.entries(volume.metadata).filter(([name]) => name !== key));
  return { status: 200 };
}
