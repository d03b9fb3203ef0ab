/** The built-in policy: Staffeln's, a period and a retention time. All durations in milliseconds. */
export interface Policy {
  /** Lower-case word, part of every key. */
  readonly name: string;
  /** Divides a day, or is a whole number of days. */
  readonly periodMs: number;
  /** How long after a slot work may start. */
  readonly windowMs: number;
  /** Age until which a restore point is kept. */
  readonly retentionMs: number;
  /** What a request of a tenant can never go below. */
  readonly minimumRetentionMs: number;
  /** Every Nth backup of a volume is a full one; 1 is always full. The chain limit. */
  readonly fullEvery: number;
  /** No second backup of a volume within this time, whatever the slots say; 0 is off. */
  readonly minimumIntervalMs: number;
  /** Fulls that go to another container for longer; `null` for none. */
  readonly archive: ArchiveRule | null;
}

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
  /** How long a request for less must have been seen before it counts. */
  readonly overrideDelayMs: number;
  /** At most this many volumes of a project are backed up in a slot; `null` is no limit. */
  readonly volumesPerProject: number | null;
}
