import { isDeepStrictEqual } from "node:util";
import type { Backup } from "../domain/inventory.ts";
import { mark } from "../domain/marks.ts";
import type { Conductor } from "./context.ts";
import { getPoint, replaceMetadata, type PointRef } from "./mechanism.ts";

/**
 * Finds the real parent of an incremental. REST shows no `parent_id`, so each candidate is asked for its children, over all projects; the expected
 * one first, which in a normal night is the only call.
 * @returns null when no backup of the volume names it as its child
 */
export async function findParent(
  { reader }: Conductor,
  child: Backup,
  expectedId: string | null,
  signal: AbortSignal,
): Promise<string | null> {
  const isParent = async (id: string): Promise<boolean> =>
    (await reader.childrenOf(id, signal)).some((found) => found.id === child.id);
  if (expectedId !== null && (await isParent(expectedId))) return expectedId;
  const siblings = await Array.fromAsync(reader.listBackups({ volumeId: child.volumeId }, signal));
  const age = (b: Backup): number => Number(b.dataTimestamp ?? b.createdAt);
  const candidates = siblings
    .filter((b) => b.id !== child.id && b.id !== expectedId && age(b) <= age(child))
    .sort((a, b) => age(b) - age(a));
  for (const candidate of candidates) if (await isParent(candidate.id)) return candidate.id;
  return null;
}

/**
 * Changes the metadata of a restore point. PUT replaces all of it without an ETag: read, merge, write, read again.
 * @returns null when there is none in the project, else whether it has the wanted metadata now, and the request that changed it
 */
export async function changeMetadata(
  { writer }: Pick<Conductor, "writer">,
  { projectId, point }: { projectId: string; point: PointRef },
  change: (metadata: Metadata) => Metadata,
  signal: AbortSignal,
): Promise<{ done: boolean; requestId: string | null } | null> {
  const project = writer.forProject(projectId);
  const before = await getPoint(project, point, signal);
  if (before === null) return null;
  const isDone = (metadata: Metadata): boolean => isDeepStrictEqual({ ...metadata }, { ...change(metadata) });
  if (isDone(before.metadata)) return { done: true, requestId: null };
  const { requestId } = await replaceMetadata(project, point, change(before.metadata), signal);
  const after = await getPoint(project, point, signal);
  return { done: after !== null && isDone(after.metadata), requestId };
}

type Metadata = Readonly<Record<string, string>>;

/** Writes marks on a backup of ours. @returns false when the second reading does not show what was written */
export async function writeMarks(
  conductor: Conductor,
  projectId: string,
  backupId: string,
  values: Metadata,
  signal: AbortSignal,
): Promise<boolean> {
  const change = (metadata: Metadata): Metadata => ({ ...metadata, ...values });
  return (
    (await changeMetadata(conductor, { projectId, point: { mechanism: "backup", id: backupId } }, change, signal))
      ?.done ?? false
  );
}

export const parentMark = (parentId: string): Record<string, string> => ({ [mark.parent]: parentId });
