/** Cinder's and Nova's own word, page by page, with the rights of the session; for judging, never for the product. */
import type { Session } from "./session.ts";

export interface BackupRow {
  readonly id: string;
  readonly name: string | null;
  readonly volume_id: string;
  readonly snapshot_id: string | null;
  readonly status: string;
  readonly size: number;
  readonly is_incremental: boolean;
  readonly has_dependent_backups: boolean;
  readonly created_at: string;
  readonly fail_reason: string | null;
  readonly container: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly user_id: string;
  readonly "os-backup-project-attr:project_id": string;
}

export interface VolumeRow {
  readonly id: string;
  readonly name: string | null;
  readonly status: string;
  readonly size: number;
  readonly user_id: string;
  readonly volume_type: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly attachments: readonly { readonly server_id: string; readonly device: string }[];
  readonly "os-vol-tenant-attr:tenant_id": string;
  readonly "os-vol-host-attr:host": string | null;
}

export interface ServerRow {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly tenant_id: string;
  readonly user_id: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly "os-extended-volumes:volumes_attached": readonly { readonly id: string }[];
}

export interface SnapshotRow {
  readonly id: string;
  readonly name: string | null;
  readonly volume_id: string;
  readonly status: string;
  readonly created_at: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly "os-extended-snapshot-attributes:project_id": string;
}

/** Of all projects, in any state. */
export const backups = (admin: Session): Promise<BackupRow[]> =>
  admin.list<BackupRow>("volumev3", "/backups/detail?all_tenants=1", "backups");

export const volumes = (admin: Session): Promise<VolumeRow[]> =>
  admin.list<VolumeRow>("volumev3", "/volumes/detail?all_tenants=1", "volumes");

export const snapshots = (admin: Session): Promise<SnapshotRow[]> =>
  admin.list<SnapshotRow>("volumev3", "/snapshots/detail?all_tenants=1", "snapshots");

export const servers = (admin: Session): Promise<ServerRow[]> =>
  admin.list<ServerRow>("compute", "/servers/detail?all_tenants=1", "servers");

/** The ids of the direct children of a backup, in all projects: REST shows no parent in a row. */
export async function childrenOf(admin: Session, backupId: string): Promise<string[]> {
  const rows = await admin.list<BackupRow>(
    "volumev3",
    `/backups/detail?all_tenants=1&parent_id=${backupId}`,
    "backups",
  );
  return rows.map((b) => b.id);
}
