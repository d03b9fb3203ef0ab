import type { Server } from "../records.ts";
import { isoMicros, isoSecondsZ } from "../times.ts";
import type { ComputeCall } from "./call.ts";

const statuses: Readonly<Record<string, string>> = {
  active: "ACTIVE",
  building: "BUILD",
  stopped: "SHUTOFF",
  paused: "PAUSED",
  suspended: "SUSPENDED",
  shelved: "SHELVED",
  shelved_offloaded: "SHELVED_OFFLOADED",
  rescued: "RESCUE",
  resized: "VERIFY_RESIZE",
  error: "ERROR",
};

export const statusOf = (server: Server): string => statuses[server.vmState] ?? "UNKNOWN";

const powerStates: Readonly<Record<string, number>> = { active: 1, paused: 3, building: 0 };
const showsProgress = new Set(["ACTIVE", "BUILD", "VERIFY_RESIZE"]);

const links = (call: ComputeCall, id: string) => [
  { rel: "self", href: `${call.exchange.base}/v2.1/servers/${id}` },
  { rel: "bookmark", href: `${call.exchange.base}/servers/${id}` },
];

export const summaryView = (call: ComputeCall, server: Server) => ({
  id: server.id,
  name: server.name,
  links: links(call, server.id),
});

function flavorView(call: ComputeCall) {
  if (call.minor >= 47)
    return { vcpus: 1, ram: 64, disk: 0, ephemeral: 0, swap: 0, original_name: "m1.zero", extra_specs: {} };
  return { id: "3", links: [{ rel: "bookmark", href: `${call.exchange.base}/flavors/3` }] };
}

function imageView(call: ComputeCall, server: Server) {
  if (server.imageId === null) return "";
  return { id: server.imageId, links: [{ rel: "bookmark", href: `${call.exchange.base}/images/${server.imageId}` }] };
}

/** One server with the fields of the microversion asked for; `single` adds what only the show has. */
export function detailView(call: ComputeCall, server: Server, single = false): Record<string, unknown> {
  const { minor } = call;
  const admin = call.auth.isAdmin;
  const status = statusOf(server);
  const view: Record<string, unknown> = {
    id: server.id,
    name: server.name,
    status,
    tenant_id: server.projectId,
    user_id: server.userId,
    metadata: server.metadata,
    hostId: `${server.projectId}${server.projectId.slice(0, 24)}`,
    image: imageView(call, server),
    flavor: flavorView(call),
    created: isoSecondsZ(server.createdAtMs),
    updated: isoSecondsZ(server.updatedAtMs),
    addresses: {},
    accessIPv4: "",
    accessIPv6: "",
    links: links(call, server.id),
    "OS-DCF:diskConfig": "MANUAL",
  };
  if (showsProgress.has(status)) view.progress = 0;
  view["OS-EXT-AZ:availability_zone"] = server.availabilityZone;
  view.config_drive = "";
  view.key_name = null;
  view["OS-SRV-USG:launched_at"] = isoMicros(server.createdAtMs);
  view["OS-SRV-USG:terminated_at"] = null;
  if (admin) {
    view["OS-EXT-SRV-ATTR:host"] = "aio";
    view["OS-EXT-SRV-ATTR:instance_name"] = "instance-00000001";
    view["OS-EXT-SRV-ATTR:hypervisor_hostname"] = "aio";
    if (minor >= 3) {
      view["OS-EXT-SRV-ATTR:reservation_id"] = "r-simulated";
      view["OS-EXT-SRV-ATTR:launch_index"] = 0;
      view["OS-EXT-SRV-ATTR:hostname"] = server.name;
      view["OS-EXT-SRV-ATTR:kernel_id"] = "";
      view["OS-EXT-SRV-ATTR:ramdisk_id"] = "";
      view["OS-EXT-SRV-ATTR:root_device_name"] = "/dev/sda";
      view["OS-EXT-SRV-ATTR:user_data"] = null;
    }
  }
  view["OS-EXT-STS:task_state"] = server.taskState;
  view["OS-EXT-STS:vm_state"] = server.vmState;
  view["OS-EXT-STS:power_state"] = powerStates[server.vmState] ?? 4;
  view["os-extended-volumes:volumes_attached"] = server.volumes.map((v) =>
    minor >= 3 ? { id: v.id, delete_on_termination: v.deleteOnTermination } : { id: v.id },
  );
  if (minor >= 9) view.locked = server.locked;
  if (minor >= 73) view.locked_reason = server.lockedReason;
  if (minor >= 19) view.description = null;
  if (minor >= 26) view.tags = server.tags;
  if (minor >= 63) view.trusted_image_certificates = null;
  if (minor >= 90 && !admin) view["OS-EXT-SRV-ATTR:hostname"] = server.name;
  if (minor >= 16 && admin) view.host_status = "UP";
  if (minor >= 71 && single) view.server_groups = [];
  return view;
}
