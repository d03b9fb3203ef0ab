import { Temporal } from "temporal-polyfill";
import { formatDuration } from "../../domain/durations.ts";
import type { Policy } from "../../domain/policy.ts";
import type { SimulationInput } from "../../domain/simulate.ts";
import { UsageError } from "../exit-codes.ts";

/** As given on the command line. */
export interface SimulateOptions {
  readonly years?: string;
  readonly months?: string;
  readonly days?: string;
  readonly from?: string;
  readonly on?: string;
  readonly size: string;
  readonly changeRate: string;
}

export interface SimulateRequest {
  readonly input: SimulationInput;
  /** The end of the day that was asked for; `null` without one. */
  readonly on: Date | null;
}

const lengths = { years: 10, months: 120, days: 3660 } as const;
const maximumSlots = 20_000;
const date = "a date such as 2026-11-21";

/** @throws UsageError for what cannot be simulated, with what is allowed */
export function readRequest(policy: Policy, options: SimulateOptions, now: Date): SimulateRequest {
  const { timeZone } = policy;
  const today = Temporal.Instant.fromEpochMilliseconds(now.getTime()).toZonedDateTimeISO(timeZone).toPlainDate();
  const first = options.from === undefined ? today : readDate("--from", options.from);
  const end = first.add(readLength(options));
  const from = startOf(first, timeZone);
  const until = startOf(end, timeZone);
  const slots = Math.round((until.getTime() - from.getTime()) / policy.periodMs);
  if (slots > maximumSlots) {
    const period = formatDuration(policy.periodMs);
    throw new UsageError(
      `${slots} slots of ${period} are too many to play through; allowed: ${maximumSlots}, so take a shorter time`,
    );
  }
  return {
    input: {
      policy,
      from,
      until,
      sizeGiB: readNumber("--size", options.size, { least: 1, most: 1_000_000, unit: "GiB" }),
      dailyChange:
        readNumber("--change-rate", options.changeRate.replace(/%$/, ""), { least: 0, most: 100, unit: "%" }) / 100,
    },
    on: options.on === undefined ? null : endOf(readDay(options.on, first, end), timeZone),
  };
}

function readLength(options: SimulateOptions): { years: number } | { months: number } | { days: number } {
  const given = (["years", "months", "days"] as const).filter((unit) => options[unit] !== undefined);
  const [unit, other] = given;
  if (unit === undefined) return { years: 2 };
  if (other !== undefined) throw new UsageError(`--${unit} and --${other} do not go together; allowed: one of them`);
  const text = options[unit] ?? "";
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > lengths[unit]) {
    throw new UsageError(`--${unit} ${text}: allowed: a whole number from 1 to ${lengths[unit]}`);
  }
  return unit === "years" ? { years: count } : unit === "months" ? { months: count } : { days: count };
}

function readDay(text: string, first: Temporal.PlainDate, end: Temporal.PlainDate): Temporal.PlainDate {
  const day = readDate("--on", text);
  if (Temporal.PlainDate.compare(day, first) < 0 || Temporal.PlainDate.compare(day, end) >= 0) {
    const last = end.subtract({ days: 1 }).toString();
    throw new UsageError(`--on ${text} is not simulated; allowed: ${first.toString()} to ${last}`);
  }
  return day;
}

function readDate(option: string, text: string): Temporal.PlainDate {
  try {
    if (!/^(19[7-9]|20\d)\d-\d\d-\d\d$/.test(text)) throw new RangeError();
    return Temporal.PlainDate.from(text, { overflow: "reject" });
  } catch {
    throw new UsageError(`${option} ${text}: allowed: ${date}, from 1970 to 2099`);
  }
}

function readNumber(
  option: string,
  text: string,
  { least, most, unit }: { readonly least: number; readonly most: number; readonly unit: string },
): number {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value < least || value > most) {
    throw new UsageError(`${option} ${text}: allowed: a number from ${least} to ${most} (${unit})`);
  }
  return value;
}

const startOf = (day: Temporal.PlainDate, timeZone: string): Date =>
  new Date(day.toZonedDateTime(timeZone).epochMilliseconds);

/** Its last millisecond. */
const endOf = (day: Temporal.PlainDate, timeZone: string): Date =>
  new Date(startOf(day.add({ days: 1 }), timeZone).getTime() - 1);
