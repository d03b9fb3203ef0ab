import { archiveRetentionMs, isArchive } from "./archive.ts";
import { pointTime, type Point } from "./points.ts";
import type { ArchiveRule } from "./policy.ts";
import type { Reason } from "./reasons.ts";

/**
 * What a judgement may lean on: Cinder's rows and marks alone, or the catalogue's memory, too. Both must allow a deletion, so that no
 * database, however old, lets go of what an empty one would keep (rule 5).
 */
export type View = "marks" | "memory";

/** The points of one volume in one project, and when they expire. */
export interface VolumeView {
  readonly view: View;
  readonly nowMs: number;
  /** In force now; infinite when it makes no sense. */
  readonly retentionMs: number;
  /** The same for a point whose promise cannot be read: never less than the policy's, whatever a tenant asks for now. */
  readonly unpromisedMs: number;
  /** By which archives have a retention of their own. */
  readonly archive: ArchiveRule | null;
  /** Of ours, oldest first. */
  readonly points: readonly Point[];
  readonly newestGood: Point | null;
  readonly newestFailed: Point | null;
}

/** Cinder deletes from these two states only. */
export const settled: ReadonlySet<string> = new Set(["available", "error"]);
const leaving: ReadonlySet<string> = new Set(["deleting", "deleted", "error_deleting"]);

export const isLeaving = (point: Point): boolean => leaving.has(point.backup.status);

export function viewVolume(
  points: readonly Point[],
  context: Pick<VolumeView, "view" | "nowMs" | "retentionMs" | "unpromisedMs" | "archive">,
): VolumeView {
  return {
    ...context,
    points,
    newestGood: newestGood(points, context.view),
    newestFailed: newest(points.filter((point) => point.backup.status === "error")),
  };
}

export const newestGood = (points: readonly Point[], view: View): Point | null =>
  newest(points.filter((point) => (view === "marks" ? point.goodByMarks : point.good)));

/** Of equally old ones the last: a child rather than its parent. */
const newest = (points: readonly Point[]): Point | null =>
  points.reduce<Point | null>(
    (best, point) => (best !== null && pointTime(best.backup) > pointTime(point.backup) ? best : point),
    null,
  );

/** Until when a point was promised: the latest of all that anybody remembers, and never less than the retention in force. In ms since 1970. */
export function expiresAtMs(
  point: Point,
  { view, retentionMs, unpromisedMs, archive }: Pick<VolumeView, "view" | "retentionMs" | "unpromisedMs" | "archive">,
): number {
  const remembered = view === "memory" ? (point.entry?.keepUntil ?? null) : null;
  const isPromised = point.marks.keepUntil !== null;
  return Math.max(
    point.backup.createdAt.getTime() +
      Math.max(isPromised ? retentionMs : unpromisedMs, archiveRetentionMs(point, archive)),
    point.marks.keepUntil?.getTime() ?? -Infinity,
    remembered?.getTime() ?? -Infinity,
  );
}

/** Why a point is wanted for its own sake; `null` when it is not. */
export function wantedBecause(point: Point, volume: VolumeView): Reason | null {
  const { backup, entry, marks } = point;
  if (marks.held || (volume.view === "memory" && entry?.held === true)) return "keep_held";
  if (isLeaving(point)) return null;
  if (!settled.has(backup.status)) return "keep_running";
  if (backup.status === "error") return isFailureWanted(point, volume) ? "keep_failed" : null;
  // Written so that times which are not numbers keep it.
  if (!(backup.createdAt.getTime() + volume.retentionMs <= volume.nowMs)) return "keep_age";
  if (expiresAtMs(point, volume) <= volume.nowMs) return null;
  return isArchive(point, volume.archive) ? "keep_archive" : "keep_promised";
}

/**
 * A failed backup restores nothing; it is kept as the trace of what went wrong until a good one follows. Where none follows, the newest
 * failed one is kept, and the others as long as a good one would be: they count against the project's quota.
 */
function isFailureWanted(point: Point, volume: VolumeView): boolean {
  const { newestGood, newestFailed } = volume;
  if (newestGood !== null && pointTime(newestGood.backup) > pointTime(point.backup)) return false;
  return point === newestFailed || point.marks.keepUntil === null || expiresAtMs(point, volume) > volume.nowMs;
}
