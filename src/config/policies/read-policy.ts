import { dayMs, formatDuration } from "../../domain/durations.ts";
import type { Policy, ThinningRule } from "../../domain/policy.ts";
import { longestSlotMs, scheduleProblem, type Schedule } from "../../domain/schedule.ts";
import { buildArchive } from "../build-archive.ts";
import { ConfigError } from "../errors.ts";
import type { Values } from "../option.ts";
import { policySchema, scheduleForms, weekDays, type ScheduleForm } from "./policy-schema.ts";
import type { Part, Reading } from "./reading.ts";

/** What the configuration says for all policies. */
export interface PolicyDefaults {
  readonly timeZone: string;
  /** Container of backups; null: the backup service's own. */
  readonly container: string | null;
}

const formNames = Object.keys(scheduleForms) as ScheduleForm[];

/** Monday is 1. */
const weekDayNumber = (name: (typeof weekDays)[number]): number => weekDays.indexOf(name) + 1;

function readForm(reading: Reading, part: Part, form: ScheduleForm): Schedule | null {
  switch (form) {
    case "express":
    case "every": {
      const periodMs = reading.value(part, scheduleForms[form].kind);
      return periodMs === undefined ? null : { kind: "every", periodMs };
    }
    case "daily": {
      const at = reading.value(part, scheduleForms.daily.kind);
      return at === undefined ? null : { kind: "daily", at };
    }
    case "weekly": {
      const read = reading.section(part, scheduleForms.weekly);
      return read && { kind: "weekly", weekDay: weekDayNumber(read.day), at: read.at };
    }
    case "monthly": {
      const read = reading.section(part, scheduleForms.monthly);
      return read && { kind: "monthly", day: read.day, at: read.at };
    }
    case "yearly": {
      const read = reading.section(part, scheduleForms.yearly);
      return read && { kind: "yearly", month: read.month, day: read.day, at: read.at };
    }
    case "cron": {
      const expression = reading.value(part, scheduleForms.cron.kind);
      return expression === undefined ? null : { kind: "cron", expression };
    }
    case "interval": {
      const read = reading.section(part, scheduleForms.interval);
      return read && { kind: "interval", everyMs: read.every, anchor: read.from };
    }
  }
}

function readSchedule(reading: Reading, policy: Part, part: Part | undefined): Schedule | null {
  const forms = formNames.join(", ");
  if (part === undefined) {
    reading.complain({ ...policy, key: `${policy.key}.schedule` }, `is missing; allowed: one of ${forms}`);
    return null;
  }
  const parts = reading.map(part, formNames);
  if (parts === null) return null;
  const given = formNames.filter((form) => parts.has(form));
  const [form] = given;
  if (form === undefined || given.length > 1) {
    if (form !== undefined || parts.size === 0) {
      const says = form === undefined ? "says nothing" : `has ${given.join(" and ")}`;
      reading.complain(part, `${says}; allowed: exactly one of ${forms}`);
    }
    return null;
  }
  const value = parts.get(form);
  const schedule = value === undefined ? null : readForm(reading, value, form);
  const problem = schedule === null ? null : scheduleProblem(schedule);
  if (value !== undefined && problem !== null) reading.complain(value, `will not do: ${problem}`);
  return schedule;
}

type PolicyValues = Values<typeof policySchema>;

/** What thins a policy's restore points; `null` when only their age counts. */
function thinningOf(
  {
    last,
    hourly,
    daily,
    weekly,
    monthly,
    yearly,
    count_from: countFrom,
    minimum_keep: minimumKeep,
  }: PolicyValues["retention"],
  timeZone: string,
): ThinningRule | null {
  const counts = { last, hourly, daily, weekly, monthly, yearly };
  if (Object.values(counts).every((count) => count === 0)) return null;
  return { ...counts, countFrom, minimumKeep, timeZone };
}

/** Keys that say nothing for a policy without backups. */
const ofBackups = ["full_every", "maximum_chain_age", "container", "archive"];

/** Reads one policy. @returns null when anything is wrong with it */
export function readPolicy(reading: Reading, part: Part, name: string, defaults: PolicyDefaults): Policy | null {
  return reading.whole(() => {
    const values = reading.section(part, policySchema, ["schedule"]);
    const parts = reading.entries(part) ?? new Map<string, Part>();
    const schedule = part.node.kind === "map" ? readSchedule(reading, part, parts.get("schedule")) : null;
    if (values === null || schedule === null) return null;
    return policyOf(reading, { part, parts, name, defaults, values, schedule });
  });
}

function policyOf(
  reading: Reading,
  read: {
    readonly part: Part;
    readonly parts: ReadonlyMap<string, Part>;
    readonly name: string;
    readonly defaults: PolicyDefaults;
    readonly values: PolicyValues;
    readonly schedule: Schedule;
  },
): Policy {
  const { part, parts, name, defaults, values, schedule } = read;
  const at = (key: string): Part => parts.get(key) ?? { ...part, key: `${part.key}.${key}` };
  const { age } = values.retention;
  const timeZone = values.time_zone ?? defaults.timeZone;
  const thinning = thinningOf(values.retention, timeZone);
  if (age === null && thinning === null) {
    reading.complain(
      at("retention"),
      "keeps nothing; allowed: at least one of age, last, hourly, daily, weekly, monthly, yearly",
    );
  }
  const minimumRetentionMs = values.minimum_retention ?? Math.min(dayMs, age ?? dayMs);
  if (thinning === null && age !== null && minimumRetentionMs > age) {
    reading.complain(
      at("minimum_retention"),
      `is longer than ${part.key}.retention.age (${formatDuration(age)}); allowed: at most that`,
    );
  }
  const periodMs = longestSlotMs(schedule);
  const windowMs = values.window ?? periodMs;
  if (windowMs > periodMs) {
    reading.complain(at("window"), `is longer than a slot; allowed: at most ${formatDuration(periodMs)}`);
  }
  if (values.jitter >= windowMs) {
    reading.complain(at("jitter"), `is as long as the window; allowed: less than ${formatDuration(windowMs)}`);
  }
  if (values.mechanism === "snapshot") {
    for (const key of ofBackups) {
      const entry = parts.get(key);
      if (entry !== undefined) reading.complain(entry, "is about backups, and the policy makes snapshots; take it out");
    }
  }
  if (values.consistency === "set" && values.mechanism !== "backup") {
    reading.complain(
      at("consistency"),
      `is for policies that make backups alone; say mechanism: backup, or take it out: a server's snapshots are always made together`,
    );
  }
  return {
    name,
    mechanisms: values.mechanism === "both" ? ["backup", "snapshot"] : [values.mechanism],
    schedule,
    timeZone,
    periodMs,
    windowMs,
    jitterMs: values.jitter,
    catchUp: values.catch_up,
    retentionMs: age ?? 0,
    thinning,
    minimumRetentionMs,
    fullEvery: values.full_every ?? 7,
    maximumChainAgeMs: values.maximum_chain_age,
    minimumIntervalMs: values.minimum_interval,
    container: values.container,
    archive: archiveOf(reading, read, age ?? 0),
    priority: values.priority,
    maximumConcurrent: values.maximum_concurrent,
    consistency: values.consistency,
    onQuota: values.on_quota,
  };
}

function archiveOf(
  reading: Reading,
  {
    part,
    parts,
    values,
    defaults,
  }: {
    readonly part: Part;
    readonly parts: ReadonlyMap<string, Part>;
    readonly values: PolicyValues;
    readonly defaults: PolicyDefaults;
  },
  retentionMs: number,
): Policy["archive"] {
  const container =
    values.container === null
      ? { key: "backup.container", name: defaults.container }
      : { key: `${part.key}.container`, name: values.container };
  try {
    return buildArchive(values.archive, {
      key: part.key,
      container,
      retention: { key: `${part.key}.retention.age`, ms: retentionMs },
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const place = parts.get("archive")?.place ?? part.place;
    reading.problems.push(...error.problems.map((problem) => `${place}: ${problem}`));
    return null;
  }
}
