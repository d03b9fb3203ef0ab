import fc from "fast-check";
import { noTemporary, type CatalogueEntry, type Job, type JobState } from "../../../src/domain/catalogue.ts";
import type { Backup, Server, Volume } from "../../../src/domain/inventory.ts";
import { automatedMark, mark, workKey } from "../../../src/domain/marks.ts";
import {
  defaultPolicy,
  every,
  type ArchiveRule,
  type Policy,
  type Selection,
  type ThinningRule,
} from "../../../src/domain/policy.ts";
import type { Slot } from "../../../src/domain/slots.ts";
import {
  histories,
  metadata,
  ourUser,
  promisedHistories,
  rare,
  slotAt,
  tellHistory,
  timeZone,
  variedHistories,
  weighted,
  type Step,
} from "./histories.ts";
import { rules } from "./thinning.ts";

export { ourUser } from "./histories.ts";

/**
 * Clouds as they may be found: histories of backups by us, by users and by forgers, damaged marks, failed and unfinished rows, skewed
 * clocks, and a database that has lost or misremembers things. Parents are assigned as Cinder does it.
 */
export interface Cloud {
  readonly now: Date;
  readonly timeZone: string;
  readonly policy: Policy;
  /** Of the volumes' other points; those of a policy that is gone have none. */
  readonly second: Policy;
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
    timeZone,
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

/** What they count, beside or in place of age. */
const thinnings: fc.Arbitrary<ThinningRule | null> = fc.oneof(
  { weight: 1, arbitrary: fc.constant(null) },
  // In turn, a smaller rule on some points may shift what a larger one on others covers.
  { weight: 2, arbitrary: rules.map((rule): ThinningRule => ({ ...rule, countFrom: "newest", timeZone })) },
);

const thinned = (policy: Policy, thinning: ThinningRule | null, byAge: boolean): Policy => ({
  ...policy,
  thinning,
  retentionMs: byAge || thinning === null ? policy.retentionMs : 0,
});

const variedPolicies = fc
  .record({ policy: policies, first: thinnings, second: thinnings, byAge: fc.boolean(), secondByAge: fc.boolean() })
  .map(({ policy, first, second, byAge, secondByAge }) => ({
    policy: thinned(policy, first, byAge),
    second: thinned({ ...policy, name: "second", archive: null }, second, secondByAge),
  }));

interface Plot {
  readonly history: readonly Step[];
  readonly snapshots: readonly Step[];
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

const plotsWith = (history: fc.Arbitrary<Step[]>, snapshots: fc.Arbitrary<Step[]>): fc.Arbitrary<Plot> =>
  fc.record({
    history,
    snapshots,
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

const machinesWith = (plots: fc.Arbitrary<Plot>, maxLength = 3): fc.Arbitrary<Machine> =>
  fc.record({
    tag: weighted<string | null>([8, "yes"], [1, " TRUE "], [1, null], [1, "no"]),
    status: weighted([8, "ACTIVE"], [2, "SHUTOFF"], [1, "BUILD"], [1, "ERROR"], [1, "SHELVED_OFFLOADED"]),
    plots: fc.array(plots, { maxLength }),
    project: fc.nat({ max: 1 }),
    retention: weighted<string | null>([8, null], [1, "60d"], [1, "2d"]),
  });

const plainPlots = plotsWith(histories, fc.constant<Step[]>([]));
const variedPlots = plotsWith(variedHistories, fc.oneof(fc.constant<Step[]>([]), variedHistories));
const promisedPlots = plotsWith(promisedHistories, fc.oneof(fc.constant<Step[]>([]), promisedHistories));

const rest = {
  startMs: fc.integer({ min: Date.UTC(2026, 2, 20), max: Date.UTC(2026, 9, 30) }),
  salt: fc.nat({ max: 999 }),
  afterPeriods: weighted([4, 1], [2, 0.1], [1, 5], [1, 60]),
};

const plainCloudsOf = (machines: fc.Arbitrary<Machine>, maxLength: number): fc.Arbitrary<Cloud> =>
  fc
    .record({ policy: policies, machines: fc.array(machines, { maxLength }), ...rest })
    .map((seed) => build({ ...seed, second: { ...seed.policy, name: "second" } }));

const variedCloudsOf = (machines: fc.Arbitrary<Machine>, maxLength: number): fc.Arbitrary<Cloud> =>
  fc
    .record({ policies: variedPolicies, machines: fc.array(machines, { maxLength }), ...rest })
    .map(({ policies: { policy, second }, ...seed }) => build({ ...seed, policy, second }));

/** Clouds of up to four servers with up to three volumes each, besides those that they share. Backups of one policy, kept by age. */
export const clouds = plainCloudsOf(machinesWith(plainPlots), 4);

/** The same of up to two servers with up to two volumes, for thousands of cases. */
export const smallClouds = plainCloudsOf(machinesWith(plainPlots, 2), 2);

/** Small ones with backups and snapshots of several policies on one volume, and with what counts keep. */
export const smallVariedClouds = variedCloudsOf(machinesWith(variedPlots, 2), 2);

/** The same of one server, and each point was made under its policy as that is now. */
export const smallPromisedClouds = variedCloudsOf(machinesWith(promisedPlots, 2), 1);

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
    ["snapshots", ours.some((b) => b.mechanism === "snapshot")],
    ["two policies", ours.some((b) => b.metadata[mark.policy] === "second")],
    ["policy gone", ours.some((b) => b.metadata[mark.policy] === "gone")],
    ["counted", cloud.policy.thinning !== null],
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
  second: Policy;
  machines: readonly Machine[];
  startMs: number;
  salt: number;
  afterPeriods: number;
}): Cloud {
  const { policy, second } = seed;
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
      const stage = { policy, second, volumeId, projectId, serverId, startMs: seed.startMs };
      const told = tellHistory(plot.history, { ...stage, mechanism: "backup" });
      const snapped = tellHistory(plot.snapshots, { ...stage, mechanism: "snapshot" });
      backups.push(...told.backups, ...snapped.backups);
      for (const [id, parentId] of [...told.parents, ...snapped.parents]) parents.set(id, parentId);
      for (const entry of [...told.entries, ...snapped.entries]) catalogue.set(entry.backupId, entry);
      latestMs = Math.max(latestMs, told.endMs, snapped.endMs);
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
  const slot = slotAt(policy, now);
  const jobs = plans.flatMap(({ plot, volume, serverId }) => jobsOf(plot, { policy, volume, serverId, slot, now }));
  return {
    now,
    timeZone,
    policy,
    second,
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
    ...noTemporary,
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
  const before = slotAt(facts.policy, new Date(facts.slot.startsAt.getTime() - 1));
  return [jobFor(facts.volume, { ...facts, slot: before, state: "running" })];
}
