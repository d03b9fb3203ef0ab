import type { Backup, BackupQuota, CinderService, Project, Server, Volume } from "../domain/inventory.ts";
import type { ServiceName } from "./errors.ts";

/** What a listing of backups may be narrowed to. Cinder's metadata filter does not work, so there is none. */
export interface BackupFilter {
  readonly status?: string;
  readonly volumeId?: string;
  readonly parentId?: string;
  readonly projectId?: string;
}

/** What a listing of snapshots may be narrowed to. */
export type SnapshotFilter = Omit<BackupFilter, "parentId">;

/**
 * The cloud as the reader (role admin, GET only) sees it: everything in all projects. Every method rejects with a
 * {@link import("./errors.ts").CloudError}; listings are lazy, one page at a time.
 */
export interface ReaderCloud {
  /** @throws AllTenantsRefused when Nova does not treat the reader as an admin */
  listServers(signal: AbortSignal): AsyncIterable<Server>;
  listVolumes(signal: AbortSignal): AsyncIterable<Volume>;
  listSnapshots(filter: SnapshotFilter, signal: AbortSignal): AsyncIterable<Backup>;
  /** `null` when there is no such snapshot. */
  snapshot(id: string, signal: AbortSignal): Promise<Backup | null>;
  listBackups(filter: BackupFilter, signal: AbortSignal): AsyncIterable<Backup>;
  /** `null` when there is no such backup. */
  backup(id: string, signal: AbortSignal): Promise<Backup | null>;
  /** The incrementals built on a backup, in all projects. */
  childrenOf(backupId: string, signal: AbortSignal): Promise<Backup[]>;
  /** Ids of the volumes made from a snapshot, in all projects. */
  volumesOf(snapshotId: string, signal: AbortSignal): Promise<string[]>;
  /** The cinder-backup services, up or down. */
  backupServices(signal: AbortSignal): Promise<CinderService[]>;
  /** Cinder's user messages about an object, newest first. */
  messages(resourceId: string, signal: AbortSignal): Promise<string[]>;
  projects(signal: AbortSignal): Promise<Project[]>;
  /** Mail addresses of those who have a role in a project, except some users; needs more rights than anything else here. */
  memberAddresses(projectId: string, except: ReadonlySet<string>, signal: AbortSignal): Promise<string[]>;
  userId(signal: AbortSignal): Promise<string>;
  /**
   * What a service's clock shows now: its last `Date` header plus the time since, by the monotonic clock. One second
   * coarse. `null` before its first answer, or when it sends no date.
   */
  serviceDate(service: ServiceName): Date | null;
}

export interface BackupRequest {
  readonly volumeId: string;
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly incremental: boolean;
  /** Makes it from an available snapshot of the volume, whose state stays as it is then. */
  readonly snapshotId?: string;
  readonly container?: string;
  readonly availabilityZone?: string;
  readonly description?: string;
}

export interface SnapshotRequest {
  readonly volumeId: string;
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly description?: string;
}

export interface CreatedBackup {
  readonly id: string;
  /** As Cinder logs it. */
  readonly requestId: string | null;
}

/** What the writer does, each time with a token of the object's own project. */
export interface WriterCloud {
  /** Sends nothing yet: the token is asked for with the first call. */
  forProject(projectId: string): ProjectCloud;
  /** The creator that its backups will carry. */
  userId(signal: AbortSignal): Promise<string>;
}

/**
 * One project as the writer (role member there) acts in it. Every method rejects with a CloudError, among them NoProjectAccess (SingleProjectMode
 * where the writer is an application credential of another project). Nothing but a GET is ever sent twice, except after a 401.
 */
export interface ProjectCloud {
  /** @throws QuotaExceeded */
  createBackup(request: BackupRequest, signal: AbortSignal): Promise<CreatedBackup>;
  /** Accepted, not done: the backup is gone when {@link ProjectCloud.backup} says so. */
  deleteBackup(id: string, signal: AbortSignal): Promise<{ requestId: string | null }>;
  /** Replaces all metadata. */
  replaceBackupMetadata(
    id: string,
    metadata: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<{ requestId: string | null }>;
  /** `null` when there is no such backup in this project. */
  backup(id: string, signal: AbortSignal): Promise<Backup | null>;
  /** `null` when there is no such snapshot in this project. */
  snapshot(id: string, signal: AbortSignal): Promise<Backup | null>;
  /** Replaces all metadata. */
  replaceSnapshotMetadata(
    id: string,
    metadata: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<{ requestId: string | null }>;
  /** Also of a volume in use. @throws QuotaExceeded */
  createSnapshot(request: SnapshotRequest, signal: AbortSignal): Promise<CreatedBackup>;
  /** Accepted, not done; some backends put a snapshot that a volume was made from back to `available`. */
  deleteSnapshot(id: string, signal: AbortSignal): Promise<{ requestId: string | null }>;
  /** Adds to the volume's metadata; other keys stay. */
  setVolumeMetadata(
    volumeId: string,
    values: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<{ requestId: string | null }>;
  /** Takes keys off the volume's metadata, one call for each; one that is not there is as good as removed. */
  removeVolumeMetadata(volumeId: string, keys: readonly string[], signal: AbortSignal): Promise<void>;
  quota(signal: AbortSignal): Promise<BackupQuota>;
  /** Adds to the server's metadata; other keys stay. */
  setServerMetadata(
    serverId: string,
    values: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<{ requestId: string | null }>;
}
