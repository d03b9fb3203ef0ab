import type { Volume } from "../records.ts";
import { isoMicros } from "../times.ts";
import { linksOf, type StorageCall } from "./call.ts";

/** One volume with the fields of the microversion asked for. `fresh`: the answer to its creation, which shows less. */
export function volumeView(call: StorageCall, volume: Volume, { fresh = false } = {}): Record<string, unknown> {
  const { minor } = call;
  const admin = call.auth.isAdmin;
  const settled = volume.host !== null;
  const view: Record<string, unknown> = {
    id: volume.id,
    status: volume.status,
    size: volume.sizeGiB,
    availability_zone: volume.availabilityZone,
    created_at: isoMicros(fresh ? call.exchange.nowMs : volume.createdAtMs),
    updated_at: volume.updatedAtMs === null ? null : isoMicros(volume.updatedAtMs),
    name: volume.name,
    description: volume.description,
    volume_type: volume.typeName,
    snapshot_id: volume.snapshotId,
    source_volid: volume.sourceVolumeId,
    metadata: volume.metadata,
    links: linksOf(call, "volumes", volume.id),
    user_id: volume.userId,
    bootable: String(volume.bootable),
    encrypted: volume.encrypted,
    replication_status: null,
    consistencygroup_id: null,
    multiattach: volume.multiattach,
    attachments: volume.attachments.map((a) => ({
      id: volume.id,
      attachment_id: a.attachmentId,
      volume_id: volume.id,
      server_id: a.serverId,
      host_name: admin ? "aio" : null,
      device: a.device,
      attached_at: isoMicros(a.attachedAtMs),
    })),
  };
  if (admin) view.migration_status = null;
  if (minor >= 13) view.group_id = null;
  if (minor >= 21 && admin) view.provider_id = null;
  if (minor >= 48) {
    view.shared_targets = !settled;
    view.service_uuid = settled ? "5e71ce00-0000-4000-a000-000000000001" : null;
  }
  if (minor >= 61 && admin) view.cluster_name = null;
  if (minor >= 63) view.volume_type_id = call.world.volumeType(volume.typeName)?.id ?? null;
  if (minor >= 65) view.consumes_quota = true;
  if (fresh) return view;
  view["os-vol-tenant-attr:tenant_id"] = volume.projectId;
  if (admin) {
    view["os-vol-mig-status-attr:migstat"] = null;
    view["os-vol-mig-status-attr:name_id"] = null;
    view["os-vol-host-attr:host"] = volume.host;
  }
  return view;
}
