import type { BackupMode } from "./catalogue.ts";
import { dayMs } from "./durations.ts";
import type { Mechanism } from "./inventory.ts";
import type { Reason } from "./reasons.ts";

export interface SimulatedPoint {
  readonly id: string;
  readonly mechanism: Mechanism;
  readonly mode: BackupMode;
  readonly isArchive: boolean;
  readonly slot: string;
  readonly createdAt: Date;
  /** `null`: it is still there in the end. */
  readonly removedAt: Date | null;
}

/** A point that exists at some time, and all that keeps it. */
export interface ExistingPoint {
  readonly point: SimulatedPoint;
  readonly because: readonly Reason[];
}

export const existsAt = ({ createdAt, removedAt }: SimulatedPoint, at: Date): boolean =>
  createdAt <= at && (removedAt === null || removedAt > at);

/**
 * What points take at a time, in GiB. A full takes the whole volume, an incremental what changed since the backup before it. A snapshot takes what was
 * overwritten since, up to the snapshot after it: it is storage of the volume's backend.
 * @param points that exist then, oldest first
 */
export function storedGiB(
  points: readonly SimulatedPoint[],
  at: Date,
  { sizeGiB, dailyChange }: { readonly sizeGiB: number; readonly dailyChange: number },
): number {
  const changedGiB = (sinceMs: number, untilMs: number): number =>
    sizeGiB * (1 - (1 - dailyChange) ** (Math.max(0, untilMs - sinceMs) / dayMs));
  const backups = points.filter(({ mechanism }) => mechanism === "backup");
  const snapshots = points.filter(({ mechanism }) => mechanism === "snapshot");
  const sizes = [
    ...backups.map(({ mode, createdAt }, index) => {
      const before = backups[index - 1];
      return mode === "full" || before === undefined
        ? sizeGiB
        : changedGiB(before.createdAt.getTime(), createdAt.getTime());
    }),
    ...snapshots.map(({ createdAt }, index) =>
      changedGiB(createdAt.getTime(), (snapshots[index + 1]?.createdAt ?? at).getTime()),
    ),
  ];
  return sizes.reduce((sum, size) => sum + size, 0);
}
