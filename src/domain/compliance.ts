import { slotTimeMs } from "./marks.ts";
import type { Point } from "./points.ts";
import type { Reason } from "./reasons.ts";
import { currentSlot, nextSlotStart, slotBefore, type Slot, type Timetable } from "./slots.ts";

/** Whether a volume has what one policy is to make of it by one mechanism. Counted in slots: a monthly policy is no worse on day 20 than on day 2. */
export type Compliance =
  /** It has a good point of the last slot whose time is over, or of a later one. */
  | { readonly state: "compliant"; readonly since: Date; readonly pointId: string }
  /** It has good points, of slots before. */
  | {
      readonly state: "overdue";
      /** When the time of the first slot was over that is lacking. */
      readonly since: Date;
      /** Id of the last slot whose time is over. */
      readonly lacking: string;
    }
  /** It has no good point at all; {@link lacking} as above, `since` when its time was over. */
  | { readonly state: "never"; readonly since: Date; readonly lacking: string }
  /** Nothing is lacking yet: the time of its first slot ends then. */
  | { readonly state: "pending"; readonly until: Date }
  /** What is lacking is so on purpose. */
  | { readonly state: "excused"; readonly reason: Reason; readonly lacking: string | null };

export interface ComplianceInput {
  readonly policy: Timetable & { readonly name: string };
  /** Of the volume and mechanism, in its own project; of whatever policy. */
  readonly points: readonly Point[];
  /** What is in the way of the current slot; `null` for nothing. */
  readonly obstacle: Reason | null;
  /** Since when the policy is known to protect the volume; without it, only the current slot can be the first. */
  readonly protectedSince: Date | null;
  readonly now: Date;
}

/** Obstacles that somebody wants, who is told of them. */
const onPurpose: ReadonlySet<Reason> = new Set(["skip_requested", "excluded", "release_requested", "too_soon"]);

/** Judges one volume, policy and mechanism. Pure; knows nothing but slots and good points, and so needs no history. */
export function complianceOf({ policy, points, obstacle, protectedSince, now }: ComplianceInput): Compliance {
  const current = currentSlot(policy, now);
  const lacking = current === null ? null : lastOver(policy, current, now);
  const newest = newestOf(policy.name, points);
  if (newest !== null && (lacking === null || newest.forMs >= lacking.startsAt.getTime())) {
    return { state: "compliant", since: newest.point.backup.createdAt, pointId: newest.point.backup.id };
  }
  if (obstacle !== null && onPurpose.has(obstacle)) {
    return { state: "excused", reason: obstacle, lacking: lacking?.id ?? null };
  }
  if (newest !== null && lacking !== null) {
    const first = currentSlot(policy, nextSlotStart(policy, new Date(newest.forMs))) ?? lacking;
    return { state: "overdue", since: timeEndsAt(policy, first), lacking: lacking.id };
  }
  const firstMs = protectedSince?.getTime() ?? current?.startsAt.getTime() ?? Infinity;
  if (lacking !== null && firstMs < timeEndsAt(policy, lacking).getTime()) {
    return { state: "never", since: timeEndsAt(policy, lacking), lacking: lacking.id };
  }
  const first = current ?? currentSlot(policy, nextSlotStart(policy, now));
  return { state: "pending", until: first === null ? nextSlotStart(policy, now) : timeEndsAt(policy, first) };
}

/** When a slot should have its point: after its window, also where it is made up for later. */
function timeEndsAt({ windowMs }: Timetable, { startsAt, endsAt }: Slot): Date {
  return new Date(Math.min(startsAt.getTime() + windowMs, endsAt.getTime()));
}

/** The last slot whose time is over; `null` when the first one still has time. */
function lastOver(policy: Timetable, current: Slot, now: Date): Slot | null {
  return now >= timeEndsAt(policy, current) ? current : slotBefore(policy, current);
}

/** Clocks may differ by so much. */
const skewMs = 5 * 60_000;

/** The newest slot that has a good point, and that point. A manual run's satisfies no slot. */
function newestOf(name: string, points: readonly Point[]): { readonly point: Point; readonly forMs: number } | null {
  let newest: { point: Point; forMs: number } | null = null;
  for (const point of points) {
    const slotMs = slotTimeMs(point.marks.slot ?? point.entry?.slot ?? null);
    const madeMs = point.backup.createdAt.getTime();
    // Made for a slot to come it cannot be, whatever somebody has written on it.
    const forMs = slotMs > madeMs + skewMs ? madeMs : slotMs;
    const policy = point.marks.policy ?? point.entry?.policy;
    if (!point.good || policy !== name || Number.isNaN(forMs)) continue;
    if (newest === null || forMs > newest.forMs) newest = { point, forMs };
  }
  return newest;
}
