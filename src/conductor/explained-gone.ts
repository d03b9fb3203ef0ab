import { planPrune } from "../domain/removal.ts";
import { policyFinder } from "./assign.ts";
import { explainPoints, type ExplainBase, type ExplainedPoints } from "./explained-points.ts";
import { planSurely, type RemovalPreview } from "./orders/removal.ts";
import { retentionTerms } from "./scan.ts";

/** What is left of a volume that Cinder does not list any more. */
export interface ExplainedGone {
  readonly points: ExplainedPoints;
  /** What `prune --gone` would do now. */
  readonly prune: RemovalPreview;
}

/** @returns null when no backup and no snapshot is of it */
export async function explainGone(base: ExplainBase, volumeId: string): Promise<ExplainedGone | null> {
  const { blocked, conductor, inventory, now, signal } = base;
  // Nobody can ask for anything on it any more.
  const terms = retentionTerms(inventory, conductor.settings, policyFinder(conductor, { targets: new Map() }));
  const points = await explainPoints(base, { volumeId, terms, releasedAt: null });
  const volumes = [...points.read.backup.values(), ...points.read.snapshot.values()];
  const backups = volumes.flatMap((volume) => [...volume.points, ...volume.others]).map(({ backup }) => backup);
  if (backups.length === 0) return null;
  const proven = points.blocked !== "unproven_reader";
  const { cloneSources, volumeIds: existingVolumeIds } = inventory;
  const prune = await planSurely(conductor, { backups, proven, partial: blocked === "partial_scan" }, signal, (read) =>
    planPrune({ now, volumes: read, existingVolumeIds, ...terms, cloneSources }),
  );
  return { points, prune };
}
