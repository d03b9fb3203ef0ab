import type { Keeps } from "./held-retention.ts";
import { newestOnly, type Policy, type ThinningRule } from "./policy.ts";
import type { RetentionOverride } from "./rules.ts";
import { formatRule } from "./thinning-text.ts";

/** Policies that differ from one of the book in their retention only. Equal ones are the same object within one pass: they are planned together. */
export class PolicyVariants {
  readonly #variants = new Map<Policy, Map<string, Policy>>();
  readonly #made = new Map<string, Policy>();

  /** @param policies of the book: they stay the objects that they are */
  constructor(policies: Iterable<Policy> = []) {
    for (const policy of policies) this.#one(policy);
  }

  /** With the retention that a rule sets in place of the policy's own. */
  overridden(policy: Policy, override: RetentionOverride): Policy {
    return this.#variant(policy, JSON.stringify(override), () =>
      "last" in override
        ? { ...policy, retentionMs: 0, thinning: newestOnly(override.last, policy.timeZone) }
        : { ...policy, retentionMs: Math.max(override.retentionMs, policy.minimumRetentionMs), thinning: null },
    );
  }

  /** Keeping at least so much, as a tenant asks or has asked; never less than the policy does. `null`: as it is. */
  keeping(policy: Policy, keeps: Keeps | null): Policy {
    return this.#variant(policy, JSON.stringify(keeps), () => {
      if (keeps === null) return policy;
      const retentionMs = Math.max(policy.retentionMs, keeps.retentionMs);
      if (keeps.last <= (policy.thinning?.last ?? 0)) return { ...policy, retentionMs };
      return {
        ...policy,
        retentionMs,
        thinning: { ...(policy.thinning ?? newestOnly(0, policy.timeZone)), last: keeps.last },
      };
    });
  }

  #variant(policy: Policy, what: string, make: () => Policy): Policy {
    const variants = this.#variants.get(policy) ?? new Map<string, Policy>();
    this.#variants.set(policy, variants);
    const known = variants.get(what);
    if (known !== undefined) return known;
    const made = make();
    const variant = this.#one(isSame(made, policy) ? policy : made);
    variants.set(what, variant);
    return variant;
  }

  /** What says the same is the same object, however it came to say it. */
  #one(policy: Policy): Policy {
    const text = textOf(policy);
    const known = this.#made.get(text) ?? policy;
    this.#made.set(text, known);
    return known;
  }
}

/** Those of the book come again in every pass. */
const texts = new WeakMap<Policy, string>();

function textOf(policy: Policy): string {
  const text = texts.get(policy) ?? JSON.stringify(policy);
  texts.set(policy, text);
  return text;
}

const isSame = (a: Policy, b: Policy): boolean =>
  a.retentionMs === b.retentionMs && ruleText(a.thinning) === ruleText(b.thinning);

const ruleText = (rule: ThinningRule | null): string => (rule === null ? "" : formatRule(rule));
