import { compileMatch, needsOf, type Match, type Needs, type Predicate, type Subject } from "./match.ts";

/** Another retention for a policy, in place of all that the policy itself says of it: an age in milliseconds, or so many of the newest. */
export type RetentionOverride = { readonly retentionMs: number } | { readonly last: number };

/** What an operator's rule does with the volumes it matches. */
export interface Rule {
  /** Unique; shown wherever something is explained. */
  readonly name: string;
  /** Lower goes first; rules of the same number go in the order of the file. */
  readonly priority: number;
  readonly match: Match;
  readonly effect:
    /** Nothing is made of them, whatever other rules, tags or tenants say. */
    | { readonly kind: "exclude" }
    | {
        readonly kind: "attach";
        readonly policies: readonly string[];
        /** By policy; also of policies that another rule attaches. */
        readonly retention: ReadonlyMap<string, RetentionOverride>;
        /** True: the rules after it are looked at, too. */
        readonly continue: boolean;
      };
}

/** A retention that a rule has set, and which one. */
export interface RuledRetention {
  readonly override: RetentionOverride;
  readonly rule: string;
}

/** What the rules say of one volume. */
export interface RuleAssignment {
  /** The rule that excludes it; then nothing is attached. */
  readonly excludedBy: string | null;
  /** In the order they were attached, each once. */
  readonly policies: readonly { readonly policy: string; readonly rule: string }[];
  readonly retention: ReadonlyMap<string, RuledRetention>;
  /** All that matched, in the order they were looked at. */
  readonly matched: readonly string[];
}

interface Compiled {
  readonly rule: Rule;
  readonly holds: Predicate;
}

const compiledOf = new WeakMap<readonly Rule[], readonly Compiled[]>();

/** In the order in which they are looked at. Made once for a list: it is looked through for each volume of a cloud. */
function compiled(rules: readonly Rule[]): readonly Compiled[] {
  const known = compiledOf.get(rules);
  if (known !== undefined) return known;
  const made = inOrder(rules).map((rule) => ({ rule, holds: compileMatch(rule.match) }));
  compiledOf.set(rules, made);
  return made;
}

/** By priority; those of the same one as they are in the file. */
export const inOrder = (rules: readonly Rule[]): readonly Rule[] => rules.toSorted((a, b) => a.priority - b.priority);

/**
 * Looks the rules through for one volume. The first `exclude` that is reached ends it, and so does the first rule that attaches without
 * `continue`. Reached after rules with `continue`, an exclude takes back what they attached: they asked to go on. Of several retentions for a
 * policy the first one counts.
 * @param rules always the same array for the same rules: it is compiled once
 */
export function assignByRules(rules: readonly Rule[], subject: Subject): RuleAssignment {
  const policies: { policy: string; rule: string }[] = [];
  const retention = new Map<string, RuledRetention>();
  const matched: string[] = [];
  for (const { rule, holds } of compiled(rules)) {
    if (!holds(subject)) continue;
    const { effect, name } = rule;
    matched.push(name);
    if (effect.kind === "exclude") return { excludedBy: name, policies: [], retention: new Map(), matched };
    for (const policy of effect.policies) {
      if (!policies.some((each) => each.policy === policy)) policies.push({ policy, rule: name });
    }
    for (const [policy, override] of effect.retention) {
      if (!retention.has(policy)) retention.set(policy, { override, rule: name });
    }
    if (!effect.continue) break;
  }
  return { excludedBy: null, policies, retention, matched };
}

/** What must be listed before the rules can be asked. */
export const needs = (rules: readonly Rule[]): Needs => needsOf(rules.map((rule) => rule.match));
