import type { BackupQuota, QuotaUse, SnapshotQuota } from "../../domain/inventory.ts";
import type { ServiceClient } from "../service.ts";
import type { Row } from "../wire.ts";

/** A project's quota for backups and snapshots and what is used of it. Members see it for their own project only. */
export async function getQuota(cinder: ServiceClient, projectId: string, signal: AbortSignal): Promise<BackupQuota> {
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
      return {
        backups: toUse(quota.row("backups")),
        backupGiB: toUse(quota.row("backup_gigabytes")),
        ...ofSnapshots(quota, ""),
        ofType: new Map(typesIn(quota).map((type) => [type, ofSnapshots(quota, `_${type}`)])),
      };
    },
  );
  return value;
}

const ofSnapshots = (quota: Row, suffix: string): SnapshotQuota => ({
  snapshots: toUse(quota.row(`snapshots${suffix}`)),
  gigabytes: toUse(quota.row(`gigabytes${suffix}`)),
});

/** Cinder names the limits of a volume type by its name, which may be anything. */
const typesIn = (quota: Row): string[] =>
  quota.keys().flatMap((key) => (key.startsWith(typed) ? [key.slice(typed.length)] : []));

const typed = "snapshots_";

const toUse = (row: Row): QuotaUse => ({
  limit: row.number("limit"),
  inUse: row.number("in_use"),
  reserved: row.number("reserved"),
});
