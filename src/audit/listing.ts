import type { Checked } from "./check.ts";
import { openBlockStorage } from "./cloud.ts";
import type { BlockStorageReader, CloudAccess } from "./cloud.ts";
import { readAll } from "./pages.ts";
import { resolveParents } from "./parents.ts";

export type Mechanism = "backup" | "snapshot";

/** One backup as Cinder shows it to an admin, or a snapshot, which is a full that stands alone. Times are ISO 8601 UTC. */
export interface ListedBackup {
  readonly mechanism: Mechanism;
  readonly id: string;
  readonly volumeId: string;
  /** Absent rights leave it out. */
  readonly projectId: string | null;
  readonly userId: string | null;
  readonly status: string;
  readonly sizeGiB: number;
  readonly createdAt: string;
  readonly updatedAt: string | null;
  readonly failReason: string | null;
  readonly isIncremental: boolean;
  /** What Cinder answered when asked for each possible parent's children; null for a full, or when none owned up to it. */
  readonly parentId: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface ListedVolume {
  readonly id: string;
  readonly projectId: string;
  readonly sizeGiB: number;
  /** The snapshot that it was made from. */
  readonly snapshotId: string | null;
}

/**
 * Everything the audit knows about a cloud at one time.
 *
 * `rights`: a reader who is no admin gets his own project's rows for `all_tenants`, and status 200; only the attribute
 * `os-backup-project-attr:project_id` tells, or rows of several projects. `unproven`: there was nothing to show it.
 */
export interface Listing {
  readonly startedAt: string;
  readonly endedAt: string;
  readonly rights: "proven" | "unproven" | "missing";
  readonly backups: readonly ListedBackup[];
  readonly snapshots: readonly ListedBackup[];
  readonly volumes: readonly ListedVolume[];
}

export interface ListingOptions {
  readonly now: () => Date;
  readonly signal?: AbortSignal;
  /** Rows a page; default 1000, Cinder's own default limit. */
  readonly pageSize?: number;
  /** Requests at a time; default 4. */
  readonly concurrency?: number;
  /** Backups to ask for children although they may be gone: the parents of an earlier listing. */
  readonly formerParents?: Listing;
}

/**
 * Logs in and lists.
 * @throws AuditHttpError, AuditError
 */
export async function takeListing(access: CloudAccess, options: ListingOptions): Promise<Listing> {
  return listFrom(await openBlockStorage(access, options.signal), options);
}

async function listFrom(cinder: BlockStorageReader, options: ListingOptions): Promise<Listing> {
  const pageSize = options.pageSize ?? 1000;
  const startedAt = options.now().toISOString();
  const rows = await readAll(cinder, { resource: "backups", pageSize });
  const snapshots = (await readAll(cinder, { resource: "snapshots", pageSize })).map(readSnapshot);
  // Volumes last: one that was made in between then has its row, whatever came first.
  const volumes = (await readAll(cinder, { resource: "volumes", pageSize })).map(readVolume);
  const listed = rows.map(readBackup);
  const rights = rightsOf({ backups: listed, snapshots, volumes });
  // Cinder refuses the question for a parent's children to all but admins.
  const backups =
    rights === "missing"
      ? listed
      : await resolveParents(cinder, listed, {
          pageSize,
          concurrency: options.concurrency ?? 4,
          former: options.formerParents?.backups ?? [],
        });
  return { startedAt, endedAt: options.now().toISOString(), rights, backups, snapshots, volumes };
}

function rightsOf({
  backups,
  snapshots,
  volumes,
}: Pick<Listing, "backups" | "snapshots" | "volumes">): Listing["rights"] {
  if ([...backups, ...snapshots].some((each) => each.projectId === null)) return "missing";
  if (backups.length > 0) return "proven";
  // The project of a snapshot or volume is shown to its owner, too.
  return new Set([...snapshots, ...volumes].map((each) => each.projectId)).size > 1 ? "proven" : "unproven";
}

function readVolume(row: Checked): ListedVolume {
  return {
    id: row.at("id").string(),
    projectId: row.at("os-vol-tenant-attr:tenant_id").string(),
    sizeGiB: row.at("size").size(),
    snapshotId: row.at("snapshot_id").stringOrNull(),
  };
}

function readSnapshot(row: Checked): ListedBackup {
  return {
    mechanism: "snapshot",
    ...readCommon(row),
    projectId: row.at("os-extended-snapshot-attributes:project_id").stringOrNull(),
    failReason: null,
    isIncremental: false,
    parentId: null,
  };
}

function readBackup(row: Checked): ListedBackup {
  return {
    mechanism: "backup",
    ...readCommon(row),
    projectId: row.at("os-backup-project-attr:project_id").stringOrNull(),
    failReason: row.at("fail_reason").stringOrNull(),
    isIncremental: row.at("is_incremental").boolean(),
    parentId: null,
  };
}

function readCommon(
  row: Checked,
): Omit<ListedBackup, "mechanism" | "projectId" | "failReason" | "isIncremental" | "parentId"> {
  return {
    id: row.at("id").string(),
    volumeId: row.at("volume_id").string(),
    userId: row.at("user_id").stringOrNull(),
    status: row.at("status").string(),
    sizeGiB: row.at("size").size(),
    createdAt: row.at("created_at").instant(),
    updatedAt: row.at("updated_at").instantOrNull(),
    metadata: row.at("metadata").isAbsent ? {} : row.at("metadata").stringMap(),
  };
}
