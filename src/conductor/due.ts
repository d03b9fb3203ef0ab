import { isOpen, type Job } from "../domain/catalogue.ts";
import { endedProtection } from "../domain/ended-protection.ts";
import type { Backup } from "../domain/inventory.ts";
import { workKey } from "../domain/marks.ts";
import type { BackupPlan, Notice, Skip } from "../domain/planner.ts";
import { readPoints } from "../domain/points.ts";
import { slotBefore } from "../domain/slots.ts";
import { adoptDone } from "./adopt.ts";
import { operation } from "./context.ts";
import type { Cycle } from "./cycle-state.ts";
import { groupByProject, knownJobs, limitJobs, planWith, planWithoutPoints, type PlanInput } from "./plan.ts";
import { markServers, readQuota } from "./project.ts";
import { scanPoints } from "./scan.ts";
import { syncCatalogue } from "./sync.ts";

/** What a cycle has to do. */
export interface Planned {
  readonly plan: BackupPlan;
  /** Projects that are to be told although nothing is made for them. */
  readonly told: ReadonlySet<string>;
  /** Of the whole cloud, by project; `null` when nothing needed them. */
  readonly listed: ReadonlyMap<string, readonly Backup[]> | null;
}

/** Finds out what is due, lists what must be known for it, and plans. @returns null when there is nothing to do */
export async function planCycle(cycle: Cycle): Promise<Planned | null> {
  const { options } = cycle;
  const { plan, candidates, ended, idle, told } = await planFromMemory(cycle);
  if (idle) return null;
  if (candidates.length === 0 && !options.rotateAll) return { plan, listed: null, told };
  const backups = await listAndSync(cycle);
  return {
    ...(candidates.length === 0 ? { plan, told } : await planFromCloud(cycle, { candidates, ended }, backups)),
    listed: groupByProject(backups),
  };
}

/** What is due as far as the database knows. The jobs that it reads, one for each volume, are gone from memory when backups are listed. */
async function planFromMemory(cycle: Cycle): Promise<
  Omit<Planned, "listed"> & {
    readonly candidates: readonly Job[];
    readonly ended: readonly Notice[];
    readonly idle: boolean;
  }
> {
  const { conductor, options, run, slot } = cycle;
  const jobs = await knownJobs(conductor, slot);
  const memory = await planWithoutPoints(conductor, planInput(cycle, jobs));
  await conductor.repository.replaceOverridesSeen(memory.overridesSeen);
  conductor.onProtected?.(protectedBy(memory));
  const inWindow = options.create && run.startedAt < slot.windowEndsAt;
  const candidates = inWindow ? memory.jobs : [];
  const hasOpen = jobs.some(isOpen);
  // Before anything is made in a slot; later ones would read a job for each volume again, and tell nothing new.
  const isFirst = inWindow && !jobs.some((job) => job.slot === slot.id);
  const ended = isFirst ? await findEnded(cycle) : [];
  const plan = {
    ...memory,
    skips: memory.skips.filter((skip) => skip.reason !== "not_due"),
    notices: [...memory.notices, ...ended],
  };
  const told = inWindow && candidates.length === 0 ? await tell(cycle, plan) : new Set<string>();
  const idle = candidates.length === 0 && !hasOpen && !options.rotateAll && told.size === 0;
  if (idle) await retryServerMarks(cycle, jobs);
  return { plan, candidates, ended, idle, told };
}

/** Nothing is told of a partial scan: what it does not show may well be there. */
async function findEnded({ conductor, inventory, partial, slot }: Cycle): Promise<readonly Notice[]> {
  if (partial) return [];
  const { repository, settings } = conductor;
  const before = slotBefore(settings.policy, settings.timeZone, slot);
  const jobs = await repository.jobs({ slot: before.id, states: ["succeeded"] });
  return endedProtection({ jobs, ...inventory, selection: settings.selection });
}

/** Their projects by the ids of the volumes that a plan is about, but for those that are not to be backed up. */
const protectedBy = ({ jobs, skips }: BackupPlan): ReadonlyMap<string, string> =>
  new Map([
    ...jobs.map((job) => [job.volumeId, job.projectId] as const),
    ...skips.flatMap(({ projectId, reason, volumeId }) =>
      volumeId === null || reason === "skip_requested" || reason === "foreign_volume"
        ? []
        : [[volumeId, projectId] as const],
    ),
  ]);

/** Plans what is due by all that the cloud shows of it, and writes it down. */
async function planFromCloud(
  cycle: Cycle,
  { candidates, ended }: { readonly candidates: readonly Job[]; readonly ended: readonly Notice[] },
  backups: readonly Backup[],
): Promise<Omit<Planned, "listed">> {
  const { conductor, slot, userIds } = cycle;
  const entries = await conductor.repository.catalogue();
  const catalogue = new Map(entries.map((entry) => [entry.backupId, entry]));
  const points = readPoints({ backups, catalogue, userIds });
  await adoptDone(
    conductor,
    candidates,
    [...points.values()].flatMap((volume) => volume.points),
  );
  const jobs = await knownJobs(conductor, slot);
  const due = await planWith(conductor, planInput(cycle, jobs), points);
  const plan = { ...due, notices: [...due.notices, ...ended] };
  return { plan, told: await recordPlan(cycle, plan, jobs) };
}

const planInput = ({ inventory, run, slot, userIds }: Cycle, jobs: readonly Job[]): PlanInput => ({
  runId: run.id,
  now: run.startedAt,
  slot,
  inventory,
  userIds,
  jobs,
});

/** All backups of the cloud; the catalogue is brought in line with them. */
async function listAndSync({ conductor, run, signals, userIds }: Cycle): Promise<readonly Backup[]> {
  const takenAt = conductor.clock.now();
  const { points: backups, proven } = await scanPoints(conductor, "backup", signals.cut);
  if (proven) await syncCatalogue(conductor, run.id, { backups, mechanisms: new Set(["backup"]), userIds, takenAt });
  return backups;
}

/** Writes the jobs of a plan, and what there is to tell of it. @returns as {@link tell} does */
async function recordPlan(cycle: Cycle, plan: BackupPlan, known: readonly Job[]): Promise<ReadonlySet<string>> {
  const { conductor, run, signals, slot } = cycle;
  const { repository } = conductor;
  const { accepted, refused } = await limitJobs(conductor, plan.jobs, known, slot, (projectId) =>
    readQuota(conductor, projectId, signals.cut),
  );
  const refusals = refused.map((job) =>
    operation(conductor, run.id, {
      kind: "fail",
      reason: job.reason ?? "over_quota",
      projectId: job.projectId,
      serverId: job.serverId,
      volumeId: job.volumeId,
      key: job.key,
      message: job.message,
    }),
  );
  await repository.insertJobs([...accepted, ...refused], refusals);
  return await tell(cycle, plan);
}

/**
 * Writes a row for each skip and notice that is new in this slot.
 * @returns the projects that must hear of it: those with a skip, or whose protection ended
 */
async function tell(cycle: Cycle, plan: BackupPlan): Promise<ReadonlySet<string>> {
  const { conductor, run, slot } = cycle;
  const { repository } = conductor;
  const told = new Set(
    (await repository.operations({ kinds: ["skip", "notice"], since: slot.startsAt })).map(
      (o) => `${o.key}/${o.volumeId}/${o.reason}`,
    ),
  );
  const rows = [
    ...plan.skips.filter((skip) => skip.reason !== "not_due").map((skip) => skipRow(cycle, skip)),
    ...plan.notices.map(({ reason, projectId, resourceId, message }) =>
      operation(conductor, run.id, {
        kind: "notice",
        reason,
        projectId,
        key: `${resourceId ?? ""}/${slot.id}`,
        message,
      }),
    ),
  ].filter((row) => !told.has(`${row.key}/${row.volumeId}/${row.reason}`));
  if (rows.length > 0) await repository.appendOperations(rows);
  // What is still running is told of by its own job.
  const concerning = rows.filter(
    (row) => (row.kind === "skip" && row.reason !== "still_running") || row.reason === "protection_ended",
  );
  return new Set(concerning.flatMap((row) => row.projectId ?? []));
}

const skipRow = ({ conductor, run, slot }: Cycle, skip: Skip): ReturnType<typeof operation> =>
  operation(conductor, run.id, {
    kind: "skip",
    reason: skip.reason,
    projectId: skip.projectId,
    serverId: skip.serverId,
    volumeId: skip.volumeId,
    key: workKey(skip.volumeId ?? skip.serverId, conductor.settings.policy.name, slot.id),
    message: skip.message,
  });

/** Servers whose `last-backup-time` Nova refused are tried again in every cycle. */
async function retryServerMarks(
  { conductor, inventory, lease, run, signals }: Cycle,
  jobs: readonly Job[],
): Promise<void> {
  for (const [id, slotJobs] of Map.groupBy(jobs, (job) => job.projectId)) {
    await markServers(conductor, lease, { runId: run.id, project: { id }, inventory, slotJobs }, signals.cut);
  }
}
