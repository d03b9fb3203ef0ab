import { compareText } from "./compare.ts";
import type { Mechanism, Server, Volume } from "./inventory.ts";
import type { Policy, Selection } from "./policy.ts";
import { indexByServer, isTagged, volumesOf } from "./selection.ts";
import { currentSlot, type Slot } from "./slots.ts";

/** Volumes that are protected together: those of a server, or one on its own. */
export interface Target {
  /** `null`: the volumes are worked without a server. */
  readonly server: Server | null;
  /** Sorted. A server without volumes is a target, too: that is to be told. */
  readonly volumeIds: readonly string[];
}

/** One policy's work by one mechanism in one slot. */
export interface Track {
  readonly policy: Policy;
  readonly mechanism: Mechanism;
  readonly slot: Slot;
  /** By server id; those without a server come last, by volume id. */
  readonly targets: readonly Target[];
}

/** Servers that carry the tag, with all their volumes. */
export function taggedTargets(servers: readonly Server[], volumes: Iterable<Volume>, selection: Selection): Target[] {
  return targetsOf(
    servers.filter((server) => isTagged(server, selection)),
    volumes,
  );
}

/** Servers with all their volumes. A page that was read twice must not make a server's volumes look shared: one target for each id. */
export function targetsOf(servers: readonly Server[], volumes: Iterable<Volume>): Target[] {
  const byServer = indexByServer(volumes);
  const byId = new Map(servers.map((server) => [server.id, server]));
  return [...byId.values()]
    .sort((a, b) => compareText(a.id, b.id))
    .map((server) => ({ server, volumeIds: volumesOf(server, byServer).sort(compareText) }));
}

/** What the policies that protect something have to do now: by priority, then name, then mechanism. A policy before its first slot has nothing to do. */
export function tracksOf(assigned: ReadonlyMap<Policy, readonly Target[]>, now: Date): Track[] {
  // Of one name there may be several that differ in retention or schedule.
  const all = [...assigned.keys()].map((policy) => ({ policy, text: JSON.stringify(policy) }));
  const policies = all
    .sort(
      (a, b) =>
        a.policy.priority - b.policy.priority ||
        compareText(a.policy.name, b.policy.name) ||
        compareText(a.text, b.text),
    )
    .map(({ policy }) => policy);
  return policies.flatMap((policy) => {
    const slot = currentSlot(policy, now);
    const targets = assigned.get(policy) ?? [];
    return slot === null ? [] : policy.mechanisms.map((mechanism) => ({ policy, mechanism, slot, targets }));
  });
}

/** Whether work may start now. */
export const isOpenFor = ({ slot }: Pick<Track, "slot">, now: Date): boolean => now < slot.windowEndsAt;
