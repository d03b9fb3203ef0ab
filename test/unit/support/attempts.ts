import { readPolicyBook } from "../../../src/config/policies/read-book.ts";
import { defaultPolicy, type Policy } from "../../../src/domain/policy.ts";
import type { PolicyBook } from "../../../src/domain/policy-book.ts";
import { snapSentryKinds, type SnapSentryKind } from "../../../src/domain/peers/snapsentry-keys.ts";
import { dayMs } from "./clouds.ts";
import type { Metadata, Tenant } from "./twins.ts";

/** What tenants have asked for, and all that they may write or do afterwards to have less. */

/** As its owner has it for the first nights. */
export interface Setup {
  /** Of the volume, too: rules go by it. */
  readonly name: string;
  readonly server: Metadata;
  readonly volume: Metadata;
}

export interface Attempt {
  readonly name: string;
  readonly change: (tenant: Tenant) => Tenant;
}

export const builtIn: Policy = { ...defaultPolicy, retentionMs: 5 * dayMs, fullEvery: 4, catchUp: "once" };

type PolicyTexts = Readonly<Record<string, string>>;

export const policies = {
  single: "{schedule: {daily: '00:00'}, retention: {age: 5d}, full_every: 1}",
  chain: "{schedule: {daily: '00:00'}, retention: {age: 5d}, full_every: 4}",
  count: "{mechanism: snapshot, schedule: {daily: '00:00'}, retention: {last: 4}}",
  gfs: "{schedule: {daily: '00:00'}, retention: {last: 2, daily: 3, weekly: 2}, full_every: 4}",
  both: "{mechanism: both, schedule: {daily: '00:00'}, retention: {age: 4d, last: 2}, full_every: 4}",
  six: "{mechanism: snapshot, schedule: {daily: '00:00'}, retention: {last: 3}}",
  weak: "{schedule: {daily: '00:00'}, retention: {age: 1d}, full_every: 1}",
  weaksnap: "{mechanism: snapshot, schedule: {daily: '00:00'}, retention: {age: 1d}}",
  weakcount: "{mechanism: snapshot, schedule: {daily: '00:00'}, retention: {last: 1}}",
} as const satisfies PolicyTexts;

const ruledNames = ["single", "chain", "count", "gfs", "both"] as const;

/** @param more above the rules that attach policies */
export function bookOf(texts: PolicyTexts, more = ""): PolicyBook {
  const lines = [
    "policies:",
    ...Object.entries(texts).map(([name, text]) => `  ${name}: ${text}`),
    "rules:",
    ...(more === "" ? [] : [more]),
    ...ruledNames
      .filter((name) => name in texts)
      .map((name) => `  - {name: ${name}, match: {volume: {name: ruled-${name}}}, policies: [${name}]}`),
  ];
  const files = { policies: { path: "/policies.yaml", text: lines.join("\n") }, rules: null };
  return readPolicyBook(files, { timeZone: "UTC", container: null, builtIn });
}

/** A mechanism, a policy or a schedule less, as an operator may have it from one night to the next. */
export const operators: Readonly<Record<string, () => PolicyBook>> = {
  "all policies removed": () => bookOf({ weak: policies.weak }),
  "all policies renamed": () =>
    bookOf(Object.fromEntries(Object.entries(policies).map(([name, text]) => [`${name}2`, text]))),
  "all policies shortened": () =>
    bookOf(
      Object.fromEntries(
        Object.entries(policies).map(([name, text]) => [
          name,
          text.replace(/retention: \{.*?\}/, "retention: {age: 1d}"),
        ]),
      ),
    ),
  "all policies counting one": () =>
    bookOf(
      Object.fromEntries(
        Object.entries(policies).map(([name, text]) => [
          name,
          text.replace(/retention: \{.*?\}/, "retention: {last: 1}"),
        ]),
      ),
    ),
  "all volumes excluded": () => bookOf(policies, "  - {name: no, priority: 1, match: {}, exclude: true}"),
};

const none: Metadata = {};
const tag: Metadata = { backup: "yes" };

export const snapSentry = (kind: SnapSentryKind, fields: Metadata): Metadata => ({
  "x-snapsentry-managed": "true",
  [`x-snapsentry-${kind}-enabled`]: "true",
  ...Object.fromEntries(Object.entries(fields).map(([key, value]) => [`x-snapsentry-${kind}-${key}`, value])),
});

const auto: Metadata = { auto_snapshot: "yes", snapshot_policies: "six" };

export const dailySetups: readonly Setup[] = [
  { name: "tag", server: tag, volume: none },
  { name: "tag, longer by the server", server: { ...tag, backup_retention: "8d" }, volume: none },
  { name: "tag, longer by the volume", server: tag, volume: { backup_retention: "8d" } },
  ...ruledNames.map((policy) => ({ name: `ruled-${policy}`, server: none, volume: none })),
  { name: "asked by the server", server: { backup_policy: "chain" }, volume: none },
  { name: "asked by the volume", server: none, volume: { backup_policy: "gfs,count" } },
  { name: "platform9", server: none, volume: { ...auto, retention_six: "5" } },
  { name: "platform9, alternate", server: none, volume: { ...auto, snapshot_retention_six: "5" } },
  { name: "platform9, common", server: none, volume: { auto_snapshot: "yes", snapshot_policy: "six", retention: "5" } },
  {
    name: "all at once",
    server: { ...tag, backup_retention: "6d" },
    volume: {
      backup_policy: "chain, gfs; count",
      ...auto,
      retention: "4",
      ...snapSentry("daily", { "retention-days": "4" }),
    },
  },
  ...snapSentrySetups("daily", { days: 4, count: 4, "start-time": "00:00" }),
];

/** By age, and by age and count. */
export function snapSentrySetups(
  kind: SnapSentryKind,
  {
    days,
    count,
    ...schedule
  }: { readonly days: number; readonly count: number } & Readonly<Record<string, string | number>>,
): readonly Setup[] {
  const setup = (type: string, retention: number): Setup => {
    const fields = { ...schedule, timezone: "UTC", "retention-days": retention, "retention-type": type };
    const texts = Object.entries(fields).map(([field, value]) => [field, String(value)]);
    return {
      name: `${kind} by ${type}`,
      server: none,
      volume: snapSentry(kind, Object.fromEntries(texts) as Metadata),
    };
  };
  return [setup("time", days), setup("count", count)];
}

/** `null`: the key is taken away. */
const values: readonly (string | null)[] = [
  "1d",
  "1",
  "0",
  "-1",
  "junk",
  "",
  "x".repeat(255),
  "no",
  "false",
  "9".repeat(25),
  "NaN",
  "ünïcödé 🛟",
  null,
];

/** Of each kind one. */
const fewValues: readonly (string | null)[] = ["1d", "1", "0", "junk", null];

const weaker = ["weak", "weaksnap", "weakcount", "weak, weaksnap; weakcount", "unknown"];

type On = "server" | "volume";

const write = (written: Partial<Record<On, Readonly<Record<string, string | null>>>>): Attempt => ({
  name: JSON.stringify(written),
  change: ({ server, volume }) => ({
    server: server && { ...server, metadata: rewritten(server.metadata, written.server) },
    volume: volume && { ...volume, metadata: rewritten(volume.metadata, written.volume) },
  }),
});

const rewritten = (metadata: Metadata, written: Readonly<Record<string, string | null>> = {}): Metadata =>
  Object.fromEntries(
    Object.entries({ ...metadata, ...written }).flatMap(([key, value]) => (value === null ? [] : [[key, value]])),
  );

const deeds: readonly Attempt[] = [
  { name: "nothing", change: (tenant) => tenant },
  {
    name: "detached",
    change: ({ server, volume }) => ({
      server: server && { ...server, volumeIds: [] },
      volume: volume && { ...volume, serverIds: [], status: "available" },
    }),
  },
  {
    name: "server deleted",
    change: ({ volume }) => ({ server: null, volume: volume && { ...volume, serverIds: [], status: "available" } }),
  },
  {
    name: "volume deleted",
    change: ({ server }) => ({ server: server && { ...server, volumeIds: [] }, volume: null }),
  },
  {
    name: "volume renamed and smaller",
    change: ({ server, volume }) => ({ server, volume: volume && { ...volume, name: "other", sizeGiB: 1 } }),
  },
];

const kindOf = ({ volume }: Setup): SnapSentryKind =>
  snapSentryKinds.find((kind) => `x-snapsentry-${kind}-enabled` in volume) ?? "daily";

/** Every documented key of SnapSentry's for one of its policies. */
const snapSentryKeysOf = (kind: SnapSentryKind): readonly string[] => [
  "x-snapsentry-managed",
  ...["enabled", "retention-days", "retention-type", "timezone", "start-time"].map(
    (field) => `x-snapsentry-${kind}-${field}`,
  ),
  ...{
    express: ["x-snapsentry-express-interval-hours"],
    daily: [],
    weekly: ["x-snapsentry-weekly-start-day-of-week"],
    monthly: ["x-snapsentry-monthly-start-day-of-month", "x-snapsentry-monthly-day-of-month"],
  }[kind],
];

/** What is written on snapshots by SnapSentry, and means nothing on a volume. */
const snapshotKeys = [
  "x-snapsentry-snapshot-expiry-date",
  "x-snapsentry-snapshot-retention-days",
  "x-snapsentry-snapshot-policy-type",
];

const platform9Keys = [
  "auto_snapshot",
  "snapshot_policies",
  "snapshot_policy",
  "retention_six",
  "snapshot_retention_six",
  "retention",
];

const ownKeys: Readonly<Record<On, readonly string[]>> = {
  server: ["backup", "backup_policy", "backup_retention", "skip-volume-backup"],
  volume: ["backup_policy", "backup_retention", "skip-volume-backup"],
};

const isPeer = (prefix: string, { volume }: Setup): boolean =>
  Object.keys(volume).some((key) => key.startsWith(prefix));

/** All that the tenant of a setup may try. */
export const attemptsOn = (setup: Setup): readonly Attempt[] => attemptsWith(values, setup);

/** The same with fewer values. */
export const someAttemptsOn = (setup: Setup): readonly Attempt[] => attemptsWith(fewValues, setup);

function attemptsWith(written: readonly (string | null)[], setup: Setup): readonly Attempt[] {
  const own = (on: On): readonly string[] => [...new Set([...ownKeys[on], ...Object.keys(setup[on])])];
  const peers = [
    ...(isPeer("x-snapsentry-", setup) ? [...snapSentryKeysOf(kindOf(setup)), ...snapshotKeys] : []),
    ...(isPeer("auto_snapshot", setup) ? platform9Keys : []),
  ];
  const each = (on: On, keys: readonly string[]): readonly Attempt[] =>
    keys.flatMap((key) => written.map((value) => write({ [on]: { [key]: value } })));
  const gone = (on: On): Readonly<Record<string, null>> =>
    Object.fromEntries(Object.keys(setup[on]).map((key) => [key, null]));
  return [
    ...deeds,
    ...each("server", own("server")),
    ...each("volume", [...new Set([...own("volume"), ...peers])]),
    ...(["server", "volume"] as const).flatMap((on) =>
      weaker.map((names) => write({ [on]: { backup_policy: names, backup_retention: "1d" } })),
    ),
    ...weaker.map((names) => write({ volume: { ...auto, snapshot_policies: names, retention: "1" } })),
    write({ server: gone("server"), volume: gone("volume") }),
    write({
      server: gone("server"),
      volume: { ...gone("volume"), "skip-volume-backup": "yes", backup_retention: "0" },
    }),
    write({ volume: { "skip-volume-backup": "yes", backup_retention: "1d" } }),
    ...snapSentryKinds.map((kind) =>
      write({ volume: snapSentry(kind, { "retention-days": "1", "retention-type": "count" }) }),
    ),
  ];
}
