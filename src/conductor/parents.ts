import type { Backup } from "../domain/inventory.ts";
import { mark } from "../domain/marks.ts";
import type { Conductor } from "./context.ts";

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
 * Writes marks on a backup of ours. PUT replaces all metadata without an ETag: read, merge, write, read again.
 * @returns false when the second reading does not show what was written
 */
export async function writeMarks(
  { writer }: Conductor,
  projectId: string,
  backupId: string,
  values: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<boolean> {
  const project = writer.forProject(projectId);
  const before = await project.backup(backupId, signal);
  if (before === null) return false;
  if (Object.entries(values).every(([key, value]) => before.metadata[key] === value)) return true;
  await project.replaceBackupMetadata(backupId, { ...before.metadata, ...values }, signal);
  const after = await project.backup(backupId, signal);
  return after !== null && Object.entries(values).every(([key, value]) => after.metadata[key] === value);
}

export const parentMark = (parentId: string): Record<string, string> => ({ [mark.parent]: parentId });
