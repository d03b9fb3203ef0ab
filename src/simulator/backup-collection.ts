import { Collection } from "./collection.ts";
import type { Backup } from "./records.ts";

const none: ReadonlySet<Backup> = new Set();

export interface BackupUsage {
  readonly backups: number;
  readonly gigabytes: number;
}

/** Backups with the look-ups Cinder's database has an index for. */
export class BackupCollection extends Collection<Backup> {
  readonly #byVolume = new Map<string, Set<Backup>>();
  readonly #byParent = new Map<string, Set<Backup>>();
  readonly #usage = new Map<string, { backups: number; gigabytes: number }>();

  ofVolume(volumeId: string): ReadonlySet<Backup> {
    return this.#byVolume.get(volumeId) ?? none;
  }

  childrenOf(backupId: string): ReadonlySet<Backup> {
    return this.#byParent.get(backupId) ?? none;
  }

  usageOf(projectId: string): BackupUsage {
    return this.#usage.get(projectId) ?? { backups: 0, gigabytes: 0 };
  }

  override add(backup: Backup): Backup {
    super.add(backup);
    put(this.#byVolume, backup.volumeId, backup);
    if (backup.parentId !== null) put(this.#byParent, backup.parentId, backup);
    this.#count(backup, 1);
    return backup;
  }

  override delete(id: string): boolean {
    const backup = this.get(id);
    if (backup === undefined) return false;
    take(this.#byVolume, backup.volumeId, backup);
    if (backup.parentId !== null) take(this.#byParent, backup.parentId, backup);
    this.#count(backup, -1);
    return super.delete(id);
  }

  #count(backup: Backup, sign: 1 | -1): void {
    const usage = this.#usage.get(backup.projectId) ?? { backups: 0, gigabytes: 0 };
    usage.backups += sign;
    usage.gigabytes += sign * backup.sizeGiB;
    this.#usage.set(backup.projectId, usage);
  }
}

function put(index: Map<string, Set<Backup>>, key: string, backup: Backup): void {
  const there = index.get(key);
  if (there === undefined) index.set(key, new Set([backup]));
  else there.add(backup);
}

function take(index: Map<string, Set<Backup>>, key: string, backup: Backup): void {
  const there = index.get(key);
  there?.delete(backup);
  if (there?.size === 0) index.delete(key);
}
