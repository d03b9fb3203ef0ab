import type { Job } from "./catalogue.ts";
import type { Server, Volume } from "./inventory.ts";
import { lastBackupTimeKey, markTime } from "./marks.ts";
import type { Selection } from "./policy.ts";
import { asksToSkip } from "./selection.ts";
import type { Target } from "./tracks.ts";

/** A server whose set of the slot is complete, and the value its `last-backup-time` should have. */
export interface CompleteSet {
  readonly server: Server;
  readonly lastBackupTime: string;
}

/**
 * The servers of which every volume that asks for protection was backed up in the slot, and whose `last-backup-time` does not say so yet. So
 * a write that Nova refused is tried again in the next cycle without being remembered anywhere.
 */
export function completeSets(input: {
  targets: readonly Target[];
  volumes: ReadonlyMap<string, Volume>;
  selection: Selection;
  /** Those of one policy in one slot, by one mechanism. */
  jobs: readonly Job[];
}): CompleteSet[] {
  const jobOf = new Map(input.jobs.map((job) => [job.volumeId, job]));
  const complete: CompleteSet[] = [];
  for (const { server, volumeIds } of input.targets) {
    if (server === null) continue;
    const wanted = volumeIds.filter((id) => {
      const volume = input.volumes.get(id);
      return volume === undefined || !asksToSkip(volume, input.selection);
    });
    const ends = wanted.map((id) => {
      const job = jobOf.get(id);
      return job?.state === "succeeded" ? job.endedAt : null;
    });
    const known = ends.filter((end) => end !== null);
    if (known.length === 0 || known.length < ends.length) continue;
    const lastBackupTime = markTime(new Date(Math.max(...known.map(Number))));
    const written = Date.parse(server.metadata[lastBackupTimeKey] ?? "");
    if (Number.isNaN(written) || written < Date.parse(lastBackupTime)) complete.push({ server, lastBackupTime });
  }
  return complete;
}
