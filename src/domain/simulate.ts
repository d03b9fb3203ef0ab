import { dayMs } from "./durations.ts";
import type { Policy } from "./policy.ts";
import { existsAt, storedGiB, type ExistingPoint, type SimulatedPoint } from "./simulated-point.ts";
import { SimulatedVolume, volumeId } from "./simulated-volume.ts";
import { startsAfter } from "./jitter.ts";
import { currentSlot, nextSlotStart, type Slot } from "./slots.ts";

/**
 * What a policy makes and keeps of one volume, played through the functions that the conductor decides by: slots, full or incremental, archives,
 * rotation with its chains and its pace. Everything succeeds at once.
 */
export interface SimulationInput {
  readonly policy: Policy;
  /** Slots count that begin from here on. */
  readonly from: Date;
  readonly until: Date;
  readonly sizeGiB: number;
  /** Share of the volume that is written anew in a day, always another part of it: 0 to 1. */
  readonly dailyChange: number;
}

export interface Simulation {
  readonly input: SimulationInput;
  /** All that were ever made, oldest first. */
  readonly points: readonly SimulatedPoint[];
  /** The points that exist at a time, oldest first, and why rotation keeps each. */
  readonly existingAt: (at: Date) => readonly ExistingPoint[];
  /** What those take, in GiB. An estimate: see {@link storedGiB}. */
  readonly storedAt: (at: Date) => number;
}

/** Rotation comes every hour in truth; between these it would do the same a little earlier. */
const rotationMs = dayMs / 2;
/** What is made is good after a while, and what it pushes out may go. */
const makingMs = 60_000;

export function simulate(input: SimulationInput): Simulation {
  const { policy, from, until } = input;
  const volume = new SimulatedVolume(policy, input.sizeGiB);
  let rotatedMs = from.getTime();
  /** Of what was made last before a rotation. */
  let madeMs = -Infinity;
  const rotate = (atMs: number): void => {
    volume.rotate(new Date(atMs));
    rotatedMs = atMs;
  };
  for (const slot of slotsBetween(policy, from, until)) {
    const startMs = timeOf(policy, slot, volume);
    if (startMs === null || startMs >= until.getTime()) continue;
    // What expires between two slots goes on its day.
    for (let ms = rotatedMs + dayMs; ms < startMs; ms += dayMs) rotate(ms);
    volume.make(slot, new Date(startMs));
    if (startMs < madeMs + rotationMs) continue;
    rotate(startMs + makingMs);
    madeMs = startMs;
  }
  for (let ms = rotatedMs + dayMs; ms <= until.getTime(); ms += dayMs) rotate(ms);
  const points = volume.points();
  return {
    input,
    points,
    existingAt: (at) => volume.existingAt(at),
    storedAt: (at) =>
      storedGiB(
        points.filter((point) => existsAt(point, at)),
        at,
        input,
      ),
  };
}

function* slotsBetween(policy: Policy, from: Date, until: Date): Generator<Slot> {
  let at = nextSlotStart(policy, new Date(from.getTime() - 1));
  while (at < until) {
    const slot = currentSlot(policy, at);
    if (slot === null) return;
    yield slot;
    at = slot.endsAt;
  }
}

/** When the slot's work starts; `null` when the minimum interval leaves no time for it. */
function timeOf(policy: Policy, slot: Slot, volume: SimulatedVolume): number | null {
  const startMs = Math.max(startsAfter(policy, slot, volumeId).getTime(), volume.newestMs() + policy.minimumIntervalMs);
  return startMs < slot.windowEndsAt.getTime() ? startMs : null;
}
