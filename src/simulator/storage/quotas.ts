import { at, isRecord } from "../exchange.ts";
import { fault, type Reply } from "../reply.ts";
import type { Volume } from "../records.ts";
import { isTrue } from "../schema.ts";
import type { QuotaName, TypedQuotaName, World } from "../world.ts";
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
  volumes: number;
  gigabytes: number;
  snapshots: number;
}

/** What a project uses now, of each volume type. */
function usageByType(world: World, projectId: string): Map<string, Usage> {
  const byType = new Map<string, Usage>();
  const add = (typeName: string | undefined, more: Usage) => {
    const there = byType.get(typeName ?? "") ?? { volumes: 0, gigabytes: 0, snapshots: 0 };
    for (const resource of resources) there[resource] += more[resource];
    byType.set(typeName ?? "", there);
  };
  for (const v of world.volumes.values()) {
    if (v.projectId === projectId) add(v.typeName, { volumes: 1, gigabytes: v.sizeGiB, snapshots: 0 });
  }
  for (const s of world.snapshots.values()) {
    if (s.projectId !== projectId) continue;
    add(world.volumes.get(s.volumeId)?.typeName, { volumes: 0, gigabytes: s.sizeGiB, snapshots: 1 });
  }
  return byType;
}

function sum(usages: Iterable<Usage>): Usage {
  const total = { volumes: 0, gigabytes: 0, snapshots: 0 };
  for (const usage of usages) for (const resource of resources) total[resource] += usage[resource];
  return total;
}

/** Whether the refusal begins with the name of Cinder's error, as all do but those of a restore. */
export type Wording = "named" | "bare";

const over = (kind: string, message: string, wording: Wording = "named") =>
  fault(413, wording === "named" ? `${kind}: ${message}` : message, { "Retry-After": "0" });
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
export function reserveVolume(call: StorageCall, wanted: Wanted, wording?: Wording): void {
  for (const { name, limit, used } of reserveGigabytes(call, wanted, wording).limitsOf("volumes")) {
    if (!exceeds(limit, used, 1)) continue;
    throw over(
      "VolumeLimitExceeded",
      `Maximum number of volumes allowed (${limit}) exceeded for quota '${name}'.`,
      wording,
    );
  }
}

/** What is asked of a quota: the size and the type, which has limits of its own. */
type Wanted = Pick<Volume, "sizeGiB" | "typeName">;

export function reserveSnapshot(call: StorageCall, volume: Wanted): void {
  for (const { limit, used } of reserveGigabytes(call, volume).limitsOf("snapshots")) {
    if (exceeds(limit, used, 1))
      throw over("SnapshotLimitExceeded", `Maximum number of snapshots allowed (${limit}) exceeded`);
  }
}

export function reserveGigabytes(call: StorageCall, { sizeGiB, typeName }: Wanted, wording?: Wording): LimitsOfType {
  const limits = limitsOfType(call, typeName);
  for (const { name, limit, used } of limits.limitsOf("gigabytes")) {
    if (!exceeds(limit, used, sizeGiB)) continue;
    const text = `Requested volume or snapshot exceeds allowed ${name} quota. Requested ${sizeGiB}G, quota is ${limit}G and ${used}G has been consumed.`;
    throw over("VolumeSizeExceedsAvailableQuota", text, wording);
  }
  return limits;
}

interface LimitsOfType {
  /** The project's limit and that of the volume type, in Cinder's order. */
  readonly limitsOf: (
    resource: keyof Usage,
  ) => readonly { readonly name: string; readonly limit: number; readonly used: number }[];
}

function limitsOfType({ world, project }: StorageCall, typeName: string): LimitsOfType {
  const quota = world.quotaOf(project.id);
  const byType = usageByType(world, project.id);
  const total = sum(byType.values());
  return {
    limitsOf: (resource) => [
      { name: resource, limit: quota[resource], used: total[resource] },
      {
        name: `${resource}_${typeName}`,
        limit: quota[`${resource}_${typeName}`] ?? -1,
        used: byType.get(typeName)?.[resource] ?? 0,
      },
    ],
  };
}

function quotaView(call: StorageCall, projectId: string): Record<string, unknown> {
  const { world, exchange } = call;
  const withUsage = isTrue(exchange.query.get("usage") ?? "false");
  const limits = world.quotaOf(projectId);
  const byType = withUsage ? usageByType(world, projectId) : new Map<string, Usage>();
  const backups = world.backups.usageOf(projectId);
  const used: Partial<Record<QuotaName, number>> = {
    ...sum(byType.values()),
    backups: backups.backups,
    backup_gigabytes: backups.gigabytes,
  };
  const cell = (limit: number, inUse = 0) => (withUsage ? { limit, in_use: inUse, reserved: 0 } : limit);
  const view: Record<string, unknown> = {};
  for (const name of names) view[name] = cell(limits[name], used[name]);
  for (const type of world.volumeTypes) {
    for (const resource of resources) {
      const name: TypedQuotaName = `${resource}_${type.name}`;
      view[name] = cell(limits[name] ?? -1, byType.get(type.name)?.[resource]);
    }
  }
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
  const typed = call.world.volumeTypes.flatMap(({ name }) =>
    resources.map((resource) => `${resource}_${name}` as const),
  );
  const known = [...names, ...typed];
  const bad = Object.keys(given).filter((key) => !(known as readonly string[]).includes(key) && key !== "tenant_id");
  if (bad.length > 0)
    throw fault(
      400,
      `Invalid input for field/attribute quota_set. Value: ${JSON.stringify(given)}. Bad key(s) in quota set: ${bad.join(", ")}`,
    );
  const limits = Object.fromEntries(known.filter((n) => given[n] !== undefined).map((n) => [n, Number(given[n])]));
  call.world.setQuota(target, limits);
  return { status: 200, body: { quota_set: quotaView(call, target) } };
}

export function deleteQuota(call: StorageCall): Reply {
  if (!call.auth.isAdmin) throw forbidden("volume_extension:quotas:delete");
  call.world.resetQuota(call.params.target ?? "");
  return { status: 200 };
}
