import type { Job } from "./catalogue.ts";
import type { BackupQuota, QuotaUse, SnapshotQuota } from "./inventory.ts";
import type { Reason } from "./reasons.ts";

export interface LimitsInput {
  /** In the order in which they deserve what there is. */
  readonly jobs: readonly Job[];
  /** Planned or submitting ones that Cinder does not count yet: they are reserved in our own accounting. */
  readonly openJobs: readonly Job[];
  /** By project. A project that is missing is not judged: Cinder itself refuses what is over quota. */
  readonly quotas: ReadonlyMap<string, BackupQuota>;
  /** At most this many volumes of a project in a slot; `null` is no limit. */
  readonly volumesPerProject: number | null;
  /** Volumes tried in this slot already, by project. */
  readonly attemptedThisSlot: ReadonlyMap<string, number>;
}

export interface LimitedJobs {
  readonly accepted: Job[];
  /** Ended: `failed` with `over_quota` or `volume_limit` and the figures. A smaller one after them may still fit. */
  readonly refused: Job[];
}

/** One limit, counted down as jobs are accepted. */
interface Room {
  /** As messages call it. */
  readonly name: string;
  readonly use: QuotaUse;
  left: number;
  /** How much of it a job takes. */
  readonly needs: (job: Job) => number;
}

/** What is left of a project. */
interface Remainder {
  volumes: number;
  /** The limits that a job must fit into, in the order in which they are told. */
  readonly roomsFor: (job: Job) => readonly Room[];
}

/** Accepts the jobs that the volume limit and the quota of their projects have room for, and ends the others. */
export function fitLimits(input: LimitsInput): LimitedJobs {
  const remainders = new Map<string, Remainder>();
  const remainderOf = (projectId: string): Remainder => {
    let found = remainders.get(projectId);
    if (found === undefined) {
      found = {
        volumes: (input.volumesPerProject ?? Infinity) - (input.attemptedThisSlot.get(projectId) ?? 0),
        roomsFor: roomsOf(input.quotas.get(projectId)),
      };
      remainders.set(projectId, found);
    }
    return found;
  };
  for (const job of input.openJobs) take(remainderOf(job.projectId), job);

  const accepted: Job[] = [];
  const refused: Job[] = [];
  for (const job of input.jobs) {
    const remainder = remainderOf(job.projectId);
    const refusal = refusalOf(job, remainder, input.volumesPerProject);
    if (refusal === null) {
      take(remainder, job);
      remainder.volumes -= 1;
      accepted.push(job);
    } else {
      refused.push({ ...job, ...refusal, state: "failed", endedAt: job.plannedAt });
    }
  }
  return { accepted, refused };
}

/** A project without a quota is not judged. */
function roomsOf(quota: BackupQuota | undefined): Remainder["roomsFor"] {
  if (quota === undefined) return () => [];
  const ofBackups = [
    room("backups", quota.backups, one),
    // Cinder charges an incremental with the full size of its volume, too.
    room("backup gigabytes", quota.backupGiB, size),
  ];
  const ofSnapshots = snapshotRooms("", quota);
  const ofType = new Map([...quota.ofType].map(([type, limits]) => [type, snapshotRooms(` of type ${type}`, limits)]));
  return ({ mechanism, volumeType }) =>
    mechanism === "backup" ? ofBackups : [...ofSnapshots, ...(ofType.get(volumeType ?? "") ?? [])];
}

const one = (): number => 1;
const size = (job: Job): number => job.sizeGiB;

const snapshotRooms = (suffix: string, { snapshots, gigabytes }: SnapshotQuota): readonly Room[] => [
  room(`snapshots${suffix}`, snapshots, one),
  room(`gigabytes${suffix}`, gigabytes, size),
];

const room = (name: string, use: QuotaUse, needs: Room["needs"]): Room => ({ name, use, needs, left: left(use) });

const left = ({ limit, inUse, reserved }: QuotaUse): number => (limit < 0 ? Infinity : limit - inUse - reserved);

function take({ roomsFor }: Remainder, job: Job): void {
  for (const each of roomsFor(job)) each.left -= each.needs(job);
}

function refusalOf(
  job: Job,
  { roomsFor, volumes }: Remainder,
  volumesPerProject: number | null,
): { reason: Reason; message: string } | null {
  if (volumes < 1) return { reason: "volume_limit", message: `at most ${volumesPerProject ?? 0} volumes in a slot` };
  const full = roomsFor(job).find((each) => each.left < each.needs(job));
  if (full === undefined) return null;
  const needed = full.needs === size ? `, ${job.sizeGiB} needed` : "";
  return { reason: "over_quota", message: `${full.name}: ${figures(full.use, full.left)}${needed}` };
}

const figures = (use: QuotaUse, remaining: number): string =>
  `${use.limit - remaining} of ${use.limit} in use or reserved`;
