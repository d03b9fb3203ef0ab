import type { Job } from "./catalogue.ts";

/** How many backups may be in flight at a time. */
export interface DispatchLimits {
  readonly global: number;
  readonly perProject: number;
  /** Per source pool (`os-vol-host-attr:host`). */
  readonly perPool: number;
  /** Times the cinder-backup services that are up. */
  readonly perBackupService: number;
}

export interface DispatchInput {
  /** In the order in which a project's jobs should start. */
  readonly planned: readonly Job[];
  readonly inFlight: readonly Job[];
  readonly limits: DispatchLimits;
  /** `null` when it could not be found out; the other limits hold then. */
  readonly backupServicesUp: number | null;
}

/** A project's turn: its jobs that may still start, and how many of its backups are in flight. */
interface Turn {
  readonly jobs: Job[];
  next: number;
  inFlight: number;
}

/**
 * The jobs to start now, in this order: round after round the project with the fewest backups in flight comes first (of equals, the one that appears
 * first). Volumes of several servers are worked one at a time in the whole cloud.
 */
export function pickJobs({ planned, inFlight, limits, backupServicesUp }: DispatchInput): Job[] {
  const services = backupServicesUp === null ? Infinity : backupServicesUp * limits.perBackupService;
  const capacity = Math.min(limits.global, services) - inFlight.length;
  const perProject = countBy(inFlight, (job) => job.projectId);
  const perPool = countBy(inFlight, (job) => job.pool);
  let sharedBusy = inFlight.some((job) => job.shared);
  // Cinder refuses a volume's second backup while the first is being made: a manual one and a scheduled one may meet.
  const busy = new Set(inFlight.map((job) => job.volumeId));

  const turns = new Map<string, Turn>();
  for (const job of planned) {
    const turn = turns.get(job.projectId);
    if (turn === undefined) {
      turns.set(job.projectId, { jobs: [job], next: 0, inFlight: perProject.get(job.projectId) ?? 0 });
    } else turn.jobs.push(job);
  }

  const mayStart = (job: Job): boolean =>
    !busy.has(job.volumeId) &&
    !(job.shared && sharedBusy) &&
    (job.pool === null || (perPool.get(job.pool) ?? 0) < limits.perPool);

  const picked: Job[] = [];
  while (picked.length < capacity) {
    let best: { turn: Turn; job: Job } | null = null;
    for (const turn of turns.values()) {
      if (turn.inFlight >= limits.perProject || (best !== null && turn.inFlight >= best.turn.inFlight)) continue;
      const job = nextOf(turn, mayStart);
      if (job !== null) best = { turn, job };
    }
    if (best === null) break;
    const { turn, job } = best;
    picked.push(job);
    turn.next += 1;
    turn.inFlight += 1;
    perPool.set(job.pool, (perPool.get(job.pool) ?? 0) + 1);
    sharedBusy ||= job.shared;
    busy.add(job.volumeId);
  }
  return picked;
}

/** The project's first job that may start. What may not start now may not later in this call either, so it is passed over for good. */
function nextOf(turn: Turn, mayStart: (job: Job) => boolean): Job | null {
  for (let job; (job = turn.jobs[turn.next]) !== undefined; turn.next += 1) {
    if (mayStart(job)) return job;
  }
  return null;
}

function countBy<K>(jobs: readonly Job[], keyOf: (job: Job) => K): Map<K, number> {
  const counts = new Map<K, number>();
  for (const job of jobs) counts.set(keyOf(job), (counts.get(keyOf(job)) ?? 0) + 1);
  return counts;
}
