import fc from "fast-check";
import { defaultPolicy, every, newestOnly, type Policy, type ThinningRule } from "../../../../src/domain/policy.ts";
import { longestSlotMs, type Schedule } from "../../../../src/domain/schedule.ts";
import { rare, weighted } from "../histories.ts";

/** Small worlds and what happens in them, in any order. Numbers that name something count it off, whatever there is of it then. */

const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** What comes of one request to Cinder. */
export type Outcome = "good" | "creating" | "error" | "lost, made" | "lost, not made" | "refused";
/** What comes of one DELETE. */
export type Farewell = "gone" | "deleting" | "error" | "error_deleting";

/** `tonight` goes by pace and brake, `all` lifts them. */
export type Comparison = "nothing" | "plans" | "tonight" | "all" | "tenants";

export interface Pass {
  readonly kind: "pass";
  readonly gapMs: number;
  readonly outcomes: readonly Outcome[];
  readonly farewell: Farewell;
  /** How far the conductor's clock is off in this pass. */
  readonly skewMs: number;
  /** What a half blind reader does not see: the nth volume or server. */
  readonly hides: number | null;
  readonly proven: boolean;
  /** Rotates before anything is made, as where the quota is full. */
  readonly prunes: boolean;
  /** What is looked at beside: the same with other databases, or with what tenants asked for before. It costs time. */
  readonly compares: Comparison;
}

export type PolicyChange =
  "remove" | "restore" | "shorter" | "longer" | "fewer" | "more" | "by age" | "zone" | "both" | "rule" | "exclude";

export type Tampering =
  | "vanish"
  | "wipe"
  | "wipe keep-until"
  | "junk keep-until"
  | "wipe key"
  | "wipe parent"
  | "wipe rule"
  | "junk rule"
  | "hold"
  | "wipe hold"
  | "bad verdict"
  | "error"
  | "restoring"
  | "finish"
  | "shrink";

export type Making = "duplicate" | "user" | "user incremental" | "forged" | "elsewhere";
export type VolumeChange = "detach" | "attach" | "move" | "grow" | "delete" | "retype" | "busy" | "ready" | "share";

export type Event =
  | Pass
  | { readonly kind: "tag"; readonly server: number; readonly value: string | null }
  | {
      readonly kind: "ask";
      readonly of: "server" | "volume";
      readonly at: number;
      readonly key: string;
      readonly value: string | null;
    }
  | { readonly kind: "policy"; readonly at: number; readonly change: PolicyChange }
  | { readonly kind: "tamper"; readonly at: number; readonly what: Tampering }
  | { readonly kind: "make"; readonly volume: number; readonly what: Making }
  | { readonly kind: "volume"; readonly at: number; readonly change: VolumeChange }
  | { readonly kind: "database"; readonly becomes: "lost" | "old" };

/** The first policy is the built-in one. */
export interface Scenario {
  readonly startMs: number;
  readonly policies: readonly Policy[];
  /** Names of policies that rules give to every volume. */
  readonly attached: readonly string[];
  readonly volumes: readonly { readonly server: number; readonly history: number }[];
  readonly servers: readonly { readonly project: number; readonly tag: string | null }[];
  readonly events: readonly Event[];
}

const schedules = weighted<Schedule>(
  [6, every(dayMs).schedule],
  [2, every(dayMs / 4).schedule],
  [2, { kind: "daily", at: "02:30" }],
  [1, { kind: "weekly", weekDay: 7, at: "02:15" }],
  [1, { kind: "monthly", day: 31, at: "00:00" }],
  [1, { kind: "interval", everyMs: 2 * dayMs, anchor: new Date("2011-01-01T00:00:00Z") }],
);

export const zones = ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia"] as const;

const nothing = newestOnly(0, "UTC");
const thinnings = weighted<ThinningRule | null>(
  [4, null],
  [2, newestOnly(2, "UTC")],
  [1, { ...nothing, last: 1, daily: 2, weekly: 1 }],
  [1, { ...nothing, hourly: 2, daily: 3, monthly: 1, minimumKeep: 2 }],
  [1, { ...nothing, daily: 2, weekly: 2, yearly: 1, countFrom: "previous" }],
);

const policyOf = (name: string): fc.Arbitrary<Policy> =>
  fc
    .record({
      schedule: schedules,
      timeZone: fc.constantFrom(...zones),
      thinning: thinnings,
      byAge: fc.boolean(),
      periods: fc.constantFrom(2, 3, 6),
      minimumPeriods: weighted([3, 1], [1, 2]),
      window: weighted([3, 1], [1, 0.25]),
      catchUp: fc.constantFrom("once" as const, "skip" as const),
      jitter: weighted([3, 0], [1, 0.125]),
      fullEvery: fc.integer({ min: 1, max: 4 }),
      maximumChainAgeMs: weighted<number | null>([4, null], [1, 3 * dayMs]),
      minimumInterval: weighted([4, 0], [1, 0.5]),
      mechanisms: weighted<Policy["mechanisms"]>([5, ["backup"]], [1, ["snapshot"]], [2, ["backup", "snapshot"]]),
      priority: fc.constantFrom(1, 100),
    })
    .map(
      ({
        schedule,
        timeZone,
        thinning,
        byAge,
        periods,
        minimumPeriods,
        window,
        jitter,
        minimumInterval,
        ...rest
      }): Policy => {
        const periodMs = longestSlotMs(schedule);
        return {
          ...defaultPolicy,
          ...rest,
          name,
          schedule,
          timeZone,
          periodMs,
          windowMs: periodMs * window,
          jitterMs: periodMs * jitter,
          minimumIntervalMs: periodMs * minimumInterval,
          thinning: thinning === null ? null : { ...thinning, timeZone },
          retentionMs: thinning === null || byAge ? periods * periodMs : 0,
          minimumRetentionMs: minimumPeriods === 1 ? Math.min(dayMs, periodMs) : minimumPeriods * periodMs,
        };
      },
    );

const passes: fc.Arbitrary<Pass> = fc.record({
  kind: fc.constant("pass"),
  gapMs: weighted(
    [2, 20 * minuteMs],
    [2, 6 * hourMs + minuteMs],
    [8, dayMs],
    [2, dayMs + 3 * hourMs],
    [2, 3 * dayMs],
    [1, 8 * dayMs],
    [1, 40 * dayMs],
    [1, 130 * dayMs],
  ),
  outcomes: fc.array(
    weighted<Outcome>(
      [8, "good"],
      [1, "creating"],
      [1, "error"],
      [1, "lost, made"],
      [1, "lost, not made"],
      [1, "refused"],
    ),
    { minLength: 1, maxLength: 3 },
  ),
  farewell: weighted<Farewell>([8, "gone"], [1, "deleting"], [1, "error"], [1, "error_deleting"]),
  skewMs: weighted([20, 0], [1, -3 * dayMs], [1, 4 * dayMs], [1, minuteMs]),
  hides: weighted<number | null>([20, null], [1, 0], [1, 1], [1, 3]),
  proven: weighted([20, true], [1, false]),
  prunes: rare(6),
  compares: weighted<Comparison>([12, "nothing"], [1, "plans"], [1, "tonight"], [2, "all"], [2, "tenants"]),
});

const values = fc.constantFrom(
  "1d",
  "0",
  "-5",
  "junk",
  "",
  "30d",
  "90d",
  "5",
  "true",
  "gold",
  "thin, gold",
  "no",
  null,
);
const keys = fc.constantFrom(
  "backup_retention",
  "backup_policy",
  "skip-volume-backup",
  "auto_snapshot",
  "snapshot_policies",
  "retention_gold",
);
const number = fc.nat({ max: 11 });
const named = <K extends string>(kind: K): fc.Arbitrary<K> => fc.constant(kind);

const events: fc.Arbitrary<Event> = fc.oneof(
  { weight: 12, arbitrary: passes },
  {
    weight: 1,
    arbitrary: fc.record({ kind: named("tag"), server: number, value: fc.constantFrom("yes", " TRUE ", "no", null) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: named("ask"),
      of: fc.constantFrom("server" as const, "volume" as const),
      at: number,
      key: keys,
      value: values,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: named("policy"),
      at: number,
      change: fc.constantFrom<PolicyChange[]>(
        ...([
          "remove",
          "restore",
          "shorter",
          "longer",
          "fewer",
          "more",
          "by age",
          "zone",
          "both",
          "rule",
          "exclude",
        ] as const),
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: named("tamper"),
      at: number,
      what: fc.constantFrom<Tampering[]>(
        ...(["vanish", "wipe", "wipe keep-until", "junk keep-until", "wipe key", "wipe parent", "wipe rule"] as const),
        ...(["junk rule", "hold", "wipe hold", "bad verdict", "error", "restoring", "finish", "shrink"] as const),
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: named("make"),
      volume: number,
      what: fc.constantFrom<Making[]>("duplicate", "user", "user incremental", "forged", "elsewhere"),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: named("volume"),
      at: number,
      change: fc.constantFrom<VolumeChange[]>(
        ...(["detach", "attach", "move", "grow", "delete", "retype", "busy", "ready", "share"] as const),
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: named("database"), becomes: fc.constantFrom("lost" as const, "old" as const) }),
  },
);

/** Shortly before clocks change or a day is left out, and at other times. */
const starts = fc.constantFrom(
  ...["2026-03-27T21:00Z", "2026-10-23T04:00Z", "2018-11-02T12:00Z", "2011-12-27T08:00Z", "2026-06-11T10:00Z"].map(
    Date.parse,
  ),
);

const volumes = fc.record({ server: weighted([3, 0], [2, 1], [1, 2]), history: weighted([3, 0], [3, 3], [1, 8]) });

export const scenarios: fc.Arbitrary<Scenario> = fc.record({
  startMs: starts,
  policies: fc.tuple(policyOf("default"), policyOf("gold"), policyOf("thin")),
  attached: weighted<readonly string[]>([3, []], [3, ["gold"]], [1, ["gold", "thin"]]),
  volumes: fc.oneof(
    { weight: 3, arbitrary: fc.array(volumes, { minLength: 1, maxLength: 1 }) },
    { weight: 3, arbitrary: fc.array(volumes, { minLength: 2, maxLength: 3 }) },
  ),
  servers: fc.tuple(
    fc.record({ project: fc.constant(0), tag: weighted<string | null>([6, "yes"], [1, null]) }),
    fc.record({ project: fc.nat({ max: 1 }), tag: weighted<string | null>([3, "true"], [1, null]) }),
  ),
  events: fc.array(events, { minLength: 3, maxLength: 12, size: "max" }),
});
