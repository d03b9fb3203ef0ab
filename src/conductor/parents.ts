import { isDeepStrictEqual } from "node:util";
import type { Backup } from "../domain/inventory.ts";
import { mark } from "../domain/marks.ts";
import { pointTime } from "../domain/points.ts";
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

/** Volumes that are looked at, at the same time; the client has its own limit, too. */
const parallelVolumes = 16;

/**
 * Finds the real parents of many incrementals, and of those that they are built on. Each backup is asked for its children at most once, the likely parents
 * first: where nothing is odd, that is one call for each incremental.
 * @param siblings all backups of their volumes
 * @returns `null` where no backup of the volume names it as its child
 */
export async function findParents(
  { reader }: Pick<Conductor, "reader">,
  { incrementals, siblings }: { readonly incrementals: readonly Backup[]; readonly siblings: readonly Backup[] },
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string | null>> {
  const parents = new Map<string, string | null>();
  const ofVolume = Map.groupBy(siblings, ({ volumeId }) => volumeId);
  const findIn = async (rows: readonly Backup[], wanted: readonly Backup[]): Promise<void> => {
    const byId = new Map(rows.map((row) => [row.id, row]));
    const newestFirst = [...rows].sort((a, b) => pointTime(b) - pointTime(a));
    const asked = new Set<string>();
    const queue = [...wanted];
    for (let child = queue.pop(); child !== undefined; child = queue.pop()) {
      const { id } = child;
      const couldBe = (row: Backup): boolean => pointTime(row) <= pointTime(child);
      const candidates = [...newestFirst.filter(couldBe), ...newestFirst.filter((row) => !couldBe(row))];
      for (const candidate of candidates) {
        if (parents.has(id)) break;
        if (candidate.id === id || asked.has(candidate.id)) continue;
        asked.add(candidate.id);
        for (const found of await reader.childrenOf(candidate.id, signal)) parents.set(found.id, candidate.id);
      }
      const parentId = parents.get(id) ?? null;
      parents.set(id, parentId);
      const parent = byId.get(parentId ?? "");
      if (parent?.isIncremental === true && !parents.has(parent.id)) queue.push(parent);
    }
  };
  const queue = [...Map.groupBy(incrementals, ({ volumeId }) => volumeId)];
  const worker = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      await findIn(ofVolume.get(next[0]) ?? [], next[1]);
    }
  };
  await Promise.all(Array.from({ length: parallelVolumes }, worker));
  return parents;
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
