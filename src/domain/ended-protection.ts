import type { Job } from "./catalogue.ts";
import type { Server, Volume } from "./inventory.ts";
import type { Notice } from "./overrides.ts";
import type { Selection } from "./policy.ts";
import { compareText } from "./scene.ts";
import { indexByServer, isTagged, volumesOf } from "./selection.ts";

/**
 * Volumes that were backed up in the slot before, still exist, and belong to no tagged server any more. Whoever took the tag away, or had it taken away, is told the
 * same night; what was backed up stays as long as it was promised.
 */
export function endedProtection(input: {
  /** Of the slot before. */
  readonly jobs: readonly Job[];
  readonly servers: readonly Server[];
  readonly volumes: ReadonlyMap<string, Volume>;
  readonly selection: Selection;
}): Notice[] {
  const { jobs, selection, servers, volumes } = input;
  const byServer = indexByServer(volumes.values());
  const asked = new Set(
    servers.filter((server) => isTagged(server, selection)).flatMap((server) => volumesOf(server, byServer)),
  );
  return jobs
    .filter((job) => volumes.has(job.volumeId) && !asked.has(job.volumeId))
    .map((job) => ({
      reason: "protection_ended" as const,
      projectId: job.projectId,
      resourceId: job.volumeId,
      message: `${job.volumeName === "" ? "volume" : job.volumeName} of ${job.serverName}`,
    }))
    .sort((a, b) => compareText(a.resourceId, b.resourceId));
}
