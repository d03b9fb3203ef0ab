import type { Snapshot } from "../../domain/inventory.ts";
import { isNotFound } from "../errors.ts";
import { paginate } from "../pagination.ts";
import type { ServiceClient } from "../service.ts";
import type { Row } from "../wire.ts";

/** The snapshots of all projects; without admin rights Cinder silently shows the token's own only. */
export const listSnapshots = (
  cinder: ServiceClient,
  pageSize: number,
  signal: AbortSignal,
): AsyncGenerator<Snapshot, void, undefined> =>
  paginate(
    cinder,
    {
      route: "snapshots/detail",
      key: "snapshots",
      query: { all_tenants: "1", limit: String(pageSize) },
      read: toSnapshot,
    },
    signal,
  );

/** `null` when there is no such snapshot in the token's project. */
export async function getSnapshot(cinder: ServiceClient, id: string, signal: AbortSignal): Promise<Snapshot | null> {
  try {
    const call = { method: "GET", route: "snapshots/{id}", ids: { id }, expect: 200, signal } as const;
    return (await cinder.read(call, (body) => toSnapshot(body.row("snapshot")))).value;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

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

const toSnapshot = (row: Row): Snapshot => ({
  id: row.text("id"),
  volumeId: row.text("volume_id"),
  projectId: row.textOrNull("os-extended-snapshot-attributes:project_id"),
  userId: row.textOrNull("user_id"), // since 3.41
  metadata: row.texts("metadata"),
});
