import type { Backup } from "../../domain/inventory.ts";
import type { BackupFilter, BackupRequest, CreatedBackup } from "../cloud.ts";
import { listingQuery } from "./listing-query.ts";
import { unlessGone } from "../not-found.ts";
import { paginate } from "../pagination.ts";
import type { ServiceClient } from "../service.ts";
import { sharer, type Row } from "../wire.ts";

/**
 * The backups of all projects; without admin rights Cinder silently shows the token's own only, and their `projectId` is `null`. Cinder leaves out nothing
 * for an unknown filter: a wrong one finds nothing.
 */
export const listBackups = (
  cinder: ServiceClient,
  { filter, pageSize }: { filter: BackupFilter; pageSize: number },
  signal: AbortSignal,
): AsyncGenerator<Backup, void, undefined> => {
  const query = listingQuery(filter, pageSize);
  return paginate(cinder, { route: "backups/detail", key: "backups", query, read: reader() }, signal);
};

/** `null` when there is no such backup, or none that the token may see. */
export const getBackup = (cinder: ServiceClient, id: string, signal: AbortSignal): Promise<Backup | null> =>
  unlessGone(async () => {
    const call = { method: "GET", route: "backups/{id}", ids: { id }, expect: 200, signal } as const;
    return (await cinder.read(call, (body) => reader()(body.row("backup")))).value;
  });

/** Asks Cinder for a backup. It is accepted, not done; a lost answer leaves it unknown whether there is one. */
export async function createBackup(
  cinder: ServiceClient,
  { volumeId, name, metadata, incremental, snapshotId, container, availabilityZone, description }: BackupRequest,
  signal: AbortSignal,
): Promise<CreatedBackup> {
  const backup = {
    volume_id: volumeId,
    name,
    metadata,
    incremental,
    // Without force Cinder refuses volumes that are in use, but not their snapshots.
    ...(snapshotId === undefined ? { force: true } : { snapshot_id: snapshotId }),
    ...(container === undefined ? {} : { container }),
    ...(availabilityZone === undefined ? {} : { availability_zone: availabilityZone }), // since 3.51
    ...(description === undefined ? {} : { description }),
  };
  const { value, requestId } = await cinder.read(
    { method: "POST", route: "backups", body: { backup }, expect: 202, signal },
    (body) => body.row("backup").text("id"),
  );
  return { id: value, requestId };
}

/** PUT replaces all metadata. */
export const replaceBackupMetadata = (
  cinder: ServiceClient,
  { id, metadata }: { id: string; metadata: Readonly<Record<string, string>> },
  signal: AbortSignal,
): Promise<{ requestId: string | null }> =>
  cinder.send({
    method: "PUT",
    route: "backups/{id}",
    ids: { id },
    body: { backup: { metadata } },
    expect: 200,
    signal,
  });

/** Accepted, not done. */
export const deleteBackup = (
  cinder: ServiceClient,
  id: string,
  signal: AbortSignal,
): Promise<{ requestId: string | null }> =>
  cinder.send({ method: "DELETE", route: "backups/{id}", ids: { id }, expect: 202, signal });

/** Reads the rows of one listing, of which there may be hundreds of thousands in memory. */
function reader(): (row: Row) => Backup {
  const shared = sharer();
  return (row) => {
    const createdAt = row.time("created_at");
    const dataTimestamp = row.timeOrNull("data_timestamp");
    return {
      mechanism: "backup",
      id: shared(row.text("id")), // also the next one's parent
      name: row.textOrNull("name") ?? "",
      volumeId: shared(row.text("volume_id")),
      projectId: shared(row.textOrNull("os-backup-project-attr:project_id")),
      userId: shared(row.textOrNull("user_id")),
      status: shared(row.text("status")),
      sizeGiB: row.number("size"),
      isIncremental: row.flag("is_incremental"),
      hasDependents: row.flag("has_dependent_backups"),
      snapshotId: row.textOrNull("snapshot_id"),
      dataTimestamp: dataTimestamp?.getTime() === createdAt.getTime() ? createdAt : dataTimestamp,
      createdAt,
      updatedAt: row.timeOrNull("updated_at"),
      failReason: row.textOrNull("fail_reason"),
      container: shared(row.textOrNull("container")),
      availabilityZone: shared(row.textOrNull("availability_zone")),
      objectCount: row.numberOrNull("object_count"),
      metadata: row.texts("metadata", shared),
    };
  };
}
