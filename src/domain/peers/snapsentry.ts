import { dayMs } from "../durations.ts";
import type { Volume } from "../inventory.ts";
import { newestOnly, defaultPolicy, type Policy } from "../policy.ts";
import type { Schedule } from "../schedule.ts";
import {
  isKeyOf,
  isSnapSentryKey,
  managedKey,
  snapSentryKey,
  snapSentryKinds,
  snapSentryPolicyName,
  type SnapSentryField,
  type SnapSentryKind,
} from "./snapsentry-keys.ts";
import { parseGoBool, parseTimeOfDay, parseTimeZone, parseWeekDay, parseWhole } from "./values.ts";

/** What a volume's SnapSentry keys ask for. */
export interface SnapSentryRequest {
  /** Of the enabled policies, in SnapSentry's order. The same parameters are the same object within one pass. */
  readonly policies: readonly Policy[];
  /** `key: what is wrong with it`, for `request_invalid`. What is wrong has its documented default. */
  readonly problems: readonly string[];
}

/** One policy's parameters, all readable. */
export interface SnapSentryParameters {
  readonly kind: SnapSentryKind;
  readonly retentionDays: number;
  /** `count`: the newest so many, as well as so many days. */
  readonly retentionType: "time" | "count";
  readonly timeZone: string;
  /** `HH:MM`; express begins at midnight. */
  readonly startTime: string;
  /** Monday is 1. */
  readonly weekDay: number;
  readonly monthDay: number;
  readonly intervalHours: number;
}

/** Made anew for each pass over the volumes. */
export interface SnapSentryCache {
  /** By the metadata as it is written. */
  readonly read: Map<string, Reading>;
  /** By what it means. */
  readonly policies: Map<string, Policy>;
}

interface Reading {
  readonly policy: Policy;
  readonly problems: readonly string[];
}

export const newSnapSentryCache = (): SnapSentryCache => ({ read: new Map(), policies: new Map() });

type Metadata = Readonly<Record<string, string>>;

const nothing: SnapSentryRequest = { policies: [], problems: [] };

/** SnapSentry's documented defaults. */
const defaultDays = { express: 1, daily: 2, weekly: 7, monthly: 30 } as const satisfies Record<SnapSentryKind, number>;
const nominalDays = { daily: 1, weekly: 7, monthly: 30 } as const;
export const expressIntervals: readonly number[] = [6, 8, 12];
/** A hundred years; longer ones are no dates any more. */
export const mostDays = 36_500;
const hourMs = 60 * 60 * 1000;

export const defaultParameters = (kind: SnapSentryKind): SnapSentryParameters => ({
  kind,
  retentionDays: defaultDays[kind],
  retentionType: "time",
  timeZone: "UTC",
  startTime: "00:00",
  weekDay: 7,
  monthDay: 1,
  intervalHours: 6,
});

/**
 * Reads SnapSentry's keys on a volume. As with SnapSentry, `x-snapsentry-managed` switches all of them, and a policy that is not enabled is not asked
 * for. What cannot be read never means "unprotected": a switch that is neither on nor off is on, any other value has its documented default.
 */
export function readSnapSentry({ metadata }: Pick<Volume, "metadata">, cache: SnapSentryCache): SnapSentryRequest {
  const keys = Object.keys(metadata).filter(isSnapSentryKey);
  if (keys.length === 0) return nothing;
  const problems: string[] = [];
  const enabled = snapSentryKinds.filter((kind) => isOn(metadata, snapSentryKey(kind, "enabled"), problems));
  const managed = metadata[managedKey]?.trim() ?? "";
  if (managed === "" && enabled.length > 0) {
    return { policies: [], problems: [`${managedKey}: missing; without it the other keys have no effect`] };
  }
  const managedProblems: string[] = [];
  if (!isOn(metadata, managedKey, managedProblems)) return nothing;
  const readings = enabled.map((kind) => readPolicy(kind, metadata, keys, cache));
  return {
    policies: readings.map(({ policy }) => policy),
    problems: [...managedProblems, ...problems, ...readings.flatMap((reading) => reading.problems)],
  };
}

function isOn(metadata: Metadata, key: string, problems: string[]): boolean {
  const text = metadata[key]?.trim() ?? "";
  if (text === "") return false;
  const value = parseGoBool(text);
  if (value === null) problems.push(`${key}: ${text} is neither true nor false; it counts as true`);
  return value ?? true;
}

function readPolicy(
  kind: SnapSentryKind,
  metadata: Metadata,
  keys: readonly string[],
  cache: SnapSentryCache,
): Reading {
  const own = keys.filter((key) => isKeyOf(kind, key)).sort();
  const written = JSON.stringify([kind, ...own.map((key) => [key, metadata[key]])]);
  const known = cache.read.get(written);
  if (known !== undefined) return known;
  const problems: string[] = [];
  const parameters = readParameters(kind, metadata, problems);
  const meant = JSON.stringify(parameters);
  const policy = cache.policies.get(meant) ?? snapSentryPolicy(parameters);
  cache.policies.set(meant, policy);
  const reading = { policy, problems };
  cache.read.set(written, reading);
  return reading;
}

function readParameters(kind: SnapSentryKind, metadata: Metadata, problems: string[]): SnapSentryParameters {
  const defaults = defaultParameters(kind);
  const read = <T>(field: SnapSentryField, parse: (text: string) => T | null, otherwise: T): T => {
    const key = snapSentryKey(kind, field);
    const text = metadata[key]?.trim() ?? "";
    if (text === "") return otherwise;
    const value = parse(text);
    if (value === null) problems.push(`${key}: ${text} is not valid; it counts as ${String(otherwise)}`);
    return value ?? otherwise;
  };
  return {
    kind,
    retentionDays: read("retentionDays", parseDays, defaults.retentionDays),
    retentionType: read("retentionType", parseType, "time"),
    timeZone: read("timeZone", parseTimeZone, defaults.timeZone),
    // What a policy does not have must not make two of what is one.
    startTime: kind === "express" ? defaults.startTime : read("startTime", parseTimeOfDay, defaults.startTime),
    weekDay: kind === "weekly" ? read("weekDay", parseWeekDay, defaults.weekDay) : defaults.weekDay,
    monthDay: kind === "monthly" ? readMonthDay(metadata, read, problems) : defaults.monthDay,
    intervalHours: kind === "express" ? read("intervalHours", parseInterval, 6) : defaults.intervalHours,
  };
}

/** Two spellings: SnapSentry's evaluation and its Glance definitions know one, its own command writes the other. The documented one goes first. */
function readMonthDay(
  metadata: Metadata,
  read: (field: SnapSentryField, parse: (text: string) => number | null, otherwise: number) => number,
  problems: string[],
): number {
  const documented = metadata[snapSentryKey("monthly", "monthDay")]?.trim() ?? "";
  const written = metadata[snapSentryKey("monthly", "monthDayWritten")]?.trim() ?? "";
  if (documented === "") return read("monthDayWritten", parseMonthDay, 1);
  if (written !== "" && written !== documented) {
    const key = snapSentryKey("monthly", "monthDayWritten");
    problems.push(`${key}: ${written} is not what ${snapSentryKey("monthly", "monthDay")} says, which counts`);
  }
  return read("monthDay", parseMonthDay, 1);
}

/** 0 and less SnapSentry takes for "the default". */
function parseDays(text: string): number | null {
  const days = parseWhole(text);
  return days === null || days <= 0 ? null : Math.min(days, mostDays);
}

/** As SnapSentry: days below 1 are the first, those beyond 31 the last. */
function parseMonthDay(text: string): number | null {
  const day = parseWhole(text);
  return day === null ? null : Math.min(Math.max(day, 1), 31);
}

function parseInterval(text: string): number | null {
  const hours = parseWhole(text);
  return hours !== null && expressIntervals.includes(hours) ? hours : null;
}

export const isRetentionType = (text: string): text is SnapSentryParameters["retentionType"] =>
  text === "time" || text === "count";

const parseType = (text: string): SnapSentryParameters["retentionType"] | null => (isRetentionType(text) ? text : null);

/** The policy of ours that does what the parameters say. */
export function snapSentryPolicy(parameters: SnapSentryParameters): Policy {
  const { kind, intervalHours, retentionDays, retentionType, timeZone } = parameters;
  const periodMs = kind === "express" ? intervalHours * hourMs : nominalDays[kind] * dayMs;
  return {
    ...defaultPolicy,
    name: snapSentryPolicyName(kind),
    mechanisms: ["snapshot"],
    schedule: scheduleOf(parameters),
    timeZone,
    periodMs,
    // SnapSentry makes up a snapshot for as long as its window lasts, which is until the next one begins.
    windowMs: periodMs,
    catchUp: "once",
    jitterMs: 0,
    retentionMs: retentionDays * dayMs,
    minimumRetentionMs: dayMs,
    // `count` is what SnapSentry's command writes for weeks and months although it counts days: both readings hold.
    thinning: retentionType === "count" ? newestOnly(retentionDays, timeZone) : null,
    fullEvery: 1,
  };
}

function scheduleOf({ kind, intervalHours, monthDay, startTime: at, weekDay }: SnapSentryParameters): Schedule {
  switch (kind) {
    case "express":
      return { kind: "every", periodMs: intervalHours * hourMs };
    case "daily":
      return { kind: "daily", at };
    case "weekly":
      return { kind: "weekly", weekDay, at };
    case "monthly":
      return { kind: "monthly", day: monthDay, at };
  }
}
