import { markTime } from "../../../../src/domain/marks.ts";
import type { Policy } from "../../../../src/domain/policy.ts";
import { currentSlot, slotBefore, type Slot } from "../../../../src/domain/slots.ts";
import { formatRule } from "../../../../src/domain/thinning-text.ts";
import type { Machine, Watcher } from "./machine.ts";
import type { Scenario } from "./scenario.ts";
import { automated, us } from "./world.ts";

/** Nights that went well before anything happens. */

interface Night {
  readonly policy: Policy;
  readonly slot: Slot;
  readonly volumeId: string;
}

const known = new Map<string, readonly Slot[]>();

/** The last slots before a time, the newest first. The same few are asked for in many worlds. */
function slotsBefore(policy: Policy, startMs: number, count: number): readonly Slot[] {
  const text = JSON.stringify([policy.schedule, policy.timeZone, policy.windowMs, policy.catchUp, startMs, count]);
  const before = known.get(text);
  if (before !== undefined) return before;
  const slots: Slot[] = [];
  for (let slot = currentSlot(policy, new Date(startMs)); slot !== null && slots.length < count;) {
    slots.push(slot);
    slot = slotBefore(policy, slot);
  }
  known.set(text, slots);
  return slots;
}

export function playHistory(machine: Machine, scenario: Scenario, born: Watcher["born"]): void {
  const { startMs, volumes } = scenario;
  const { builtIn, database, policies, world } = machine;
  const own = [builtIn, ...scenario.attached.flatMap((name) => policies.get(name) ?? [])];
  const nights = volumes.flatMap(({ history }, index): Night[] =>
    own.flatMap((policy) =>
      slotsBefore(policy, startMs, history).map((slot) => ({ policy, slot, volumeId: `volume-${index}` })),
    ),
  );
  const inOrder = nights.sort((a, b) => a.slot.startsAt.getTime() - b.slot.startsAt.getTime());
  const lengths = new Map<string, number>();
  const newest = new Map<string, string>();
  for (const { policy, slot, volumeId } of inOrder) {
    world.nowMs = Math.max(
      slot.startsAt.getTime(),
      ...[...world.rows.values()].slice(-1).map((row) => row.createdAt.getTime()),
    );
    for (const mechanism of policy.mechanisms) {
      const length = lengths.get(volumeId) ?? 0;
      const isIncremental = mechanism === "backup" && length > 0 && length < policy.fullEvery;
      if (mechanism === "backup") lengths.set(volumeId, isIncremental ? length + 1 : 1);
      const parentId = isIncremental ? newest.get(volumeId) : undefined;
      const volume = world.volumes.get(volumeId)!;
      const promisedMs = Math.max(policy.retentionMs, policy.minimumRetentionMs);
      const row = world.make({
        mechanism,
        volumeId,
        projectId: volume.projectId,
        isIncremental,
        userId: us,
        status: "available",
        metadata: {
          [automated]: "True",
          "dirigent:key": `${volumeId}/${policy.name}/${slot.id}${mechanism === "snapshot" ? "/snapshot" : ""}`,
          "dirigent:policy": policy.name,
          "dirigent:slot": slot.id,
          "dirigent:server": volume.serverIds[0] ?? "",
          "dirigent:set": `${volume.serverIds[0] ?? volumeId}/${policy.name}/${slot.id}`,
          "dirigent:keep-until": markTime(new Date(slot.startsAt.getTime() + promisedMs)),
          "dirigent:volume-type": volume.volumeType ?? "",
          ...(parentId === undefined ? {} : { "dirigent:parent": parentId }),
          ...(policy.thinning === null ? {} : { "dirigent:retention": formatRule(policy.thinning) }),
        },
      })!;
      if (mechanism === "backup") newest.set(volumeId, row.id);
      born(policy.name, row);
    }
  }
  world.nowMs = Math.max(world.nowMs, startMs);
  database.sync(world.rows);
  for (const { id } of world.rows.values()) database.learn(id, world.parents.get(id) ?? null);
}
