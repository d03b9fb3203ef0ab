import { at, isRecord } from "../exchange.ts";
import { fault, type Reply } from "../reply.ts";
import { isTrue } from "../schema.ts";
import type { QuotaName, World } from "../world.ts";
import { forbidden, type StorageCall } from "./call.ts";

const names: readonly QuotaName[] = [
  "volumes",
  "per_volume_gigabytes",
  "snapshots",
  "gigabytes",
  "backups",
  "backup_gigabytes",
  "groups",
];
const resources = ["volumes", "gigabytes", "snapshots"] as const;

interface Usage {
  readonly volumes: number;
  readonly gigabytes: number;
  readonly snapshots: number;
  readonly backups: number;
  readonly backup_gigabytes: number;
}

/** What a project uses now: of one volume type, or of all. */
function usageOf(world: World, projectId: string, typeName?: string): Usage {
  const volumes = world.volumes.filter(
    (v) => v.projectId === projectId && (typeName === undefined || v.typeName === typeName),
  );
  const snapshots = world.snapshots.filter(
    (s) =>
      s.projectId === projectId && (typeName === undefined || world.volumes.get(s.volumeId)?.typeName === typeName),
  );
  const sum = (items: readonly { readonly sizeGiB: number }[]) =>
    items.reduce((total, item) => total + item.sizeGiB, 0);
  const backups = world.backups.usageOf(projectId);
  return {
    volumes: volumes.length,
    gigabytes: sum(volumes) + sum(snapshots),
    snapshots: snapshots.length,
    backups: backups.backups,
    backup_gigabytes: backups.gigabytes,
  };
}

const over = (kind: string, message: string) => fault(413, `${kind}: ${message}`, { "Retry-After": "0" });
const exceeds = (limit: number, used: number, more: number) => limit >= 0 && used + more > limit;

/** @throws {Refusal} 413 when one more backup of this size is too much for the token's project. */
export function reserveBackup(call: StorageCall, sizeGiB: number): void {
  const limits = call.world.quotaOf(call.project.id);
  const used = call.world.backups.usageOf(call.project.id);
  if (exceeds(limits.backup_gigabytes, used.gigabytes, sizeGiB)) {
    const text = `Requested backup exceeds allowed Backup gigabytes quota. Requested ${sizeGiB}G, quota is ${limits.backup_gigabytes}G and ${used.gigabytes}G has been consumed.`;
    throw over("VolumeBackupSizeExceedsAvailableQuota", text);
  }
  if (exceeds(limits.backups, used.backups, 1))
    throw over("BackupLimitExceeded", `Maximum number of backups allowed (${limits.backups}) exceeded`);
}

/** @throws {Refusal} 413; the gigabytes are looked at first, as in Cinder. */
export function reserveVolume(call: StorageCall, sizeGiB: number): void {
  checkGigabytes(call, call.project.id, sizeGiB);
  const limits = call.world.quotaOf(call.project.id);
  if (exceeds(limits.volumes, usageOf(call.world, call.project.id).volumes, 1)) {
    throw over(
      "VolumeLimitExceeded",
      `Maximum number of volumes allowed (${limits.volumes}) exceeded for quota 'volumes'.`,
    );
  }
}

export function reserveSnapshot(call: StorageCall, sizeGiB: number): void {
  checkGigabytes(call, call.project.id, sizeGiB);
  const limits = call.world.quotaOf(call.project.id);
  if (exceeds(limits.snapshots, usageOf(call.world, call.project.id).snapshots, 1)) {
    throw over("SnapshotLimitExceeded", `Maximum number of snapshots allowed (${limits.snapshots}) exceeded`);
  }
}

function checkGigabytes(call: StorageCall, projectId: string, moreGiB: number): void {
  const limits = call.world.quotaOf(projectId);
  const used = usageOf(call.world, projectId).gigabytes;
  if (exceeds(limits.gigabytes, used, moreGiB)) {
    const text = `Requested volume or snapshot exceeds allowed gigabytes quota. Requested ${moreGiB}G, quota is ${limits.gigabytes}G and ${used}G has been consumed.`;
    throw over("VolumeSizeExceedsAvailableQuota", text);
  }
}

function quotaView(call: StorageCall, projectId: string): Record<string, unknown> {
  const { world, exchange } = call;
  const withUsage = isTrue(exchange.query.get("usage") ?? "false");
  const limits = world.quotaOf(projectId);
  const used = withUsage ? usageOf(world, projectId) : undefined;
  const cell = (limit: number, inUse: number) => (withUsage ? { limit, in_use: inUse, reserved: 0 } : limit);
  const usedOf = (name: QuotaName) =>
    used !== undefined && name !== "per_volume_gigabytes" && name !== "groups" ? used[name] : 0;
  const view: Record<string, unknown> = {};
  for (const name of names.filter((n) => n !== "groups")) view[name] = cell(limits[name], usedOf(name));
  for (const type of world.volumeTypes) {
    const ofType = withUsage ? usageOf(world, projectId, type.name) : undefined;
    for (const resource of resources) view[`${resource}_${type.name}`] = cell(-1, ofType?.[resource] ?? 0);
  }
  view.groups = cell(limits.groups, 0);
  return view;
}

export function showQuota(call: StorageCall): Reply {
  const target = call.params.target ?? "";
  if (!call.auth.isAdmin && target !== call.project.id) throw forbidden("volume_extension:quotas:show");
  return { status: 200, body: { quota_set: { ...quotaView(call, target), id: target } } };
}

/** PUT: only what is named changes; only what is named comes back. */
export function updateQuota(call: StorageCall): Reply {
  if (!call.auth.isAdmin) throw forbidden("volume_extension:quotas:update");
  const target = call.params.target ?? "";
  const given = at(call.exchange.json(), "quota_set");
  if (!isRecord(given)) throw fault(400, "'quota_set' is a required property");
  const bad = Object.keys(given).filter((key) => !(names as readonly string[]).includes(key) && key !== "tenant_id");
  if (bad.length > 0)
    throw fault(
      400,
      `Invalid input for field/attribute quota_set. Value: ${JSON.stringify(given)}. Bad key(s) in quota set: ${bad.join(", ")}`,
    );
  const limits = Object.fromEntries(names.filter((n) => given[n] !== undefined).map((n) => [n, Number(given[n])]));
  call.world.setQuota(target, limits);
  return { status: 200, body: { quota_set: quotaView(call, target) } };
}

export function deleteQuota(call: StorageCall): Reply {
  if (!call.auth.isAdmin) throw forbidden("volume_extension:quotas:delete");
  call.world.resetQuota(call.params.target ?? "");
  return { status: 200 };
}
