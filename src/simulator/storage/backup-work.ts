import type { BackupOutcome } from "../faults.ts";
import type { Backup, Snapshot, Volume } from "../records.ts";
import { wholeSecond } from "../times.ts";
import type { World } from "../world.ts";

/** cinder-backup's part: what happens after the API has answered 202. */
export class BackupWorker {
  readonly #world: World;
  readonly #fates = new Map<string, BackupOutcome>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Decides how the backup will end; also for one that is being made already. */
  setFate(backupId: string, outcome: BackupOutcome): void {
    this.#fates.set(backupId, outcome);
  }

  startBackup(backup: Backup, requestId: string): void {
    const world = this.#world;
    const drawn = world.faults.outcomeFor(backup);
    if (drawn !== undefined) this.#fates.set(backup.id, drawn);
    // The driver names its place when the copy begins, which here is at once.
    backup.container ??= `${backup.id.slice(0, 2)}/${backup.id.slice(2, 4)}/${backup.id}`;
    const dueMs = world.now() + world.durations.backupMs(backup.sizeGiB, backup.parentId !== null);
    world.tasks.schedule(dueMs, (atMs) => this.#finishBackup(backup, atMs, requestId));
  }

  #finishBackup(backup: Backup, atMs: number, requestId: string): void {
    const world = this.#world;
    const fate = this.#fates.get(backup.id) ?? this.#imageTaken(backup);
    this.#fates.delete(backup.id);
    const volume = world.volumes.get(backup.volumeId);
    const snapshot = backup.snapshotId === null ? undefined : world.snapshots.get(backup.snapshotId);
    if (fate?.kind === "hang") return;
    if (volume === undefined) {
      // cinder-backup notices, tells the users, and then stumbles over the missing row before it can end the backup's.
      this.#message(backup, "013", "020", requestId);
      return;
    }
    if (!world.backups.has(backup.id) || backup.status === "deleting") {
      releaseSource(volume, snapshot, "backing-up", atMs);
      return;
    }
    if (fate?.kind === "vanish") {
      releaseSource(volume, snapshot, "backing-up", atMs);
      world.backups.delete(backup.id);
      return;
    }
    backup.updatedAtMs = wholeSecond(atMs);
    if (fate?.kind === "error") {
      releaseSource(volume, snapshot, "error_backing-up", atMs);
      backup.status = "error";
      backup.failReason = fate.reason;
      this.#message(backup, "013", "020", requestId);
      return;
    }
    releaseSource(volume, snapshot, "backing-up", atMs);
    backup.status = "available";
    backup.sizeGiB = volume.sizeGiB;
    backup.objectCount = world.cephBackups ? 0 : 1;
    backup.content = snapshot?.content ?? volume.content;
    const parent = backup.parentId === null ? undefined : world.backups.get(backup.parentId);
    if (parent !== undefined) parent.dependentCount += 1;
  }

  #imageTaken({ id, snapshotId, volumeId }: Backup): BackupOutcome | undefined {
    if (!this.#world.cephBackups || snapshotId === null) return undefined;
    const others = [...this.#world.backups.ofVolume(volumeId)].filter((other) => other.id !== id);
    return others.some((other) => other.snapshotId !== null)
      ? { kind: "error", reason: "[errno 17] RBD image already exists (error creating image)" }
      : undefined;
  }

  startDelete(backup: Backup): void {
    const world = this.#world;
    backup.status = "deleting";
    backup.updatedAtMs = wholeSecond(world.now());
    world.tasks.schedule(world.now() + world.durations.backupDeleteMs(backup.sizeGiB), () => {
      if (backup.status !== "deleting" || !world.backups.delete(backup.id)) return;
      const parent = backup.parentId === null ? undefined : world.backups.get(backup.parentId);
      if (parent !== undefined && parent.dependentCount > 0) parent.dependentCount -= 1;
    });
  }

  startRestore(backup: Backup, volume: Volume, requestId: string): void {
    const world = this.#world;
    backup.status = "restoring";
    volume.status = "restoring-backup";
    world.tasks.schedule(world.now() + world.durations.restoreMs(backup.sizeGiB), (atMs) => {
      backup.status = "available";
      backup.updatedAtMs = wholeSecond(atMs);
      volume.updatedAtMs = wholeSecond(atMs);
      if (!this.#chainIsWhole(backup)) {
        volume.status = "error_restoring";
        this.#message(backup, "015", "026", requestId);
        return;
      }
      volume.status = "available";
      volume.content = backup.content;
      if (backup.volumeId !== volume.id) volume.metadata = { ...volume.metadata, src_backup_id: backup.id };
    });
  }

  #chainIsWhole(backup: Backup): boolean {
    for (let id = backup.parentId; id !== null;) {
      const parent = this.#world.backups.get(id);
      if (parent === undefined) return false;
      id = parent.parentId;
    }
    return true;
  }

  #message(backup: Backup, actionId: string, detailId: string, requestId: string): void {
    this.#world.addMessage({
      projectId: backup.projectId,
      resourceType: "VOLUME_BACKUP",
      resourceUuid: backup.id,
      actionId,
      detailId,
      requestId,
    });
  }
}

function releaseSource(volume: Volume, snapshot: Snapshot | undefined, was: string, atMs: number): void {
  if (snapshot !== undefined) {
    snapshot.status = "available";
    snapshot.updatedAtMs = wholeSecond(atMs);
    return;
  }
  volume.status = volume.previousStatus ?? "available";
  volume.previousStatus = was;
  volume.updatedAtMs = wholeSecond(atMs);
}
