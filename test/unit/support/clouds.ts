import fc from "fast-check";
import type { CatalogueEntry, Job, JobState } from "../../../src/domain/catalogue.ts";
import type { Backup, Server, Volume } from "../../../src/domain/inventory.ts";
import { automatedMark, mark, workKey } from "../../../src/domain/marks.ts";
import { defaultPolicy, every, type ArchiveRule, type Policy, type Selection } from "../../../src/domain/policy.ts";
import { currentSlot, type Slot } from "../../../src/domain/slots.ts";
import { histories, metadata, ourUser, rare, tellHistory, timeZone, weighted, type Step } from "./histories.ts";

export { ourUser } from "./histories.ts";

/**
 * Clouds as they may be found: histories of backups by us, by users and by forgers, damaged marks, failed and unfinished rows, skewed
 * clocks, and a database that has lost or misremembers things. Parents are assigned as Cinder does it.
 */
export interface Cloud {
  readonly now: Date;
  readonly timeZone: string;
  readonly policy: Policy;
  readonly selection: Selection;
  readonly userIds: ReadonlySet<string>;
  readonly servers: readonly Server[];
  readonly volumes: ReadonlyMap<string, Volume>;
  readonly backups: readonly Backup[];
  /** The true parents, which REST does not show; `null` for a full. */
  readonly parents: ReadonlyMap<string, string | null>;
  readonly catalogue: ReadonlyMap<string, CatalogueEntry>;
  readonly jobs: readonly Job[];
  readonly slot: Slot;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

export const selection: Selection = {
  tagKey: "backup",
  tagValues: ["yes", "true"],
  skipKey: "skip-volume-backup",
  retentionKey: "backup_retention",
  policyKey: "backup_policy",
  overrideDelayMs: 7 * dayMs,
  volumesPerProject: null,
};

const policies: fc.Arbitrary<Policy> = fc
  .record({
    periodMs: weighted([6, dayMs], [2, 6 * hourMs], [1, 2 * dayMs], [1, minuteMs]),
    window: weighted([3, 1], [1, 0.25]),
    retentionPeriods: weighted([3, 5], [2, 14], [1, 2]),
    fullEvery: weighted([4, 7], [2, 3], [1, 1], [1, 30]),
    minimumInterval: weighted([3, 0], [1, 0.5]),
    archive: weighted<ArchiveRule["which"] | null>(
      [3, null],
      [1, { every: 3 }],
      [1, { firstOf: "month" }],
      [1, { firstOf: "year" }],
    ),
  })
  .map(({ periodMs, window, retentionPeriods, fullEvery, minimumInterval, archive }) => ({
    ...defaultPolicy,
    ...every(periodMs),
    windowMs: periodMs * window,
    retentionMs: retentionPeriods * periodMs,
    minimumRetentionMs: Math.min(2, retentionPeriods) * periodMs,
    fullEvery,
    minimumIntervalMs: minimumInterval * periodMs,
    archive:
      archive === null
        ? null
        : {
            which: archive,
            container: "vault",
            retentionMs: 5 * retentionPeriods * periodMs,
            availabilityZone: null,
          },
  }));

interface Plot {
  readonly history: readonly Step[];
  readonly grownSince: boolean;
  readonly retypedSince: boolean;
  readonly multiattach: boolean;
  readonly volumeStatus: string;
  readonly skip: string | null;
  readonly retention: string | null;
  readonly isListed: boolean;
  readonly isForeign: boolean;
  readonly job: "none" | JobState | "earlier";
  readonly name: string;
}

const plots: fc.Arbitrary<Plot> = fc.record({
  history: histories,
  grownSince: rare(20),
  retypedSince: rare(20),
  multiattach: rare(4),
  volumeStatus: weighted([5, "in-use"], [3, "available"], [1, "backing-up"], [1, "error"]),
  skip: weighted<string | null>([12, null], [1, "true"], [1, ""], [1, "False"]),
  retention: weighted<string | null>([6, null], [1, "90d"], [1, "1d"], [1, "soon"]),
  isListed: weighted([12, true], [1, false]),
  isForeign: rare(16),
  job: weighted<Plot["job"]>(
    [10, "none"],
    [1, "planned"],
    [1, "submitting"],
    [1, "running"],
    [1, "succeeded"],
    [1, "failed"],
    [1, "cancelled"],
    [1, "earlier"],
  ),
  name: weighted([4, "data"], [1, ""], [1, "ünïcødé 💾 <b>"]),
});

interface Machine {
  readonly tag: string | null;
  readonly status: string;
  readonly plots: readonly Plot[];
  readonly project: number;
  readonly retention: string | null;
}

const machines: fc.Arbitrary<Machine> = fc.record({
  tag: weighted<string | null>([8, "yes"], [1, " TRUE "], [1, null], [1, "no"]),
  status: weighted([8, "ACTIVE"], [2, "SHUTOFF"], [1, "BUILD"], [1, "ERROR"], [1, "SHELVED_OFFLOADED"]),
  plots: fc.array(plots, { maxLength: 3 }),
  project: fc.nat({ max: 1 }),
  retention: weighted<string | null>([8, null], [1, "60d"], [1, "2d"]),
});

/** Clouds of up to four servers with up to three volumes each, besides those that they share. */
export const clouds: fc.Arbitrary<Cloud> = fc
  .record({
    policy: policies,
    machines: fc.array(machines, { maxLength: 4 }),
    startMs: fc.integer({ min: Date.UTC(2026, 2, 20), max: Date.UTC(2026, 9, 30) }),
    salt: fc.nat({ max: 999 }),
    afterPeriods: weighted([4, 1], [2, 0.1], [1, 5], [1, 60]),
  })
  .map(build);

/** What a failure of the generator itself would hide: how often the interesting things occur. To be printed by `fc.statistics`. */
export function traitsOf(cloud: Cloud): string[] {
  const ours = cloud.backups.filter((b) => b.userId === ourUser);
  const traits: [string, boolean][] = [
    ["volumes", cloud.volumes.size > 0],
    ["backups of ours", ours.length > 0],
    ["incrementals", ours.some((b) => b.isIncremental)],
    ["foreign parent", ours.some((b) => isForeignChild(cloud, b))],
    ["forged marks", cloud.backups.some((b) => b.userId !== ourUser && automatedMark in b.metadata)],
    ["lost marks", ours.some((b) => !(automatedMark in b.metadata))],
    ...["creating", "error", "restoring", "deleting", "error_deleting"].map((status): [string, boolean] => [
      `status ${status}`,
      ours.some((b) => b.status === status),
    ]),
    ["clock skew", cloud.backups.some((b) => b.dataTimestamp !== null && +b.dataTimestamp !== +b.createdAt)],
    ["duplicate key", hasDuplicates(ours.flatMap((b) => b.metadata[mark.key] ?? []))],
    ["parent gone", ours.some((b) => isOrphan(cloud, b))],
    ["backup made from a snapshot", cloud.backups.some((b) => b.snapshotId !== null)],
    ["held", ours.some((b) => mark.hold in b.metadata)],
    ["catalogue lost in part", ours.some((b) => !cloud.catalogue.has(b.id))],
    ["catalogue with ghosts", [...cloud.catalogue.keys()].some((id) => cloud.backups.every((b) => b.id !== id))],
    ["archives", ours.some((b) => b.container === cloud.policy.archive?.container)],
    ["multi-attached", [...cloud.volumes.values()].some((v) => v.serverIds.length > 1)],
    ["open job", cloud.jobs.some((j) => j.endedAt === null)],
  ];
  return traits.filter(([, found]) => found).map(([name]) => name);
}

const isForeignChild = (cloud: Cloud, backup: Backup): boolean => {
  const parentId = cloud.parents.get(backup.id) ?? null;
  return parentId !== null && cloud.backups.some((b) => b.id === parentId && b.userId !== ourUser);
};
const isOrphan = (cloud: Cloud, backup: Backup): boolean => {
  const parentId = cloud.parents.get(backup.id) ?? null;
  return parentId !== null && cloud.backups.every((b) => b.id !== parentId);
};
const hasDuplicates = (keys: readonly string[]): boolean => new Set(keys).size < keys.length;

function build(seed: {
  policy: Policy;
  machines: readonly Machine[];
  startMs: number;
  salt: number;
  afterPeriods: number;
}): Cloud {
  const { policy } = seed;
  const servers: Server[] = [];
  const volumes = new Map<string, Volume>();
  const backups: Backup[] = [];
  const parents = new Map<string, string | null>();
  const catalogue = new Map<string, CatalogueEntry>();
  const plans: { plot: Plot; volume: Volume; serverId: string }[] = [];
  let latestMs = seed.startMs;

  for (const [m, machine] of seed.machines.entries()) {
    const projectId = `project-${machine.project}`;
    const serverId = `server-${m}-${seed.salt}`;
    const attached: string[] = [];
    for (const [p, plot] of machine.plots.entries()) {
      const volumeId = `volume-${m}${p}-${seed.salt}`;
      const neighbour = `server-${(m + 1) % seed.machines.length}-${seed.salt}`;
      attached.push(volumeId);
      const told = tellHistory(plot.history, { policy, volumeId, projectId, serverId, startMs: seed.startMs });
      backups.push(...told.backups);
      for (const [id, parentId] of told.parents) parents.set(id, parentId);
      for (const entry of told.entries) catalogue.set(entry.backupId, entry);
      latestMs = Math.max(latestMs, told.endMs);
      const volume: Volume = {
        id: volumeId,
        name: plot.name,
        projectId: plot.isForeign ? "project-elsewhere" : projectId,
        status: plot.volumeStatus,
        sizeGiB: told.sizeGiB + (plot.grownSince ? 1 : 0),
        volumeType: plot.retypedSince ? null : told.volumeType,
        bootable: p === 0,
        multiattach: plot.multiattach,
        encrypted: false,
        availabilityZone: "nova",
        snapshotId: null,
        metadata: metadata({ [selection.skipKey]: plot.skip, [selection.retentionKey]: plot.retention }),
        serverIds: plot.multiattach && neighbour !== serverId ? [serverId, neighbour] : [serverId],
        pool: `aio@fast#${m % 2}`,
      };
      if (plot.isListed) volumes.set(volumeId, volume);
      plans.push({ plot, volume, serverId });
    }
    servers.push({
      id: serverId,
      name: `vm${m}`,
      projectId,
      status: machine.status,
      locked: false,
      metadata: metadata({ [selection.tagKey]: machine.tag, [selection.retentionKey]: machine.retention }),
      tags: [],
      availabilityZone: "nova",
      volumeIds: attached,
    });
  }
  const now = new Date(latestMs + seed.afterPeriods * policy.periodMs);
  const slot = currentSlot(policy, timeZone, now);
  const jobs = plans.flatMap(({ plot, volume, serverId }) => jobsOf(plot, { policy, volume, serverId, slot, now }));
  return {
    now,
    timeZone,
    policy,
    selection,
    userIds: new Set([ourUser]),
    servers,
    volumes,
    backups,
    parents,
    catalogue,
    jobs,
    slot,
  };
}

/** A job that names the volume; with what does not matter to the planner, only with which key and state. */
export function jobFor(volume: Volume, facts: { serverId: string; policy: Policy; slot: Slot; state: JobState }): Job {
  const { policy, serverId, slot, state } = facts;
  const hasEnded = state === "succeeded" || state === "failed" || state === "cancelled";
  return {
    key: workKey(volume.id, policy.name, slot.id),
    mechanism: "backup",
    retention: null,
    container: null,
    runId: "run-0",
    projectId: volume.projectId,
    volumeId: volume.id,
    volumeName: volume.name,
    serverId,
    serverName: serverId,
    policy: policy.name,
    slot: slot.id,
    setId: `${serverId}/${slot.id}`,
    mode: "full",
    modeReason: "full_first",
    parentId: null,
    sizeGiB: volume.sizeGiB,
    volumeType: volume.volumeType,
    pool: volume.pool,
    shared: false,
    windowEndsAt: slot.windowEndsAt,
    keepUntil: new Date(slot.startsAt.getTime() + policy.retentionMs),
    description: null,
    archiveContainer: null,
    archiveZone: null,
    archiveKeepUntil: null,
    fullNumber: null,
    backupName: `${volume.id}-${slot.id}`,
    state,
    reason: state === "failed" ? "ended_in_error" : null,
    message: null,
    requestId: null,
    backupId: null,
    plannedAt: slot.startsAt,
    submittedAt: state === "planned" ? null : slot.startsAt,
    deadlineAt: null,
    stuckReportedAt: null,
    endedAt: hasEnded ? slot.startsAt : null,
  };
}

function jobsOf(
  { job }: Plot,
  facts: { policy: Policy; volume: Volume; serverId: string; slot: Slot; now: Date },
): Job[] {
  if (job === "none") return [];
  if (job !== "earlier") return [jobFor(facts.volume, { ...facts, state: job })];
  const before = currentSlot(facts.policy, timeZone, new Date(facts.slot.startsAt.getTime() - 1));
  return [jobFor(facts.volume, { ...facts, slot: before, state: "running" })];
}
