import type { Backup } from "./inventory.ts";
import type { Reason } from "./reasons.ts";

/** Which backups can be adopted with all that they are built on: a chain of which a part is somebody else's is good for nothing. */
export class AdoptableChains {
  readonly #input: Input;
  readonly #accepted = new Set<string>();
  /** By backup, the ancestor that is missing. */
  readonly #missing = new Map<string, string>();

  constructor(input: Input) {
    this.#input = input;
  }

  /** The same, each after those of them that it is built on. */
  parentsFirst(points: readonly Backup[]): readonly Backup[] {
    const rows = new Map(points.map((point) => [point.id, point]));
    const ordered = new Set<Backup>();
    for (const point of points) {
      // Cinder's parents go in no circle, but what a scan shows while they change might.
      const line = new Set<Backup>();
      for (let at: Backup | undefined = point; at !== undefined && !line.has(at) && !ordered.has(at);) {
        line.add(at);
        at = rows.get(this.#input.parents.get(at.id) ?? "");
      }
      for (const each of [...line].reverse()) ordered.add(each);
    }
    return [...ordered];
  }

  /** Why not all that it is built on is ours or accepted; `null` when it is. Ask after its ancestors. */
  whyIncomplete(point: Backup): { readonly reason: Reason; readonly message: string | null } | null {
    if (!point.isIncremental) return null;
    const missing = this.#missingOf(point);
    if (missing === null) return null;
    if (missing === unknown) return { reason: "parent_missing", message: null };
    this.#missing.set(point.id, missing);
    return { reason: "parent_not_adopted", message: missing };
  }

  accept(point: Backup): void {
    this.#accepted.add(point.id);
  }

  /** Id of the nearest ancestor that is wanting. */
  #missingOf(point: Backup): string | typeof unknown | null {
    const { isOurs, parents, siblings } = this.#input;
    const seen = new Set<string>();
    for (let at = point; at.isIncremental;) {
      seen.add(at.id);
      const parentId = parents.get(at.id) ?? null;
      if (parentId === null || seen.has(parentId)) return unknown;
      if (this.#accepted.has(parentId)) return null;
      const parent = siblings.get(parentId);
      if (parent === undefined || !isOurs(parent)) return this.#missing.get(parentId) ?? parentId;
      at = parent;
    }
    return null;
  }
}

interface Input {
  /** Real parents of incrementals; `null`: none was found. */
  readonly parents: ReadonlyMap<string, string | null>;
  /** All backups of their volumes, by id. */
  readonly siblings: ReadonlyMap<string, Backup>;
  readonly isOurs: (backup: Backup) => boolean;
}

const unknown = Symbol("unknown");
