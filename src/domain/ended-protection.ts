import type { Job } from "./catalogue.ts";
import { compareText } from "./compare.ts";
import type { Notice } from "./overrides.ts";
import type { Target } from "./tracks.ts";

/**
 * Volumes that a policy protected in the slot before, still exist, and are not among its targets any more. Whoever took the tag away, or had it taken away, is told the
 * same night; what was made stays as long as it was promised.
 */
export function endedProtection(input: {
  /** Of the slot before. */
  readonly jobs: readonly Job[];
  /** Now. */
  readonly targets: readonly Target[];
  readonly volumeIds: ReadonlySet<string>;
}): Notice[] {
  const { jobs, targets, volumeIds } = input;
  const asked = new Set(targets.flatMap((target) => target.volumeIds));
  return jobs
    .filter((job) => volumeIds.has(job.volumeId) && !asked.has(job.volumeId))
    .map((job) => ({
      reason: "protection_ended" as const,
      projectId: job.projectId,
      resourceId: job.volumeId,
      message: `${job.volumeName === "" ? "volume" : job.volumeName}${job.serverId === "" ? "" : ` of ${job.serverName}`}`,
    }))
    .sort((a, b) => compareText(a.resourceId, b.resourceId));
}
