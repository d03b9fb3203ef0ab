import type { CatalogueEntry } from "./catalogue.ts";
import type { Backup } from "./inventory.ts";
import { readMarks } from "./marks.ts";

/**
 * What a backup was built on. Cinder's REST API shows no parent, so it is pieced together from what the reader found by asking for
 * children, what the database remembers of earlier answers, and what was expected when the backup was made.
 */
export interface Parent {
  /** `null` for a full, and for an incremental whose parent is unknown or does not exist any more. */
  readonly id: string | null;
  /** Seen by the reader. With a `null` id on an incremental: every backup that could be its parent was asked, and none is. */
  readonly verified: boolean;
}

export interface ParentEvidence {
  readonly ours: (backup: Backup) => boolean;
  readonly catalogue: ReadonlyMap<string, CatalogueEntry>;
  /** Whether the children of this backup were listed in this pass. */
  readonly asked: (id: string) => boolean;
  /** Parent by child, from the children listed in this pass. */
  readonly parentOf: ReadonlyMap<string, string>;
}

/** The parents of one volume's backups. May contain cycles where marks are damaged; see {@link withoutCycles}. */
export function resolveParents(oldestFirst: readonly Backup[], evidence: ParentEvidence): Map<string, Parent> {
  const rows = new Map(oldestFirst.map((backup) => [backup.id, backup]));
  // A backup made in the same second may be the parent: backups can be quicker than the clock of a database without fractions.
  const couldBuildOn = (child: Backup, parent: Backup): boolean =>
    parent !== child && parent.createdAt.getTime() <= child.createdAt.getTime();
  const claimOf = (backup: Backup): string | null => {
    if (!evidence.ours(backup)) return null;
    const claim = readMarks(backup.metadata).parentId ?? evidence.catalogue.get(backup.id)?.parentId ?? null;
    const parent = claim === null ? undefined : rows.get(claim);
    return parent !== undefined && couldBuildOn(backup, parent) && !evidence.asked(parent.id) ? parent.id : null;
  };
  const resolve = (backup: Backup): Parent => {
    if (!backup.isIncremental) return { id: null, verified: true };
    const seen = evidence.parentOf.get(backup.id);
    if (seen !== undefined) return { id: seen, verified: true };
    const entry = evidence.catalogue.get(backup.id);
    if (entry?.parentVerified === true && (entry.parentId === null || !evidence.asked(entry.parentId))) {
      return { id: entry.parentId, verified: true };
    }
    const claim = claimOf(backup);
    if (claim !== null) return { id: claim, verified: false };
    const orphan = oldestFirst.every((other) => !couldBuildOn(backup, other) || evidence.asked(other.id));
    return { id: null, verified: orphan };
  };
  return new Map(oldestFirst.map((backup) => [backup.id, resolve(backup)]));
}

/** Cuts every cycle: those on it contradict each other, so that none of their parents is known. */
export function withoutCycles(parents: ReadonlyMap<string, Parent>): ReadonlyMap<string, Parent> {
  const cut = new Map(parents);
  const done = new Set<string>();
  for (const start of parents.keys()) {
    const path = new Set<string>();
    let id: string | null = start;
    while (id !== null && !done.has(id) && !path.has(id)) {
      path.add(id);
      id = parents.get(id)?.id ?? null;
    }
    if (id !== null && path.has(id)) {
      const line = [...path];
      for (const member of line.slice(line.indexOf(id))) cut.set(member, { id: null, verified: false });
    }
    for (const member of path) done.add(member);
  }
  return cut;
}
