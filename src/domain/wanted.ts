import { archiveRetentionMs, isArchive } from "./archive.ts";
import { byAge, pointTime, type Point } from "./points.ts";
import type { Reason } from "./reasons.ts";
import { inForceMs, lateMs, promisesOf, type PointTerms, type View, type VolumeTerms } from "./terms.ts";
import type { KeptAs } from "./thinning.ts";

/** The points of one volume in one project, and when they expire. */
export interface VolumeView {
  readonly view: View;
  readonly nowMs: number;
  readonly terms: VolumeTerms;
  /** Counts keep nothing: of a volume that is gone no newer points will ever push the last ones out. */
  readonly byAgeOnly: boolean;
  readonly newestGood: Point | null;
  readonly newestFailed: Point | null;
}

/** Cinder deletes from these two states only. */
export const settled: ReadonlySet<string> = new Set(["available", "error"]);
const leaving: ReadonlySet<string> = new Set(["deleting", "deleted", "error_deleting"]);

export const isLeaving = (point: Point): boolean => leaving.has(point.backup.status);

/** @param points those of the project, of ours, oldest first */
export function viewVolume(
  points: readonly Point[],
  context: Pick<VolumeView, "view" | "nowMs" | "terms"> & Partial<Pick<VolumeView, "byAgeOnly">>,
): VolumeView {
  return {
    byAgeOnly: false,
    ...context,
    newestGood: newestGood(points, context.view),
    newestFailed: newest(points.filter((point) => point.backup.status === "error")),
  };
}

export const newestGood = (points: readonly Point[], view: View): Point | null =>
  newest(points.filter((point) => (view === "marks" ? point.goodByMarks : point.good)));

/** Of equally old ones always the same. The order of the list is none to go by: it differs with what is known of parents, and so with the database (rule 5). */
const newest = (points: readonly Point[]): Point | null =>
  points.reduce<Point | null>(
    (best, point) => (best !== null && byAge(best.backup, point.backup) > 0 ? best : point),
    null,
  );

/** By its age: the latest of all dates that anybody remembers to have promised, and never less than the retention in force. In ms since 1970. */
export function expiresAtMs(point: Point, { view, terms }: Pick<VolumeView, "view" | "terms">): number {
  const own = termsOf(point, terms);
  const { group } = own;
  const late = lateMs(point, own, view);
  return Math.max(
    point.backup.createdAt.getTime() + Math.max(inForceMs(point, group), archiveRetentionMs(point, group.archive)),
    ...promisesOf(point, view).map((at) => at.getTime() + Math.max(0, late)),
  );
}

/** When nothing kept it for its own sake any more, by age or by counts; infinite while counts do. In ms since 1970. */
export const diesAtMs = (point: Point, volume: Pick<VolumeView, "view" | "terms">): number =>
  Math.max(expiresAtMs(point, volume), termsOf(point, volume.terms).counting.outMs);

/** Whether counts let go of it, and not its age alone later. */
export const isThinned = (point: Point, volume: Pick<VolumeView, "view" | "terms">): boolean =>
  termsOf(point, volume.terms).counting.outMs >= expiresAtMs(point, volume);

function termsOf(point: Point, { of }: VolumeTerms): PointTerms {
  const terms = of.get(point);
  if (terms === undefined) throw new Error(`no terms of ${point.backup.id}`);
  return terms;
}

/** Why a point is wanted for its own sake; `null` when it is not. */
export const wantedBecause = (point: Point, volume: VolumeView): Reason | null => whyWanted(point, volume)[0] ?? null;

const keptAsReasons = {
  last: "keep_last",
  hourly: "keep_hourly",
  daily: "keep_daily",
  weekly: "keep_weekly",
  monthly: "keep_monthly",
  yearly: "keep_yearly",
  minimum: "keep_minimum",
} as const satisfies Record<KeptAs, Reason>;

/** All that keeps a point for its own sake; what the policy counts comes first. */
export function whyWanted(point: Point, volume: VolumeView): readonly Reason[] {
  const { backup, entry, marks } = point;
  if (marks.held || (volume.view === "memory" && entry?.held === true)) return ["keep_held"];
  if (isLeaving(point)) return [];
  if (!settled.has(backup.status)) return ["keep_running"];
  if (backup.status === "error") return isFailureWanted(point, volume) ? ["keep_failed"] : [];
  const { group, counting } = termsOf(point, volume.terms);
  const reasons: Reason[] = [];
  if (!volume.byAgeOnly) {
    reasons.push(...counting.keptAs.map((step) => keptAsReasons[step]));
    if (counting.unreadable) reasons.push("keep_unreadable");
    const isPromised = promisesOf(point, volume.view).length > 0 || counting.isMarked;
    // Nobody says how long.
    const isUnknown = !isPromised || expiresAtMs(point, volume) === Infinity;
    const isAdopted = marks.adopted && !isPromised;
    if (group.policy === null && isUnknown) return [...reasons, isAdopted ? "keep_adopted" : "keep_policy_gone"];
    if (isAdopted) reasons.push("keep_adopted");
  }
  // Written so that times which are not numbers keep it.
  const isYoung = !(backup.createdAt.getTime() + inForceMs(point, group) <= volume.nowMs);
  if (isYoung) reasons.push("keep_age");
  else if (!(expiresAtMs(point, volume) <= volume.nowMs)) {
    reasons.push(isArchive(point, group.archive) ? "keep_archive" : "keep_promised");
  }
  return reasons;
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
