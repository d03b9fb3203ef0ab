import cronParser from "cron-parser";
import type { Temporal } from "temporal-polyfill";

/** What a cron expression of five fields says, as calendar facts. */
export interface Cron {
  /** Minutes since local midnight, ascending. */
  readonly minutesOfDay: readonly number[];
  /** 1 to 12. */
  readonly months: ReadonlySet<number>;
  readonly matchesDay: (date: Pick<Temporal.PlainDate, "day" | "dayOfWeek" | "daysInMonth">) => boolean;
}

/**
 * Why a cron expression cannot be a schedule's; `null` when it can. Only the fields are the parser's: it has its own ideas about changes of
 * clocks (an hourly job comes twice where an hour is doubled, and at other minutes after one that is missing), so dates are found by
 * local-time.ts.
 */
export function cronProblem(expression: string): string | null {
  try {
    const cron = parse(expression);
    return comesEver(cron) ? null : "never comes: no month of these has such a day";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** @throws Error for one that {@link cronProblem} objects to */
export function readCron(expression: string): Cron {
  const known = read.get(expression);
  if (known !== undefined) return known;
  const problem = cronProblem(expression);
  if (problem !== null) throw new Error(`cron expression ${JSON.stringify(expression)}: ${problem}`);
  const cron = parse(expression);
  if (read.size >= maximumRead) read.clear();
  read.set(expression, cron);
  return cron;
}

/** Parsed expressions: there are as many as policies with one, and slots are asked for often. */
const read = new Map<string, Cron>();
const maximumRead = 1000;

const fieldNames = ["minute", "hour", "day of the month", "month", "day of the week"];

function parse(expression: string): Cron {
  const words = expression.trim().split(/\s+/);
  if (words.length !== fieldNames.length) throw new Error(`must have five fields: ${fieldNames.join(", ")}`);
  const weekDayField = words.at(-1) ?? "";
  // The parser would read the last two in part only.
  if (/[#?]/.test(expression))
    throw new Error(
      "# and ? are not supported; allowed: numbers, names, *, lists, ranges, steps, and L for the last day of the month",
    );
  if (/l/i.test(weekDayField.replaceAll(/[a-z]{3}/gi, "")))
    throw new Error("L is supported for the day of the month only");
  const { fields } = cronParser.parseExpression(words.join(" "), { utc: true, currentDate: new Date(0) });
  const days = new Set<number | "L">(fields.dayOfMonth);
  const weekDays = new Set<number>(fields.dayOfWeek.map((day) => (day === 0 ? 7 : day)));
  const anyDay = Array.from({ length: 31 }, (_, i) => i + 1).every((day) => days.has(day));
  const anyWeekDay = weekDays.size === 7;
  return {
    minutesOfDay: fields.hour.flatMap((hour) => fields.minute.map((minute) => hour * 60 + minute)),
    months: new Set<number>(fields.month),
    matchesDay(date) {
      const byDay = days.has(date.day) || (days.has("L") && date.day === date.daysInMonth);
      const byWeekDay = weekDays.has(date.dayOfWeek);
      // As every cron does: where both are restricted, either will do.
      if (anyDay || anyWeekDay) return byDay && byWeekDay;
      return byDay || byWeekDay;
    },
  };
}

/** By the longest months there are. Where the day of the week is restricted, too, one of them always comes. */
function comesEver(cron: Cron): boolean {
  for (const { matches } of daysFrom2000(366, cron)) if (matches) return true;
  return false;
}

/**
 * The longest time between two starts on a calendar without changes of clocks, in milliseconds. After 28 years dates fall on the same days of the
 * week again.
 */
export function longestGapMs(expression: string): number {
  const cron = readCron(expression);
  let lastMinute: number | null = null;
  let longest = 0;
  for (const { number, matches } of daysFrom2000(29 * 366, cron)) {
    if (!matches) continue;
    for (const minute of cron.minutesOfDay) {
      const at = number * 1440 + minute;
      if (lastMinute !== null) longest = Math.max(longest, at - lastMinute);
      lastMinute = at;
    }
  }
  return longest * 60_000;
}

/** Days of the calendar from 2000-01-01 on. In plain numbers: they are thousands. */
function* daysFrom2000(count: number, { months, matchesDay }: Cron): Generator<{ number: number; matches: boolean }> {
  for (let number = 0; number < count; number += 1) {
    const date = new Date(Date.UTC(2000, 0, 1 + number));
    const month = date.getUTCMonth() + 1;
    const facts = {
      day: date.getUTCDate(),
      dayOfWeek: date.getUTCDay() === 0 ? 7 : date.getUTCDay(),
      daysInMonth: new Date(Date.UTC(date.getUTCFullYear(), month, 0)).getUTCDate(),
    };
    yield { number, matches: months.has(month) && matchesDay(facts) };
  }
}
