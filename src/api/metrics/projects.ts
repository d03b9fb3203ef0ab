import type { VolumePoints } from "../../domain/points.ts";
import type { QuotaSample } from "../../store/repository.ts";

/** What is known of one project's protection. Times in milliseconds of the epoch. */
export interface ProjectFigures {
  readonly id: string;
  /** When a backup last succeeded, by policy. */
  readonly lastSuccessMs: ReadonlyMap<string, number>;
  readonly good: number;
  readonly notGood: number;
  readonly protectedVolumes: number;
  /** Of the protected volumes those without any good restore point. */
  readonly unprotectedVolumes: number;
  /** Of the protected volumes those whose newest good restore point is older than two periods, or that have none. */
  readonly rpoViolations: number;
  /** The newest good restore point of the protected volume that is worst off; null when none has one. */
  readonly oldestNewestGoodMs: number | null;
  readonly quota: QuotaSample | null;
}

interface Project {
  readonly lastSuccessMs: Map<string, number>;
  good: number;
  notGood: number;
  /** By volume id. */
  newestGoodMs: ReadonlyMap<string, number>;
  quota: QuotaSample | null;
}

/** Remembers, from what the conductor passes by, how each project is protected. */
export class ProjectBook {
  readonly #projects = new Map<string, Project>();
  #volumes: ReadonlyMap<string, readonly string[]> = new Map();
  /** Whether restore points have been read at all. */
  #known = false;

  setProtected(projectOf: ReadonlyMap<string, string>): void {
    const volumes = new Map<string, string[]>();
    for (const [volumeId, projectId] of projectOf) {
      const list = volumes.get(projectId);
      if (list === undefined) volumes.set(projectId, [volumeId]);
      else list.push(volumeId);
    }
    this.#volumes = volumes;
  }

  setPoints(projectId: string, points: ReadonlyMap<string, VolumePoints>): void {
    this.#known = true;
    const project = this.#of(projectId);
    const newestGoodMs = new Map<string, number>();
    project.good = 0;
    project.notGood = 0;
    for (const { points: ours, volumeId } of points.values()) {
      for (const { backup, good } of ours) {
        if (good) project.good += 1;
        else project.notGood += 1;
        // Oldest first, so the last one counts.
        if (good) newestGoodMs.set(volumeId, Number(backup.createdAt));
      }
    }
    project.newestGoodMs = newestGoodMs;
  }

  succeeded(projectId: string, policy: string, at: Date): void {
    const { lastSuccessMs } = this.#of(projectId);
    lastSuccessMs.set(policy, Math.max(Number(at), lastSuccessMs.get(policy) ?? 0));
  }

  setQuota(sample: QuotaSample): void {
    this.#of(sample.projectId).quota = sample;
  }

  /** All projects that are protected, or have restore points; those that are worst off first. */
  figures(nowMs: number, periodMs: number): ProjectFigures[] {
    const ids = new Set([...this.#volumes.keys(), ...this.#projects.keys()]);
    const urgency = (figures: ProjectFigures): number =>
      figures.oldestNewestGoodMs ?? Math.max(0, ...figures.lastSuccessMs.values());
    return [...ids]
      .map((id) => this.#figuresOf(id, nowMs - 2 * periodMs))
      .sort((a, b) => b.rpoViolations - a.rpoViolations || urgency(a) - urgency(b) || (a.id < b.id ? -1 : 1));
  }

  #figuresOf(id: string, limitMs: number): ProjectFigures {
    const { newestGoodMs, ...project } = this.#projects.get(id) ?? emptyProject();
    const volumes = this.#volumes.get(id) ?? [];
    const newest = volumes.flatMap((volumeId) => newestGoodMs.get(volumeId) ?? []);
    const without = this.#known ? volumes.length - newest.length : 0;
    return {
      id,
      ...project,
      protectedVolumes: volumes.length,
      unprotectedVolumes: without,
      rpoViolations: without + newest.filter((ms) => ms < limitMs).length,
      oldestNewestGoodMs: newest.length === 0 ? null : newest.reduce((a, b) => Math.min(a, b)),
    };
  }

  #of(id: string): Project {
    const known = this.#projects.get(id) ?? emptyProject();
    this.#projects.set(id, known);
    return known;
  }
}

const emptyProject = (): Project => ({
  lastSuccessMs: new Map(),
  good: 0,
  notGood: 0,
  newestGoodMs: new Map(),
  quota: null,
});
