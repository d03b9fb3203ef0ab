import { openJobStates, type Job } from "../domain/catalogue.ts";
import type { Backup, Project } from "../domain/inventory.ts";
import { isScheduled } from "../domain/manual.ts";
import { workKey } from "../domain/marks.ts";
import { endedProtection } from "../domain/ended-protection.ts";
import type { BackupPlan, Notice, Skip } from "../domain/planner.ts";
import { readPoints } from "../domain/points.ts";
import type { Reason } from "../domain/reasons.ts";
import type { ProjectReport, Run, RunKind, RunOutcome } from "../domain/runs.ts";
import { currentSlot, slotBefore, type Slot } from "../domain/slots.ts";
import { mutex } from "../store/mutex.ts";
import { adoptDone } from "./adopt.ts";
import { operation, type Conductor, type Signals } from "./context.ts";
import { ProjectEnds } from "./ends.ts";
import { executeJobs } from "./execute.ts";
import { forgetOldRuns } from "./history.ts";
import type { LeaseKeeper } from "./lease.ts";
import type { ClockWatch } from "./memory.ts";
import { groupByProject, knownJobs, limitJobs, planWith, planWithoutPoints, type PlanInput } from "./plan.ts";
import { endProject, markServers, readQuota } from "./project.ts";
import { ourUserIds, retentionInForce, scanBackups, scanInventory, whyPartial, type Inventory } from "./scan.ts";
import { syncCatalogue } from "./sync.ts";

export interface CycleOptions {
  readonly kind: RunKind;
  /** Plan and create what is due. */
  readonly create: boolean;
  /** Rotate every project, not only those whose jobs ended in this cycle. */
  readonly rotateAll: boolean;
  /** Ends the cycle although backups are still running; the next one goes on with them. */
  readonly interrupt?: AbortSignal;
  /** Called after every round of work. */
  readonly onRound?: () => void;
}

export interface CycleResult {
  readonly run: Run;
  readonly outcome: RunOutcome;
  readonly reports: readonly ProjectReport[];
  /** Nothing was due and nothing to rotate: only servers and volumes were listed. */
  readonly idle: boolean;
}

/** What every step of one cycle shares. */
interface Cycle {
  readonly conductor: Conductor;
  readonly lease: LeaseKeeper;
  readonly signals: Signals;
  readonly options: CycleOptions;
  readonly run: Run;
  readonly slot: Slot;
  readonly inventory: Inventory;
  readonly userIds: ReadonlySet<string>;
  readonly partial: boolean;
  readonly clockTrusted: () => boolean;
  readonly interrupt: AbortSignal;
}

/** One pass of the conductor: scan, plan, create, complete, and for each project whose jobs have ended rotate and report. */
export async function runCycle(
  conductor: Conductor,
  lease: LeaseKeeper,
  clockWatch: ClockWatch,
  options: CycleOptions,
  signals: Signals,
): Promise<CycleResult> {
  const { clock, log, newId, reporting, repository, settings } = conductor;
  const [newest] = await repository.runs({ limit: 1 });
  const [lastGood] = await repository.runs({ limit: 1, scanGood: true });
  let run: Run = {
    id: newId(),
    kind: options.kind,
    startedAt: clock.now(),
    endedAt: null,
    outcome: null,
    servers: null,
    volumes: null,
    scanGood: false,
    message: null,
  };
  await repository.insertRun(run);
  const amend = async (
    patch: Partial<Omit<Run, "id">>,
    options: { tell: boolean } = { tell: false },
  ): Promise<void> => {
    run = { ...run, ...patch };
    await repository.updateRun(run.id, patch, options.tell ? reporting?.ofRun(run) : []);
    if (options.tell) reporting?.wake();
  };
  try {
    const userIds = await ourUserIds(conductor, signals.cut);
    const inventory = await scanInventory(conductor, signals.cut);
    const counts = { servers: inventory.servers.length, volumes: inventory.volumes.size };
    const partial = whyPartial(inventory, run.startedAt, lastGood);
    if (partial !== null) log.warn({ ...counts, reason: partial }, "the scan is not whole; nothing is deleted");
    await amend({ ...counts, scanGood: partial === null });
    const { news, ...work } = await workCycle({
      conductor,
      lease,
      signals,
      options,
      run,
      slot: currentSlot(settings.policy, settings.timeZone, run.startedAt),
      inventory,
      userIds,
      partial: partial !== null,
      interrupt: options.interrupt ?? new AbortController().signal,
      clockTrusted: () => {
        const verdict = clockWatch.check(conductor, newest?.startedAt ?? null);
        if (!verdict.trusted) log.error({ reason: verdict.message }, "the clock cannot be trusted; nothing is deleted");
        return verdict.trusted;
      },
    });
    await amend({ endedAt: clock.now(), outcome: work.outcome }, { tell: news });
    return { run, ...work };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // The first failure is the one to tell, also when the database is what failed.
    const outcome = signals.drain.aborted ? "interrupted" : "failed";
    // While a cloud is away every run fails; the first one is told.
    const tell = outcome === "failed" && newest?.outcome !== "failed";
    await amend({ endedAt: clock.now(), outcome, message }, { tell }).catch(() => undefined);
    throw error;
  }
}

/** What a cycle came to; `news`: there is something to tell that no earlier one has told. */
type Work = Omit<CycleResult, "run"> & { readonly news: boolean };

async function workCycle(cycle: Cycle): Promise<Work> {
  const planned = await planCycle(cycle);
  if (planned === null) return { outcome: "ok", reports: [], idle: true, news: false };
  const open = await cycle.conductor.repository.jobs({ states: openJobStates });
  // Manual ones are worked, too; whoever ordered them reports them.
  const tracked = open.filter(isScheduled);
  return await executeAndEnd(cycle, { ...planned, tracked });
}

interface Planned {
  readonly plan: BackupPlan;
  /** Projects that are to be told although nothing is made for them. */
  readonly told: ReadonlySet<string>;
  /** Of the whole cloud, by project; `null` when nothing needed them. */
  readonly listed: ReadonlyMap<string, readonly Backup[]> | null;
}

/** Finds out what is due, lists what must be known for it, and plans. @returns null when there is nothing to do */
async function planCycle(cycle: Cycle): Promise<Planned | null> {
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
  const hasOpen = jobs.some((job) => openJobStates.some((state) => state === job.state));
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
  const { backups, proven } = await scanBackups(conductor, signals.cut);
  if (proven) await syncCatalogue(conductor, run.id, { backups, userIds, takenAt });
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

async function executeAndEnd(
  cycle: Cycle,
  { plan, listed, told, tracked }: Planned & { readonly tracked: readonly Job[] },
): Promise<Work> {
  const { conductor, lease, options, run, signals, slot } = cycle;
  const skips = Map.groupBy(
    plan.skips.filter((skip) => skip.reason !== "not_due"),
    (skip) => skip.projectId,
  );
  const notices = Map.groupBy(plan.notices, (notice) => notice.projectId ?? "");
  const worked = new Set([...told, ...tracked.map((job) => job.projectId)]);
  const runJobs = await conductor.repository.jobs({ runId: run.id });
  for (const job of runJobs) worked.add(job.projectId);
  // Names are for the reports.
  const projects = worked.size === 0 ? [] : await projectsOrNone(cycle);
  const names = new Map(projects.map((project) => [project.id, project]));
  const retentionMsOf = retentionInForce(cycle.inventory, conductor.settings);
  const planAlone = mutex();
  const reports: ProjectReport[] = [];
  let news = false;
  const end = async (projectId: string): Promise<void> => {
    const ended = await endProject(
      conductor,
      lease,
      {
        runId: run.id,
        startedAt: run.startedAt,
        project: names.get(projectId) ?? { id: projectId, name: projectId },
        slots: new Set([slot.id, ...tracked.map((job) => job.slot)]),
        inventory: cycle.inventory,
        userIds: cycle.userIds,
        ...(await provenBackups(cycle, projectId, worked.has(projectId) ? null : listed)),
        skips: skips.get(projectId) ?? [],
        notices: notices.get(projectId) ?? [],
        retentionMsOf,
        planAlone,
        report: worked.has(projectId),
        told: told.has(projectId),
      },
      signals,
    );
    if (ended === null) return;
    reports.push(ended.report);
    news ||= ended.news;
  };
  const ends = new ProjectEnds(
    new Set([...worked, ...(options.rotateAll ? (listed?.keys() ?? []) : [])]),
    end,
    (projectId, error) =>
      conductor.log.warn(
        { projectId, error },
        "a project's rotation was cut short; it goes on when the service answers",
      ),
  );
  await executeJobs(
    conductor,
    lease,
    {
      userIds: cycle.userIds,
      order: plan.jobs.map((job) => job.key),
      ends,
      interrupt: cycle.interrupt,
      ...(options.onRound === undefined ? {} : { onRound: options.onRound }),
    },
    signals,
  );
  // A wrong clock or a partial scan must not make it forget the last good one.
  if (options.rotateAll && !cycle.partial && !signals.drain.aborted && cycle.clockTrusted())
    await forgetOldRuns(conductor);
  return { outcome: await outcomeOf(cycle, tracked), reports, idle: false, news };
}

/**
 * The backups of one project for its rotation, and what forbids it. Of a project whose jobs have just ended they are listed again; others use the cycle's listing.
 */
async function provenBackups(
  cycle: Cycle,
  projectId: string,
  listed: Planned["listed"],
): Promise<{ backups: readonly Backup[] | null; blocked: Reason | null }> {
  const { conductor, signals } = cycle;
  const backups =
    listed?.get(projectId) ?? (await Array.fromAsync(conductor.reader.listBackups({ projectId }, signals.cut)));
  const proven = backups.length > 0 && backups.every((backup) => backup.projectId === projectId);
  const blocked: Reason | null = !cycle.clockTrusted()
    ? "clock_jump"
    : cycle.partial
      ? "partial_scan"
      : proven
        ? null
        : "unproven_reader";
  return { backups: proven ? backups : null, blocked };
}

/** Names for the reports; a Keystone that does not tell them is no reason to stop. */
async function projectsOrNone({ conductor, signals }: Cycle): Promise<Project[]> {
  try {
    return await conductor.reader.projects(signals.cut);
  } catch (error) {
    conductor.log.warn({ error }, "the projects' names could not be read");
    return [];
  }
}

async function outcomeOf({ conductor, run, signals }: Cycle, tracked: readonly Job[]): Promise<RunOutcome> {
  const { repository } = conductor;
  if (signals.drain.aborted) return "interrupted";
  const own = await repository.jobs({ runId: run.id });
  const resumed = await repository.jobs({ keys: tracked.map((job) => job.key) });
  const jobs = [...new Map([...own, ...resumed].map((job) => [job.key, job])).values()];
  const isGoingOn = (job: Job): boolean =>
    openJobStates.some((state) => state === job.state) && job.stuckReportedAt === null;
  const bad = jobs.filter((job) => job.state !== "succeeded" && !isGoingOn(job)).length;
  if (bad === 0) return "ok";
  return bad === jobs.length ? "failed" : "partial";
}

/** Servers whose `last-backup-time` Nova refused are tried again in every cycle. */
async function retryServerMarks(
  { conductor, inventory, lease, run, signals }: Cycle,
  jobs: readonly Job[],
): Promise<void> {
  for (const [id, slotJobs] of Map.groupBy(jobs, (job) => job.projectId)) {
    await markServers(conductor, lease, { runId: run.id, project: { id }, inventory, slotJobs }, signals.cut);
  }
}
