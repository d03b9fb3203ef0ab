import { formatDuration } from "./durations.ts";
import type { Policy } from "./policy.ts";
import type { RetentionOverride } from "./rules.ts";
import { thinningSteps } from "./thinning.ts";

/** What a policy keeps, in a few words: whatever any of them keeps stays. */
export function describeRetention({ retentionMs, thinning }: Pick<Policy, "retentionMs" | "thinning">): string {
  const age = retentionMs > 0 ? [formatDuration(retentionMs)] : [];
  if (thinning === null) return age.join("");
  const counts = thinningSteps.flatMap((step) => (thinning[step] > 0 ? [`${step} ${thinning[step]}`] : []));
  const minimum = thinning.minimumKeep > 1 ? [`at least ${thinning.minimumKeep}`] : [];
  const from = thinning.countFrom === "previous" ? " (each from where the one before ended)" : "";
  return [...age, ...counts, ...minimum].join(", ") + from;
}

/** The retention that a rule gives a policy. */
export const describeOverride = (override: RetentionOverride): string =>
  "last" in override ? `last ${override.last}` : formatDuration(override.retentionMs);
