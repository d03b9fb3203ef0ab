import { at, isRecord, textAt } from "../exchange.ts";
import type { Message, VolumeType } from "../records.ts";
import { fault, type Reply } from "../reply.ts";
import { isoMicros } from "../times.ts";
import { linksOf, requireAdmin, type StorageCall } from "./call.ts";

/** GET /os-services */
export function listServices(call: StorageCall): Reply {
  requireAdmin(call, "volume_extension:services:index");
  const { query, nowMs } = call.exchange;
  const wanted = call.world.serviceHosts.filter(
    (s) => (query.get("binary") ?? s.binary) === s.binary && (query.get("host") ?? s.host) === s.host,
  );
  const services = wanted.map((s) => ({
    binary: s.binary,
    host: s.host,
    zone: "nova",
    status: s.enabled ? "enabled" : "disabled",
    state: s.up ? "up" : "down",
    updated_at: isoMicros(nowMs),
    ...(call.minor >= 7 ? { cluster: null } : {}),
    disabled_reason: null,
  }));
  return { status: 200, body: { services } };
}

const details: Readonly<Record<string, string>> = {
  "009013": "create snapshot:Snapshot failed to create.",
  "010015": "delete snapshot:Snapshot is busy.",
  "010016": "delete snapshot:Snapshot failed to delete.",
  "013020": "create backup:Backup driver failed to create backup.",
  "015026": "restore backup:Backup driver failed to restore backup.",
};
const messageLifetimeMs = 30 * 24 * 3600_000;

/** GET /messages: what the services tell users about work that failed after its 202. */
export function listMessages(call: StorageCall): Reply {
  if (call.minor < 3) throw fault(404, "The resource could not be found.");
  const uuid = call.exchange.query.get("resource_uuid");
  const view = (m: Message) => ({
    id: m.id,
    event_id: `VOLUME_${m.resourceType}_${m.actionId}_${m.detailId}`,
    user_message: details[m.actionId + m.detailId] ?? "unknown action:An unknown error occurred.",
    message_level: "ERROR",
    created_at: isoMicros(m.createdAtMs),
    guaranteed_until: isoMicros(m.createdAtMs + messageLifetimeMs),
    request_id: m.requestId,
    links: linksOf(call, "messages", m.id),
    resource_type: m.resourceType,
    resource_uuid: m.resourceUuid,
  });
  // Zed shows everybody all of them.
  const found = call.world.messages.filter((m) => uuid === null || m.resourceUuid === uuid);
  return { status: 200, body: { messages: found.toReversed().map(view) } };
}

const typeView = (type: VolumeType) => ({
  id: type.id,
  name: type.name,
  is_public: true,
  description: type.description,
  extra_specs: type.extraSpecs,
  "os-volume-type-access:is_public": true,
});

export const listTypes = (call: StorageCall): Reply => ({
  status: 200,
  body: { volume_types: call.world.volumeTypes.map(typeView) },
});

export function createType(call: StorageCall): Reply {
  requireAdmin(call, "volume_extension:type_create");
  const body = call.exchange.json();
  const specs = at(body, "volume_type", "extra_specs");
  const type = {
    id: call.world.ids.uuid(),
    name: textAt(body, "volume_type", "name") ?? "",
    description: textAt(body, "volume_type", "description") ?? null,
    extraSpecs: isRecord(specs) ? (specs as Record<string, string>) : {},
  };
  call.world.volumeTypes.push(type);
  return { status: 200, body: { volume_type: typeView(type) } };
}

export function deleteType(call: StorageCall): Reply {
  requireAdmin(call, "volume_extension:type_delete");
  const { world } = call;
  const type = world.volumeType(call.params.id ?? "");
  if (type === undefined) throw fault(404, `Volume type ${call.params.id ?? ""} could not be found.`);
  if (world.volumes.find((v) => v.typeName === type.name) !== undefined)
    throw fault(400, "Target volume type is still in use.");
  world.volumeTypes = world.volumeTypes.filter((t) => t !== type);
  return { status: 202 };
}

/** GET /resource_filters */
export function listResourceFilters(call: StorageCall): Reply {
  const resource = call.exchange.query.get("resource");
  const all = [{ resource: "backup", filters: ["name", "status", "volume_id"] }];
  return { status: 200, body: { resource_filters: all.filter((r) => resource === null || r.resource === resource) } };
}
