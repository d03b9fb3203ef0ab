import { parseWhole } from "./values.ts";

/** What a volume's Platform9 keys ask for. */
export interface Platform9Request {
  /** Names of policies, lower case, each once, in their order. Whether they exist is the reader's to know. */
  readonly policies: readonly string[];
  /** How many of the newest are kept, by policy. A policy without one has its own retention. */
  readonly counts: ReadonlyMap<string, number>;
  /** `key: what is wrong with it`, for `request_invalid`. */
  readonly problems: readonly string[];
}

type Metadata = Readonly<Record<string, string>>;

const switchKey = "auto_snapshot";
/** The second is a legacy of Platform9's: one name. */
const policyKeys = ["snapshot_policies", "snapshot_policy"] as const;
const countPrefixes = ["retention_", "snapshot_retention_"] as const;
const commonCountKey = "retention";

const onWords: ReadonlySet<string> = new Set(["true", "1", "yes", "y", "on"]);
const offWords: ReadonlySet<string> = new Set(["false", "0", "no", "n", "off"]);

const nothing: Platform9Request = { policies: [], counts: new Map(), problems: [] };

/**
 * Reads Platform9's keys of a volume (or a server). They only ever ask for more. A switch that is neither on nor off is on where policies are named;
 * a count that cannot be read, or is below one, is none: the policy's own retention counts.
 */
export function readPlatform9(metadata: Metadata): Platform9Request {
  const switched = metadata[switchKey]?.trim().toLowerCase() ?? "";
  if (switched === "" || offWords.has(switched)) return nothing;
  const problems: string[] = [];
  const policies = namedPolicies(metadata);
  if (!onWords.has(switched)) problems.push(`${switchKey}: ${switched} is neither yes nor no; it counts as yes`);
  if (policies.length === 0) problems.push(`${switchKey}: set, but snapshot_policies names no policy`);
  const counts = new Map<string, number>();
  for (const policy of policies) {
    const count = countOf(metadata, policy, problems);
    if (count !== null) counts.set(policy, count);
  }
  return { policies, counts, problems };
}

function namedPolicies(metadata: Metadata): string[] {
  const names = policyKeys.flatMap((key) => (metadata[key] ?? "").split(/[,;]/));
  return [...new Set(names.map((name) => name.trim().toLowerCase()).filter((name) => name !== ""))];
}

/** What Platform9 keeps where nobody says how many. */
export const defaultCount = 7;

/** How many of the newest are to be kept; `null` where nothing readable says it. In Platform9's order: the policy's own key, its alternate, the one for all. The first that is there counts, readable or not. */
export function countOf(metadata: Metadata, policy: string, problems: string[]): number | null {
  // Platform9 looks for the name as it is written in snapshot_policies, which may have capitals.
  const wanted = new Set(countPrefixes.map((prefix) => `${prefix}${policy}`));
  const keys = Object.keys(metadata).filter((key) => wanted.has(key.toLowerCase()));
  const byPrefix = countPrefixes.flatMap((prefix) => keys.filter((key) => key.toLowerCase() === `${prefix}${policy}`));
  for (const key of [...byPrefix, commonCountKey]) {
    const text = metadata[key]?.trim() ?? "";
    if (text === "") continue;
    const count = parseWhole(text);
    if (count !== null && count >= 1) return count;
    problems.push(`${key}: ${text} is no number of snapshots to keep; the policy's own retention counts`);
    return null;
  }
  return null;
}
