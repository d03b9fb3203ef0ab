import type { PointsByMechanism } from "../../conductor/context.ts";
import { mechanisms, type BackupQuota, type Mechanism, type QuotaUse } from "../../domain/inventory.ts";
import type { ProtectedVolume, Rhythm } from "../../domain/protected.ts";

/** When work last succeeded; milliseconds of the epoch. */
interface LastSuccess {
  readonly policy: string;
  readonly mechanism: Mechanism;
  readonly ms: number;
}

type PointCounts = Readonly<Record<Mechanism, { readonly good: number; readonly notGood: number }>>;

/** What is known of one project's protection. Times in milliseconds of the epoch. */
export interface ProjectFigures {
  readonly id: string;
  /** Of the policies that protect something of it. */
  readonly lastSuccesses: readonly LastSuccess[];
  readonly points: PointCounts;
  readonly protectedVolumes: number;
  /** Of the protected volumes those without any good restore point by one of the mechanisms that are to make some. */
  readonly unprotectedVolumes: number;
  /** Of the protected volumes those whose newest good restore point is older than two periods of their policy, or that have none. */
  readonly rpoViolations: number;
  /** The newest good restore point of the protected volume that is worst off; null when none has one. */
  readonly oldestNewestGoodMs: number | null;
  /** What its restore points count on, by Cinder's resource; those of backups are called `backups` and `gigabytes`. */
  readonly quota: readonly QuotaFigure[];
}

export interface QuotaFigure {
  readonly resource: string;
  readonly used: number;
  /** Negative: none. */
  readonly limit: number;
}

interface Project {
  /** By policy and mechanism. */
  readonly lastSuccesses: Map<string, LastSuccess>;
  points: PointCounts;
  /** By mechanism and volume id. */
  newestGoodMs: ReadonlyMap<string, number>;
  quota: BackupQuota | null;
}

const keyOf = (mechanism: Mechanism, name: string): string => `${mechanism} ${name}`;

/** Remembers, from what the conductor passes by, how each project is protected. */
export class ProjectBook {
  readonly #projects = new Map<string, Project>();
  /** By project: the protected volumes by id. Null before the first cycle. */
  #volumes: ReadonlyMap<string, ReadonlyMap<string, readonly Rhythm[]>> | null = null;
  /** Whether restore points have been read at all. */
  #known = false;

  setProtected(protectedVolumes: ReadonlyMap<string, ProtectedVolume>): void {
    const volumes = new Map<string, Map<string, readonly Rhythm[]>>();
    for (const [volumeId, { by, projectId }] of protectedVolumes) {
      const own = volumes.get(projectId);
      if (own === undefined) volumes.set(projectId, new Map([[volumeId, by]]));
      else own.set(volumeId, by);
    }
    this.#volumes = volumes;
  }

  setPoints(projectId: string, points: PointsByMechanism): void {
    this.#known = true;
    const newestGoodMs = new Map<string, number>();
    const countOf = (mechanism: Mechanism): PointCounts[Mechanism] => {
      let good = 0;
      let notGood = 0;
      for (const { points: ours, volumeId } of points[mechanism].values()) {
        for (const point of ours) {
          if (point.good) good += 1;
          else notGood += 1;
          // Oldest first, so the last one counts.
          if (point.good) newestGoodMs.set(keyOf(mechanism, volumeId), Number(point.backup.createdAt));
        }
      }
      return { good, notGood };
    };
    const project = this.#of(projectId);
    project.points = { backup: countOf("backup"), snapshot: countOf("snapshot") };
    project.newestGoodMs = newestGoodMs;
  }

  succeeded(
    projectId: string,
    { at, mechanism, policy }: { readonly policy: string; readonly mechanism: Mechanism; readonly at: Date },
  ): void {
    const { lastSuccesses } = this.#of(projectId);
    const key = keyOf(mechanism, policy);
    lastSuccesses.set(key, { policy, mechanism, ms: Math.max(Number(at), lastSuccesses.get(key)?.ms ?? 0) });
  }

  setQuota(projectId: string, quota: BackupQuota): void {
    this.#of(projectId).quota = quota;
  }

  /** Milliseconds by the name of each policy that protects something; of variants of one the longest. Null before the first cycle. */
  periods(): ReadonlyMap<string, number> | null {
    if (this.#volumes === null) return null;
    const periods = new Map<string, number>();
    for (const own of this.#volumes.values()) {
      for (const { policy, periodMs } of [...own.values()].flat()) {
        periods.set(policy, Math.max(periodMs, periods.get(policy) ?? 0));
      }
    }
    return periods;
  }

  /** All projects that are protected, or have restore points; those that are worst off first. */
  figures(nowMs: number): ProjectFigures[] {
    const ids = new Set([...(this.#volumes?.keys() ?? []), ...this.#projects.keys()]);
    const urgency = (figures: ProjectFigures): number =>
      figures.oldestNewestGoodMs ?? Math.max(0, ...figures.lastSuccesses.map(({ ms }) => ms));
    return [...ids]
      .map((id) => this.#figuresOf(id, nowMs))
      .sort((a, b) => b.rpoViolations - a.rpoViolations || urgency(a) - urgency(b) || (a.id < b.id ? -1 : 1));
  }

  #figuresOf(id: string, nowMs: number): ProjectFigures {
    const { lastSuccesses, newestGoodMs, points, quota } = this.#projects.get(id) ?? emptyProject();
    const volumes = this.#volumes?.get(id) ?? new Map<string, readonly Rhythm[]>();
    const inUse = new Set([...volumes.values()].flat().map(({ mechanism, policy }) => keyOf(mechanism, policy)));
    const made = new Set([
      ...[...volumes.values()].flat().map(({ mechanism }) => mechanism),
      ...mechanisms.filter((each) => points[each].good + points[each].notGood > 0),
    ]);
    let without = 0;
    let behind = 0;
    let oldestMs = Infinity;
    for (const [volumeId, by] of volumes) {
      const wanted = mechanisms.filter((each) => by.some(({ mechanism }) => mechanism === each));
      const standings = wanted.map((mechanism) => {
        const newestMs = newestGoodMs.get(keyOf(mechanism, volumeId));
        const periodMs = Math.min(...by.filter((each) => each.mechanism === mechanism).map((each) => each.periodMs));
        return { newestMs, late: newestMs !== undefined && newestMs < nowMs - 2 * periodMs };
      });
      if (this.#known && standings.some(({ newestMs }) => newestMs === undefined)) without += 1;
      else if (standings.some(({ late }) => late)) behind += 1;
      oldestMs = Math.min(oldestMs, ...standings.map(({ newestMs = Infinity }) => newestMs));
    }
    return {
      id,
      lastSuccesses: [...lastSuccesses]
        .filter(([key]) => this.#volumes === null || inUse.has(key))
        .map(([, last]) => last),
      points,
      quota: quotaFigures(quota, made),
      protectedVolumes: volumes.size,
      unprotectedVolumes: without,
      rpoViolations: without + behind,
      oldestNewestGoodMs: oldestMs === Infinity ? null : oldestMs,
    };
  }

  #of(id: string): Project {
    const known = this.#projects.get(id) ?? emptyProject();
    this.#projects.set(id, known);
    return known;
  }
}

const figure = (resource: string, { inUse, limit, reserved }: QuotaUse): QuotaFigure => ({
  resource,
  used: inUse + reserved,
  limit,
});

/** Where nothing but snapshots is made, a quota for backups says nothing, and the other way round. */
function quotaFigures(quota: BackupQuota | null, made: ReadonlySet<Mechanism>): QuotaFigure[] {
  if (quota === null) return [];
  const figures: QuotaFigure[] = [];
  if (made.has("backup") || !made.has("snapshot")) {
    figures.push(figure("backups", quota.backups), figure("gigabytes", quota.backupGiB));
  }
  if (!made.has("snapshot")) return figures;
  figures.push(figure("snapshots", quota.snapshots), figure("volume_gigabytes", quota.gigabytes));
  for (const [type, own] of quota.ofType) {
    if (own.snapshots.limit >= 0) figures.push(figure(`snapshots_${type}`, own.snapshots));
    if (own.gigabytes.limit >= 0) figures.push(figure(`volume_gigabytes_${type}`, own.gigabytes));
  }
  return figures;
}

const none = { good: 0, notGood: 0 };

const emptyProject = (): Project => ({
  lastSuccesses: new Map(),
  points: { backup: none, snapshot: none },
  newestGoodMs: new Map(),
  quota: null,
});
