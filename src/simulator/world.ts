import { BackupCollection } from "./backup-collection.ts";
import { Collection } from "./collection.ts";
import { Faults } from "./faults.ts";
import { IdentityState } from "./identity/state.ts";
import { createIds, type Ids } from "./ids.ts";
import type { Message, Server, ServiceHost, Snapshot, Volume, VolumeType } from "./records.ts";
import { BackupWorker } from "./storage/backup-work.ts";
import { SnapshotWorker } from "./storage/snapshot-work.ts";
import { TaskQueue } from "./tasks.ts";
import { wholeSecond } from "./times.ts";

/** How long work takes, in ms of the caller's clock, by the size of the volume in GiB. */
export interface Durations {
  readonly backupMs: (sizeGiB: number, incremental: boolean) => number;
  readonly backupDeleteMs: (sizeGiB: number) => number;
  readonly restoreMs: (sizeGiB: number) => number;
  readonly snapshotMs: (sizeGiB: number) => number;
  readonly volumeMs: (sizeGiB: number) => number;
}

export const defaultDurations: Durations = {
  backupMs: (sizeGiB, incremental) => 500 + sizeGiB * (incremental ? 20 : 100),
  backupDeleteMs: () => 200,
  restoreMs: (sizeGiB) => 500 + sizeGiB * 100,
  snapshotMs: () => 200,
  volumeMs: () => 200,
};

export const instant: Durations = {
  backupMs: () => 0,
  backupDeleteMs: () => 0,
  restoreMs: () => 0,
  snapshotMs: () => 0,
  volumeMs: () => 0,
};

export type QuotaName =
  "volumes" | "per_volume_gigabytes" | "snapshots" | "gigabytes" | "backups" | "backup_gigabytes" | "groups";
/** A limit of one volume type. */
export type TypedQuotaName = `${"volumes" | "gigabytes" | "snapshots"}_${string}`;
export type QuotaSet = Record<QuotaName, number> & Partial<Record<TypedQuotaName, number>>;

export interface WorldOptions {
  readonly now: () => number;
  readonly random: () => number;
  readonly durations: Durations;
  readonly tokenLifetimeMs: number;
  readonly defaultQuota: QuotaSet;
  readonly heedsBackupZone: boolean;
  readonly cephBackups: boolean;
  readonly clonesHoldSnapshots: boolean;
}

/** The whole simulated cloud: records, the work in progress, and the faults. */
export class World {
  readonly now: () => number;
  readonly random: () => number;
  readonly ids: Ids;
  readonly durations: Durations;
  readonly identity: IdentityState;
  readonly servers = new Collection<Server>();
  readonly volumes = new Collection<Volume>();
  readonly snapshots = new Collection<Snapshot>();
  readonly backups = new BackupCollection();
  readonly messages: Message[] = [];
  volumeTypes: VolumeType[];
  readonly serviceHosts: ServiceHost[] = [];
  readonly tasks = new TaskQueue();
  readonly faults = new Faults();
  readonly backupWork: BackupWorker;
  readonly snapshotWork: SnapshotWorker;
  /** Backups go where their request says, as in releases after Zed. */
  readonly heedsBackupZone: boolean;
  /** No chunks are counted, and all backups of a volume that are made from snapshots are one image, as with Cinder's Ceph driver. */
  readonly cephBackups: boolean;
  /** A snapshot stays while a volume made from it exists, as with Ceph's RBD; other backends copy. */
  readonly clonesHoldSnapshots: boolean;
  readonly #quotas = new Map<string, Partial<QuotaSet>>();
  readonly #defaultQuota: QuotaSet;

  constructor(options: WorldOptions) {
    this.now = options.now;
    this.random = options.random;
    this.heedsBackupZone = options.heedsBackupZone;
    this.cephBackups = options.cephBackups;
    this.clonesHoldSnapshots = options.clonesHoldSnapshots;
    this.ids = createIds(options.random);
    this.durations = options.durations;
    this.identity = new IdentityState(this.ids, options);
    this.#defaultQuota = options.defaultQuota;
    this.backupWork = new BackupWorker(this);
    this.snapshotWork = new SnapshotWorker(this);
    const type = (name: string, description: string | null = null) => ({
      id: this.ids.uuid(),
      name,
      description,
      extraSpecs: {},
    });
    this.volumeTypes = [type("nfs"), type("fast"), type("__DEFAULT__", "Default Volume Type")];
    for (const binary of ["cinder-backup", "cinder-scheduler"])
      this.serviceHosts.push({ binary, host: "aio", up: true, enabled: true });
    for (const backend of ["fast", "nfs"])
      this.serviceHosts.push({ binary: "cinder-volume", host: `aio@${backend}`, up: true, enabled: true });
  }

  /** Finishes everything that is due by now. */
  advance(): void {
    this.tasks.runDue(this.now());
  }

  quotaOf(projectId: string): QuotaSet {
    return { ...this.#defaultQuota, ...this.#quotas.get(projectId) };
  }

  setQuota(projectId: string, limits: Partial<QuotaSet>): void {
    this.#quotas.set(projectId, { ...this.#quotas.get(projectId), ...limits });
  }

  resetQuota(projectId: string): void {
    this.#quotas.delete(projectId);
  }

  addMessage(message: Omit<Message, "id" | "createdAtMs">): void {
    this.messages.push({ id: this.ids.uuid(), createdAtMs: wholeSecond(this.now()), ...message });
  }

  volumeType(nameOrId: string): VolumeType | undefined {
    return this.volumeTypes.find((type) => type.id === nameOrId || type.name === nameOrId);
  }
}
