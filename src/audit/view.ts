import type { ListedBackup, ListedVolume, Listing, Mechanism } from "./listing.ts";
import { isJudgedBad, isMarked, mark, saysTemporary } from "./marks.ts";

/** Cinder is taking these away, or tried to. */
const leaving: ReadonlySet<string> = new Set(["deleting", "deleted", "error_deleting", "unmanaging"]);
/** Being read or restored takes `available` away for a while and harms nothing. */
const whole: ReadonlySet<string> = new Set(["available", "restoring", "backing-up"]);

export const isLeaving = (backup: ListedBackup): boolean => leaving.has(backup.status);
/** Whose points are ours. */
export interface Ownership {
  /** Who creates them. */
  readonly userIds: ReadonlySet<string>;
  /** What others created and we adopted, by id. */
  readonly adoptedIds: ReadonlySet<string>;
}

export const createdMs = (backup: ListedBackup): number => Date.parse(backup.createdAt);

/** A listing with the questions the rules ask of it. */
export class View {
  /** Backups and snapshots. */
  readonly listed: readonly ListedBackup[];
  readonly ours: readonly ListedBackup[];
  readonly endedMs: number;
  readonly startedMs: number;
  readonly #byId: ReadonlyMap<string, ListedBackup>;
  readonly #volumes: ReadonlyMap<string, ListedVolume>;
  readonly #volumesFrom: ReadonlyMap<string | null, readonly string[]>;
  readonly #ownership: Ownership;
  readonly #undersized: ReadonlySet<string>;
  readonly #earlier: View | undefined;
  readonly #oursByVolume: ReadonlyMap<string, readonly ListedBackup[]>;
  readonly #oursByProject: ReadonlyMap<string | null, readonly ListedBackup[]>;
  readonly #good = new Map<string, boolean>();

  constructor(listing: Listing, ownership: Ownership, earlier?: View) {
    this.startedMs = Date.parse(listing.startedAt);
    this.endedMs = Date.parse(listing.endedAt);
    this.listed = [...listing.backups, ...listing.snapshots];
    this.#byId = new Map(this.listed.map((each) => [each.id, each]));
    this.#volumes = new Map(listing.volumes.map((each) => [each.id, each]));
    this.#volumesFrom = new Map(
      [...Map.groupBy(listing.volumes, (each) => each.snapshotId)].map(([id, made]) => [
        id,
        made.map((each) => each.id),
      ]),
    );
    this.#ownership = ownership;
    this.#earlier = earlier;
    this.ours = this.listed.filter((each) => this.isOurs(each));
    this.#oursByVolume = Map.groupBy(this.ours, (each) => `${each.mechanism} of ${each.volumeId}`);
    this.#oursByProject = Map.groupBy(this.ours, (each) => each.projectId);
    this.#undersized = this.#findUndersized();
  }

  /** A snapshot never stands in for a backup, nor a backup for a snapshot. */
  oursOf(volumeId: string, mechanism: Mechanism): readonly ListedBackup[] {
    return this.#oursByVolume.get(`${mechanism} of ${volumeId}`) ?? [];
  }

  oursIn(projectId: string): readonly ListedBackup[] {
    return this.#oursByProject.get(projectId) ?? [];
  }

  find(id: string): ListedBackup | undefined {
    return this.#byId.get(id);
  }

  volume(volumeId: string): ListedVolume | undefined {
    return this.#volumes.get(volumeId);
  }

  volumesFrom(snapshotId: string): readonly string[] {
    return this.#volumesFrom.get(snapshotId) ?? [];
  }

  /** Present and not on its way out. */
  stays(backupId: string): boolean {
    const backup = this.find(backupId);
    return backup !== undefined && !isLeaving(backup);
  }

  isOfConductor(backup: ListedBackup): boolean {
    return (backup.userId !== null && this.#ownership.userIds.has(backup.userId)) || this.isAdopted(backup);
  }

  /** We were told, and it says so itself. */
  isAdopted(backup: ListedBackup): boolean {
    return this.#ownership.adoptedIds.has(backup.id) && backup.metadata[mark.adopted] !== undefined;
  }

  /** Created by the conductor's user, which cannot be forged, or adopted as we were told; and marked as a point. */
  isOurs(backup: ListedBackup): boolean {
    return this.isOfConductor(backup) && isMarked(backup) && !this.isTemporary(backup);
  }

  /** A snapshot of the conductor that backups are made from, and no point. What was a point before is one for good. */
  isTemporary(backup: ListedBackup): boolean {
    if (!this.isOfConductor(backup) || !saysTemporary(backup)) return false;
    const was = this.#earlier?.find(backup.id);
    return was === undefined || this.#earlier?.isOurs(was) === false;
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
   * the same of each ancestor.
   */
  isGood(backup: ListedBackup): boolean {
    const line = this.lineage(backup);
    // Nearest first; judge from the oldest on, so that each is judged once however long the chain.
    for (const each of line.toReversed()) {
      if (this.#good.has(each.id)) continue;
      const parentId = this.parentId(each);
      const parentGood = each.isIncremental ? parentId !== null && this.#good.get(parentId) === true : true;
      this.#good.set(each.id, parentGood && this.#isSound(each) && this.isOurs(each) && !isJudgedBad(each));
    }
    return this.#good.get(backup.id) === true;
  }

  /**
   * Good but for verdicts, marks and creator, which say nothing about the data: nothing of it was taken away or damaged.
   * A snapshot gets another creator when its volume is transferred.
   */
  isIntact(backup: ListedBackup): boolean {
    const line = this.lineage(backup);
    return line.every((each) => this.#isSound(each)) && line.at(-1)?.isIncremental === false;
  }

  #isSound(backup: ListedBackup): boolean {
    return whole.has(backup.status) && (backup.failReason ?? "") === "" && !this.isUndersized(backup);
  }

  /**
   * Volumes only grow, so a point is too small when it is smaller than an earlier one of ours of its volume, or than
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
