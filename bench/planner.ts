import { assignmentInput, policyFinder } from "../src/conductor/assign.ts";
import type { Conductor } from "../src/conductor/context.ts";
import { assignPolicies } from "../src/domain/assignment.ts";
import { knownJobs, planTracks, type PointsOf } from "../src/conductor/plan.ts";
import { ourUserIds, retentionTerms, scanPoints, scanInventory } from "../src/conductor/scan.ts";
import { readByMechanism, readPoints } from "../src/domain/points.ts";
import { planRotation } from "../src/domain/retention.ts";
import { tracksOf } from "../src/domain/tracks.ts";

/** CPU time of what is decided, without any I/O. */
export interface PlannerCost {
  /** Nobody is due as the database knows; then, project by project, what may go. */
  readonly nothingDueMs: number;
  /** What a new slot adds: who is due, and how, by all that the cloud shows. */
  readonly dueMs: number;
}

/** Plans as a cycle does, on the cloud and the database as they are. */
export async function timePlanner(conductor: Conductor): Promise<PlannerCost> {
  const { clock, repository, settings } = conductor;
  const never = new AbortController().signal;
  const userIds = await ourUserIds(conductor, never);
  const inventory = await scanInventory(conductor, never);
  const { points: backups } = await scanPoints(conductor, "backup", never);
  const catalogue = new Map((await repository.catalogue()).map((entry) => [entry.backupId, entry]));
  const now = clock.now();
  const assigning = await assignmentInput(conductor, inventory, { now, signal: never });
  const tracks = tracksOf(assignPolicies(assigning).targets, now);
  const jobs = await knownJobs(conductor, tracks);
  const overridesSeen = await repository.overridesSeen();
  const byProject = Map.groupBy(backups, (backup) => backup.projectId ?? "");
  const plan = (points: PointsOf): unknown => {
    const assignment = assignPolicies(assigning);
    const input = { runId: "bench", now, assignment, tracks, inventory, jobs, overridesSeen };
    return planTracks(settings, input, points);
  };
  return {
    nothingDueMs: cpuMs(() => {
      plan(() => new Map());
      const terms = retentionTerms(inventory, settings, policyFinder(conductor, assignPolicies(assigning)));
      for (const [projectId, own] of byProject) {
        planRotation({
          now,
          projectId,
          volumes: [...readPoints({ backups: own, catalogue, userIds }).values()],
          existingVolumeIds: inventory.volumeIds,
          ...terms,
          deletedLast24h: 0,
          override: null,
          blocked: null,
        });
      }
    }),
    dueMs: cpuMs(() => {
      const points = readByMechanism({ backups, catalogue, userIds });
      plan((mechanism) => points[mechanism]);
    }),
  };
}

/** Of this thread alone. */
function cpuMs(work: () => unknown): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}
