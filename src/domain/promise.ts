import { dayMs } from "./durations.ts";
import type { Policy } from "./policy.ts";
import { isMadeOfMetadata } from "./presets.ts";
import { currentSlot, type Slot } from "./slots.ts";

/** The Gregorian calendar's. */
const averageMonthMs = 30.436875 * dayMs;

/**
 * Until when a restore point of a slot is promised to stay, the least: by age, and of a policy that is made of its owner's metadata also by counts, for as
 * long as its schedule takes to push it out. Its owner may write another schedule every day, and each makes a point that takes a place.
 * @param retentionMs what is granted to it by age
 */
export function promisedUntil(policy: Policy, slot: Pick<Slot, "startsAt">, retentionMs: number): Date {
  const startMs = slot.startsAt.getTime();
  const aged = startMs + Math.max(retentionMs, policy.minimumRetentionMs);
  return new Date(Math.max(aged, isMadeOfMetadata(policy.name) ? pushedOutMs(policy, startMs) : -Infinity));
}

/** When the slot begins in which the newest so many are all newer. */
function pushedOutMs(policy: Policy, startMs: number): number {
  const last = policy.thinning?.last ?? 0;
  const periodMs = policy.schedule.kind === "monthly" ? averageMonthMs : policy.periodMs;
  // Into the middle of that slot: months differ by less than half of one.
  return currentSlot(policy, new Date(startMs + (last + 0.5) * periodMs))?.startsAt.getTime() ?? -Infinity;
}
