/** What the reader sees in the cloud, in our words. The OpenStack clients map the services' answers to these. */

export interface Server {
  readonly id: string;
  readonly name: string;
  readonly projectId: string;
  /** Nova's status, e.g. `ACTIVE`, `SHUTOFF`, `BUILD`, `DELETED`. */
  readonly status: string;
  readonly locked: boolean;
  readonly metadata: Readonly<Record<string, string>>;
  /** Since compute 2.26; none where Nova is older. */
  readonly tags: readonly string[];
  /** `null` while Nova has not placed it. */
  readonly availabilityZone: string | null;
  /** Ids of the attached volumes, in Nova's order. */
  readonly volumeIds: readonly string[];
}

export interface Volume {
  readonly id: string;
  /** May be empty. */
  readonly name: string;
  readonly projectId: string;
  /** Cinder's status, e.g. `available`, `in-use`, `backing-up`, `error`. */
  readonly status: string;
  readonly sizeGiB: number;
  /** Name of the volume type; `null` where the cloud has none. */
  readonly volumeType: string | null;
  readonly bootable: boolean;
  readonly multiattach: boolean;
  readonly encrypted: boolean;
  readonly availabilityZone: string | null;
  /** The snapshot it was made from, which some backends then cannot delete. */
  readonly snapshotId: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  /** Ids of the servers it is attached to. */
  readonly serverIds: readonly string[];
  /** `os-vol-host-attr:host`, e.g. `aio@fast#fast`: the source pool that limits apply to. `null` without admin rights. */
  readonly pool: string | null;
}

/** Cinder's words (cinder/objects/fields.py BackupStatus). */
export const backupStatuses = [
  "creating",
  "available",
  "deleting",
  "deleted",
  "error",
  "error_deleting",
  "restoring",
] as const;

/** How a restore point is made: a copy elsewhere, or a snapshot on the volume's own storage. */
export type Mechanism = "backup" | "snapshot";

export const mechanisms: readonly Mechanism[] = ["backup", "snapshot"];

/** A backup; or a snapshot, read in the same shape as a full that stands alone. */
export interface Backup {
  readonly id: string;
  readonly mechanism: Mechanism;
  readonly name: string;
  readonly volumeId: string;
  /** `os-backup-project-attr:project_id`; `null` when the token was not an admin's. */
  readonly projectId: string | null;
  /** The creator, which nobody can change; shown to admins only, since 3.56. */
  readonly userId: string | null;
  /** One of {@link backupStatuses}, or a word of a later Cinder. */
  readonly status: string;
  readonly sizeGiB: number;
  readonly isIncremental: boolean;
  /** Drifts in Cinder (bug 2163042): never decide a deletion by it. */
  readonly hasDependents: boolean;
  /** Set when the backup was made from a snapshot. */
  readonly snapshotId: string | null;
  /** Cinder picks an incremental's parent by it; `null` while creating. */
  readonly dataTimestamp: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date | null;
  readonly failReason: string | null;
  readonly container: string | null;
  /** Where it was asked to be; `null` also where Cinder takes no notice of the request (Zed). */
  readonly availabilityZone: string | null;
  /** Of a backup; a driver that writes in chunks counts them, Ceph's always says 0. `null` for a snapshot, and where Cinder does not say. */
  readonly objectCount: number | null;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface QuotaUse {
  /** -1 is unlimited. */
  readonly limit: number;
  readonly inUse: number;
  readonly reserved: number;
}

/** A project's block-storage quota as `os-quota-sets/{project}?usage=true` shows it. */
export interface BackupQuota {
  readonly backups: QuotaUse;
  readonly backupGiB: QuotaUse;
  readonly snapshots: QuotaUse;
  /** Of volumes and snapshots together. */
  readonly gigabytes: QuotaUse;
  /** By the name of a volume type: its own limits beside the project's; mostly -1. */
  readonly ofType: ReadonlyMap<string, SnapshotQuota>;
}

export interface SnapshotQuota {
  readonly snapshots: QuotaUse;
  readonly gigabytes: QuotaUse;
}

export interface Project {
  readonly id: string;
  readonly name: string;
  readonly domainId: string;
  /** `null` where the reader may not list domains. */
  readonly domainName: string | null;
  readonly enabled: boolean;
  readonly tags: readonly string[];
}

/** A cinder service as `os-services` lists it. */
export interface CinderService {
  readonly binary: string;
  readonly host: string;
  readonly state: string;
  readonly status: string;
}
