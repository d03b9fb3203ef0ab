import type { CatalogueEntry } from "./catalogue.ts";
import type { Backup, Mechanism } from "./inventory.ts";
import { isMarked, mark, readMarks, type Marks } from "./marks.ts";
import { resolveParents, withoutCycles, type Parent } from "./parents.ts";

/**
 * `unmarked`: created by us, without the mark. `forged`: marked, created by somebody else. `temporary`: a snapshot of ours that backups are made from, which is no
 * restore point. `foreign`: all others.
 */
export type PointKind = "ours" | "forged" | "unmarked" | "temporary" | "foreign";

/** One backup, read together with what the database remembers of it. */
export interface Point {
  readonly backup: Backup;
  readonly marks: Marks;
  readonly entry: CatalogueEntry | null;
  readonly projectId: string | null;
  readonly kind: PointKind;
  /** Rule 1's word; by Cinder and the catalogue together. Only ours can be good. */
  readonly good: boolean;
  /** The same by Cinder's rows and marks alone: what a lost database would say. Never false where {@link good} is true. */
  readonly goodByMarks: boolean;
  /** `null` for a full, and when unknown, refuted or contradictory. */
  readonly parentId: string | null;
  /** The reader saw it; always true for a full. With `parentId` null on an incremental: none of the backups that exist is its parent. */
  readonly parentVerified: boolean;
  /** The parent is known, listed, and not ours. */
  readonly foreignParent: boolean;
  /** Id of the full at the root of its chain; `null` when its ancestors do not lead to a full of ours. */
  readonly rootId: string | null;
  /** Ancestors of ours above it: 0 for a full, and for an incremental whose parent is unknown or not ours. */
  readonly depth: number;
  /** Ids of its children as the reader listed them in this pass; `null` when not asked. */
  readonly children: readonly string[] | null;
}

/** A full of ours and all that builds on it; or an incremental without a parent of ours, and all that builds on that. */
export interface Chain {
  /** Its first member's id. */
  readonly rootId: string;
  /** Oldest first; a parent always before its children. */
  readonly members: readonly Point[];
  /** Has a good member. */
  readonly good: boolean;
  /** Every member's parent is verified. */
  readonly certain: boolean;
}

/** All backups of one volume, whatever project they are in (a volume can change its project; an administrator can back it up elsewhere). */
export interface VolumePoints {
  readonly volumeId: string;
  /** Ours only, oldest first. */
  readonly points: readonly Point[];
  /** Forged, unmarked and foreign ones, oldest first. */
  readonly others: readonly Point[];
  /** The newest of all, whoever made it and wherever it is; {@link newestIn} asks for one project. */
  readonly newest: Point | null;
  /** Of ours, by the age of their first members. */
  readonly chains: readonly Chain[];
}

export interface PointsInput {
  readonly backups: Iterable<Backup>;
  /** By backup id. It may be empty, partial or stale. */
  readonly catalogue: ReadonlyMap<string, CatalogueEntry>;
  /** `conductor.user_ids`. */
  readonly userIds: ReadonlySet<string>;
  /** Children by parent id, as the reader listed them in this pass (`parent_id=X` over all projects). */
  readonly children?: ReadonlyMap<string, readonly string[]>;
}

/** What Cinder sorts by when it picks the parent of an incremental. */
export const pointTime = (backup: Backup): number => (backup.dataTimestamp ?? backup.createdAt).getTime();

/**
 * Whether the creator and the mark make a backup ours. The mark alone makes nothing ours: tenants can write it. What others created is ours when the database
 * remembers that an operator adopted it; a lost database does not, until somebody adopts it again.
 */
export function kindOf(
  backup: Backup,
  userIds: ReadonlySet<string>,
  entry: Pick<CatalogueEntry, "adopted"> | null = null,
): PointKind {
  const isAdopted = entry?.adopted === true && readMarks(backup.metadata).adopted;
  const byUs = isAdopted || (backup.userId !== null && userIds.has(backup.userId));
  if (isMarked(backup.metadata)) return byUs ? "ours" : "forged";
  if (!byUs) return "foreign";
  return backup.mechanism === "snapshot" && backup.metadata[mark.temporary] !== undefined ? "temporary" : "unmarked";
}

/**
 * Whether a drill's verdict speaks against a restore point. Only none, or one that begins with `good`, does not: what cannot be read is no
 * reason to rely on it as the last good one.
 */
export const isBadVerdict = (verdict: string | null): boolean => verdict !== null && !/^good\b/i.test(verdict);

/** Sorts all backups into points and chains, by volume id. */
export function readPoints(input: PointsInput): ReadonlyMap<string, VolumePoints> {
  const volumes = new Map<string, Map<string, Backup>>();
  for (const backup of input.backups) {
    // Keyed by id: a listing that restarts after a lost marker may repeat a row.
    const rows = volumes.get(backup.volumeId) ?? new Map<string, Backup>();
    volumes.set(backup.volumeId, rows.set(backup.id, backup));
  }
  const parentOf = new Map<string, string>();
  for (const [parentId, children] of input.children ?? []) {
    for (const child of children) parentOf.set(child, parentId);
  }
  const read = new Map<string, VolumePoints>();
  for (const [volumeId, rows] of volumes) read.set(volumeId, readVolume(volumeId, rows, { ...input, parentOf }));
  return read;
}

/** The same for each mechanism apart: a snapshot never stands in for a backup, and is no part of a chain. */
export function readByMechanism(input: PointsInput): Readonly<Record<Mechanism, ReadonlyMap<string, VolumePoints>>> {
  const rows = Map.groupBy(input.backups, ({ mechanism }) => mechanism);
  const read = (mechanism: Mechanism): ReadonlyMap<string, VolumePoints> =>
    readPoints({ ...input, backups: rows.get(mechanism) ?? [] });
  return { backup: read("backup"), snapshot: read("snapshot") };
}

function readVolume(
  volumeId: string,
  rows: ReadonlyMap<string, Backup>,
  input: PointsInput & { readonly parentOf: ReadonlyMap<string, string> },
): VolumePoints {
  const oldestFirst = [...rows.values()].sort(byAge);
  const parents = withoutCycles(
    resolveParents(oldestFirst, {
      ours: (backup) => kindOf(backup, input.userIds, input.catalogue.get(backup.id)) === "ours",
      catalogue: input.catalogue,
      asked: (id) => input.children?.has(id) ?? false,
      parentOf: input.parentOf,
    }),
  );
  const points = new Map<string, Point>();
  const tops = new Map<string, Point[]>();
  const topOf = new Map<string, string>();
  for (const backup of parentsFirst(oldestFirst, parents)) {
    const parent = parents.get(backup.id) ?? unknownParent;
    const above = parent.id === null ? undefined : points.get(parent.id);
    const point = readPoint(backup, { parent, above, input });
    points.set(backup.id, point);
    if (point.kind !== "ours") continue;
    const top = (above && topOf.get(above.backup.id)) ?? backup.id;
    topOf.set(backup.id, top);
    const members = tops.get(top) ?? [];
    members.push(point);
    tops.set(top, members);
  }
  const all = [...points.values()];
  return {
    volumeId,
    points: all.filter((point) => point.kind === "ours"),
    others: all.filter((point) => point.kind !== "ours"),
    newest: newestOf(all),
    chains: [...tops].map(([rootId, members]) => ({
      rootId,
      members,
      good: members.some((point) => point.good),
      certain: members.every((point) => point.parentVerified),
    })),
  };
}

const unknownParent: Parent = { id: null, verified: false };

function readPoint(
  backup: Backup,
  context: { readonly parent: Parent; readonly above: Point | undefined; readonly input: PointsInput },
): Point {
  const { parent, above, input } = context;
  const marks = readMarks(backup.metadata);
  const entry = input.catalogue.get(backup.id) ?? null;
  const kind = kindOf(backup, input.userIds, entry);
  const ourParent = above?.kind === "ours" ? above : undefined;
  const sound = kind === "ours" && backup.status === "available" && !backup.failReason && !isBadVerdict(marks.verdict);
  const remembered = entry === null || (entry.deleteSentAt === null && entry.sizeGiB <= backup.sizeGiB);
  return {
    backup,
    marks,
    entry,
    projectId: backup.projectId,
    kind,
    good: sound && remembered && (!backup.isIncremental || (ourParent?.good ?? false)),
    goodByMarks: sound && (!backup.isIncremental || (ourParent?.goodByMarks ?? false)),
    parentId: parent.id,
    parentVerified: parent.verified,
    foreignParent: above !== undefined && above.kind !== "ours",
    rootId: backup.isIncremental ? (ourParent?.rootId ?? null) : backup.id,
    depth: ourParent === undefined ? 0 : ourParent.depth + 1,
    children: input.children?.get(backup.id) ?? null,
  };
}

/** Oldest first. The same whatever is known of parents. */
export function byAge(a: Backup, b: Backup): number {
  const difference = pointTime(a) - pointTime(b) || a.createdAt.getTime() - b.createdAt.getTime();
  return difference || (a.id < b.id ? -1 : 1);
}

/** The same backups, each parent moved before its children where equal or odd times say otherwise. */
function parentsFirst(oldestFirst: readonly Backup[], parents: ReadonlyMap<string, Parent>): Backup[] {
  const rows = new Map(oldestFirst.map((backup) => [backup.id, backup]));
  const ordered = new Set<Backup>();
  for (const backup of oldestFirst) {
    const line: Backup[] = [];
    let next: Backup | undefined = backup;
    while (next !== undefined && !ordered.has(next)) {
      line.push(next);
      next = rows.get(parents.get(next.id)?.id ?? "");
    }
    for (const member of line.reverse()) ordered.add(member);
  }
  return [...ordered];
}

/** Of equally old ones the last: a child rather than its parent. */
function newestOf(points: Iterable<Point>): Point | null {
  let newest: Point | null = null;
  for (const point of points) {
    if (newest === null || pointTime(point.backup) >= pointTime(newest.backup)) newest = point;
  }
  return newest;
}

/** The newest backup of the volume in one project: what Cinder would take there as the parent of the next incremental. */
export const newestIn = ({ points, others }: VolumePoints, projectId: string): Point | null =>
  newestOf([...points, ...others].filter((point) => point.projectId === projectId));
