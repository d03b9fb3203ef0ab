import {
  isKeyOf,
  isSnapSentryKey,
  managedKey,
  snapSentryKey,
  snapSentryKinds,
  type SnapSentryKind,
} from "./snapsentry-keys.ts";
import {
  defaultParameters,
  expressIntervals,
  isRetentionType,
  mostDays,
  type SnapSentryParameters,
} from "./snapsentry.ts";
import { parseGoBool, parseTimeOfDay, parseTimeZone, parseWeekDay, parseWhole, weekDayNames } from "./values.ts";

/** What was given for a subscription, as text. What is left out has SnapSentry's default. */
export interface SubscriptionText {
  readonly retention?: string | undefined;
  readonly retentionType?: string | undefined;
  readonly timezone?: string | undefined;
  readonly startTime?: string | undefined;
  readonly weekDay?: string | undefined;
  readonly monthDay?: string | undefined;
  readonly intervalHours?: string | undefined;
}

/** Reads a subscription strictly: unlike what stands on a volume already, a mistake can be corrected by whoever makes it. */
export function readSubscription(
  kind: SnapSentryKind,
  text: SubscriptionText,
): { readonly parameters: SnapSentryParameters; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const defaults = defaultParameters(kind);
  const read = <T>(
    { option, given, allowed }: { option: string; given: string | undefined; allowed: string },
    parse: (text: string) => T | null,
    otherwise: T,
  ): T => {
    if (given === undefined) return otherwise;
    const value = parse(given.trim());
    if (value === null) problems.push(`${option} ${given}: must be ${allowed}`);
    return value ?? otherwise;
  };
  const between =
    (least: number, most: number) =>
    (given: string): number | null => {
      const value = parseWhole(given);
      return value !== null && value >= least && value <= most ? value : null;
    };
  const parameters: SnapSentryParameters = {
    kind,
    retentionDays: read(
      { option: "--retention", given: text.retention, allowed: `a whole number of days, 1 to ${mostDays}` },
      between(1, mostDays),
      defaults.retentionDays,
    ),
    retentionType: read(
      { option: "--retention-type", given: text.retentionType, allowed: "time or count" },
      (given) => (isRetentionType(given) ? given : null),
      defaults.retentionType,
    ),
    timeZone: read(
      { option: "--timezone", given: text.timezone, allowed: "an IANA time zone such as Europe/Berlin" },
      (given) => (given === "" ? defaults.timeZone : parseTimeZone(given)),
      defaults.timeZone,
    ),
    startTime: read(
      { option: "--start-time", given: text.startTime, allowed: "a time of day such as 23:00" },
      (given) => (given === "" ? defaults.startTime : parseTimeOfDay(given)),
      defaults.startTime,
    ),
    weekDay: read(
      { option: "--week-day", given: text.weekDay, allowed: "a day of the week such as sunday" },
      parseWeekDay,
      defaults.weekDay,
    ),
    monthDay: read(
      { option: "--month-day", given: text.monthDay, allowed: "1 to 31; in shorter months it is the last day" },
      between(1, 31),
      defaults.monthDay,
    ),
    intervalHours: read(
      { option: "--interval-hours", given: text.intervalHours, allowed: expressIntervals.join(", ") },
      (given) => expressIntervals.find((hours) => String(hours) === given) ?? null,
      defaults.intervalHours,
    ),
  };
  return { parameters, problems };
}

/** As Go reads a switch on the command line. */
export const readSwitch = (text: string | true): boolean | null => (text === true ? true : parseGoBool(text));

/** The metadata that subscribes a volume: SnapSentry understands it, too. */
export function subscriptionMetadata(
  parameters: SnapSentryParameters,
  enabled: boolean,
): Readonly<Record<string, string>> {
  const { kind } = parameters;
  const day = String(parameters.monthDay);
  const own: Readonly<Record<string, string>> = {
    [snapSentryKey(kind, "enabled")]: String(enabled),
    [snapSentryKey(kind, "retentionDays")]: String(parameters.retentionDays),
    [snapSentryKey(kind, "retentionType")]: parameters.retentionType,
    [snapSentryKey(kind, "timeZone")]: parameters.timeZone,
  };
  const start = { [snapSentryKey(kind, "startTime")]: parameters.startTime };
  const managed = { [managedKey]: "true" };
  switch (kind) {
    case "express":
      return { ...managed, ...own, [snapSentryKey(kind, "intervalHours")]: String(parameters.intervalHours) };
    case "daily":
      return { ...managed, ...own, ...start };
    case "weekly":
      return { ...managed, ...own, ...start, [snapSentryKey(kind, "weekDay")]: weekDayName(parameters.weekDay) };
    case "monthly":
      // Both spellings: SnapSentry reads the first, and an older value of the second must not contradict it.
      return {
        ...managed,
        ...own,
        ...start,
        [snapSentryKey(kind, "monthDay")]: day,
        [snapSentryKey(kind, "monthDayWritten")]: day,
      };
  }
}

const weekDayName = (weekDay: number): string => weekDayNames[weekDay - 1] ?? "sunday";

/**
 * The keys to take off a volume so that it is not subscribed any more: those of the policies, and with the last of them `x-snapsentry-managed`.
 * @param kinds `null` is every key of SnapSentry's
 */
export function keysToRemove(
  metadata: Readonly<Record<string, string>>,
  kinds: readonly SnapSentryKind[] | null,
): string[] {
  const keys = Object.keys(metadata).filter(isSnapSentryKey).sort();
  if (kinds === null) return keys;
  const removed = keys.filter((key) => kinds.some((kind) => isKeyOf(kind, key)));
  const staying = keys.filter((key) => snapSentryKinds.some((kind) => isKeyOf(kind, key)) && !removed.includes(key));
  return removed.length > 0 && staying.length === 0
    ? [...removed, managedKey].filter((key) => key in metadata)
    : removed;
}
