import type { Backup, Mechanism } from "../domain/inventory.ts";
import type { ProjectCloud, ReaderCloud } from "../openstack/cloud.ts";

/** A backup or a snapshot by its id. */
export type PointRef = Pick<Backup, "mechanism" | "id">;

/** The restore points of one mechanism, everybody's. */
export const listPoints = (
  reader: ReaderCloud,
  mechanism: Mechanism,
  filter: { readonly status?: string; readonly volumeId?: string; readonly projectId?: string },
  signal: AbortSignal,
): AsyncIterable<Backup> =>
  mechanism === "backup" ? reader.listBackups(filter, signal) : reader.listSnapshots(filter, signal);

/** `null` when there is none, or none that the cloud's credential may see. */
export const getPoint = (
  cloud: Pick<ReaderCloud | ProjectCloud, "backup" | "snapshot">,
  { mechanism, id }: PointRef,
  signal: AbortSignal,
): Promise<Backup | null> => (mechanism === "backup" ? cloud.backup(id, signal) : cloud.snapshot(id, signal));

/** What an id means that somebody wrote down: a backup, else a snapshot. */
export const findPoint = async (reader: ReaderCloud, id: string, signal: AbortSignal): Promise<Backup | null> =>
  (await reader.backup(id, signal)) ?? (await reader.snapshot(id, signal));

/** Ids of what builds on a backup, in all projects; nothing builds on a snapshot in this sense. */
export const childrenOf = async (
  reader: ReaderCloud,
  { mechanism, id }: PointRef,
  signal: AbortSignal,
): Promise<string[]> => (mechanism === "backup" ? (await reader.childrenOf(id, signal)).map((child) => child.id) : []);

/** Accepted, not done. */
export const sendDelete = (
  project: ProjectCloud,
  { mechanism, id }: PointRef,
  signal: AbortSignal,
): Promise<{ requestId: string | null }> =>
  mechanism === "backup" ? project.deleteBackup(id, signal) : project.deleteSnapshot(id, signal);

/** Replaces all metadata. */
export const replaceMetadata = (
  project: ProjectCloud,
  { mechanism, id }: PointRef,
  metadata: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<{ requestId: string | null }> =>
  mechanism === "backup"
    ? project.replaceBackupMetadata(id, metadata, signal)
    : project.replaceSnapshotMetadata(id, metadata, signal);
