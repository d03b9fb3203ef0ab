import type { CatalogueEntry, Operation } from "../domain/catalogue.ts";
import type { Backup, Mechanism } from "../domain/inventory.ts";
import { readMarks } from "../domain/marks.ts";
import { operation, type Conductor } from "./context.ts";
import { isOurs } from "./scan.ts";

/** Entries that are worked on at once: memory must not hold the catalogue beside the listing. */
const pageEntries = 5000;

/**
 * Brings the catalogue in line with a whole, proven listing: adds what it does not know (an empty or old database heals), remembers holds and the latest
 * promise, and notes what is gone. Never shortens a promise and never lifts a hold.
 */
export async function syncCatalogue(
  conductor: Conductor,
  runId: string,
  input: {
    /** All that exist of these mechanisms, whole and proven. */
    readonly backups: readonly Backup[];
    readonly mechanisms: ReadonlySet<Mechanism>;
    readonly userIds: ReadonlySet<string>;
    readonly takenAt: Date;
  },
): Promise<void> {
  const { repository } = conductor;
  const { backups, mechanisms, takenAt, userIds } = input;
  const unknown = new Map(backups.map((backup) => [backup.id, backup]));
  for await (const entries of pagesOf(repository)) {
    const changed: CatalogueEntry[] = [];
    const vanished: Operation[] = [];
    for (const entry of entries) {
      if (!mechanisms.has(entry.mechanism)) continue;
      const backup = unknown.get(entry.backupId);
      unknown.delete(entry.backupId);
      if (backup !== undefined) {
        const merged = isOurs(backup, userIds, entry) ? mergeMarks(entry, backup) : entry;
        if (merged !== entry) changed.push(merged);
        // Otherwise it was completed after the listing had been taken.
      } else if (entry.createdAt < takenAt) {
        changed.push({ ...entry, goneAt: conductor.clock.now() });
        if (entry.deleteSentAt === null) vanished.push(vanishedNotice(conductor, runId, entry));
      }
    }
    if (changed.length > 0) await repository.upsertCatalogue(changed);
    if (vanished.length > 0) await repository.appendOperations(vanished);
  }
  const ours = [...unknown.values()].filter((backup) => isOurs(backup, userIds));
  for (let at = 0; at < ours.length; at += pageEntries) {
    await repository.upsertCatalogue(ours.slice(at, at + pageEntries).map(entryFromMarks));
  }
}

async function* pagesOf(repository: Conductor["repository"]): AsyncGenerator<CatalogueEntry[]> {
  let page = await repository.catalogue({ limit: pageEntries });
  for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
    yield page;
    page = await repository.catalogue({ limit: pageEntries, after: last.backupId });
  }
}

const vanishedNotice = (conductor: Conductor, runId: string, entry: CatalogueEntry): Operation =>
  operation(conductor, runId, {
    kind: "notice",
    reason: "vanished",
    projectId: entry.projectId,
    serverId: entry.serverId,
    volumeId: entry.volumeId,
    backupId: entry.backupId,
    key: entry.key,
  });

/** What a rebuild knows of a backup of ours: its marks. */
export function entryFromMarks(backup: Backup): CatalogueEntry {
  const marks = readMarks(backup.metadata);
  return {
    backupId: backup.id,
    mechanism: backup.mechanism,
    projectId: backup.projectId ?? "",
    volumeId: backup.volumeId,
    key: marks.key,
    policy: marks.policy,
    slot: marks.slot,
    serverId: marks.serverId,
    setId: marks.set,
    isIncremental: backup.isIncremental,
    sizeGiB: backup.sizeGiB,
    volumeType: marks.volumeType,
    parentId: backup.isIncremental ? marks.parentId : null,
    parentVerified: !backup.isIncremental,
    keepUntil: marks.keepUntil,
    retention: marks.retention,
    adopted: marks.adopted,
    held: marks.held,
    createdAt: backup.createdAt,
    goodAt: null,
    deleteSentAt: null,
    goneAt: null,
  };
}

function mergeMarks(entry: CatalogueEntry, backup: Backup): CatalogueEntry {
  const marks = readMarks(backup.metadata);
  const held = entry.held || marks.held;
  const keepUntil = later(entry.keepUntil, marks.keepUntil);
  if (held === entry.held && Number(keepUntil) === Number(entry.keepUntil) && entry.goneAt === null) return entry;
  return { ...entry, held, keepUntil, goneAt: null };
}

const later = (a: Date | null, b: Date | null): Date | null => (a === null ? b : b === null || a > b ? a : b);
