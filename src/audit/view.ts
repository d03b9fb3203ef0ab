import type { ListedBackup, ListedVolume, Listing } from "./listing.ts";
import { isJudgedBad, isMarked } from "./marks.ts";

/** Cinder is taking these away, or tried to. */
const leaving: ReadonlySet<string> = new Set(["deleting", "deleted", "error_deleting"]);

export const isLeaving = (backup: ListedBackup): boolean => leaving.has(backup.status);
export const createdMs = (backup: ListedBackup): number => Date.parse(backup.createdAt);

/** A listing with the questions the rules ask of it. */
export class View {
  readonly backups: readonly ListedBackup[];
  readonly ours: readonly ListedBackup[];
  readonly endedMs: number;
  readonly startedMs: number;
  readonly #byId: ReadonlyMap<string, ListedBackup>;
  readonly #volumes: ReadonlyMap<string, ListedVolume>;
  readonly #userIds: ReadonlySet<string>;
  readonly #undersized: ReadonlySet<string>;
  readonly #earlier: View | undefined;
  readonly #oursByVolume: ReadonlyMap<string, readonly ListedBackup[]>;
  readonly #oursByProject: ReadonlyMap<string | null, readonly ListedBackup[]>;
  readonly #good = new Map<string, boolean>();

  constructor(listing: Listing, userIds: ReadonlySet<string>, earlier?: View) {
    this.startedMs = Date.parse(listing.startedAt);
    this.endedMs = Date.parse(listing.endedAt);
    this.#byId = new Map(listing.backups.map((each) => [each.id, each]));
    this.#volumes = new Map(listing.volumes.map((each) => [each.id, each]));
    this.#userIds = userIds;
    this.#earlier = earlier;
    this.backups = listing.backups;
    this.ours = this.backups.filter((each) => this.isOurs(each));
    this.#oursByVolume = Map.groupBy(this.ours, (each) => each.volumeId);
    this.#oursByProject = Map.groupBy(this.ours, (each) => each.projectId);
    this.#undersized = this.#findUndersized();
  }

  oursOf(volumeId: string): readonly ListedBackup[] {
    return this.#oursByVolume.get(volumeId) ?? [];
  }

  oursIn(projectId: string): readonly ListedBackup[] {
    return this.#oursByProject.get(projectId) ?? [];
  }

  find(backupId: string): ListedBackup | undefined {
    return this.#byId.get(backupId);
  }

  volume(volumeId: string): ListedVolume | undefined {
    return this.#volumes.get(volumeId);
  }

  /** Present and not on its way out. */
  stays(backupId: string): boolean {
    const backup = this.find(backupId);
    return backup !== undefined && !isLeaving(backup);
  }

  isOfConductor(backup: ListedBackup): boolean {
    return backup.userId !== null && this.#userIds.has(backup.userId);
  }

  /** Created by the conductor's user, which cannot be forged, and marked. */
  isOurs(backup: ListedBackup): boolean {
    return this.isOfConductor(backup) && isMarked(backup);
  }

  isUndersized(backup: ListedBackup): boolean {
    return this.#undersized.has(backup.id);
  }

  /** The parent as Cinder told it, now or, if it owns up to none any more, in the earlier listing. */
  parentId(backup: ListedBackup): string | null {
    if (!backup.isIncremental) return null;
    return backup.parentId ?? this.#earlier?.find(backup.id)?.parentId ?? null;
  }

  /** The backup and its ancestors, nearest first, as far as they are listed. */
  lineage(backup: ListedBackup): ListedBackup[] {
    const line = new Set<ListedBackup>();
    for (let at: ListedBackup | undefined = backup; at && !line.has(at);) {
      line.add(at);
      const parentId = this.parentId(at);
      at = parentId === null ? undefined : this.find(parentId);
    }
    return [...line];
  }

  /** Names a chain: the id of its oldest member, listed or not. */
  root(backup: ListedBackup): string {
    const oldest = this.lineage(backup).at(-1) ?? backup;
    return this.parentId(oldest) ?? oldest.id;
  }

  /**
   * Good as the design says: ours, available, no reason of failure, as large as its source was, no bad verdict, and
   * the same of each ancestor. Being restored takes `available` away for a while and harms nothing: it counts as good.
   */
  isGood(backup: ListedBackup): boolean {
    const line = this.lineage(backup);
    // Nearest first; judge from the oldest on, so that each is judged once however long the chain.
    for (const each of line.toReversed()) {
      if (this.#good.has(each.id)) continue;
      const parentId = this.parentId(each);
      const parentGood = each.isIncremental ? parentId !== null && this.#good.get(parentId) === true : true;
      this.#good.set(each.id, parentGood && this.#isSound(each) && isMarked(each) && !isJudgedBad(each));
    }
    return this.#good.get(backup.id) === true;
  }

  /** Good but for verdicts and marks, which say nothing about the data: nothing of it was taken away or damaged. */
  isIntact(backup: ListedBackup): boolean {
    const line = this.lineage(backup);
    return line.every((each) => this.#isSound(each)) && line.at(-1)?.isIncremental === false;
  }

  #isSound(backup: ListedBackup): boolean {
    const whole = backup.status === "available" || backup.status === "restoring";
    return whole && (backup.failReason ?? "") === "" && this.isOfConductor(backup) && !this.isUndersized(backup);
  }

  /**
   * Volumes only grow, so a backup is too small when it is smaller than an earlier one of ours of its volume, or than
   * its volume was in a listing that ended before the backup began.
   */
  #findUndersized(): ReadonlySet<string> {
    const undersized = new Set<string>();
    const largest = new Map<string, number>();
    const earlier = this.#earlier;
    for (const each of this.ours.toSorted((a, b) => createdMs(a) - createdMs(b))) {
      const isNewer = earlier && createdMs(each) > earlier.endedMs;
      const then = (isNewer && earlier.volume(each.volumeId)?.sizeGiB) || 0;
      const least = Math.max(largest.get(each.volumeId) ?? 0, then);
      if (each.sizeGiB < least || each.sizeGiB === 0) undersized.add(each.id);
      largest.set(each.volumeId, Math.max(least, each.sizeGiB));
    }
    return undersized;
  }
}
