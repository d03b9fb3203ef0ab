import type { Volume } from "../../domain/inventory.ts";
import { paginate } from "../pagination.ts";
import type { ServiceClient } from "../service.ts";
import type { Row } from "../wire.ts";

/** The volumes of all projects; without admin rights Cinder silently shows the token's own only. */
export const listVolumes = (
  cinder: ServiceClient,
  { filter = {}, pageSize }: { filter?: { readonly snapshotId?: string }; pageSize: number },
  signal: AbortSignal,
): AsyncGenerator<Volume, void, undefined> => {
  const query = {
    all_tenants: "1",
    limit: String(pageSize),
    // Admins may filter by every column.
    ...(filter.snapshotId === undefined ? {} : { snapshot_id: filter.snapshotId }),
  };
  return paginate(cinder, { route: "volumes/detail", key: "volumes", query, read: toVolume }, signal);
};

const toVolume = (row: Row): Volume => ({
  id: row.text("id"),
  name: row.textOrNull("name") ?? "",
  projectId: row.text("os-vol-tenant-attr:tenant_id"),
  status: row.text("status"),
  sizeGiB: row.number("size"),
  volumeType: row.textOrNull("volume_type"),
  bootable: row.text("bootable") === "true", // a text, unlike the other flags
  multiattach: row.flag("multiattach"),
  encrypted: row.flagOr("encrypted", false),
  availabilityZone: row.textOrNull("availability_zone"),
  snapshotId: row.textOrNull("snapshot_id"),
  metadata: row.texts("metadata"),
  // Attached to a host and not to a server, it has no server id.
  serverIds: row
    .rows("attachments")
    .map((attachment) => attachment.textOrNull("server_id"))
    .filter((id) => id !== null),
  pool: row.textOrNull("os-vol-host-attr:host"),
});
