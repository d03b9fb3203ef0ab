import type { Assignment } from "../domain/assignment.ts";
import { openJobStates, type Job, type Operation, type OverrideSeen } from "../domain/catalogue.ts";
import type { Backup, BackupQuota, Mechanism } from "../domain/inventory.ts";
import { aheadOf, type Ahead } from "../domain/mode.ts";
import { indexSeen, restRequest, retentionRequestKey, type Notice } from "../domain/overrides.ts";
import { byResource, planTrack, type Skip } from "../domain/planner.ts";
import type { VolumePoints } from "../domain/points.ts";
import { fitLimits, type LimitedJobs } from "../domain/quota.ts";
import { isOpenFor, type Track } from "../domain/tracks.ts";
import { operation, type Conductor, type ConductorSettings } from "./context.ts";
import type { Inventory } from "./scan.ts";
import { subjectOf } from "./submit.ts";

/** What is planned together: all that is to be done in the slots of now. */
export interface PlanInput {
  readonly runId: string;
  readonly now: Date;
  readonly assignment: Assignment;
  readonly tracks: readonly Track[];
  readonly inventory: Pick<Inventory, "volumes">;
  /** Open ones of any slot and all of the tracks' slots. */
  readonly jobs: readonly Job[];
  readonly overridesSeen: readonly OverrideSeen[];
}

/** The plans of all tracks. */
export interface CyclePlan {
  /** Those of open tracks, in the order in which they go. */
  readonly jobs: readonly Job[];
  readonly skips: readonly Skip[];
  /** By resource, each once. */
  readonly notices: readonly Notice[];
  readonly overridesSeen: readonly OverrideSeen[];
}

export type PointsOf = (mechanism: Mechanism) => ReadonlyMap<string, VolumePoints>;

/** Open jobs of any slot and all jobs of these: what the planner must know to plan nothing twice. */
export async function knownJobs(
  { repository }: Pick<Conductor, "repository">,
  tracks: readonly Pick<Track, "slot">[],
): Promise<Job[]> {
  const known = new Map((await repository.jobs({ states: openJobStates })).map((job) => [job.key, job]));
  for (const slot of new Set(tracks.map(({ slot }) => slot.id))) {
    for (const job of await repository.jobs({ slot })) known.set(job.key, job);
  }
  return [...known.values()];
}

const noPoints: PointsOf = () => new Map();

/** What is due as far as the database knows. Without points, so nothing needs to be listed to learn that nothing is due. */
export const planWithoutPoints = (settings: ConductorSettings, input: PlanInput): CyclePlan =>
  planTracks(settings, input, noPoints);

/** Plans every track. Of several backups of one volume the later ones build on those before them. */
export function planTracks(settings: ConductorSettings, input: PlanInput, pointsOf: PointsOf): CyclePlan {
  const { assignment, now } = input;
  const jobs: Job[] = [];
  const skips: Skip[] = [];
  const notices = new Map<string, Notice>();
  const seen = new Map<string, OverrideSeen>();
  const ahead = new Map<string, Ahead>();
  const tell = (all: readonly Notice[]): void => {
    for (const notice of all) notices.set(JSON.stringify([notice.reason, notice.resourceId, notice.message]), notice);
  };
  const remember = (all: readonly OverrideSeen[]): void => {
    for (const row of all) seen.set(JSON.stringify([row.resourceId, row.key, row.value]), row);
  };
  tell(assignment.notices);
  remember(assignment.overridesSeen);
  const asked = new Set<string>();
  for (const { mechanism, policy, slot, targets } of input.tracks) {
    const points = pointsOf(mechanism);
    const plan = planTrack({
      now,
      runId: input.runId,
      slot,
      policy,
      mechanism,
      targets,
      selection: settings.selection,
      requestKey: retentionRequestKey(settings, policy.name),
      timeZone: settings.timeZone,
      nameTemplate: settings.nameTemplate,
      volumes: input.inventory.volumes,
      points,
      jobs: input.jobs,
      ahead,
      fromSnapshotTypes: settings.fromSnapshotTypes,
      overridesSeen: input.overridesSeen,
    });
    if (isOpenFor({ slot }, now)) {
      jobs.push(...plan.jobs);
      for (const job of mechanism === "backup" ? plan.jobs : []) {
        ahead.set(job.volumeId, aheadOf(job, points.get(job.volumeId), ahead.get(job.volumeId)));
      }
    }
    skips.push(...plan.skips);
    tell(plan.notices);
    remember(plan.overridesSeen);
    for (const id of plan.asked) asked.add(`${retentionRequestKey(settings, policy.name)} ${id}`);
  }
  remember(resting(settings, input, asked));
  return { jobs, skips, notices: [...notices.values()].sort(byResource), overridesSeen: [...seen.values()] };
}

/** Of requests for another retention on what is no target of the policy at the moment: remembered as long as less would have to wait. */
function resting(
  { selection }: Pick<ConductorSettings, "selection">,
  { now, overridesSeen }: Pick<PlanInput, "now" | "overridesSeen">,
  asked: ReadonlySet<string>,
): OverrideSeen[] {
  const { retentionKey } = selection;
  const left = overridesSeen.filter(
    ({ key, resourceId }) =>
      (key === retentionKey || key.startsWith(`${retentionKey}@`)) && !asked.has(`${key} ${resourceId}`),
  );
  return [...Map.groupBy(left, ({ key }) => key)].flatMap(([key, rows]) => {
    const seen = indexSeen(rows);
    return [...seen.keys()].flatMap((id) => restRequest(id, { now, selection, requestKey: key, seen }));
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
  quotaOf: (projectId: string) => Promise<BackupQuota | null>,
): Promise<LimitedJobs> {
  const quotas = new Map<string, BackupQuota>();
  for (const projectId of new Set(jobs.map((job) => job.projectId))) {
    const quota = await quotaOf(projectId);
    if (quota !== null) quotas.set(projectId, quota);
  }
  const accepted: Job[] = [];
  const refused: Job[] = [];
  const attemptedOf = Map.groupBy(known, trackOf);
  // The volume limit is one of each track; the quota is the same for all.
  for (const [track, own] of Map.groupBy(jobs, trackOf)) {
    const attempted = Map.groupBy(attemptedOf.get(track) ?? [], (job) => job.projectId);
    const limited = fitLimits({
      jobs: own,
      openJobs: [...known, ...accepted].filter((job) => job.state === "planned" || job.state === "submitting"),
      quotas,
      volumesPerProject: settings.selection.volumesPerProject,
      attemptedThisSlot: new Map([...attempted].map(([projectId, tried]) => [projectId, tried.length])),
    });
    accepted.push(...limited.accepted);
    refused.push(...limited.refused);
  }
  return { accepted, refused };
}

const trackOf = ({ mechanism, policy, slot }: Job): string => `${policy}/${slot}/${mechanism}`;

/** What is told of jobs that were refused before they began. */
export const refusalRows = (conductor: Conductor, runId: string, refused: readonly Job[]): Operation[] =>
  refused.map((job) =>
    operation(conductor, runId, {
      kind: "fail",
      reason: job.reason ?? "over_quota",
      ...subjectOf(job),
      message: job.message,
    }),
  );

/** What is told of backups that are not of their set's moment: why no temporary snapshot is made for them. */
export const ordinaryRows = (conductor: Conductor, runId: string, accepted: readonly Job[]): Operation[] =>
  accepted.flatMap((job) =>
    job.temporaryReason === null
      ? []
      : [operation(conductor, runId, { kind: "notice", reason: job.temporaryReason, ...subjectOf(job) })],
  );
