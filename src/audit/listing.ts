import type { Checked } from "./check.ts";
import { openBlockStorage } from "./cloud.ts";
import type { BlockStorageReader, CloudAccess } from "./cloud.ts";
import { readAll } from "./pages.ts";
import { resolveParents } from "./parents.ts";

/** One backup as Cinder shows it to an admin. Times are ISO 8601 UTC. */
export interface ListedBackup {
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
}

/**
 * Everything the audit knows about a cloud at one time.
 *
 * `rights`: a reader who is no admin gets his own project's rows for `all_tenants`, and status 200; only the attribute
 * `os-backup-project-attr:project_id` tells. `unproven`: there was no row to show it.
 */
export interface Listing {
  readonly startedAt: string;
  readonly endedAt: string;
  readonly rights: "proven" | "unproven" | "missing";
  readonly backups: readonly ListedBackup[];
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
  // Volumes after backups: a volume made in between then has its row, whatever came first.
  const volumes = (await readAll(cinder, { resource: "volumes", pageSize })).map(readVolume);
  const listed = rows.map(readBackup);
  const shown = listed.filter((backup) => backup.projectId !== null).length;
  const rights = listed.length === 0 ? "unproven" : shown === listed.length ? "proven" : "missing";
  // Cinder refuses the question for a parent's children to all but admins.
  const backups =
    rights === "missing"
      ? listed
      : await resolveParents(cinder, listed, {
          pageSize,
          concurrency: options.concurrency ?? 4,
          former: options.formerParents?.backups ?? [],
        });
  return { startedAt, endedAt: options.now().toISOString(), rights, backups, volumes };
}

function readVolume(row: Checked): ListedVolume {
  return {
    id: row.at("id").string(),
    projectId: row.at("os-vol-tenant-attr:tenant_id").string(),
    sizeGiB: row.at("size").size(),
  };
}

function readBackup(row: Checked): ListedBackup {
  return {
    id: row.at("id").string(),
    volumeId: row.at("volume_id").string(),
    projectId: row.at("os-backup-project-attr:project_id").stringOrNull(),
    userId: row.at("user_id").stringOrNull(),
    status: row.at("status").string(),
    sizeGiB: row.at("size").size(),
    createdAt: row.at("created_at").instant(),
    updatedAt: row.at("updated_at").instantOrNull(),
    failReason: row.at("fail_reason").stringOrNull(),
    isIncremental: row.at("is_incremental").boolean(),
    parentId: null,
    metadata: row.at("metadata").isAbsent ? {} : row.at("metadata").stringMap(),
  };
}
