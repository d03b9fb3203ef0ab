import type { BackupQuota, QuotaUse } from "../../domain/inventory.ts";
import type { ServiceClient } from "../service.ts";
import type { Row } from "../wire.ts";

/** A project's quota for backups and what is used of it. Members see it for their own project only. */
export async function getBackupQuota(
  cinder: ServiceClient,
  projectId: string,
  signal: AbortSignal,
): Promise<BackupQuota> {
  const { value } = await cinder.read(
    {
      method: "GET",
      route: "os-quota-sets/{project}",
      ids: { project: projectId },
      query: new URLSearchParams({ usage: "true" }),
      expect: 200,
      signal,
    },
    (body) => {
      const quota = body.row("quota_set");
      return { backups: toUse(quota.row("backups")), backupGiB: toUse(quota.row("backup_gigabytes")) };
    },
  );
  return value;
}

const toUse = (row: Row): QuotaUse => ({
  limit: row.number("limit"),
  inUse: row.number("in_use"),
  reserved: row.number("reserved"),
});
