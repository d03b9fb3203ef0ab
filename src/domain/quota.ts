import type { Job } from "./catalogue.ts";
import type { BackupQuota, QuotaUse } from "./inventory.ts";
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

/** What is left of a project, counted down as jobs are accepted. */
interface Remainder {
  readonly quota: BackupQuota;
  volumes: number;
  backups: number;
  gigabytes: number;
}

/** Accepts the jobs that the volume limit and the backup quota of their projects have room for, and ends the others. */
export function fitLimits(input: LimitsInput): LimitedJobs {
  const remainders = new Map<string, Remainder>();
  const remainderOf = (projectId: string): Remainder => {
    let found = remainders.get(projectId);
    if (found === undefined) {
      const quota = input.quotas.get(projectId) ?? unlimited;
      found = {
        quota,
        volumes: (input.volumesPerProject ?? Infinity) - (input.attemptedThisSlot.get(projectId) ?? 0),
        backups: left(quota.backups),
        gigabytes: left(quota.backupGiB),
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

/** Cinder charges an incremental with the full size of its volume, too. */
function take(remainder: Remainder, job: Job): void {
  remainder.backups -= 1;
  remainder.gigabytes -= job.sizeGiB;
}

const noLimit: QuotaUse = { limit: -1, inUse: 0, reserved: 0 };
const unlimited: BackupQuota = {
  backups: noLimit,
  backupGiB: noLimit,
  snapshots: noLimit,
  gigabytes: noLimit,
  ofType: new Map(),
};

const left = ({ limit, inUse, reserved }: QuotaUse): number => (limit < 0 ? Infinity : limit - inUse - reserved);

function refusalOf(
  job: Job,
  { quota, volumes, backups, gigabytes }: Remainder,
  volumesPerProject: number | null,
): { reason: Reason; message: string } | null {
  if (volumes < 1) return { reason: "volume_limit", message: `at most ${volumesPerProject ?? 0} volumes in a slot` };
  if (backups < 1) {
    return { reason: "over_quota", message: `backups: ${figures(quota.backups, backups)}` };
  }
  if (gigabytes < job.sizeGiB) {
    const room = figures(quota.backupGiB, gigabytes);
    return { reason: "over_quota", message: `backup gigabytes: ${room}, ${job.sizeGiB} needed` };
  }
  return null;
}

const figures = (use: QuotaUse, remaining: number): string =>
  `${use.limit - remaining} of ${use.limit} in use or reserved`;
