import { isOpen, type Job } from "./catalogue.ts";
import type { Server, Volume } from "./inventory.ts";
import { startsAfter } from "./jitter.ts";
import { workKey } from "./marks.ts";
import type { Reason } from "./reasons.ts";
import type { PlanInput, Scene } from "./scene.ts";
import { asksToSkip } from "./selection.ts";

/** Why a volume is not backed up now. */
export interface Obstacle {
  readonly reason: Reason;
  readonly message: string | null;
}

const because = (reason: Reason, message: string | null = null): Obstacle => ({ reason, message });

/** Why the volume gets no job with this server now; `null` when it does. */
export function obstacleTo(scene: Scene, server: Server, volume: Volume): Obstacle | null {
  const own = pairProblem(server, volume);
  if (own !== null) return own;
  const first = scene.serversOf.get(volume.id)?.find((s) => pairProblem(s, volume) === null) ?? server;
  if (first !== server) return because("shared_volume", `backed up with server ${first.id}`);
  return volumeProblem(scene, volume);
}

/**
 * Why nothing of the server is backed up. While one is built its volumes are still being filled, and a deleted one gives them back. Of one in
 * `ERROR` the volumes may be all that is left: like those of stopped, paused, suspended and shelved servers they are backed up as long as their
 * own state allows it.
 */
export const serverProblem = (server: Server): Obstacle | null =>
  ["BUILD", "DELETED", "SOFT_DELETED"].includes(server.status.toUpperCase())
    ? because("server_state", `status ${server.status}`)
    : null;

/** Why a volume is not backed up with this server. */
export const pairProblem = (server: Server, volume: Volume): Obstacle | null =>
  serverProblem(server) ?? (server.projectId === volume.projectId ? null : because("foreign_volume"));

const retryAfterMs = 24 * 60 * 60 * 1000;

/**
 * Whether a slot whose request was refused is tried again: a quota that was full on its first day must not cost a month. Daily, as long as the slot
 * lasts. Not when anything was made, and ended in error or is gone: that has had its slot.
 */
const isForAnotherTry = (
  { backupId, endedAt, state }: Job,
  { isOrdered = false, now, slot }: Pick<PlanInput, "isOrdered" | "now" | "slot">,
): boolean =>
  state === "failed" &&
  backupId === null &&
  endedAt !== null &&
  now < slot.windowEndsAt &&
  (isOrdered || now.getTime() - endedAt.getTime() >= retryAfterMs);

/** Why a volume is not backed up, whatever it is attached to. */
export function volumeProblem(scene: Scene, volume: Volume): Obstacle | null {
  const { mechanism, now, policy, selection, slot } = scene.input;
  if (asksToSkip(volume, selection)) return because("skip_requested");
  const points = scene.input.points.get(volume.id)?.points ?? [];
  const jobs = scene.jobsOf.get(volume.id) ?? [];
  const open = jobs.find(isOpen);
  if (open !== undefined) return because("still_running", `job ${open.key} is ${open.state}`);
  const key = workKey(volume.id, policy.name, slot.id, mechanism);
  // The database remembers a key that was wiped off the object.
  const done = jobs.find((job) => job.key === key);
  if (points.some((p) => p.marks.key === key || p.entry?.key === key)) return because("not_due");
  if (done !== undefined && !isForAnotherTry(done, scene.input)) return because("not_due");
  const creating = points.find((p) => p.backup.status === "creating");
  if (creating !== undefined) return because("still_running", `backup ${creating.backup.id} is creating`);
  if (!["available", "in-use"].includes(volume.status)) return because("volume_state", `status ${volume.status}`);
  // In either direction: Cinder's clock may be ahead of ours.
  const isRecent = (at: Date): boolean => Math.abs(now.getTime() - at.getTime()) < policy.minimumIntervalMs;
  if (points.some((p) => p.good && isRecent(p.backup.createdAt))) return because("too_soon");
  // Volumes of one server start together.
  const startsAt = startsAfter(policy, slot, scene.serversOf.get(volume.id)?.[0]?.id ?? volume.id);
  if (now < startsAt) return because("not_yet", `begins at ${startsAt.toISOString()}`);
  return now < slot.windowEndsAt ? null : because("window_missed");
}
