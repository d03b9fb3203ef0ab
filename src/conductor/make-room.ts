import type { Job } from "../domain/catalogue.ts";
import type { Backup } from "../domain/inventory.ts";
import type { Cycle } from "./cycle-state.ts";
import { provenBackups, termsOf } from "./proven.ts";
import { rotatePoints } from "./rotation.ts";

/**
 * Makes room in projects whose quota has none, for policies that say so: what the new points are going to push out goes before they are made. Rule 1 and the brake hold as
 * in every rotation: where nothing may go, the jobs stay refused.
 * @returns whether anything was deleted
 */
export async function makeRoom(
  cycle: Cycle,
  {
    jobs,
    refused,
    listed,
  }: {
    readonly jobs: readonly Job[];
    readonly refused: readonly Job[];
    readonly listed: ReadonlyMap<string, readonly Backup[]>;
  },
): Promise<boolean> {
  const { conductor, inventory, lease, run, signals, tracks, userIds } = cycle;
  const prunes = new Set(tracks.filter(({ policy }) => policy.onQuota === "prune").map(({ policy }) => policy.name));
  const short = refused.filter(({ policy, reason }) => reason === "over_quota" && prunes.has(policy));
  let deleted = 0;
  for (const projectId of new Set(short.map((job) => job.projectId))) {
    const own = jobs.filter((job) => job.projectId === projectId && prunes.has(job.policy));
    const rotation = await rotatePoints(
      conductor,
      lease,
      {
        runId: run.id,
        projectId,
        ...(await provenBackups(cycle, projectId, { listed, isWorked: false })),
        inventory,
        userIds,
        terms: termsOf(cycle),
        expecting: own.map(({ mechanism, policy, slot, volumeId }) => ({
          mechanism,
          policy,
          volumeId,
          at: new Date(slot),
        })),
        releasedAt: new Map(),
        planAlone: (work) => work(),
      },
      signals,
    );
    deleted += rotation.deleted;
  }
  return deleted > 0;
}
