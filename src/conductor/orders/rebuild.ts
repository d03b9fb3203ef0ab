import type { CatalogueEntry } from "../../domain/catalogue.ts";
import { mechanisms, type Backup, type Mechanism } from "../../domain/inventory.ts";
import { shownDifferences, type CatalogueDifference, type OrderResult } from "../../domain/orders.ts";
import { readPoints, type Point } from "../../domain/points.ts";
import { operation, type Conductor } from "../context.ts";
import { ourUserIds, scanPoints } from "../scan.ts";
import { entryFromMarks } from "../sync.ts";

/** What a rebuild finds out, and what it would make of the catalogue. */
export interface RebuildPreview {
  /** Of any mechanism; the entries of an unproven one are left alone. */
  readonly proven: boolean;
  readonly differences: readonly CatalogueDifference[];
  /** To be written. */
  readonly entries: readonly CatalogueEntry[];
}

/** Calls for children at the same time; the client has its own limit, too. */
const parallelCalls = 16;

/**
 * Makes the catalogue from Cinder alone and compares it with the database's. Changes nothing. Promises, holds and sent DELETEs that only the database
 * remembers stay in force: they protect, and they are told.
 */
export async function previewRebuild(conductor: Conductor, signal: AbortSignal): Promise<RebuildPreview> {
  const { clock, repository } = conductor;
  const userIds = await ourUserIds(conductor, signal);
  const takenAt = clock.now();
  const known = await repository.catalogue();
  // Only the database knows whom an operator believed.
  const adopted = new Map(known.filter((entry) => entry.adopted).map((entry) => [entry.backupId, entry]));
  const read: Point[] = [];
  const proven = new Set<Mechanism>();
  for (const mechanism of mechanisms) {
    const scan = await scanPoints(conductor, mechanism, signal);
    if (!scan.proven) continue;
    proven.add(mechanism);
    const children = await askChildren(conductor, scan.points, signal);
    const volumes = readPoints({ backups: scan.points, catalogue: adopted, userIds, children });
    read.push(...[...volumes.values()].flatMap((volume) => volume.points));
  }
  if (proven.size === 0) return { proven: false, differences: [], entries: [] };
  const all = known.filter((entry) => proven.has(entry.mechanism));
  const stored = new Map(all.map((entry) => [entry.backupId, entry]));
  const differences: CatalogueDifference[] = [];
  const entries: CatalogueEntry[] = [];
  for (const point of read) {
    const rebuilt = entryOf(point);
    const old = stored.get(rebuilt.backupId);
    stored.delete(rebuilt.backupId);
    if (old === undefined) {
      differences.push(wholeEntry(rebuilt.backupId, { database: null, cinder: "present", kept: "cinder" }));
      entries.push(rebuilt);
      continue;
    }
    const { merged, found } = merge(old, rebuilt);
    differences.push(...found);
    if (found.length > 0 || merged.goodAt !== old.goodAt) entries.push(merged);
  }
  for (const old of stored.values()) {
    // Completed since the listing was taken.
    if (old.createdAt >= takenAt) continue;
    differences.push(wholeEntry(old.backupId, { database: "present", cinder: null, kept: "cinder" }));
    entries.push({ ...old, goneAt: clock.now() });
  }
  return { proven: true, differences, entries };
}

/** Rebuilds the catalogue. */
export async function workRebuild(conductor: Conductor, runId: string, signal: AbortSignal): Promise<OrderResult> {
  const { repository } = conductor;
  const { differences, entries, proven } = await previewRebuild(conductor, signal);
  if (entries.length > 0) await repository.upsertCatalogue(entries);
  const message = proven ? null : "the reader's rights are not proven: nothing was compared";
  await repository.appendOperations([
    operation(conductor, runId, {
      kind: "notice",
      reason: proven ? "rebuilt" : "unproven_reader",
      message: message ?? `${differences.length} differences`,
    }),
  ]);
  return {
    outcome: proven ? "ok" : "failed",
    message,
    lines: [],
    differences: differences.slice(0, shownDifferences),
    differenceCount: differences.length,
  };
}

/** The children of every backup that an incremental could have been built on. */
async function askChildren(
  { reader }: Conductor,
  backups: readonly Backup[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const newestChild = new Map<string, number>();
  for (const { isIncremental, volumeId, createdAt } of backups) {
    if (isIncremental) newestChild.set(volumeId, Math.max(newestChild.get(volumeId) ?? 0, createdAt.getTime()));
  }
  const queue = backups.filter((each) => each.createdAt.getTime() <= (newestChild.get(each.volumeId) ?? -Infinity));
  const children = new Map<string, readonly string[]>();
  const worker = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const found = await reader.childrenOf(next.id, signal);
      children.set(
        next.id,
        found.map((child) => child.id),
      );
    }
  };
  await Promise.all(Array.from({ length: parallelCalls }, worker));
  return children;
}

const entryOf = ({ backup, parentId, parentVerified, good }: Point): CatalogueEntry => ({
  ...entryFromMarks(backup),
  parentId,
  parentVerified,
  goodAt: good ? (backup.updatedAt ?? backup.createdAt) : null,
});

const wholeEntry = (
  backupId: string,
  rest: Pick<CatalogueDifference, "database" | "cinder" | "kept">,
): CatalogueDifference => ({ backupId, field: null, ...rest });

/** What Cinder decides alone. When something was first seen good, a DELETE sent or its absence noticed only the database can know. */
const compared = [
  "projectId",
  "volumeId",
  "key",
  "policy",
  "slot",
  "serverId",
  "setId",
  "isIncremental",
  "sizeGiB",
  "volumeType",
  "parentId",
  "parentVerified",
  "createdAt",
] as const satisfies readonly (keyof CatalogueEntry)[];

function merge(
  old: CatalogueEntry,
  rebuilt: CatalogueEntry,
): { merged: CatalogueEntry; found: readonly CatalogueDifference[] } {
  const found: CatalogueDifference[] = [];
  const tell = (field: keyof CatalogueEntry, kept: CatalogueDifference["kept"]): void => {
    const [database, cinder] = [shown(old[field]), shown(rebuilt[field])];
    if (database !== cinder) found.push({ backupId: old.backupId, field, database, cinder, kept });
  };
  for (const field of compared) tell(field, "cinder");
  const isPromiseLonger = Number(old.keepUntil ?? -Infinity) > Number(rebuilt.keepUntil ?? -Infinity);
  tell("keepUntil", isPromiseLonger ? "database" : "cinder");
  tell("held", old.held ? "database" : "cinder");
  const merged: CatalogueEntry = {
    ...rebuilt,
    keepUntil: isPromiseLonger ? old.keepUntil : rebuilt.keepUntil,
    held: old.held || rebuilt.held,
    goodAt: old.goodAt ?? rebuilt.goodAt,
    deleteSentAt: old.deleteSentAt,
  };
  return { merged, found };
}

function shown(value: CatalogueEntry[keyof CatalogueEntry]): string | null {
  if (value === null || value === "") return null;
  // Marks have whole seconds.
  return value instanceof Date ? new Date(Math.floor(value.getTime() / 1000) * 1000).toISOString() : String(value);
}
