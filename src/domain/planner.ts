import { chooseFull } from "./archive.ts";
import type { Job, OverrideSeen } from "./catalogue.ts";
import type { Server, Volume } from "./inventory.ts";
import { workKey } from "./marks.ts";
import { chooseMode } from "./mode.ts";
import { backupName, nameDate } from "./names.ts";
import { obstacleTo, serverProblem, type Obstacle } from "./obstacles.ts";
import { promisedRetentionMs, type Notice, type RetentionRequest } from "./overrides.ts";
import type { Point, VolumePoints } from "./points.ts";
import type { Reason } from "./reasons.ts";
import { compareText, setScene, type PlanInput, type Scene } from "./scene.ts";

export type { Notice } from "./overrides.ts";
export type { PlanInput } from "./scene.ts";

/** Why a volume of a tagged server gets no backup now. */
export interface Skip {
  readonly reason: Reason;
  readonly projectId: string;
  readonly serverId: string;
  readonly serverName: string;
  /** `null`: the server has none. */
  readonly volumeId: string | null;
  readonly volumeName: string;
  readonly message: string | null;
}

/** One job or skip for each volume of each tagged server. The same for the same input in whatever order. */
export interface BackupPlan {
  /** Volumes that were never backed up come first, then those whose last good point is oldest. */
  readonly jobs: Job[];
  /** By server and volume id. */
  readonly skips: Skip[];
  /** By resource. */
  readonly notices: Notice[];
  /** What is to be stored in place of what was seen before. */
  readonly overridesSeen: OverrideSeen[];
}

/** Decides what is backed up now, and says of everything else why not. */
export function planBackups(input: PlanInput): BackupPlan {
  const scene = setScene(input);
  const date = nameDate(input.slot.startsAt, input.timeZone);
  const jobs: Job[] = [];
  const skips: Skip[] = [];
  for (const [server, volumeIds] of scene.tagged) {
    if (volumeIds.length === 0) skips.push(skipOf(server, null, "", serverProblem(server) ?? noVolumes));
    for (const volumeId of volumeIds) {
      const volume = input.volumes.get(volumeId);
      if (volume === undefined) {
        skips.push(skipOf(server, volumeId, "", { reason: "volume_missing", message: null }));
        continue;
      }
      const obstacle = obstacleTo(scene, server, volume);
      if (obstacle === null) jobs.push(planJob(scene, server, volume, date));
      else skips.push(skipOf(server, volumeId, volume.name, obstacle));
    }
  }
  const requests = [...scene.requests.values()];
  return {
    jobs: sortJobs(jobs, input.points),
    skips,
    notices: [...requests.flatMap((request) => request.notices), ...noticesOfPoints(input.points.values())].sort(
      (a, b) => compareText(a.resourceId ?? "", b.resourceId ?? "") || compareText(a.reason, b.reason),
    ),
    overridesSeen: requests
      .flatMap((request) => request.seen)
      .sort((a, b) => compareText(a.resourceId, b.resourceId) || compareText(a.value, b.value)),
  };
}

const noVolumes: Obstacle = { reason: "no_volumes", message: null };

const skipOf = (server: Server, volumeId: string | null, volumeName: string, obstacle: Obstacle): Skip => ({
  reason: obstacle.reason,
  projectId: server.projectId,
  serverId: server.id,
  serverName: server.name,
  volumeId,
  volumeName,
  message: obstacle.message,
});

/** The job of one volume. @param server what it is backed up with; `null` for a volume on its own */
export function planJob(
  { input, requests, serversOf }: Scene,
  server: Server | null,
  volume: Volume,
  date: string,
): Job {
  const { now, policy, runId, slot } = input;
  const points = input.points.get(volume.id);
  const { mode, reason: modeReason, parentId } = chooseMode(volume, points, policy);
  const choice = { projectId: volume.projectId, rule: policy.archive, slot, timeZone: input.timeZone };
  const full = mode === "full" ? chooseFull(points, choice) : null;
  const archive = full?.isArchive === true ? policy.archive : null;
  const requestOf = (id: string): RetentionRequest | undefined => requests.get(id);
  const retentionMs = promisedRetentionMs(requestOf(volume.id), requestOf(server?.id ?? ""), policy);
  const attachedTo = new Set([...volume.serverIds, ...(serversOf.get(volume.id) ?? []).map((s) => s.id)]);
  return {
    key: workKey(volume.id, policy.name, slot.id),
    mechanism: "backup",
    runId,
    projectId: volume.projectId,
    volumeId: volume.id,
    volumeName: volume.name,
    serverId: server?.id ?? "",
    serverName: server?.name ?? "",
    policy: policy.name,
    slot: slot.id,
    setId: `${server?.id ?? volume.id}/${slot.id}`,
    mode,
    modeReason: archive === null ? modeReason : "full_archive",
    parentId,
    sizeGiB: volume.sizeGiB,
    volumeType: volume.volumeType,
    pool: volume.pool,
    shared: attachedTo.size > 1,
    windowEndsAt: slot.windowEndsAt,
    keepUntil: new Date(slot.startsAt.getTime() + retentionMs),
    retention: null,
    archiveContainer: archive?.container ?? null,
    archiveZone: archive?.availabilityZone ?? null,
    archiveKeepUntil:
      archive === null ? null : new Date(slot.startsAt.getTime() + Math.max(archive.retentionMs, retentionMs)),
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
function noticesOfPoints(all: Iterable<VolumePoints>): Notice[] {
  const notices: Notice[] = [];
  const tell = (reason: Reason, point: Point, message: string): void => {
    notices.push({ reason, projectId: point.projectId, resourceId: point.backup.id, message });
  };
  for (const { volumeId, points, others } of all) {
    for (const point of others) {
      if (point.kind === "forged" || point.kind === "unmarked") tell(point.kind, point, `backup of volume ${volumeId}`);
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
  return notices;
}
