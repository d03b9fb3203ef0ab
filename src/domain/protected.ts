import type { Mechanism, Volume } from "./inventory.ts";
import type { Skip } from "./planner.ts";
import type { Track } from "./tracks.ts";

/** How often one policy makes restore points by one mechanism. */
export interface Rhythm {
  readonly policy: string;
  readonly mechanism: Mechanism;
  readonly periodMs: number;
}

/** A volume that is to be protected, due or not. */
export interface ProtectedVolume {
  readonly projectId: string;
  readonly by: readonly Rhythm[];
}

const notWanted: ReadonlySet<string> = new Set(["skip_requested", "foreign_volume"]);

/** The volumes that the tracks protect, but for those that are not to be: whose owner does not want it, or that are attached across projects only. */
export function protectedVolumes(
  tracks: readonly Track[],
  plan: { readonly jobs: readonly { readonly key: string }[]; readonly skips: readonly Skip[] },
  volumes: ReadonlyMap<string, Volume>,
): ReadonlyMap<string, ProtectedVolume> {
  const wanted = new Set([
    ...plan.jobs.map(({ key }) => key),
    ...plan.skips.flatMap(({ key, reason }) => (notWanted.has(reason) ? [] : [key])),
  ]);
  const leftOut = new Set(
    plan.skips
      .filter(({ key, reason }) => notWanted.has(reason) && !wanted.has(key))
      .map(({ mechanism, policy, volumeId }) => `${policy} ${mechanism} ${volumeId ?? ""}`),
  );
  const found = new Map<string, { projectId: string; by: Rhythm[] }>();
  for (const { mechanism, policy, targets } of tracks) {
    const rhythm = { policy: policy.name, mechanism, periodMs: policy.periodMs };
    for (const id of targets.flatMap(({ volumeIds }) => volumeIds)) {
      const volume = volumes.get(id);
      if (volume === undefined || leftOut.has(`${policy.name} ${mechanism} ${id}`)) continue;
      const known = found.get(id);
      if (known === undefined) found.set(id, { projectId: volume.projectId, by: [rhythm] });
      else if (!known.by.includes(rhythm)) known.by.push(rhythm);
    }
  }
  return found;
}
