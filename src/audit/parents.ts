import type { BlockStorageReader } from "./cloud.ts";
import { AuditHttpError } from "./errors.ts";
import type { ListedBackup } from "./listing.ts";
import { readAll } from "./pages.ts";

export interface ParentOptions {
  readonly pageSize: number;
  readonly concurrency: number;
  /** Backups of an earlier listing, whose links say which vanished parents to ask for. */
  readonly former: readonly ListedBackup[];
}

const idPattern = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

/**
 * Fills in `parentId`. REST does not show it, but an admin may ask for the children of a parent; so each possible
 * parent of a volume is asked until every incremental of that volume has one. Those named by a mark or an earlier
 * listing come first (they may be gone from the list), then, since a mark can be wrong, all backups of the volume;
 * `has_dependent_backups` drifts and is not consulted. An incremental that vanished while we asked is left out.
 * @throws AuditHttpError, AuditError
 */
export async function resolveParents(
  cinder: BlockStorageReader,
  backups: readonly ListedBackup[],
  options: ParentOptions,
): Promise<ListedBackup[]> {
  const formerParent = new Map(options.former.map((each) => [each.id, each.parentId]));
  const parentOf = new Map<string, string>();
  const vanished = new Set<string>();

  const resolveVolume = async (ofVolume: readonly ListedBackup[]): Promise<void> => {
    const open = new Set(ofVolume.filter((each) => each.isIncremental).map((each) => each.id));
    for (const candidate of candidates(ofVolume, formerParent)) {
      if (open.size === 0) return;
      const filters = { parent_id: candidate };
      const children = await readAll(cinder, { resource: "backups", filters, pageSize: options.pageSize });
      for (const child of children) {
        const id = child.at("id").string();
        parentOf.set(id, candidate);
        open.delete(id);
      }
    }
    for (const id of open) if (!(await exists(cinder, id))) vanished.add(id);
  };

  const volumes = [...Map.groupBy(backups, (each) => each.volumeId).values()];
  await inParallel(volumes, options.concurrency, resolveVolume);
  return backups
    .filter((each) => !vanished.has(each.id))
    .map((each) => ({ ...each, parentId: parentOf.get(each.id) ?? null }));
}

function candidates(
  ofVolume: readonly ListedBackup[],
  formerParent: ReadonlyMap<string, string | null>,
): ReadonlySet<string> {
  const named = ofVolume
    .filter((each) => each.isIncremental)
    .flatMap((each) => [each.metadata["dirigent:parent"], formerParent.get(each.id)])
    .filter((id) => typeof id === "string" && idPattern.test(id)) as string[];
  const newestFirst = ofVolume.toReversed().map((each) => each.id);
  return new Set([...named, ...newestFirst]);
}

async function exists(cinder: BlockStorageReader, backupId: string): Promise<boolean> {
  try {
    await cinder.get(`backups/${encodeURIComponent(backupId)}`, {});
    return true;
  } catch (error) {
    if (error instanceof AuditHttpError && error.status === 404) return false;
    throw error;
  }
}

async function inParallel<T>(items: readonly T[], limit: number, work: (item: T) => Promise<void>): Promise<void> {
  // One iterator for all workers: each takes the next item that nobody has taken.
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.max(1, limit) }, worker));
}
