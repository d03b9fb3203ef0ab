import type { BackupFilter } from "../cloud.ts";

/** The query of a listing of backups or snapshots in all projects, narrowed by a filter. */
export const listingQuery = (filter: BackupFilter, pageSize: number): Record<string, string> => ({
  all_tenants: "1",
  limit: String(pageSize),
  ...(filter.status === undefined ? {} : { status: filter.status }),
  ...(filter.volumeId === undefined ? {} : { volume_id: filter.volumeId }),
  ...(filter.parentId === undefined ? {} : { parent_id: filter.parentId }),
  ...(filter.projectId === undefined ? {} : { project_id: filter.projectId }),
});
