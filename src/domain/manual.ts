import type { Job } from "./catalogue.ts";
import { compareText } from "./compare.ts";
import type { Server, Volume } from "./inventory.ts";
import { nameDate } from "./names.ts";
import { obstacleTo, pairProblem, volumeProblem, type Obstacle } from "./obstacles.ts";
import { isManualSlot, manualSlotId, type OrderBody } from "./orders.ts";
import { indexSeen, readRequest } from "./overrides.ts";
import { planJob } from "./planner.ts";
import type { Policy } from "./policy.ts";
import { setScene, type PlanInput } from "./scene.ts";
import { currentSlot, type Slot } from "./slots.ts";
import { planTemporary } from "./temporary.ts";
import { targetsOf } from "./tracks.ts";

export type ProtectOrder = Extract<OrderBody, { kind: "protect" }>;

/** The slot of an order: its own, which satisfies no schedule, or the current one. */
export function slotOfOrder(
  order: Pick<ProtectOrder, "forSchedule">,
  { runId, policy, now }: { runId: string; policy: Policy; now: Date },
): Slot {
  const current = order.forSchedule ? currentSlot(policy, now) : null;
  if (current !== null) return current;
  const windowEndsAt = new Date(now.getTime() + policy.windowMs);
  return { id: manualSlotId(runId), startsAt: now, windowEndsAt, endsAt: windowEndsAt };
}

export interface ManualPlan {
  readonly jobs: readonly Job[];
  readonly refused: readonly (Obstacle & { readonly volumeId: string })[];
}

/** Plans the backups that an operator asked for, whether their servers are tagged or not. */
export function planManual(
  order: ProtectOrder,
  input: Omit<PlanInput, "targets"> & { readonly servers: readonly Server[] },
): ManualPlan {
  const volumes = order.force ? withoutSkip(input) : input.volumes;
  const policy = order.force ? { ...input.policy, minimumIntervalMs: 0 } : input.policy;
  const wanted = new Set(order.volumeIds);
  const isConcerned = (server: Server): boolean =>
    order.serverId === null
      ? server.volumeIds.some((id) => wanted.has(id)) || order.volumeIds.some((id) => attachedTo(volumes, id, server))
      : server.id === order.serverId;
  const nameTemplate = order.name === null ? input.nameTemplate : namesOf(order.name, wanted.size);
  const targets = targetsOf(input.servers.filter(isConcerned), volumes.values());
  const scene = setScene({ ...input, policy, volumes, nameTemplate, targets, isOrdered: true });
  const context = { ...scene.input, seen: indexSeen(input.overridesSeen) };
  const date = nameDate(input.slot.startsAt, input.timeZone);
  const jobs: Job[] = [];
  const refused: (Obstacle & { volumeId: string })[] = [];
  for (const volumeId of [...wanted].sort(compareText)) {
    const volume = volumes.get(volumeId);
    if (volume === undefined) {
      refused.push({ volumeId, reason: "volume_missing", message: null });
      continue;
    }
    const server = serverFor(volume, scene.serversOf.get(volumeId) ?? []);
    const obstacle = server === null ? volumeProblem(scene, volume) : obstacleTo(scene, server, volume);
    if (obstacle !== null) {
      refused.push({ volumeId, ...obstacle });
      continue;
    }
    const requests = scene.requests.has(volumeId)
      ? scene.requests
      : new Map([...scene.requests, [volumeId, readRequest(volume, context)]]);
    jobs.push({ ...planJob({ ...scene, requests }, server, volume, date), description: order.description });
  }
  return { jobs: planTemporary(jobs, input), refused };
}

const attachedTo = (volumes: ReadonlyMap<string, Volume>, volumeId: string, server: Server): boolean =>
  volumes.get(volumeId)?.serverIds.includes(server.id) ?? false;

/** The owner's wish to be left out, put aside. */
function withoutSkip({ volumes, selection }: Pick<PlanInput, "volumes" | "selection">): ReadonlyMap<string, Volume> {
  return new Map(
    [...volumes].map(([id, volume]) => {
      const metadata = Object.fromEntries(Object.entries(volume.metadata).filter(([key]) => key !== selection.skipKey));
      return [id, { ...volume, metadata }];
    }),
  );
}

/** One name for several volumes would not tell them apart. */
const namesOf = (template: string, volumes: number): string =>
  volumes === 1 || /\{VOLUME_(NAME|ID)\}/.test(template) ? template : `${template}-{VOLUME_NAME}`;

/** The first server that it can be backed up with. Servers of other projects only have it attached: it is backed up on its own then. */
function serverFor(volume: Volume, servers: readonly Server[]): Server | null {
  const usable = servers.find((server) => pairProblem(server, volume) === null);
  return usable ?? servers.find((server) => server.projectId === volume.projectId) ?? null;
}

/** Whether a job counts for the schedule. */
export const isScheduled = (job: Pick<Job, "slot">): boolean => !isManualSlot(job.slot);
