import { describeRetention } from "./describe-policy.ts";
import type { Policy } from "./policy.ts";

/** What is said of one volume. */
export interface Said {
  /** Why operators leave it out; `null` when they do not. */
  readonly excluded: string | null;
  readonly policies: readonly Policy[];
}

/** `excluded`: it was protected, and is left out by operators. `changed`: other policies, or the same by other terms. */
export type ChangeKind = "added" | "removed" | "changed" | "excluded";

export const changeKinds: readonly ChangeKind[] = ["added", "changed", "removed", "excluded"];

/** What becomes of a volume's protection; `null` when it stays as it is. */
export function changeOf(before: Said, after: Said): ChangeKind | null {
  const had = termsOf(before);
  const has = termsOf(after);
  if (had.length === 0) return has.length === 0 ? null : "added";
  if (has.length === 0) return after.excluded === null ? "removed" : "excluded";
  return had.length === has.length && had.every((terms, i) => terms === has[i]) ? null : "changed";
}

/** All that policies say, one text for each, in a fixed order. */
const termsOf = ({ excluded, policies }: Said): readonly string[] =>
  excluded === null ? policies.map((policy) => JSON.stringify(policy)).sort() : [];

/** A volume's protection in a few words. */
export const describeSaid = ({ excluded, policies }: Said): string => {
  if (excluded !== null) return `excluded (${excluded})`;
  if (policies.length === 0) return "nothing";
  return policies.map((policy) => `${policy.name} (${describeRetention(policy)})`).join(", ");
};
