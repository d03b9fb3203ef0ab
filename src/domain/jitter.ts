import { hash } from "./hash.ts";
import type { Policy } from "./policy.ts";
import type { Slot } from "./slots.ts";

/**
 * How much later than its slot something starts, in milliseconds: whole seconds from 0 to the policy's jitter, the same for the same id always.
 * @param id of the volume; of the server for volumes that are to start together
 */
export function jitterOf(policy: Pick<Policy, "name" | "jitterMs">, id: string): number {
  const seconds = Math.floor(policy.jitterMs / 1000);
  return (hash(`${policy.name}/${id}`) % (seconds + 1)) * 1000;
}

/** When work on it may start. Never in the second half of the window, which a short day or a jitter of its length would otherwise leave empty. */
export function startsAfter(policy: Pick<Policy, "name" | "jitterMs">, slot: Slot, id: string): Date {
  const startMs = slot.startsAt.getTime();
  const latestMs = startMs + Math.floor((slot.windowEndsAt.getTime() - startMs) / 2);
  return new Date(Math.min(startMs + jitterOf(policy, id), latestMs));
}
