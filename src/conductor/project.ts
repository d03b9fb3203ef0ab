import { isOpen, type Job, type Operation } from "../domain/catalogue.ts";
import type { Backup, BackupQuota, Project } from "../domain/inventory.ts";
import { lastBackupTimeKey } from "../domain/marks.ts";
import type { Notice, Skip } from "../domain/planner.ts";
import type { Policy } from "../domain/policy.ts";
import type { Reason } from "../domain/reasons.ts";
import type { ProjectReport, RotationSummary } from "../domain/runs.ts";
import { completeSets } from "../domain/sets.ts";
import type { Terms } from "../domain/terms.ts";
import { nextSlotStart } from "../domain/slots.ts";
import type { Track } from "../domain/tracks.ts";
import { CloudError } from "../openstack/errors.ts";
import { operation, type Conductor, type ConductorSettings, type Signals } from "./context.ts";
import type { LeaseKeeper } from "./lease.ts";
import { buildReport, setsOf } from "./report.ts";
import { rotatePoints } from "./rotation.ts";
import type { Inventory } from "./scan.ts";

/** What a cycle knows when a project's own jobs have ended. */
export interface ProjectEnd {
  readonly runId: string;
  /** Of the run. */
  readonly startedAt: Date;
  readonly project: Pick<Project, "id" | "name">;
  /** What the policies have to do in the slots of now. */
  readonly tracks: readonly Track[];
  /** The tracks' slots, and those of jobs that outlasted theirs. */
  readonly slots: ReadonlySet<string>;
  readonly inventory: Inventory;
  readonly userIds: ReadonlySet<string>;
  /** The project's backups and snapshots, all creators; `null` when they are not known with proven rights. */
  readonly backups: readonly Backup[] | null;
  readonly skips: readonly Skip[];
  readonly notices: readonly Notice[];
  readonly blocked: Reason | null;
  readonly terms: Terms;
  /** Lets one project at a time plan its rotation: what all of them need for it does not fit into memory at once. */
  readonly planAlone: <T>(work: () => Promise<T>) => Promise<T>;
  /** False: rotation only, no report. */
  readonly report: boolean;
  /** There is something to tell that no earlier run told, whatever the jobs. */
  readonly told: boolean;
  /** When the snapshots that owners have released may go, by volume. */
  readonly releasedAt: ReadonlyMap<string, Date>;
}

export interface EndedProject {
  /** `null`: it was rotated only. */
  readonly report: ProjectReport | null;
  readonly rotation: RotationSummary;
  /** Something began, ended or got stuck in this run; otherwise the report repeats an earlier one, and nobody is told again. */
  readonly news: boolean;
}

/** Rotation, then the marks on the servers, then the report: what a project is owed as soon as its jobs have ended. */
export async function endProject(
  conductor: Conductor,
  lease: LeaseKeeper,
  end: ProjectEnd,
  signals: Signals,
): Promise<EndedProject> {
  const { clock, newId, reporting, repository, settings } = conductor;
  const rotation = await rotatePoints(conductor, lease, { ...end, projectId: end.project.id }, signals);
  const slotJobs: Job[] = [];
  for (const slot of end.slots) slotJobs.push(...(await repository.jobs({ slot, projectId: end.project.id })));
  await markServers(conductor, lease, { ...end, projectId: end.project.id, slotJobs }, signals.cut);
  const released = rotation.reasons.released ?? 0;
  if (!end.report && released === 0) return { report: null, rotation, news: false };
  const quota = await readQuota(conductor, end.project.id, signals.cut);
  const jobs = slotJobs.filter((job) => isOfNow(job, end));
  const told = new Set(jobs.map(({ setId }) => setId));
  const setJobs = slotJobs.filter(({ setId }) => told.has(setId));
  const report = buildReport({
    id: newId(),
    runId: end.runId,
    projectId: end.project.id,
    projectName: end.project.name,
    at: clock.now(),
    startedAt: end.startedAt,
    nextRunAt: nextRun(settings, policiesOf(end), clock.now()),
    entries: await repository.catalogue({ projectId: end.project.id }),
    jobs,
    sets: setsOf(setJobs, await answersOf(conductor, setJobs)),
    skips: end.skips,
    notices: end.notices,
    rotation,
    quota,
  });
  const news = end.told || released > 0 || slotJobs.some((job) => isNews(job, end));
  await repository.insertReport(report, news ? reporting?.ofProject(report) : []);
  if (news) reporting?.wake();
  return { report, rotation, news };
}

/** When work begins next by the policies in use: what digests promise. The built-in one's where there are none. */
export function nextRun({ policy }: Pick<ConductorSettings, "policy">, inUse: ReadonlySet<Policy>, now: Date): Date {
  const policies = inUse.size === 0 ? [policy] : [...inUse];
  return new Date(Math.min(...policies.map((each) => Number(nextSlotStart(each, now)))));
}

/** Those that protect something of the project. */
function policiesOf({ inventory, project, tracks }: ProjectEnd): ReadonlySet<Policy> {
  const isOurs = ({ server, volumeIds: [first = ""] }: Track["targets"][number]): boolean =>
    (server?.projectId ?? inventory.volumes.get(first)?.projectId) === project.id;
  return new Set(tracks.filter(({ targets }) => targets.some(isOurs)).map(({ policy }) => policy));
}

/** When the requests of snapshots were answered, which their sets' skew is reckoned by. */
export async function answersOf(
  { repository }: Pick<Conductor, "repository">,
  jobs: readonly Job[],
): Promise<readonly Operation[]> {
  const sent = jobs.filter(({ mechanism, submittedAt }) => mechanism === "snapshot" && submittedAt !== null);
  const [first] = sent;
  if (first === undefined) return [];
  const since = new Date(Math.min(...sent.map(({ submittedAt }) => Number(submittedAt))));
  return await repository.operations({ projectId: first.projectId, kinds: ["create"], since });
}

const dayMs = 24 * 60 * 60 * 1000;

/** A month's slot is not told again every night: only what is younger than a day, goes on or has just ended. */
const isOfNow = (job: Job, end: ProjectEnd): boolean =>
  isOpen(job) || isNews(job, end) || Number(job.plannedAt) > Number(end.startedAt) - dayMs;

const isNews = (job: Job, { runId, startedAt }: ProjectEnd): boolean =>
  job.runId === runId || [job.endedAt, job.stuckReportedAt].some((at) => at !== null && at >= startedAt);

/** Writes `last-backup-time` on the servers whose set is complete. A refusal is a warning, and is tried again in the next cycle. */
export async function markServers(
  conductor: Conductor,
  lease: LeaseKeeper,
  input: {
    readonly runId: string;
    readonly projectId: string;
    readonly inventory: Pick<Inventory, "volumes">;
    readonly tracks: readonly Pick<Track, "policy" | "mechanism" | "targets">[];
    readonly slotJobs: readonly Job[];
  },
  signal: AbortSignal,
): Promise<void> {
  const { log, repository, settings, writer } = conductor;
  const sets = input.tracks
    .filter(({ mechanism }) => mechanism === "backup")
    .flatMap(({ policy, targets }) =>
      completeSets({
        targets: targets.filter(({ server }) => server?.projectId === input.projectId),
        volumes: input.inventory.volumes,
        selection: settings.selection,
        jobs: input.slotJobs.filter((job) => job.policy === policy.name && job.mechanism === "backup"),
      }),
    );
  for (const { server, lastBackupTime } of sets) {
    const subject = { projectId: server.projectId, serverId: server.id };
    await lease.prove();
    try {
      await writer
        .forProject(server.projectId)
        .setServerMetadata(server.id, { [lastBackupTimeKey]: lastBackupTime }, signal);
      await repository.appendOperations([
        operation(conductor, input.runId, {
          kind: "mark_server",
          reason: "succeeded",
          ...subject,
          message: lastBackupTime,
        }),
      ]);
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      log.warn(
        { error, serverId: server.id },
        "last-backup-time could not be written; it is tried again in the next cycle",
      );
      // Told once for each set, however often it is tried.
      const since = new Date(lastBackupTime);
      const told = await repository.operations({ kinds: ["mark_server"], projectId: server.projectId, since });
      if (told.some((row) => row.serverId === server.id)) continue;
      await repository.appendOperations([
        operation(conductor, input.runId, {
          kind: "mark_server",
          reason: "server_mark_refused",
          ...subject,
          message: error.message,
          requestId: error.requestId,
        }),
      ]);
    }
  }
}

/** The project's quota, read with its own token; `null` when it cannot be had, which is never a reason to stop. */
export async function fetchQuota(
  { log, writer }: Pick<Conductor, "log" | "writer">,
  projectId: string,
  signal: AbortSignal,
): Promise<BackupQuota | null> {
  try {
    return await writer.forProject(projectId).quota(signal);
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    log.warn({ error, projectId }, "the project's quota could not be read");
    return null;
  }
}

/** The same, and remembers the figures. */
export async function readQuota(
  conductor: Conductor,
  projectId: string,
  signal: AbortSignal,
): Promise<BackupQuota | null> {
  const quota = await fetchQuota(conductor, projectId, signal);
  if (quota === null) return null;
  conductor.onQuota?.(projectId, quota);
  await conductor.repository.insertQuotaSamples([
    {
      projectId,
      at: conductor.clock.now(),
      backupsLimit: quota.backups.limit,
      backupsUsed: quota.backups.inUse + quota.backups.reserved,
      gigabytesLimit: quota.backupGiB.limit,
      gigabytesUsed: quota.backupGiB.inUse + quota.backupGiB.reserved,
    },
  ]);
  return quota;
}
