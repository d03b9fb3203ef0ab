import type { Job } from "./catalogue.ts";
import type { DispatchLimits } from "./dispatch.ts";
import { temporaryKey } from "./marks.ts";
import { pointTime, type Point, type VolumePoints } from "./points.ts";
import type { Reason } from "./reasons.ts";
import type { PlanInput } from "./scene.ts";

/**
 * Backups from temporary snapshots: of all volumes of a server in a slot, requested together, so that backups that are made one after the other are of nearly one
 * moment. With Cinder's Ceph driver such backups destroy each other silently, so both are asked for: the operator's word on the volume type, and what Cinder shows of
 * the volume's earlier backups.
 */

/**
 * Why a volume must not be backed up from a snapshot; `null` when it may. A driver that writes in chunks counts them in each full; Ceph's always says 0.
 * @param points of its backups, everybody's
 * @param types that the operator names
 */
export function whyOrdinary(
  volumeType: string | null,
  points: VolumePoints | undefined,
  types: readonly string[],
): Reason | null {
  if (volumeType === null || !types.includes(volumeType)) return "ordinary_type";
  if (points === undefined) return "ordinary_no_evidence";
  const all = [...points.points, ...points.others];
  if (all.some(looksLikeCeph)) return "ordinary_ceph";
  if (all.some((point) => point.backup.snapshotId !== null && !(isFromTemporary(point) && point.good)))
    return "ordinary_doubt";
  const fulls = points.points.filter(({ backup }) => !backup.isIncremental);
  const newest = fulls.reduce<Point | null>(
    (best, point) => (best === null || pointTime(point.backup) >= pointTime(best.backup) ? point : best),
    null,
  );
  return newest?.good === true && (newest.backup.objectCount ?? 0) > 0 ? null : "ordinary_no_evidence";
}

/** Whether we made a backup from a temporary snapshot: no other of ours is made from one. What was adopted, somebody else made. */
export const isFromTemporary = ({ backup, entry, kind, marks }: Point): boolean =>
  backup.snapshotId !== null && kind === "ours" && !marks.adopted && entry?.adopted !== true;

/** A full without a chunk, or a failure that speaks of Ceph. One that is being made, or failed early, has none anywhere. */
function looksLikeCeph({ backup }: Point): boolean {
  if (/\brbd\b|\bceph\b|\brados\b/i.test(backup.failReason ?? "")) return true;
  const unfinished = backup.status === "creating" || backup.status === "error";
  return !backup.isIncremental && !unfinished && backup.objectCount === 0;
}

type TemporaryInput = Pick<PlanInput, "policy" | "mechanism" | "ahead" | "points" | "fromSnapshotTypes">;

/**
 * Says of the jobs of one track which backups are made from temporary snapshots. A server with one volume needs none: its backup is of one moment anyway.
 */
export function planTemporary(jobs: readonly Job[], input: TemporaryInput): Job[] {
  if (input.policy.consistency !== "set" || input.mechanism !== "backup") return [...jobs];
  const sizes = new Map<string, number>();
  for (const { setId } of jobs) sizes.set(setId, (sizes.get(setId) ?? 0) + 1);
  return jobs.map((job) => {
    if ((sizes.get(job.setId) ?? 0) < 2) return job;
    // Cinder would build it on what there was before the snapshot, not on what the other policy makes meanwhile.
    const reason = input.ahead.has(job.volumeId)
      ? "ordinary_behind"
      : whyOrdinary(job.volumeType, input.points.get(job.volumeId), input.fromSnapshotTypes);
    return { ...job, temporary: reason === null ? "wanted" : "refused", temporaryReason: reason };
  });
}

/** Whether a planned job waits for nothing but its turn. */
export const mayBeSent = ({ temporary }: Pick<Job, "temporary">): boolean =>
  temporary === null || temporary === "refused" || temporary === "ready" || temporary === "abandoned";

/** Whether a temporary snapshot of the job is being made. */
export const isTemporaryInFlight = ({ state, temporary }: Pick<Job, "state" | "temporary">): boolean =>
  state === "planned" && (temporary === "requesting" || temporary === "creating");

/**
 * The temporary snapshot of a job as dispatch sees it: a snapshot of a set, which all start together. It takes none of the places that its policy has for restore points.
 */
export const asSnapshot = (job: Job): Job => ({
  ...job,
  key: temporaryKey(job.key),
  mechanism: "snapshot",
  policy: temporaryKey(job.policy),
});

/**
 * The jobs whose temporary snapshots may be requested now, of those that wait. Snapshots must not pile up while backups are slow: a set begins when fewer
 * than a project may have in flight wait for their backup.
 */
export function wantedTemporaries(
  waiting: readonly Job[],
  limits: Pick<DispatchLimits, "global" | "perProject">,
): Job[] {
  const ready = waiting.filter(({ temporary }) => temporary === "ready");
  const begun = new Set(waiting.filter(({ temporarySentAt }) => temporarySentAt !== null).map(({ setId }) => setId));
  const ofProject = Map.groupBy(ready, ({ projectId }) => projectId);
  return waiting.filter(({ projectId, setId, temporary }) => {
    if (temporary !== "wanted") return false;
    const room = ready.length < limits.global && (ofProject.get(projectId)?.length ?? 0) < limits.perProject;
    return room || begun.has(setId);
  });
}
