import type { Job } from "./catalogue.ts";
import { mechanisms } from "./inventory.ts";

/** How many may be in flight at a time: of backups, and of snapshots, which take seconds and count by themselves. */
export interface DispatchLimits {
  readonly global: number;
  readonly perProject: number;
  /** Per source pool (`os-vol-host-attr:host`). */
  readonly perPool: number;
  /** Times the cinder-backup services that are up; backups only. */
  readonly perBackupService: number;
  /** By the name of a policy: its `max_concurrent`, of both mechanisms together. */
  readonly perPolicy?: ReadonlyMap<string, number>;
}

export interface DispatchInput {
  /** In the order in which a project's jobs should start. */
  readonly planned: readonly Job[];
  readonly inFlight: readonly Job[];
  readonly limits: DispatchLimits;
  /** `null` when it could not be found out; the other limits hold then. */
  readonly backupServicesUp: number | null;
}

/** What starts together: a backup, or the snapshots of a set. */
type Unit = readonly Job[];

/** A project's turn: its units that may still start, and how many of its jobs are in flight. */
interface Turn {
  readonly units: Unit[];
  next: number;
  inFlight: number;
}

/**
 * The jobs to start now, in this order: snapshots, then backups; of each, round after round the project with the fewest in flight comes first (of equals, the one
 * that appears first). Backups of volumes of several servers are worked one at a time in the whole cloud. The snapshots of a set start together or wait
 * together, unless the limits have no room for all of them ever; one whose volume is busy follows alone.
 */
export function pickJobs({ planned, inFlight, limits, backupServicesUp }: DispatchInput): Job[] {
  const picked: Job[] = [];
  // What is quick goes first: a backup of the same volume can wait for it.
  for (const mechanism of mechanisms.toReversed()) {
    const isOfIt = (job: Job): boolean => job.mechanism === mechanism;
    const services =
      mechanism === "snapshot" || backupServicesUp === null ? Infinity : backupServicesUp * limits.perBackupService;
    const room = new Room({ ...limits, global: Math.min(limits.global, services) }, inFlight.filter(isOfIt), [
      ...inFlight,
      ...picked,
    ]);
    const units = unitsOf(planned.filter(isOfIt), (unit) => room.everFits(unit));
    picked.push(...pickUnits(units, room));
  }
  return picked;
}

function pickUnits(units: readonly Unit[], room: Room): Job[] {
  const turns = new Map<string, Turn>();
  for (const unit of units) {
    const projectId = unit[0]?.projectId ?? "";
    const turn = turns.get(projectId);
    if (turn === undefined) turns.set(projectId, { units: [unit], next: 0, inFlight: room.inProject(projectId) });
    else turn.units.push(unit);
  }
  const picked: Job[] = [];
  while (!room.isFull()) {
    let best: { turn: Turn; jobs: Unit } | null = null;
    for (const turn of turns.values()) {
      if (turn.inFlight >= room.perProject || (best !== null && turn.inFlight >= best.turn.inFlight)) continue;
      const jobs = nextOf(turn, room);
      if (jobs !== null) best = { turn, jobs };
    }
    if (best === null) break;
    const { turn, jobs } = best;
    picked.push(...jobs);
    turn.next += 1;
    turn.inFlight += jobs.length;
    room.take(jobs);
  }
  return picked;
}

/** The project's first jobs that may start. What may not start now may not later in this call either, so it is passed over for good. */
function nextOf(turn: Turn, room: Room): Unit | null {
  for (let unit; (unit = turn.units[turn.next]) !== undefined; turn.next += 1) {
    const free = unit.filter((job) => room.isFree(job));
    if (free.length > 0 && room.fits(free)) return free;
  }
  return null;
}

/** Backups one by one, snapshots by their sets, in the order of their first ones. */
function unitsOf(planned: readonly Job[], everFits: (unit: Unit) => boolean): Unit[] {
  const sets = Map.groupBy(planned, (job) => (job.mechanism === "snapshot" ? job.setId : job.key));
  return [...sets.values()].flatMap((unit) => (everFits(unit) ? [unit] : unit.map((job) => [job])));
}

/** What the limits leave, counted down as jobs are picked. */
class Room {
  readonly #limits: DispatchLimits;
  readonly #perProject: Map<string, number>;
  readonly #perPool: Map<string | null, number>;
  readonly #perPolicy: Map<string, number>;
  /** Cinder refuses to touch a volume twice at a time: a manual job and a scheduled one may meet. */
  readonly #busy: Set<string>;
  #inFlight: number;
  #sharedBusy: boolean;

  /** @param counted what is in flight of the mechanism @param all whatever is in flight */
  constructor(limits: DispatchLimits, counted: readonly Job[], all: readonly Job[]) {
    this.#limits = limits;
    this.#inFlight = counted.length;
    this.#perProject = countBy(counted, (job) => job.projectId);
    this.#perPool = countBy(counted, (job) => job.pool);
    this.#perPolicy = countBy(all, (job) => job.policy);
    this.#busy = new Set(all.map((job) => job.volumeId));
    this.#sharedBusy = all.some(isAlone);
  }

  get perProject(): number {
    return this.#limits.perProject;
  }

  isFull(): boolean {
    return this.#inFlight >= this.#limits.global;
  }

  inProject(projectId: string): number {
    return this.#perProject.get(projectId) ?? 0;
  }

  isFree(job: Job): boolean {
    return !this.#busy.has(job.volumeId) && !(isAlone(job) && this.#sharedBusy);
  }

  fits(unit: Unit): boolean {
    return this.#allows(unit, (counts, key) => counts.get(key) ?? 0, this.#inFlight);
  }

  /** Whether it would fit if nothing else were in flight. */
  everFits(unit: Unit): boolean {
    return this.#allows(unit, () => 0, 0);
  }

  take(unit: Unit): void {
    this.#inFlight += unit.length;
    for (const job of unit) {
      add(this.#perProject, job.projectId);
      add(this.#perPool, job.pool);
      add(this.#perPolicy, job.policy);
      this.#busy.add(job.volumeId);
      this.#sharedBusy ||= isAlone(job);
    }
  }

  #allows(unit: Unit, used: <K>(counts: Map<K, number>, key: K) => number, inFlight: number): boolean {
    const { global, perProject, perPool, perPolicy } = this.#limits;
    const within = <K>(counts: Map<K, number>, keyOf: (job: Job) => K, limitOf: (key: K) => number): boolean =>
      [...countBy(unit, keyOf)].every(([key, more]) => used(counts, key) + more <= limitOf(key));
    return (
      inFlight + unit.length <= global &&
      within(
        this.#perProject,
        (job) => job.projectId,
        () => perProject,
      ) &&
      within(
        this.#perPool,
        (job) => job.pool,
        (pool) => (pool === null ? Infinity : perPool),
      ) &&
      within(
        this.#perPolicy,
        (job) => job.policy,
        (policy) => perPolicy?.get(policy) ?? Infinity,
      )
    );
  }
}

/** A snapshot of a shared volume is made in a moment, as those of its set are. */
const isAlone = (job: Job): boolean => job.shared && job.mechanism === "backup";

const add = <K>(counts: Map<K, number>, key: K): void => void counts.set(key, (counts.get(key) ?? 0) + 1);

function countBy<K>(jobs: readonly Job[], keyOf: (job: Job) => K): Map<K, number> {
  const counts = new Map<K, number>();
  for (const job of jobs) add(counts, keyOf(job));
  return counts;
}
