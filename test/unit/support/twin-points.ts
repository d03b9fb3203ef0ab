import { marksOf } from "../../../src/conductor/submit.ts";
import type { Job } from "../../../src/domain/catalogue.ts";
import type { Backup } from "../../../src/domain/inventory.ts";
import { mark, workKey } from "../../../src/domain/marks.ts";
import { ourUser } from "./clouds.ts";

/** Restore points of twins: what a job makes, and what a twin has of it. */

export const backupOf = (
  job: Job,
  { createdAt, id, isIncremental }: Pick<Backup, "id" | "createdAt" | "isIncremental">,
): Backup => ({
  id,
  mechanism: job.mechanism,
  name: id,
  volumeId: job.volumeId,
  projectId: job.projectId,
  userId: ourUser,
  status: "available",
  sizeGiB: job.sizeGiB,
  isIncremental,
  hasDependents: false,
  snapshotId: null,
  dataTimestamp: job.mechanism === "backup" ? createdAt : null,
  createdAt,
  updatedAt: null,
  failReason: null,
  container: null,
  availabilityZone: null,
  objectCount: null,
  metadata: marksOf(job),
});

/** The same for twins. */
export const lifeKey = ({ mechanism, metadata }: Backup): string =>
  workKey("", metadata[mark.policy] ?? "", metadata[mark.slot] ?? "", mechanism);

/** The same restore point of a twin's volume. */
export function twinOf(
  row: Backup,
  {
    id,
    renamed,
    projectId,
    serverId,
    volumeId,
  }: {
    readonly id: string;
    readonly renamed: (id: string) => string;
    readonly volumeId: string;
    readonly serverId: string;
    readonly projectId: string;
  },
): Backup {
  const { [mark.policy]: policy = "", [mark.slot]: slot = "", [mark.parent]: parent } = row.metadata;
  return {
    ...row,
    id,
    volumeId,
    projectId,
    metadata: {
      ...row.metadata,
      [mark.key]: workKey(volumeId, policy, slot, row.mechanism),
      [mark.server]: serverId,
      [mark.set]: workKey(serverId, policy, slot, row.mechanism),
      ...(parent === undefined ? {} : { [mark.parent]: renamed(parent) }),
    },
  };
}
