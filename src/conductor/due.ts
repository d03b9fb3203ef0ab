import { isOpen, type Job, type Operation } from "../domain/catalogue.ts";
import { endedProtection } from "../domain/ended-protection.ts";
import type { Backup, Mechanism } from "../domain/inventory.ts";
import { markTime } from "../domain/marks.ts";
import { protectedVolumes } from "../domain/protected.ts";
import { byResource, noticesOfPoints, type Notice, type Skip } from "../domain/planner.ts";
import { readByMechanism } from "../domain/points.ts";
import type { LimitedJobs } from "../domain/quota.ts";
import { currentSlot, slotBefore } from "../domain/slots.ts";
import { isOpenFor, type Track } from "../domain/tracks.ts";
import { adoptDone } from "./adopt.ts";
import { operation } from "./context.ts";
import type { Cycle } from "./cycle-state.ts";
import { makeRoom } from "./make-room.ts";
import {
  groupByProject,
  knownJobs,
  limitJobs,
  ordinaryRows,
  planTracks,
  planWithoutPoints,
  refusalRows,
  type CyclePlan,
  type PlanInput,
} from "./plan.ts";
import { markServers, readQuota } from "./project.ts";
import { syncCatalogue } from "./sync.ts";
import { leftUntried } from "./temporary-clean.ts";
import { writeJobs } from "./write-jobs.ts";

/** What a cycle has to do. */
export interface Planned {
  readonly plan: CyclePlan;
  /** Something of the slots of now waits: for its own time within the slot, or for other work on its volume. */
  readonly waits: boolean;
  /** Projects that are to be told although nothing is made for them. */
  readonly told: ReadonlySet<string>;
  /** Of the whole cloud and all mechanisms that were listed, by project; `null` when nothing needed them. */
  readonly listed: ReadonlyMap<string, readonly Backup[]> | null;
}

/** Skips that are no news: the work is done, or begins later in its slot. */
const isQuiet = ({ reason }: Skip): boolean => reason === "not_due" || reason === "not_yet";

/** Finds out what is due, lists what must be known for it, and plans. @returns null when there is nothing to do */
export async function planCycle(cycle: Cycle): Promise<Planned | null> {
  const { conductor, options } = cycle;
  const { plan, ended, idle, told, waits } = await planFromMemory(cycle);
  if (idle) return null;
  if (plan.jobs.length === 0 && !options.rotateAll) return { plan, listed: null, told, waits };
  // Where backups are made from snapshots, one may have been left over.
  const lookForLeft = conductor.settings.fromSnapshotTypes.length > 0;
  const mechanisms = new Set<Mechanism>(
    options.rotateAll || lookForLeft ? ["backup", "snapshot"] : plan.jobs.map(({ mechanism }) => mechanism),
  );
  const listed = await listAndSync(cycle, mechanisms);
  const due =
    plan.jobs.length === 0 ? { plan, told } : await planFromCloud(cycle, { candidates: plan.jobs, ended }, listed);
  return { plan: due.plan, told: due.told.union(told), listed: groupByProject(listed), waits };
}

/** What is due as far as the database knows. The jobs that it reads, one for each volume, are gone from memory when restore points are listed. */
async function planFromMemory(cycle: Cycle): Promise<
  Omit<Planned, "listed"> & {
    readonly ended: readonly Notice[];
    readonly idle: boolean;
  }
> {
  const { conductor, options, run, tracks } = cycle;
  const { repository, settings } = conductor;
  const jobs = await knownJobs(conductor, tracks);
  const memory = planWithoutPoints(settings, planInput(cycle, jobs));
  // Before it is remembered: once it is, it is no news.
  const releasing = await tellReleases(cycle);
  await repository.replaceOverridesSeen(memory.overridesSeen);
  conductor.onProtected?.(protectedVolumes(tracks, memory, cycle.inventory.volumes));
  const open = tracks.filter((track) => isOpenFor(track, run.startedAt));
  const inWindow = options.create && open.length > 0;
  // Before anything is made in a slot; later ones would read a job for each volume again, and tell nothing new.
  const begun = new Set(jobs.map(({ policy, slot }) => `${policy}/${slot}`));
  const fresh = inWindow ? open.filter(({ policy, slot }) => !begun.has(`${policy.name}/${slot.id}`)) : [];
  const ended = await findEnded(cycle, fresh);
  const plan = {
    ...memory,
    jobs: inWindow ? memory.jobs : [],
    skips: memory.skips.filter((skip) => !isQuiet(skip)),
    notices: [...memory.notices, ...ended],
  };
  const told = releasing.union(inWindow && plan.jobs.length === 0 ? await tell(cycle, plan) : new Set<string>());
  const idle =
    plan.jobs.length === 0 &&
    !jobs.some(isOpen) &&
    !options.rotateAll &&
    told.size === 0 &&
    !(await leftUntried(conductor));
  if (idle) await retryServerMarks(cycle, jobs);
  const waits = memory.skips.some(({ reason }) => reason === "not_yet" || reason === "still_running");
  return { plan, ended, idle, told, waits };
}

/** Owners' requests to let go of snapshots are told in whatever cycle sees them first. @returns their projects */
async function tellReleases(cycle: Cycle): Promise<ReadonlySet<string>> {
  const { assignment, conductor, run } = cycle;
  const news = assignment.notices.filter(({ reason }) => reason === "release_requested");
  if (news.length === 0) return new Set();
  const rows = news.map((notice) => noticeRow(cycle, notice));
  await conductor.repository.appendOperations(rows);
  conductor.log.info({ run: run.id, volumes: news.length }, "owners let go of their volumes' snapshots");
  return new Set(news.flatMap(({ projectId }) => projectId ?? []));
}

/** Nothing is told of a partial scan: what it does not show may well be there. */
async function findEnded(
  { conductor, inventory, partial, ...cycle }: Cycle,
  fresh: readonly Track[],
): Promise<Notice[]> {
  if (partial) return [];
  const ended: Notice[] = [];
  const looked = new Set<string>();
  for (const { policy, mechanism, slot } of fresh) {
    const before = slotBefore(policy, slot);
    const what = `${policy.name}/${before?.id ?? ""}/${mechanism}`;
    if (before === null || looked.has(what)) continue;
    looked.add(what);
    const all = await conductor.repository.jobs({ slot: before.id, states: ["succeeded"] });
    const jobs = all.filter((job) => job.policy === policy.name && job.mechanism === mechanism);
    // Of one name there may be several, with other retentions or start times: a volume may have gone from one to another.
    const targets = cycle.tracks
      .filter((track) => track.policy.name === policy.name && track.mechanism === mechanism)
      .flatMap((track) => track.targets);
    ended.push(...endedProtection({ jobs, targets, volumeIds: inventory.volumeIds }));
  }
  return ended;
}

/** Plans what is due by all that the cloud shows of it, and writes it down. */
async function planFromCloud(
  cycle: Cycle,
  { candidates, ended }: { readonly candidates: readonly Job[]; readonly ended: readonly Notice[] },
  listed: readonly Backup[],
): Promise<Pick<Planned, "plan" | "told">> {
  const { conductor, tracks, userIds } = cycle;
  const entries = await conductor.repository.catalogue();
  const catalogue = new Map(entries.map((entry) => [entry.backupId, entry]));
  const points = readByMechanism({ backups: listed, catalogue, userIds });
  const volumes = [...points.backup.values(), ...points.snapshot.values()];
  await adoptDone(
    conductor,
    candidates,
    volumes.flatMap((volume) => volume.points),
  );
  const jobs = await knownJobs(conductor, tracks);
  const due = planTracks(conductor.settings, planInput(cycle, jobs), (mechanism) => points[mechanism]);
  const plan = {
    ...due,
    skips: due.skips.filter((skip) => !isQuiet(skip)),
    notices: [...due.notices, ...noticesOfPoints(volumes), ...ended].sort(byResource),
  };
  return { plan, told: await recordPlan(cycle, plan, { known: jobs, listed }) };
}

const planInput = ({ assignment, inventory, overridesSeen, run, tracks }: Cycle, jobs: readonly Job[]): PlanInput => ({
  runId: run.id,
  now: run.startedAt,
  assignment,
  tracks,
  inventory,
  jobs,
  overridesSeen,
});

/** All restore points of the cloud made by some mechanisms; the catalogue is brought in line with them. */
async function listAndSync(
  { conductor, listings, run, userIds }: Cycle,
  wanted: ReadonlySet<Mechanism>,
): Promise<readonly Backup[]> {
  const listed: Backup[] = [];
  for (const mechanism of wanted) {
    const { points, proven, takenAt } = await listings.of(mechanism);
    const mechanisms = new Set([mechanism]);
    if (proven) await syncCatalogue(conductor, run.id, { backups: points, mechanisms, userIds, takenAt });
    for (const row of points) listed.push(row);
  }
  return listed;
}

/** Writes the jobs of a plan, and what there is to tell of it. @returns as {@link tell} does */
async function recordPlan(
  cycle: Cycle,
  plan: CyclePlan,
  { known, listed }: { readonly known: readonly Job[]; readonly listed: readonly Backup[] },
): Promise<ReadonlySet<string>> {
  const { conductor, run, signals } = cycle;
  const limit = (): Promise<LimitedJobs> =>
    limitJobs(conductor, plan.jobs, known, (projectId) => readQuota(conductor, projectId, signals.cut));
  const first = await limit();
  const room = { jobs: plan.jobs, refused: first.refused, listed: groupByProject(listed) };
  const { accepted, refused } = (await makeRoom(cycle, room)) ? await limit() : first;
  const rows = [...refusalRows(conductor, run.id, refused), ...ordinaryRows(conductor, run.id, accepted)];
  await writeJobs(conductor, [...accepted, ...refused], rows, known);
  return await tell(cycle, plan);
}

/**
 * Writes a row for each skip and notice that is new: once a slot, and once in a slot of the built-in policy for what is not about one policy.
 * @returns the projects that must hear of it: those with a skip, or whose protection ended
 */
async function tell(cycle: Cycle, plan: CyclePlan): Promise<ReadonlySet<string>> {
  const { assignment, conductor, inventory, run } = cycle;
  const { repository } = conductor;
  const period = periodOf(cycle);
  const rows = [
    ...plan.skips.map((skip) => skipRow(cycle, skip)),
    ...[...assignment.excluded].map(([volumeId, message]) =>
      operation(conductor, run.id, {
        kind: "skip",
        reason: "excluded",
        projectId: inventory.volumes.get(volumeId)?.projectId ?? null,
        volumeId,
        key: `${volumeId}/${markTime(period)}`,
        message,
      }),
    ),
    ...plan.notices.map((notice) => noticeRow(cycle, notice)),
  ];
  const told = new Set(
    (await repository.operations({ kinds: ["skip", "notice"], since: tellingSince(cycle, plan, period) })).map(toldAs),
  );
  const news = rows.filter((row) => !told.has(toldAs(row)));
  if (news.length > 0) await repository.appendOperations(news);
  // What is still running is told of by its own job.
  const concerning = news.filter(
    (row) => (row.kind === "skip" && row.reason !== "still_running") || row.reason === "protection_ended",
  );
  return new Set(concerning.flatMap((row) => row.projectId ?? []));
}

/** The slot of the built-in policy: what is not about one policy is told once in it. */
const periodOf = ({ conductor, run }: Cycle): Date =>
  currentSlot(conductor.settings.policy, run.startedAt)?.startsAt ?? run.startedAt;

const noticeRow = (cycle: Cycle, { message, projectId, reason, resourceId }: Notice): Operation =>
  operation(cycle.conductor, cycle.run.id, {
    kind: "notice",
    reason,
    projectId,
    key: `${resourceId ?? ""}/${markTime(periodOf(cycle))}`,
    message,
  });

const toldAs = ({ key, volumeId, reason }: Operation): string => `${key}/${volumeId}/${reason}`;

/** The slots of those that have something to tell, of which some may be long. */
function tellingSince({ tracks }: Cycle, { skips }: CyclePlan, period: Date): Date {
  const telling = tracks.filter(({ policy, slot }) =>
    skips.some(({ key }) => key.includes(`/${policy.name}/${slot.id}`)),
  );
  return new Date(Math.min(Number(period), ...telling.map(({ slot }) => Number(slot.startsAt))));
}

const skipRow = ({ conductor, run }: Cycle, { key, message, projectId, reason, serverId, volumeId }: Skip): Operation =>
  operation(conductor, run.id, { kind: "skip", reason, projectId, serverId, volumeId, key, message });

/** Servers whose `last-backup-time` Nova refused are tried again in every cycle. */
async function retryServerMarks(
  { conductor, lease, run, signals, ...cycle }: Cycle,
  jobs: readonly Job[],
): Promise<void> {
  for (const [projectId, slotJobs] of Map.groupBy(jobs, (job) => job.projectId)) {
    await markServers(conductor, lease, { runId: run.id, projectId, ...cycle, slotJobs }, signals.cut);
  }
}
