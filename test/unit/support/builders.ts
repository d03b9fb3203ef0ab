import { noTemporary, type Job } from "../../../src/domain/catalogue.ts";
import type { Backup, Server, Volume } from "../../../src/domain/inventory.ts";
import { automatedMark, mark, workKey } from "../../../src/domain/marks.ts";
import { defaultPolicy, type Policy } from "../../../src/domain/policy.ts";
import { readPoints, type VolumePoints } from "../../../src/domain/points.ts";
import { dayMs } from "./clouds.ts";
import { ourUser } from "./histories.ts";

/** Builders of single rows: everything is as it should be, but for what a test says. */

export const at = (text: string): Date => new Date(text);

export const dailyPolicy: Policy = {
  ...defaultPolicy,
  windowMs: dayMs / 3,
  retentionMs: 14 * dayMs,
  minimumRetentionMs: 3 * dayMs,
};

export const aServer = (id: string, fields: Partial<Server> = {}): Server => ({
  id,
  name: `name of ${id}`,
  projectId: "p1",
  status: "ACTIVE",
  locked: false,
  metadata: { backup: "yes" },
  tags: [],
  availabilityZone: "nova",
  volumeIds: [],
  ...fields,
});

export const aVolume = (id: string, fields: Partial<Volume> = {}): Volume => ({
  id,
  name: `name of ${id}`,
  projectId: "p1",
  status: "in-use",
  sizeGiB: 10,
  volumeType: "fast",
  bootable: false,
  multiattach: false,
  encrypted: false,
  availabilityZone: "nova",
  snapshotId: null,
  metadata: {},
  serverIds: [],
  pool: "aio@fast#fast",
  ...fields,
});

/** An available full backup of ours of 10 GiB, with its marks. `marks` are added; an undefined one is left out. */
export function aBackup(
  id: string,
  createdAt: string,
  { marks = {}, ...fields }: Partial<Backup> & { marks?: Record<string, string | undefined> } = {},
): Backup {
  const all: Record<string, string | undefined> = { [automatedMark]: "True", [mark.volumeType]: "fast", ...marks };
  return {
    id,
    mechanism: "backup",
    name: `name of ${id}`,
    volumeId: "v1",
    projectId: "p1",
    userId: ourUser,
    status: "available",
    sizeGiB: 10,
    isIncremental: false,
    hasDependents: false,
    snapshotId: null,
    dataTimestamp: at(createdAt),
    createdAt: at(createdAt),
    updatedAt: null,
    failReason: null,
    container: null,
    availabilityZone: null,
    objectCount: 1,
    metadata: Object.fromEntries(Object.entries(all).filter((pair): pair is [string, string] => pair[1] !== undefined)),
    ...fields,
  };
}

/** An incremental of ours on `parentId`, verified when read by {@link pointsOf}. */
export const anIncremental = (
  id: string,
  createdAt: string,
  parentId: string,
  fields: Parameters<typeof aBackup>[2] = {},
): Backup =>
  aBackup(id, createdAt, { isIncremental: true, ...fields, marks: { [mark.parent]: parentId, ...fields.marks } });

/**
 * The backups as the planner gets them. Parents named by marks count as looked up, unless `unverified`.
 */
export function pointsOf(
  backups: readonly Backup[],
  { unverified = false }: { unverified?: boolean } = {},
): ReadonlyMap<string, VolumePoints> {
  const children = Map.groupBy(
    backups.filter((b) => b.metadata[mark.parent] !== undefined),
    (b) => b.metadata[mark.parent] ?? "",
  );
  return readPoints({
    backups,
    catalogue: new Map(),
    userIds: new Set([ourUser]),
    ...(unverified ? {} : { children: new Map([...children].map(([id, rows]) => [id, rows.map((b) => b.id)])) }),
  });
}

export const aJob = (volumeId: string, fields: Partial<Job> = {}): Job => {
  const slot = fields.slot ?? "2026-11-20T23:00:00Z";
  return {
    key: workKey(volumeId, "default", slot),
    mechanism: "backup",
    runId: "run-1",
    projectId: "p1",
    volumeId,
    volumeName: `name of ${volumeId}`,
    serverId: "s1",
    serverName: "name of s1",
    policy: "default",
    slot,
    setId: `s1/${slot}`,
    mode: "full",
    modeReason: "full_first",
    parentId: null,
    sizeGiB: 10,
    volumeType: "fast",
    pool: "aio@fast#fast",
    shared: false,
    windowEndsAt: at("2026-11-21T07:00:00Z"),
    keepUntil: at("2026-12-04T23:00:00Z"),
    description: null,
    retention: null,
    container: null,
    archiveContainer: null,
    archiveZone: null,
    archiveKeepUntil: null,
    fullNumber: null,
    backupName: `name of ${volumeId}-2026-11-21T00-00`,
    state: "planned",
    reason: null,
    message: null,
    requestId: null,
    backupId: null,
    plannedAt: at("2026-11-20T23:10:00Z"),
    submittedAt: null,
    deadlineAt: null,
    stuckReportedAt: null,
    endedAt: null,
    ...noTemporary,
    ...fields,
  };
};
