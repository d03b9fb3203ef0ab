import { chooseFull } from "./archive.ts";
import { noTemporary, type Job, type OverrideSeen } from "./catalogue.ts";
import { compareText } from "./compare.ts";
import type { Mechanism, Server, Volume } from "./inventory.ts";
import { workKey } from "./marks.ts";
import { chooseMode, chooseModeAfter, type ModeChoice } from "./mode.ts";
import { backupName, nameDate } from "./names.ts";
import { obstacleTo, serverProblem, volumeProblem, type Obstacle } from "./obstacles.ts";
import { promisedRetentionMs, type Notice, type RetentionRequest } from "./overrides.ts";
import type { Point, VolumePoints } from "./points.ts";
import { promisedUntil } from "./promise.ts";
import type { Reason } from "./reasons.ts";
import { setScene, type PlanInput, type Scene } from "./scene.ts";
import { formatRule } from "./thinning-text.ts";
import { planTemporary, whyOrdinary } from "./temporary.ts";
import type { Target } from "./tracks.ts";

export type { Notice } from "./overrides.ts";
export type { PlanInput } from "./scene.ts";

/** Why a volume that a policy protects gets no restore point now. */
export interface Skip {
  readonly reason: Reason;
  /** Empty for a volume that is left out of all. */
  readonly policy: string;
  readonly mechanism: Mechanism;
  /** Key of the work that is not done; of a server without volumes with its id in place of a volume's. */
  readonly key: string;
  readonly projectId: string;
  /** Empty where there is none. */
  readonly serverId: string;
  readonly serverName: string;
  /** `null`: the server has none. */
  readonly volumeId: string | null;
  readonly volumeName: string;
  readonly message: string | null;
}

/** One job or skip for each volume of each target. The same for the same input in whatever order. */
export interface TrackPlan {
  /** Volumes without a good point come first, then those whose last one is oldest. */
  readonly jobs: Job[];
  /** By server and volume id. */
  readonly skips: Skip[];
  /** By resource. */
  readonly notices: Notice[];
  /** What is to be stored in place of what was seen before of {@link asked}. */
  readonly overridesSeen: OverrideSeen[];
  /** Ids of the servers and volumes whose requests were read. */
  readonly asked: readonly string[];
}

/** Decides what one policy makes now by one mechanism, and says of everything else that it protects why not. */
export function planTrack(input: PlanInput): TrackPlan {
  const scene = setScene(input);
  const date = nameDate(input.slot.startsAt, input.timeZone);
  const jobs: Job[] = [];
  const skips: Skip[] = [];
  for (const target of input.targets) {
    const { server, volumeIds } = target;
    const skip = (volume: Volume | null, volumeId: string | null, obstacle: Obstacle): void => {
      skips.push(skipOf(input, target, { volume, volumeId, obstacle }));
    };
    if (server !== null && volumeIds.length === 0) skip(null, null, serverProblem(server) ?? noVolumes);
    for (const volumeId of volumeIds) {
      const volume = input.volumes.get(volumeId);
      if (volume === undefined) {
        skip(null, volumeId, { reason: "volume_missing", message: null });
        continue;
      }
      const obstacle = server === null ? volumeProblem(scene, volume) : obstacleTo(scene, server, volume);
      if (obstacle === null) jobs.push(planJob(scene, server, volume, date));
      else skip(volume, volumeId, obstacle);
    }
  }
  const requests = [...scene.requests.values()];
  return {
    jobs: sortJobs(planTemporary(jobs, input), input.points),
    skips,
    notices: requests.flatMap((request) => request.notices).sort(byResource),
    overridesSeen: requests
      .flatMap((request) => request.seen)
      .sort((a, b) => compareText(a.resourceId, b.resourceId) || compareText(a.value, b.value)),
    asked: [...scene.requests.keys()],
  };
}

const noVolumes: Obstacle = { reason: "no_volumes", message: null };

/** By resource, then by reason. */
export const byResource = (a: Notice, b: Notice): number =>
  compareText(a.resourceId ?? "", b.resourceId ?? "") || compareText(a.reason, b.reason);

const skipOf = (
  { mechanism, policy, slot }: PlanInput,
  { server }: Target,
  {
    volume,
    volumeId,
    obstacle,
  }: { readonly volume: Volume | null; readonly volumeId: string | null; readonly obstacle: Obstacle },
): Skip => ({
  reason: obstacle.reason,
  policy: policy.name,
  mechanism,
  key: workKey(volumeId ?? server?.id ?? "", policy.name, slot.id, mechanism),
  projectId: server?.projectId ?? volume?.projectId ?? "",
  serverId: server?.id ?? "",
  serverName: server?.name ?? "",
  volumeId,
  volumeName: volume?.name ?? "",
  message: obstacle.message,
});

const snapshotMode: ModeChoice = { mode: "full", reason: "snapshot", parentId: null };

/** The job of one volume. @param server what it is protected with; `null` for a volume on its own */
export function planJob(
  { input, jobsOf, requests, serversOf }: Scene,
  server: Server | null,
  volume: Volume,
  date: string,
): Job {
  const { mechanism, now, policy, runId, slot } = input;
  const points = input.points.get(volume.id);
  const isSnapshot = mechanism === "snapshot";
  const ahead = input.ahead.get(volume.id);
  const {
    mode,
    reason: modeReason,
    parentId,
  } = isSnapshot
    ? snapshotMode
    : ahead === undefined
      ? chooseMode(volume, points, policy, {
          now,
          onSnapshotBackups: whyOrdinary(volume.volumeType, points, input.fromSnapshotTypes) === null,
        })
      : chooseModeAfter(ahead, policy, now);
  const choice = { projectId: volume.projectId, rule: policy.archive, slot, timeZone: input.timeZone };
  const full = mode === "full" && !isSnapshot ? chooseFull(points, choice) : null;
  const archive = full?.isArchive === true ? policy.archive : null;
  const requestOf = (id: string): RetentionRequest | undefined => requests.get(id);
  const promisedMs = promisedRetentionMs(requestOf(volume.id), requestOf(server?.id ?? ""), policy);
  // Where only counts keep, that is the minimum.
  const keepUntil = promisedUntil(policy, slot, promisedMs);
  const attachedTo = new Set([...volume.serverIds, ...(serversOf.get(volume.id) ?? []).map((s) => s.id)]);
  const key = workKey(volume.id, policy.name, slot.id, mechanism);
  const set = workKey(server?.id ?? volume.id, policy.name, slot.id, mechanism);
  // What is tried again was not made together with what was made at first.
  const isRetried = jobsOf.get(volume.id)?.some((job) => job.key === key) ?? false;
  return {
    key,
    mechanism,
    runId,
    projectId: volume.projectId,
    volumeId: volume.id,
    volumeName: volume.name,
    serverId: server?.id ?? "",
    serverName: server?.name ?? "",
    policy: policy.name,
    slot: slot.id,
    setId: isRetried ? `${set}/${runId}` : set,
    mode,
    modeReason: archive === null ? modeReason : "full_archive",
    parentId,
    sizeGiB: volume.sizeGiB,
    volumeType: volume.volumeType,
    pool: volume.pool,
    shared: attachedTo.size > 1,
    windowEndsAt: slot.windowEndsAt,
    keepUntil,
    retention: policy.thinning === null ? null : formatRule(policy.thinning),
    container: policy.container,
    archiveContainer: archive?.container ?? null,
    archiveZone: archive?.availabilityZone ?? null,
    archiveKeepUntil:
      archive === null ? null : new Date(Math.max(slot.startsAt.getTime() + archive.retentionMs, keepUntil.getTime())),
    fullNumber: full?.number ?? null,
    backupName: backupName(input.nameTemplate, {
      VOLUME_NAME: volume.name.trim() === "" ? volume.id : volume.name,
      BACKUP_DATE: date,
      VOLUME_ID: volume.id,
      SERVER_NAME: server?.name ?? "",
      PROJECT_ID: volume.projectId,
      POLICY: policy.name,
      TIMESTAMP: String(Math.floor(now.getTime() / 1000)),
    }),
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
  };
}

function sortJobs(jobs: readonly Job[], points: PlanInput["points"]): Job[] {
  const lastGoodMs = (job: Job): number => {
    const good = points.get(job.volumeId)?.points.filter((point) => point.good) ?? [];
    return Math.max(-Infinity, ...good.map((point) => point.backup.createdAt.getTime()));
  };
  return jobs
    .map((job) => ({ job, at: lastGoodMs(job) }))
    .sort((a, b) => (a.at === b.at ? compareText(a.job.volumeId, b.job.volumeId) : a.at - b.at))
    .map(({ job }) => job);
}

/** Marks that are not what they should be, in the whole cloud. Nothing is ever deleted for it. */
export function noticesOfPoints(all: Iterable<VolumePoints>): Notice[] {
  const notices: Notice[] = [];
  const tell = (reason: Reason, point: Point, message: string): void => {
    notices.push({ reason, projectId: point.projectId, resourceId: point.backup.id, message });
  };
  for (const { volumeId, points, others } of all) {
    for (const point of others) {
      if (point.kind === "forged" || point.kind === "unmarked")
        tell(point.kind, point, `${point.backup.mechanism} of volume ${volumeId}`);
      // The database's own are not in any listing of points.
      if (point.kind === "temporary") tell("temporary_left", point, `snapshot of volume ${volumeId}`);
    }
    const firstOf = new Map<string, string>();
    for (const point of points) {
      const { key } = point.marks;
      if (key === null) continue;
      const first = firstOf.get(key);
      if (first === undefined) firstOf.set(key, point.backup.id);
      else tell("duplicate", point, `has the key ${key} of ${first}`);
    }
  }
  return notices.sort(byResource);
}
