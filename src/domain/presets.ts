import { adoptedPolicy } from "./adoption.ts";
import { longestSlotMs, type Schedule } from "./schedule.ts";
import { newestOnly, defaultPolicy, type Policy } from "./policy.ts";

/** Platform9's names of policies, which its rules use. They are labels: no number is read out of them. */
export const presetNames = ["daily_5", "monthly_1st", "monthly_15th"] as const;

/** SnapSentry's, which are made of a volume's own metadata: no file can define or attach them. */
export const volumePresetNames = [
  "snapsentry-express",
  "snapsentry-daily",
  "snapsentry-weekly",
  "snapsentry-monthly",
] as const;

/** Whether a policy of that name is made of a volume's own metadata, so that its owner decides when it is due. */
export const isMadeOfMetadata = (name: string): boolean => volumePresetNames.some((each) => each === name);

/** No policy of a file may have one of these names. */
export const reservedNames: readonly string[] = [...presetNames, ...volumePresetNames, adoptedPolicy];

const preset = (name: string, schedule: Schedule, last: number, timeZone: string): Policy => ({
  ...defaultPolicy,
  name,
  mechanisms: ["snapshot"],
  schedule,
  periodMs: longestSlotMs(schedule),
  windowMs: longestSlotMs(schedule),
  timeZone,
  catchUp: "once",
  retentionMs: 0,
  thinning: newestOnly(last, timeZone),
});

const at = "02:00";

/**
 * The policies that always exist beside the built-in one.
 * @param timeZone IANA name, of `conductor.time_zone`
 */
export const presets = (timeZone: string): readonly Policy[] => [
  preset("daily_5", { kind: "daily", at }, 5, timeZone),
  preset("monthly_1st", { kind: "monthly", day: 1, at }, 1, timeZone),
  preset("monthly_15th", { kind: "monthly", day: 15, at }, 1, timeZone),
];
