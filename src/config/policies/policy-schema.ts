import { cronProblem } from "../../domain/cron.ts";
import { dayMs } from "../../domain/durations.ts";
import { periodProblem } from "../../domain/schedule.ts";
import {
  duration,
  durationOrOff,
  durationThat,
  instant,
  integer,
  oneOf,
  timeOfDay,
  timeZone,
  type Kind,
} from "../kinds.ts";
import { option, optional, required, type Option, type Section } from "../option.ts";
import { archiveKeys, containerName } from "../schema.ts";

const at = option(timeOfDay, "00:00", "Time of day at which the slot begins, in the policy's zone.");
const dayOfMonth = integer(1, 31);

export const weekDays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;

const cron: Kind<string> = {
  name: "cron of five fields",
  allowed: "a cron expression of five fields (minute hour day month weekday)",
  read: (raw) => {
    if (typeof raw !== "string") throw new Error("");
    const problem = cronProblem(raw);
    if (problem !== null) throw new Error(problem);
    return raw;
  },
};

/** The forms of a schedule; a policy has exactly one of them. */
export const scheduleForms = {
  express: required(
    durationThat("express period", {
      allowed: "a duration that divides a day and is shorter, such as 6h, 8h or 12h",
      problem: (ms) => (ms < dayMs ? periodProblem(ms) : "is not shorter than a day"),
    }),
    "Several slots a day, counted from local midnight.",
  ),
  every: required(
    durationThat("period", {
      allowed: "a duration that divides a day, or a whole number of days",
      problem: periodProblem,
    }),
    "A slot in every period, counted from local midnight; several days are counted from 1970-01-01.",
  ),
  daily: required(timeOfDay, "A slot a day, at this time."),
  weekly: { day: required(oneOf(weekDays), "Day of the week."), at },
  monthly: { day: required(dayOfMonth, "Day of the month; in shorter months their last day."), at },
  yearly: {
    month: required(integer(1, 12), "Month, as a number."),
    day: required(dayOfMonth, "Day of the month; in shorter months their last day."),
    at,
  },
  cron: required(cron, "A slot at every time that the expression names, in the policy's zone."),
  interval: {
    every: required(duration, "Elapsed time from one slot to the next, whatever the calendar says."),
    from: required(instant, "Instant of the first slot."),
  },
} satisfies Section;

export type ScheduleForm = keyof typeof scheduleForms;

const count = (what: string): Option<number> => option(integer(0, 10_000), 0, what);

/** The keys of a policy in the file of policies, beside `schedule`. */
export const policySchema = {
  mechanism: option(
    oneOf(["backup", "snapshot", "both"] as const),
    "backup",
    "What is made: backups, snapshots, or both of each volume.",
  ),
  time_zone: optional(timeZone, "`conductor.time_zone`", "Zone of the schedule and of the calendar of its retention."),
  window: optional(
    duration,
    "the whole slot",
    "How long after the start of a slot work may begin. With `catch_up: once` it may begin later, too, as long as the slot lasts.",
  ),
  jitter: option(
    durationOrOff,
    "0s",
    "Each volume begins up to so much after the start of the slot, always at the same distance from it.",
  ),
  catch_up: option(
    oneOf(["once", "skip"] as const),
    "once",
    "once: a slot whose window was missed is made up for until the next one begins. skip: it is left out.",
  ),
  retention: {
    age: optional(duration, "age alone keeps nothing", "Age until which a restore point is kept."),
    last: count("So many of the newest are kept."),
    hourly: count("The newest of each of so many hours is kept."),
    daily: count("The newest of each of so many days is kept."),
    weekly: count("The newest of each of so many weeks is kept; a week begins on Monday."),
    monthly: count("The newest of each of so many months is kept."),
    yearly: count("The newest of each of so many years is kept."),
    count_from: option(
      oneOf(["newest", "previous"] as const),
      "newest",
      "newest: every count begins at the newest restore point, as restic counts. previous: each begins where the one before it ended, as Proxmox counts.",
    ),
    minimum_keep: option(integer(1, 10_000), 1, "So many of the newest good ones are kept, whatever the counts say."),
  },
  minimum_retention: optional(
    duration,
    "1d, or the age where that is shorter",
    "What a request of a tenant for less cannot go below, and what a restore point is promised where counts decide.",
  ),
  full_every: optional(integer(1, 1000), "7", "Every Nth backup of a volume is a full one. 1: all are full."),
  maximum_chain_age: optional(
    duration,
    "a chain may be of any age",
    "Once the full that a chain began with is older, the next backup is a full one.",
  ),
  minimum_interval: option(durationOrOff, "0s", "No second one of a volume within this time, whatever is due."),
  container: optional(containerName, "`backup.container`", "Container that backups are written to."),
  archive: archiveKeys,
  priority: option(integer(0, 1_000_000), 100, "Policies with a lower number go first."),
  maximum_concurrent: optional(integer(1), "the limits of the section `limits`", "So many of it at once, in all."),
  consistency: option(
    oneOf(["volume", "set"] as const),
    "volume",
    "set: the backups of a server's volumes in a slot are made from temporary snapshots that are requested together, of volume types that `backup.from_snapshot_types` names. Only with `mechanism: backup`.",
  ),
  on_quota: option(
    oneOf(["block", "prune"] as const),
    "block",
    "When the quota is full. block: nothing is made, and it is told. prune: what is no longer wanted is deleted first.",
  ),
} satisfies Section;
