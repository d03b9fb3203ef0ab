import { openJobStates, type Job } from "../domain/catalogue.ts";
import type { Backup, BackupQuota } from "../domain/inventory.ts";
import { planBackups, type BackupPlan } from "../domain/planner.ts";
import type { VolumePoints } from "../domain/points.ts";
import { fitLimits, type LimitedJobs } from "../domain/quota.ts";
import type { Slot } from "../domain/slots.ts";
import type { Conductor } from "./context.ts";
import type { Inventory } from "./scan.ts";

export interface PlanInput {
  readonly runId: string;
  readonly now: Date;
  readonly slot: Slot;
  readonly inventory: Inventory;
  readonly userIds: ReadonlySet<string>;
  /** Open jobs of any slot and all jobs of this slot. */
  readonly jobs: readonly Job[];
}

/** Open jobs of any slot and all jobs of this one: what the planner must know to plan nothing twice. */
export async function knownJobs({ repository }: Conductor, slot: Slot): Promise<Job[]> {
  const open = await repository.jobs({ states: openJobStates });
  const ofSlot = await repository.jobs({ slot: slot.id });
  return [...new Map([...open, ...ofSlot].map((job) => [job.key, job])).values()];
}

/** What is due as far as the database knows. Without points, so nothing needs to be listed to learn that nothing is due. */
export const planWithoutPoints = (conductor: Conductor, input: PlanInput): Promise<BackupPlan> =>
  planWith(conductor, input, new Map());

export async function planWith(
  { repository, settings }: Conductor,
  input: PlanInput,
  points: ReadonlyMap<string, VolumePoints>,
): Promise<BackupPlan> {
  return planBackups({
    now: input.now,
    runId: input.runId,
    slot: input.slot,
    policy: settings.policy,
    selection: settings.selection,
    timeZone: settings.timeZone,
    nameTemplate: settings.nameTemplate,
    servers: input.inventory.servers,
    volumes: input.inventory.volumes,
    points,
    jobs: input.jobs,
    overridesSeen: await repository.overridesSeen(),
  });
}

export function groupByProject(backups: Iterable<Backup>): ReadonlyMap<string, readonly Backup[]> {
  const groups = new Map<string, Backup[]>();
  for (const backup of backups) {
    const projectId = backup.projectId ?? "";
    const group = groups.get(projectId);
    if (group === undefined) groups.set(projectId, [backup]);
    else group.push(backup);
  }
  return groups;
}

/** Holds the due jobs against quota and volume limit of their projects. One quota call for each project with work due. */
export async function limitJobs(
  { settings }: Pick<Conductor, "settings">,
  jobs: readonly Job[],
  known: readonly Job[],
  slot: Slot,
  quotaOf: (projectId: string) => Promise<BackupQuota | null>,
): Promise<LimitedJobs> {
  const quotas = new Map<string, BackupQuota>();
  for (const projectId of new Set(jobs.map((job) => job.projectId))) {
    const quota = await quotaOf(projectId);
    if (quota !== null) quotas.set(projectId, quota);
  }
  const attempted = new Map<string, number>();
  for (const job of known) {
    if (job.slot === slot.id) attempted.set(job.projectId, (attempted.get(job.projectId) ?? 0) + 1);
  }
  return fitLimits({
    jobs,
    openJobs: known.filter((job) => job.state === "planned" || job.state === "submitting"),
    quotas,
    volumesPerProject: settings.selection.volumesPerProject,
    attemptedThisSlot: attempted,
  });
}
