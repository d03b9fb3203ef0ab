import { isGoingOn, openJobStates, type Job } from "../domain/catalogue.ts";
import type { Project } from "../domain/inventory.ts";
import { isScheduled } from "../domain/manual.ts";
import { withoutReleased } from "../domain/release.ts";
import { newRun, type ProjectReport, type RotationSummary, type Run, type RunOutcome } from "../domain/runs.ts";
import { tracksOf } from "../domain/tracks.ts";
import { mutex } from "../store/mutex.ts";
import { assign } from "./assign.ts";
import type { Conductor, Signals } from "./context.ts";
import type { Cycle, CycleOptions } from "./cycle-state.ts";
import { planCycle, type Planned } from "./due.ts";
import { ProjectEnds } from "./ends.ts";
import { executeJobs } from "./execute.ts";
import { forgetOldRuns } from "./history.ts";
import type { LeaseKeeper } from "./lease.ts";
import type { ClockWatch } from "./memory.ts";
import { leftOut } from "./left-out.ts";
import { lookAtPolicies } from "./policy-source.ts";
import { publishAssignment } from "./publish.ts";
import { endProject, nextRun } from "./project.ts";
import { provenBackups, termsOf } from "./proven.ts";
import { Listings, rememberedRequests } from "./recall.ts";
import { ourUserIds, scanInventory, whyPartial } from "./scan.ts";

export interface CycleResult {
  readonly run: Run;
  readonly outcome: RunOutcome;
  readonly reports: readonly ProjectReport[];
  /** What became of projects that were rotated and have nothing else to report. */
  readonly rotated: readonly RotatedProject[];
  /** Nothing was due and nothing to rotate: only servers and volumes were listed. */
  readonly idle: boolean;
  /** When the next slot of a policy in use begins. */
  readonly nextSlotAt: Date;
}

export interface RotatedProject {
  readonly projectId: string;
  /** Its id where nothing else asked for names. */
  readonly projectName: string;
  readonly rotation: RotationSummary;
}

/** One pass of the conductor: scan, plan, create, complete, and for each project whose jobs have ended rotate and report. */
export async function runCycle(
  conductor: Conductor,
  lease: LeaseKeeper,
  clockWatch: ClockWatch,
  options: CycleOptions,
  signals: Signals,
): Promise<CycleResult> {
  const { clock, log, newId, reporting, repository } = conductor;
  const [newest] = await repository.runs({ limit: 1 });
  const [lastGood] = await repository.runs({ limit: 1, scanGood: true });
  let run = newRun({ id: newId(), kind: options.kind, startedAt: clock.now() });
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
    const policyVersion = await lookAtPolicies(conductor, run.id);
    const userIds = await ourUserIds(conductor, signals.cut);
    const inventory = await scanInventory(conductor, signals.cut);
    const counts = { servers: inventory.servers.length, volumes: inventory.volumes.size };
    const partial = whyPartial(inventory, run.startedAt, lastGood);
    if (partial !== null) log.warn({ ...counts, reason: partial }, "the scan is not whole; nothing is deleted");
    const listings = new Listings(conductor, signals.cut);
    const overridesSeen = await rememberedRequests(conductor, {
      inventory,
      isNew: lastGood === undefined,
      points: async (mechanism) => (await listings.of(mechanism)).points,
      userIds,
    });
    // Before the run counts as one that went through the database.
    if (lastGood === undefined) await repository.replaceOverridesSeen(overridesSeen);
    await amend({ ...counts, policyVersion, scanGood: partial === null });
    const assignment = await assign(conductor, inventory, { now: run.startedAt, overridesSeen, signal: signals.cut });
    // What a partial scan does not show may well be protected.
    if (conductor.settings.publishAssignment && options.create && partial === null) {
      await publishAssignment(
        conductor,
        lease,
        { volumes: inventory.volumes, assigned: assignment.targets },
        signals.cut,
      );
    }
    const { news, ...work } = await workCycle({
      conductor,
      lease,
      signals,
      options,
      run,
      inventory,
      overridesSeen,
      listings,
      assignment,
      tracks: withoutReleased(tracksOf(assignment.targets, run.startedAt), assignment.releasedAt),
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
    const nextSlotAt = nextRun(conductor.settings, new Set(assignment.targets.keys()), clock.now());
    return { run, nextSlotAt, ...work };
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
type Work = Omit<CycleResult, "run" | "nextSlotAt"> & { readonly news: boolean };

async function workCycle(cycle: Cycle): Promise<Work> {
  const planned = await planCycle(cycle);
  const { assignment, conductor, options, run } = cycle;
  const slotAt = nextRun(conductor.settings, new Set(assignment.targets.keys()), run.startedAt);
  options.onPlanned?.({ slotAt, waits: planned?.waits ?? false });
  if (planned === null) return { outcome: "ok", reports: [], rotated: [], idle: true, news: false };
  const open = await cycle.conductor.repository.jobs({ states: openJobStates });
  // Manual ones are worked, too; whoever ordered them reports them.
  const tracked = open.filter(isScheduled);
  return await executeAndEnd(cycle, { ...planned, tracked });
}

async function executeAndEnd(
  cycle: Cycle,
  { plan, listed, told, tracked }: Planned & { readonly tracked: readonly Job[] },
): Promise<Work> {
  const { conductor, lease, options, run, signals, tracks } = cycle;
  const skips = Map.groupBy([...plan.skips, ...leftOut(cycle)], (skip) => skip.projectId);
  const notices = Map.groupBy(plan.notices, (notice) => notice.projectId ?? "");
  const worked = new Set([...told, ...tracked.map((job) => job.projectId)]);
  const runJobs = await conductor.repository.jobs({ runId: run.id });
  for (const job of runJobs) worked.add(job.projectId);
  // Names are for the reports.
  const projects = worked.size === 0 ? [] : await projectsOrNone(cycle);
  const names = new Map(projects.map((project) => [project.id, project]));
  const terms = termsOf(cycle);
  const planAlone = mutex();
  const reports: ProjectReport[] = [];
  const rotated: RotatedProject[] = [];
  let news = false;
  const end = async (projectId: string): Promise<void> => {
    const project = names.get(projectId) ?? { id: projectId, name: projectId };
    const ended = await endProject(
      conductor,
      lease,
      {
        runId: run.id,
        startedAt: run.startedAt,
        project,
        tracks,
        slots: new Set([...tracks.map(({ slot }) => slot.id), ...tracked.map((job) => job.slot)]),
        inventory: cycle.inventory,
        userIds: cycle.userIds,
        ...(await provenBackups(cycle, projectId, { listed, isWorked: worked.has(projectId) })),
        skips: skips.get(projectId) ?? [],
        notices: notices.get(projectId) ?? [],
        terms,
        planAlone,
        report: worked.has(projectId),
        told: told.has(projectId),
        releasedAt: cycle.assignment.releasedAt,
      },
      signals,
    );
    if (ended.report === null) rotated.push({ projectId, projectName: project.name, rotation: ended.rotation });
    else reports.push(ended.report);
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
      overridesSeen: plan.overridesSeen,
      ends,
      interrupt: cycle.interrupt,
      ...(options.begin === false ? { concerns: (job: Job) => job.state !== "planned" } : {}),
      ...(options.onRound === undefined ? {} : { onRound: options.onRound }),
    },
    signals,
  );
  // A wrong clock or a partial scan must not make it forget the last good one.
  if (options.rotateAll && !cycle.partial && !signals.drain.aborted && cycle.clockTrusted())
    await forgetOldRuns(conductor);
  return { outcome: await outcomeOf(cycle, tracked), reports, rotated, idle: false, news };
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
  const bad = jobs.filter((job) => job.state !== "succeeded" && !isGoingOn(job)).length;
  if (bad === 0) return "ok";
  return bad === jobs.length ? "failed" : "partial";
}
