import { dayMs } from "./durations.ts";
import type { Mechanism } from "./inventory.ts";
import type { Schedule } from "./schedule.ts";

/** Mechanism, schedule, retention and options. All durations in milliseconds. */
export interface Policy {
  /** Lower-case word, part of every key. */
  readonly name: string;
  /** Each makes restore points of its own. */
  readonly mechanisms: readonly Mechanism[];
  /** When slots begin. */
  readonly schedule: Schedule;
  /** IANA name of the zone that the schedule is read in. */
  readonly timeZone: string;
  /** Nominal length of a slot: what pace and metrics reckon with. The schedule decides. */
  readonly periodMs: number;
  /** How long after a slot work may start. */
  readonly windowMs: number;
  /** `once`: a slot whose window was missed is made up until the next slot begins. `skip`: work starts inside the window only. */
  readonly catchUp: "once" | "skip";
  /** Each volume starts up to so much after the slot, always the same for a volume. */
  readonly jitterMs: number;
  /** Age until which a restore point is kept; 0 where only {@link thinning} keeps. */
  readonly retentionMs: number;
  /** What counts keep beside age; `null` for nothing. */
  readonly thinning: ThinningRule | null;
  /** What a request of a tenant can never go below. */
  readonly minimumRetentionMs: number;
  /** Every Nth backup of a volume is a full one; 1 is always full. The chain limit. */
  readonly fullEvery: number;
  /** A chain older than this is not built on any more; `null` for no limit. */
  readonly maximumChainAgeMs: number | null;
  /** No second backup of a volume within this time, whatever the slots say; 0 is off. */
  readonly minimumIntervalMs: number;
  /** Fulls that go to another container for longer; `null` for none. */
  readonly archive: ArchiveRule | null;
  /** Container of its backups; `null`: the configured one. */
  readonly container: string | null;
  /** Of several that are due, the lowest goes first. */
  readonly priority: number;
  /** Restore points in flight at once; `null` for no limit of its own. */
  readonly maximumConcurrent: number | null;
  /** `set`: the backups of a server's volumes are made from snapshots of one moment, where the backend is known to make that safe. */
  readonly consistency: "volume" | "set";
  /** Where the project's quota has no room: fail, or first remove what the new point is going to push out. */
  readonly onQuota: "block" | "prune";
}

/** What is kept by counts of points and of calendar units that have one (grandfather, father, son). 0: nothing by that unit. */
export interface ThinningRule {
  readonly last: number;
  readonly hourly: number;
  readonly daily: number;
  readonly weekly: number;
  readonly monthly: number;
  readonly yearly: number;
  /** Where each unit begins to count: at the newest point, or where the unit before it ended. */
  readonly countFrom: "newest" | "previous";
  /** At least so many of the newest are kept; 1 or more. */
  readonly minimumKeep: number;
  /** IANA name of the zone whose calendar counts. */
  readonly timeZone: string;
}

/** Keeps the newest so many and nothing else. @param timeZone IANA name */
export const newestOnly = (last: number, timeZone: string): ThinningRule => ({
  last,
  hourly: 0,
  daily: 0,
  weekly: 0,
  monthly: 0,
  yearly: 0,
  countFrom: "newest",
  minimumKeep: 1,
  timeZone,
});

/** A schedule of equal periods from local midnight. */
export const every = (periodMs: number): Pick<Policy, "schedule" | "periodMs"> => ({
  schedule: { kind: "every", periodMs },
  periodMs,
});

/** Daily backups kept for 17 days: what the built-in policy is where nothing is configured. */
export const defaultPolicy: Policy = {
  name: "default",
  mechanisms: ["backup"],
  ...every(dayMs),
  timeZone: "UTC",
  windowMs: dayMs,
  catchUp: "skip",
  jitterMs: 0,
  retentionMs: 17 * dayMs,
  thinning: null,
  minimumRetentionMs: dayMs,
  fullEvery: 7,
  maximumChainAgeMs: null,
  minimumIntervalMs: 0,
  archive: null,
  container: null,
  priority: 100,
  maximumConcurrent: null,
  consistency: "volume",
  onQuota: "block",
};

/** Which fulls are archives, where they go, and for how long. */
export interface ArchiveRule {
  /** Every Nth full of a volume (2 or more), or the first of each month or year of the schedule's zone. */
  readonly which: { readonly every: number } | { readonly firstOf: "month" | "year" };
  /** Never the container of the other backups. */
  readonly container: string;
  /** Longer than the policy's. */
  readonly retentionMs: number;
  /** `null`: wherever Cinder puts it. */
  readonly availabilityZone: string | null;
}

/** What selects servers and volumes. */
export interface Selection {
  readonly tagKey: string;
  /** Accepted values, lower case. */
  readonly tagValues: readonly string[];
  readonly skipKey: string;
  /** Server or volume metadata that asks for another retention, e.g. `30d`. */
  readonly retentionKey: string;
  /** Server or volume metadata that asks for policies by their names. */
  readonly policyKey: string;
  /** How long a request for less must have been seen before it counts. */
  readonly overrideDelayMs: number;
  /** At most this many volumes of a project are backed up in a slot; `null` is no limit. */
  readonly volumesPerProject: number | null;
}
