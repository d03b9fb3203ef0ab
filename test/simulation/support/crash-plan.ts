import type { Io, IoStep } from "../../../src/domain/io.ts";

/** Where in a step the process may die: before anything left it, once the request is out, or when the answer is in. */
export type Phase = "before" | "sent" | "after";

/** One moment of a process at which it can be killed: the nth time it passes a kind of point, e.g. `http POST block-storage/backups sent`. */
export interface CrashPoint {
  readonly kind: string;
  readonly nth: number;
}

/** An {@link Io} that tells of every point it passes, in order. */
export function watchedIo(onPoint: (kind: string) => void): Io {
  const pass = (step: IoStep, phase: Phase): void => onPoint(`${step.kind} ${step.name} ${phase}`);
  return {
    async run(step, work) {
      pass(step, "before");
      const result = await work(() => pass(step, "sent"));
      pass(step, "after");
      return result;
    },
  };
}

/** Draws the points to die at so that every kind has its turn. */
export class CrashPlan {
  readonly #random: () => number;
  readonly #hits = new Map<string, number>();
  readonly #seen = new Set<string>();
  /** The points of the fullest whole night so far, in order. */
  #fullest: readonly string[] = [];
  /** The kinds that even a process with nothing left to do passes. */
  #always: ReadonlySet<string> = new Set();

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Learns from a process that was not killed. */
  learnWhole(points: readonly string[], options: { idle: boolean }): void {
    for (const kind of points) this.#seen.add(kind);
    if (options.idle) this.#always = new Set(points);
    if (points.length > this.#fullest.length) this.#fullest = points;
  }

  /** Learns from a process that was to be killed. */
  learnKilled(points: readonly string[], killed: boolean): void {
    for (const kind of points) this.#seen.add(kind);
    const last = points.at(-1);
    if (killed && last !== undefined) this.#hits.set(last, (this.#hits.get(last) ?? 0) + 1);
  }

  /** A kind of point that no whole night passes (it heals a lost database), and at which no process died yet. */
  drawUnusual(): CrashPoint | null {
    const kind = [...this.#seen].find((each) => !this.#hits.has(each) && !this.#fullest.includes(each));
    return kind === undefined ? null : { kind, nth: 1 };
  }

  /**
   * A point of the numbered sequence of a whole night, of the kinds that were hit least so far. When the night has all its work before it, those
   * come first that a process without work never passes.
   * @param anywhere also at a later passage of its kind, which a night that was cut short before may not reach any more
   */
  draw(fresh: boolean, anywhere: boolean): CrashPoint | null {
    const candidates = this.#fullest
      .map((kind, index) => ({ kind, nth: this.#fullest.slice(0, index + 1).filter((each) => each === kind).length }))
      .filter(({ kind, nth }) => fresh !== this.#always.has(kind) && (anywhere || nth === 1));
    const hitsOf = (kind: string): number => this.#hits.get(kind) ?? 0;
    const fewest = Math.min(...candidates.map(({ kind }) => hitsOf(kind)));
    const rare = candidates.filter(({ kind }) => hitsOf(kind) === fewest);
    return rare[Math.floor(this.#random() * rare.length)] ?? null;
  }

  /** The kinds of point at which no process died yet. */
  get unhit(): readonly string[] {
    return [...this.#seen].filter((kind) => !this.#hits.has(kind));
  }

  /** Every kind of point that was passed, and how often a process died there. */
  get tally(): readonly (readonly [kind: string, hits: number])[] {
    return [...this.#seen].sort().map((kind) => [kind, this.#hits.get(kind) ?? 0] as const);
  }
}
