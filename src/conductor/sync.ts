import type { CatalogueEntry, Operation } from "../domain/catalogue.ts";
import type { Backup } from "../domain/inventory.ts";
import { readMarks } from "../domain/marks.ts";
import { operation, type Conductor } from "./context.ts";
import { isOurs } from "./scan.ts";

/**
 * Brings the catalogue in line with a whole, proven listing: adds what it does not know (an empty or old database heals), remembers holds and the latest
 * promise, and notes what is gone. Never shortens a promise and never lifts a hold.
 * @returns the catalogue as it is now, without what is gone
 */
export async function syncCatalogue(
  conductor: Conductor,
  runId: string,
  listing: { backups: readonly Backup[]; userIds: ReadonlySet<string>; takenAt: Date },
): Promise<ReadonlyMap<string, CatalogueEntry>> {
  const { repository } = conductor;
  const known = new Map((await repository.catalogue()).map((entry) => [entry.backupId, entry]));
  const current = new Map<string, CatalogueEntry>();
  const changed: CatalogueEntry[] = [];
  const notices: Operation[] = [];
  for (const backup of listing.backups) {
    const entry = known.get(backup.id);
    known.delete(backup.id);
    if (!isOurs(backup, listing.userIds)) {
      if (entry !== undefined) current.set(backup.id, entry);
      continue;
    }
    const merged = entry === undefined ? entryFromMarks(backup) : mergeMarks(entry, backup);
    if (merged !== entry) changed.push(merged);
    current.set(backup.id, merged);
  }
  for (const entry of known.values()) {
    // Completed after the listing had been taken.
    if (entry.createdAt >= listing.takenAt) {
      current.set(entry.backupId, entry);
      continue;
    }
    changed.push({ ...entry, goneAt: conductor.clock.now() });
    if (entry.deleteSentAt === null) {
      notices.push(
        operation(conductor, runId, {
          kind: "notice",
          reason: "vanished",
          projectId: entry.projectId,
          serverId: entry.serverId,
          volumeId: entry.volumeId,
          backupId: entry.backupId,
          key: entry.key,
        }),
      );
    }
  }
  if (changed.length > 0) await repository.upsertCatalogue(changed);
  if (notices.length > 0) await repository.appendOperations(notices);
  return current;
}

/** What a rebuild knows of a backup of ours: its marks. */
function entryFromMarks(backup: Backup): CatalogueEntry {
  const marks = readMarks(backup.metadata);
  return {
    backupId: backup.id,
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
