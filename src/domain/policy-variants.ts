import type { Policy, ThinningRule } from "./policy.ts";
import type { RetentionOverride } from "./rules.ts";
import { formatRule } from "./thinning-text.ts";

/** Policies that differ from one of the book in their retention only. Equal ones are the same object within one pass: they are planned together. */
export class PolicyVariants {
  readonly #made = new Map<string, Policy>();

  /** With the retention that a rule sets in place of the policy's own. */
  overridden(policy: Policy, override: RetentionOverride): Policy {
    return this.#variant(policy, JSON.stringify(override), () =>
      "last" in override
        ? { ...policy, retentionMs: 0, thinning: { ...nothing(policy), last: override.last } }
        : { ...policy, retentionMs: Math.max(override.retentionMs, policy.minimumRetentionMs), thinning: null },
    );
  }

  /** Keeping at least so many of the newest, as a tenant may ask; never less than the policy does. */
  withAtLeast(policy: Policy, last: number): Policy {
    const thinning = policy.thinning ?? nothing(policy);
    if (last <= thinning.last) return policy;
    return this.#variant(policy, `at least ${last}`, () => ({ ...policy, thinning: { ...thinning, last } }));
  }

  #variant(policy: Policy, what: string, make: () => Policy): Policy {
    const text = `${JSON.stringify(policy)} ${what}`;
    const known = this.#made.get(text);
    if (known !== undefined) return known;
    const made = make();
    const variant = isSame(made, policy) ? policy : made;
    this.#made.set(text, variant);
    return variant;
  }
}

const isSame = (a: Policy, b: Policy): boolean =>
  a.retentionMs === b.retentionMs && ruleText(a.thinning) === ruleText(b.thinning);

const ruleText = (rule: ThinningRule | null): string => (rule === null ? "" : formatRule(rule));

const nothing = ({ timeZone }: Policy): ThinningRule => ({
  last: 0,
  hourly: 0,
  daily: 0,
  weekly: 0,
  monthly: 0,
  yearly: 0,
  countFrom: "newest",
  minimumKeep: 1,
  timeZone,
});
