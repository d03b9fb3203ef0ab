import type { Point } from "../domain/points.ts";
import { releasedPoints } from "../domain/release.ts";
import type { RotationSummary } from "../domain/runs.ts";
import type { Conductor, Signals } from "./context.ts";
import { checkBeforeDelete, deletePoint, failureRow, keepRow } from "./delete.ts";
import type { LeaseKeeper } from "./lease.ts";
import type { RotationInput } from "./rotate.ts";

/**
 * Deletes the snapshots that their volumes' owners have released, when the delay is over. Each is looked at again before its DELETE: held ones, and those that a volume
 * was made from, stay. Nothing is deleted where the rotation may not.
 * @param summary the rotation's
 * @returns the same with what was released
 */
export async function deleteReleased(
  conductor: Conductor,
  lease: LeaseKeeper,
  input: {
    readonly rotation: RotationInput;
    readonly summary: RotationSummary;
    /** When the snapshots of a volume may go, by its id. */
    readonly releasedAt: ReadonlyMap<string, Date>;
  },
  signals: Signals,
): Promise<RotationSummary> {
  const { releasedAt, rotation, summary } = input;
  if (rotation.blocked !== null || releasedAt.size === 0) return summary;
  const now = conductor.clock.now();
  const points = rotation.volumes
    .filter(({ volumeId }) => releasedAt.has(volumeId))
    .flatMap((volume) => releasedPoints(volume.points, { dueAt: releasedAt, now }));
  const done = { deleted: 0, failed: 0 };
  for (const point of points) {
    if (signals.drain.aborted) break;
    const outcome = await deleteOne(conductor, lease, { point, rotation }, signals.cut);
    if (outcome !== null) done[outcome] += 1;
  }
  if (done.deleted + done.failed === 0) return summary;
  return {
    ...summary,
    deleted: summary.deleted + done.deleted,
    failed: summary.failed + done.failed,
    kept: Math.max(0, summary.kept - done.deleted),
    reasons: { ...summary.reasons, released: done.deleted },
  };
}

async function deleteOne(
  conductor: Conductor,
  lease: LeaseKeeper,
  { point, rotation }: { readonly point: Point; readonly rotation: RotationInput },
  signal: AbortSignal,
): Promise<"deleted" | "failed" | null> {
  const { projectId, runId, userIds } = rotation;
  const wantedBecause = (): null => null;
  const obstacle = await checkBeforeDelete(conductor, { userIds, projectId, point, wantedBecause }, signal);
  if (obstacle === "gone") return null;
  if (obstacle !== null) {
    await conductor.repository.appendOperations([keepRow(conductor, runId, point, obstacle)]);
    return null;
  }
  const failure = await deletePoint(conductor, lease, { runId, point, reason: "released", signal });
  if (failure === null) return "deleted";
  await conductor.repository.appendOperations([failureRow(conductor, runId, point, failure)]);
  return "failed";
}
