import type { CatalogueEntry } from "./catalogue.ts";
import type { Backup } from "./inventory.ts";
import type { Marks } from "./marks.ts";

/** `unmarked`: created by us, without the mark. `forged`: marked, created by somebody else. `foreign`: all others. */
export type PointKind = "ours" | "forged" | "unmarked" | "foreign";

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
  /** The newest of all, whoever made it and wherever it is; see {@link import("./points.ts").newestIn}. */
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

/** Sorts all backups into points and chains, by volume id. */
export function readPoints(input: PointsInput): ReadonlyMap<string, VolumePoints> {
  throw new Error(`not written yet: ${String(input.userIds.size)}`);
}

/** The newest backup of the volume in one project: the one Cinder would take as the next incremental's parent there. */
export function newestIn(volume: VolumePoints, projectId: string): Point | null {
  throw new Error(`not written yet: ${volume.volumeId} ${projectId}`);
}
