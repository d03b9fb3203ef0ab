import type { Backup } from "../../domain/inventory.ts";
import type { CreatedBackup, SnapshotFilter, SnapshotRequest } from "../cloud.ts";
import { listingQuery } from "./listing-query.ts";
import { unlessGone } from "../not-found.ts";
import { paginate } from "../pagination.ts";
import type { ServiceClient } from "../service.ts";
import { sharer, type Row } from "../wire.ts";

/** The snapshots of all projects; without admin rights Cinder silently shows the token's own only. */
export const listSnapshots = (
  cinder: ServiceClient,
  { filter, pageSize }: { filter: SnapshotFilter; pageSize: number },
  signal: AbortSignal,
): AsyncGenerator<Backup, void, undefined> => {
  const query = listingQuery(filter, pageSize);
  return paginate(cinder, { route: "snapshots/detail", key: "snapshots", query, read: reader() }, signal);
};

/** `null` when there is no such snapshot, or none that the token may see. */
export const getSnapshot = (cinder: ServiceClient, id: string, signal: AbortSignal): Promise<Backup | null> =>
  unlessGone(async () => {
    const call = { method: "GET", route: "snapshots/{id}", ids: { id }, expect: 200, signal } as const;
    return (await cinder.read(call, (body) => reader()(body.row("snapshot")))).value;
  });

/** Asks Cinder for a snapshot. It is accepted, not done; a lost answer leaves it unknown whether there is one. */
export async function createSnapshot(
  cinder: ServiceClient,
  { volumeId, name, metadata, description }: SnapshotRequest,
  signal: AbortSignal,
): Promise<CreatedBackup> {
  const snapshot = {
    volume_id: volumeId,
    name,
    metadata,
    force: true, // or Cinder refuses volumes that are in use; implied, and still accepted, since 3.66
    ...(description === undefined ? {} : { description }),
  };
  const { value, requestId } = await cinder.read(
    { method: "POST", route: "snapshots", body: { snapshot }, expect: 202, signal },
    (body) => body.row("snapshot").text("id"),
  );
  return { id: value, requestId };
}

/** Accepted, not done. */
export const deleteSnapshot = (
  cinder: ServiceClient,
  id: string,
  signal: AbortSignal,
): Promise<{ requestId: string | null }> =>
  cinder.send({ method: "DELETE", route: "snapshots/{id}", ids: { id }, expect: 202, signal });

/** PUT replaces all metadata. */
export const replaceSnapshotMetadata = (
  cinder: ServiceClient,
  { id, metadata }: { id: string; metadata: Readonly<Record<string, string>> },
  signal: AbortSignal,
): Promise<{ requestId: string | null }> =>
  cinder.send({
    method: "PUT",
    route: "snapshots/{id}/metadata",
    ids: { id },
    body: { metadata },
    expect: 200,
    signal,
  });

/** Reads the rows of one listing. A snapshot is a full that stands alone. */
function reader(): (row: Row) => Backup {
  const shared = sharer();
  return (row) => ({
    mechanism: "snapshot",
    id: row.text("id"),
    name: row.textOrNull("name") ?? "",
    volumeId: shared(row.text("volume_id")),
    projectId: shared(row.textOrNull("os-extended-snapshot-attributes:project_id")), // members see it, too
    userId: shared(row.textOrNull("user_id")), // since 3.41
    status: shared(row.text("status")),
    sizeGiB: row.number("size"),
    isIncremental: false,
    hasDependents: false,
    snapshotId: null,
    dataTimestamp: null,
    createdAt: row.time("created_at"),
    updatedAt: row.timeOrNull("updated_at"),
    failReason: null,
    container: null,
    availabilityZone: null,
    objectCount: null,
    metadata: row.texts("metadata", shared),
  });
}
