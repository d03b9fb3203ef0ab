import type { Conductor } from "../../../src/conductor/context.ts";
import { ProjectEnds } from "../../../src/conductor/ends.ts";
import { executeJobs } from "../../../src/conductor/execute.ts";
import { LeaseKeeper } from "../../../src/conductor/lease.ts";
import { ourUserIds } from "../../../src/conductor/scan.ts";
import { noTemporary, type Job } from "../../../src/domain/catalogue.ts";
import { workKey } from "../../../src/domain/marks.ts";
import { newRun } from "../../../src/domain/runs.ts";
import type { SeededCloud } from "../../../src/simulator/cloud.ts";
import type { Volume } from "../../../src/simulator/records.ts";
import { dayMs, running, type Night } from "./night.ts";

/** What a snapshot job says of its volume. */
type VolumeFacts = Pick<
  Job,
  "projectId" | "volumeId" | "volumeName" | "serverId" | "serverName" | "sizeGiB" | "volumeType" | "pool"
>;

/** A planned snapshot job of the day's slot, of a policy that keeps the last five. */
export function snapshotJob(volume: VolumeFacts, now: Date, fields: Partial<Job> = {}): Job {
  const slot = fields.slot ?? `${now.toISOString().slice(0, 10)}T00:00:00Z`;
  const slotAt = Number(new Date(slot));
  const policy = fields.policy ?? "snaps";
  return {
    ...volume,
    key: workKey(volume.volumeId, policy, slot, "snapshot"),
    mechanism: "snapshot",
    runId: `run-${slot}`,
    policy,
    slot,
    setId: workKey(volume.serverId, policy, slot, "snapshot"),
    mode: "full",
    modeReason: "snapshot",
    parentId: null,
    shared: false,
    windowEndsAt: new Date(slotAt + dayMs),
    keepUntil: new Date(slotAt + dayMs),
    retention: "last=5,min=1,tz=UTC",
    container: null,
    archiveContainer: null,
    archiveZone: null,
    archiveKeepUntil: null,
    fullNumber: null,
    backupName: `${volume.volumeName}-snap`,
    description: null,
    state: "planned",
    reason: null,
    message: null,
    requestId: null,
    backupId: null,
    plannedAt: now,
    submittedAt: null,
    deadlineAt: null,
    stuckReportedAt: null,
    endedAt: null,
    ...noTemporary,
    ...fields,
  };
}

/** Snapshot jobs of a slot for volumes of a simulated cloud, each a member of its server's set. */
export function snapshotJobs(
  { clock, cloud }: Pick<Night, "clock"> & { readonly cloud: SeededCloud },
  fields: Partial<Job> = {},
  volumes: readonly Volume[] = cloud.volumes,
): Job[] {
  return volumes.map((volume) => {
    const server = cloud.servers.find(({ volumes: attached }) => attached.some(({ id }) => id === volume.id));
    const facts: VolumeFacts = {
      projectId: volume.projectId,
      volumeId: volume.id,
      volumeName: volume.name ?? "",
      serverId: server?.id ?? "",
      serverName: server?.name ?? "",
      sizeGiB: volume.sizeGiB,
      volumeType: volume.typeName,
      pool: volume.host,
    };
    return snapshotJob(facts, clock.now(), fields);
  });
}

export const leaseOf = async (conductor: Conductor): Promise<LeaseKeeper> => {
  const lease = await LeaseKeeper.acquire(conductor, true);
  if (lease === null) throw new Error("no lease");
  return lease;
};

/** Works all open jobs to their ends, after writing new ones down. */
export async function work(
  night: Pick<Night, "conductor">,
  jobs: readonly Job[] = [],
  change: Partial<Conductor> = {},
): Promise<void> {
  const conductor: Conductor = { ...night.conductor, ...change };
  const { clock, repository } = conductor;
  for (const id of new Set(jobs.map((job) => job.runId))) {
    if ((await repository.runs({ id, limit: 1 })).length === 0) {
      await repository.insertRun(newRun({ id, kind: "scheduled", startedAt: clock.now() }));
    }
  }
  if (jobs.length > 0) await repository.insertJobs(jobs);
  const signals = running();
  await executeJobs(
    conductor,
    await leaseOf(conductor),
    {
      userIds: await ourUserIds(conductor, signals.cut),
      overridesSeen: [],
      order: jobs.map((job) => job.key),
      ends: new ProjectEnds(
        [],
        () => Promise.resolve(),
        () => undefined,
      ),
      interrupt: new AbortController().signal,
    },
    signals,
  );
}
