import type { Job } from "../domain/catalogue.ts";
import type { Backup } from "../domain/inventory.ts";
import { isMarked, mark, temporaryKey } from "../domain/marks.ts";
import type { Reason } from "../domain/reasons.ts";
import { deadlineOf, judgeBackup } from "../domain/states.ts";
import type { SnapshotRequest } from "../openstack/cloud.ts";
import { CloudError, NoProjectAccess } from "../openstack/errors.ts";
import type { JobPatch } from "../store/repository.ts";
import { operation, type Conductor } from "./context.ts";
import type { LeaseKeeper } from "./lease.ts";
import { getPoint, listPoints } from "./mechanism.ts";
import { subjectOf } from "./submit.ts";

/** As far as clocks may differ from Cinder's. */
const clockToleranceMs = 5 * 60_000;

/** Of no use as a restore point to anything that reads marks: neither automated nor promised, with a key that is no point's. */
const requestOf = (job: Job): SnapshotRequest => ({
  volumeId: job.volumeId,
  name: job.backupName,
  description: `temporary snapshot for a backup of ${job.volumeName === "" ? job.volumeId : job.volumeName}; it goes when that has ended`,
  metadata: {
    [mark.temporary]: "True",
    [mark.key]: temporaryKey(job.key),
    [mark.server]: job.serverId,
    [mark.set]: job.setId,
  },
});

const subjectOfTemporary = (job: Job): Pick<Job, "projectId" | "serverId" | "volumeId" | "key"> => ({
  ...subjectOf(job),
  key: temporaryKey(job.key),
});

/** Changes what is known of a planned job's temporary snapshot. @returns false when the job is not planned any more */
const amend = async (
  { repository }: Conductor,
  job: Job,
  patch: JobPatch,
  more: Pick<Parameters<Conductor["repository"]["moveJob"]>[0], "lease" | "operations"> = {},
): Promise<boolean> => await repository.moveJob({ key: job.key, from: "planned", to: "planned", patch, ...more });

/**
 * Requests the temporary snapshot of one planned backup. The row says so before anything leaves; a lost answer is looked up by key, and the request is never sent
 * again. What Cinder refuses leaves the volume its ordinary backup.
 * @throws LeaseLost, StoreError
 */
export async function requestTemporary(
  conductor: Conductor,
  lease: LeaseKeeper,
  job: Job,
  signal: AbortSignal,
): Promise<void> {
  const { clock, writer } = conductor;
  await lease.keep();
  const temporarySentAt = clock.now();
  const sent = { ...job, temporary: "requesting", temporarySentAt } as const;
  if (!(await amend(conductor, job, { temporary: "requesting", temporarySentAt }, { lease: lease.lease }))) return;
  try {
    const { id, requestId } = await writer.forProject(job.projectId).createSnapshot(requestOf(job), signal);
    await found(conductor, sent, { id, requestId, answeredAt: clock.now() });
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (error.reached === "no" && !(error instanceof NoProjectAccess)) {
      await amend(conductor, job, { temporary: "wanted", temporarySentAt: null });
    } else if (error.reached !== "maybe") {
      await abandon(conductor, sent, { message: error.message, requestId: error.requestId, isGone: true });
    }
  }
}

const found = async (
  conductor: Conductor,
  job: Job,
  { id, requestId, answeredAt }: { id: string; requestId: string | null; answeredAt: Date | null },
): Promise<void> => {
  const patch = { temporary: "creating", temporaryId: id, temporaryAnsweredAt: answeredAt } as const;
  const row = operation(conductor, job.runId, {
    kind: "temporary",
    reason: "temporary",
    ...subjectOfTemporary(job),
    backupId: id,
    requestId,
  });
  await amend(conductor, job, patch, { operations: [row] });
};

/** Leaves a planned job its ordinary backup; a snapshot that there is goes when that has ended. */
export async function abandon(
  conductor: Conductor,
  job: Job,
  {
    isGone = false,
    more = {},
    ...told
  }: { message: string | null; requestId?: string | null; isGone?: boolean; more?: JobPatch },
): Promise<void> {
  const reason: Reason = "temporary_failed";
  const patch: JobPatch = {
    temporary: "abandoned",
    temporaryReason: reason,
    ...(isGone ? { temporaryGoneAt: conductor.clock.now() } : {}),
    ...more,
  };
  const row = operation(conductor, job.runId, {
    kind: "notice",
    reason,
    ...subjectOfTemporary(job),
    backupId: job.temporaryId,
    ...told,
  });
  await amend(conductor, job, patch, { operations: [row] });
}

/** Looks once at every temporary snapshot that has been requested and is not ready. @returns how many of them moved on */
export async function watchTemporaries(
  conductor: Conductor,
  planned: readonly Job[],
  userIds: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<number> {
  const creating = planned.filter((job) => job.temporary === "creating");
  const listed = new Map<string, Backup>();
  if (creating.length > 0) {
    for await (const row of listPoints(conductor.reader, "snapshot", { status: "creating" }, signal))
      listed.set(row.id, row);
  }
  const looks = [
    ...planned.filter((job) => job.temporary === "requesting").map((job) => lookUp(conductor, job, userIds, signal)),
    ...creating.map((job) => watchOne(conductor, job, listed, signal)),
  ];
  let moved = 0;
  for (const look of await Promise.allSettled(looks)) {
    if (look.status === "rejected") throw look.reason;
    if (look.value) moved += 1;
  }
  return moved;
}

async function watchOne(
  conductor: Conductor,
  job: Job,
  listed: ReadonlyMap<string, Backup>,
  signal: AbortSignal,
): Promise<boolean> {
  const now = conductor.clock.now();
  const deadlineAt = deadlineOf(
    { ...job, mechanism: "snapshot" },
    job.temporarySentAt ?? now,
    conductor.settings.deadline,
  );
  const seen = listed.get(job.temporaryId ?? "") ?? (await temporaryOf(conductor, job, signal)) ?? "gone";
  const verdict = judgeBackup({ sizeGiB: job.sizeGiB, deadlineAt, archiveZone: null }, seen, now);
  switch (verdict.kind) {
    case "running":
      return false;
    case "good":
      return await amend(conductor, job, { temporary: "ready" });
    case "stuck":
      await abandon(conductor, job, { message: "it is not finished within its deadline" });
      return true;
    case "failed":
      await abandon(conductor, job, {
        message: verdict.message ?? (seen === "gone" ? "it is gone" : `it is ${seen.status}`),
        isGone: seen === "gone",
      });
      return true;
  }
}

/** A reader that lost its rights sees 404 everywhere, so "gone" is believed only when the project itself says so, too. */
export const temporaryOf = async (
  { reader, writer }: Conductor,
  { projectId, temporaryId }: Pick<Job, "projectId" | "temporaryId">,
  signal: AbortSignal,
): Promise<Backup | null> => {
  const point = { mechanism: "snapshot", id: temporaryId ?? "" } as const;
  return (await getPoint(reader, point, signal)) ?? (await getPoint(writer.forProject(projectId), point, signal));
};

/** A request whose answer was lost: found by its key, or given up once `settle_time` has passed. */
async function lookUp(
  conductor: Conductor,
  job: Job,
  userIds: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<boolean> {
  const seen = await findByKey(conductor, job, userIds, signal);
  if (seen !== null) {
    await found(conductor, job, { id: seen.id, requestId: null, answeredAt: null });
    return true;
  }
  if (!isSettled(conductor, job)) return false;
  const message = "the answer to its request was lost, and it was not found by its key";
  await abandon(conductor, job, { message, isGone: true });
  return true;
}

/** Whether a request whose answer was lost would have led to a snapshot by now, had it arrived. */
export const isSettled = ({ clock, settings }: Conductor, { temporarySentAt }: Pick<Job, "temporarySentAt">): boolean =>
  Number(clock.now()) - Number(temporarySentAt) >= settings.settleMs;

/**
 * The snapshot that a lost request has led to. Tenants can write metadata: so it has to be of our making, none that is known as a restore point or marked like one, and
 * as old as the request.
 */
export async function findByKey(
  { reader, repository, settings }: Conductor,
  job: Job,
  userIds: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Backup | null> {
  const sentMs = Number(job.temporarySentAt);
  const rows = await Array.fromAsync(reader.listSnapshots({ volumeId: job.volumeId }, signal));
  const matches = rows.filter(
    ({ createdAt, metadata, projectId, userId }) =>
      userId !== null &&
      userIds.has(userId) &&
      projectId === job.projectId &&
      metadata[mark.temporary] !== undefined &&
      metadata[mark.key] === temporaryKey(job.key) &&
      !isMarked(metadata) &&
      Number(createdAt) >= sentMs - clockToleranceMs &&
      Number(createdAt) <= sentMs + settings.settleMs + clockToleranceMs,
  );
  if (matches.length === 0) return null;
  const known = new Set((await repository.catalogue({ projectId: job.projectId })).map(({ backupId }) => backupId));
  return matches.find(({ id }) => !known.has(id)) ?? null;
}
