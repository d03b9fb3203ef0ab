import { isArchive } from "./archive.ts";
import type { BackupMode, Job } from "./catalogue.ts";
import { hash } from "./hash.ts";
import type { Volume } from "./inventory.ts";
import { newestIn, pointTime, type Chain, type Point, type VolumePoints } from "./points.ts";
import type { Policy } from "./policy.ts";
import type { Reason } from "./reasons.ts";
import { isFromTemporary } from "./temporary.ts";

type ModePolicy = Pick<Policy, "fullEvery" | "archive" | "maximumChainAgeMs">;

export interface ModeChoice {
  readonly mode: BackupMode;
  readonly reason: Reason;
  /** The backup that Cinder will build an incremental on. */
  readonly parentId: string | null;
}

/**
 * Full or incremental. Cinder builds an incremental on the newest backup of the volume in its project, whoever made it, so that one has to be
 * ours, good and known for certain; otherwise the backup is full, for the first reason found.
 */
export function chooseMode(
  volume: Volume,
  points: VolumePoints | undefined,
  policy: ModePolicy,
  {
    now,
    onSnapshotBackups = false,
  }: {
    readonly now: Date;
    /** May build on backups of ours that were made from temporary snapshots: the backup driver is known to take that. */
    readonly onSnapshotBackups?: boolean;
  },
): ModeChoice {
  const full = (reason: Reason): ModeChoice => ({ mode: "full", reason, parentId: null });
  if (points === undefined) return full("full_first");
  const newest = newestIn(points, volume.projectId);
  if (newest === null) return full("full_first");
  const reason = obstacle(volume, points, newest, { ...policy, now, onSnapshotBackups });
  return reason === null ? { mode: "incremental", reason: "incremental", parentId: newest.backup.id } : full(reason);
}

/** A backup that another policy makes first in the same plan: by its turn it will be the volume's newest. */
export interface Ahead {
  /** Of its chain, with it. */
  readonly chainLength: number;
  readonly chainBegunAt: Date;
  readonly isArchive: boolean;
}

/** @param before what was ahead of the job itself, if anything */
export function aheadOf(
  job: Pick<Job, "mode" | "parentId" | "plannedAt" | "archiveContainer">,
  points: VolumePoints | undefined,
  before: Ahead | undefined,
): Ahead {
  const isArchive = job.archiveContainer !== null;
  if (job.mode === "full") return { chainLength: 1, chainBegunAt: job.plannedAt, isArchive };
  if (before !== undefined) return { ...before, chainLength: before.chainLength + 1, isArchive };
  const chain = points?.chains.find(({ members }) => members.some(({ backup }) => backup.id === job.parentId));
  const [root] = chain?.members ?? [];
  return {
    chainLength: (chain?.members.length ?? 0) + 1,
    chainBegunAt: root?.backup.createdAt ?? job.plannedAt,
    isArchive,
  };
}

/** Full or incremental where the parent is yet to be made, so that it has no id. */
export function chooseModeAfter(
  { chainLength, chainBegunAt, isArchive }: Ahead,
  { fullEvery, maximumChainAgeMs }: ModePolicy,
  now: Date,
): ModeChoice {
  const full = (reason: Reason): ModeChoice => ({ mode: "full", reason, parentId: null });
  if (isArchive) return full("full_after_archive");
  if (chainLength >= fullEvery) return full("full_chain_limit");
  const isOld = maximumChainAgeMs !== null && now.getTime() - chainBegunAt.getTime() >= maximumChainAgeMs;
  return isOld ? full("full_chain_age") : { mode: "incremental", reason: "incremental", parentId: null };
}

/** Why the newest backup cannot be built on; `null` when it can. */
function obstacle(
  volume: Volume,
  points: VolumePoints,
  newest: Point,
  {
    fullEvery,
    archive,
    maximumChainAgeMs,
    now,
    onSnapshotBackups,
  }: ModePolicy & { readonly now: Date; readonly onSnapshotBackups: boolean },
): Reason | null {
  // With Ceph, backups made from snapshots share an image: a later incremental can destroy the good one there.
  const fromSnapshot = (p: Point): boolean =>
    p.backup.snapshotId !== null && isIn(p, volume.projectId) && !(onSnapshotBackups && isFromTemporary(p));
  if (points.points.some(fromSnapshot) || points.others.some(fromSnapshot)) return "full_snapshot_backup";
  // Of two that are equally new, Cinder may take either.
  const inArchive = (p: Point): boolean => isArchive(p, archive);
  const isAsNew = (p: Point): boolean => pointTime(p.backup) === pointTime(newest.backup) && isIn(p, volume.projectId);
  const chain = points.chains.find(({ members }) => members.includes(newest));
  if (chain === undefined || newest.foreignParent || points.others.some(isAsNew)) return "full_foreign_parent";
  // A lost database forgets that it is ours, and what builds on it were not good any more.
  if (chain.members.some(isAdopted) || points.points.some((p) => isAsNew(p) && isAdopted(p)))
    return "full_after_adopted";
  if (newest.backup.status === "available" && !chain.certain) return "full_unknown_parent";
  if (!points.points.every((p) => p.good || !isAsNew(p))) return "full_parent_not_good";
  // The other's chain may be longer, older, or of another size.
  if (points.points.some((p) => isAsNew(p) && !chain.members.includes(p) && !inArchive(p)))
    return "full_unknown_parent";
  // Neither on it nor on what, by an accident, was built on it.
  if (chain.members.some(inArchive) || points.points.some((p) => isAsNew(p) && inArchive(p)))
    return "full_after_archive";
  if (newest.backup.sizeGiB !== volume.sizeGiB) return "full_resized";
  // The mark says "" where the cloud has no types; without a mark the database may still know.
  if ((newest.marks.volumeType ?? newest.entry?.volumeType) !== (volume.volumeType ?? "")) return "full_retyped";
  const { length } = chain.members;
  const begun = chain.members[0]?.backup.createdAt ?? now;
  if (maximumChainAgeMs !== null && now.getTime() - begun.getTime() >= maximumChainAgeMs) return "full_chain_age";
  return length >= fullEvery || length === firstChainLength(points, { fullEvery, archive }) ? "full_chain_limit" : null;
}

const isAdopted = ({ entry }: Point): boolean => entry?.adopted === true;

/** A row without a project (the token was not an admin's) may be in any. */
const isIn = (point: Point, projectId: string): boolean => point.projectId === null || point.projectId === projectId;

/**
 * The first chain of a volume is shortened, so that volumes which started on one night do not all make their fulls on the same nights.
 * `null` when it is not the first one.
 */
function firstChainLength(
  { chains, volumeId }: VolumePoints,
  { fullEvery, archive }: Pick<Policy, "fullEvery" | "archive">,
): number | null {
  // Adopted ones were made in another rhythm.
  const isOfSchedule = ({ members }: Chain): boolean => !members.some(isAdopted);
  const hasArchive = ({ members }: Chain): boolean => members.some((member) => isArchive(member, archive));
  const [archives, usual] = [true, false].map(
    (archived) => chains.filter((chain) => chain.good && isOfSchedule(chain) && hasArchive(chain) === archived).length,
  );
  // A volume may begin with an archive; later, archives may be all that rotation has left of earlier chains.
  return (usual ?? 0) > 1 || (archives ?? 0) > 1 ? null : 1 + (hash(volumeId) % fullEvery);
}
