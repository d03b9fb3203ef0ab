import { formatDuration } from "../../domain/durations.ts";
import type { Policy } from "../../domain/policy.ts";
import type { RetentionOverride, Rule } from "../../domain/rules.ts";
import { boolean, duration, integer, text, type Kind } from "../kinds.ts";
import { nearest } from "../nearest.ts";
import { showValue } from "../show.ts";
import { plain } from "../yaml.ts";
import { readMatch } from "./match.ts";
import type { Part, Reading } from "./reading.ts";

/** Policies that rules may name. */
export interface KnownPolicies {
  /** Null for one that is wrong itself: its rules are not wrong for that. */
  readonly get: (name: string) => Policy | null | undefined;
  readonly names: readonly string[];
}

const ruleName = text(/^\P{Cc}{1,128}$/u, "a text of 1 to 128 characters in one line");
export const priority = integer(-1_000_000, 1_000_000);
/** What Platform9 has it at, too. */
export const defaultPriority = 1000;

const keys = ["name", "priority", "match", "policies", "exclude", "retention", "continue"];
const platform9Hint = "it is Platform9's: a file whose name ends in .json is read in its format";
const hints = { auto_snapshot: platform9Hint, description: "say it in a comment", enabled: "comment the rule out" };

const count = integer(1, 10_000);

/** An age such as `30d`, or so many of the newest. */
const retention: Kind<RetentionOverride> = {
  name: "retention",
  allowed: `an age such as 30d, or a number of the newest that are kept (${count.allowed})`,
  read: (raw) =>
    typeof raw === "string" && !/^\d+$/.test(raw) ? { retentionMs: duration.read(raw) } : { last: count.read(raw) },
};

/** Says what is wrong with the name of a policy that there is not. */
export function readPolicyName(reading: Reading, part: Part, known: KnownPolicies): string | undefined {
  const raw = plain(part.node);
  const name = typeof raw === "string" ? raw : undefined;
  if (name !== undefined && known.get(name) !== undefined) return name;
  const near = name === undefined ? null : nearest(name, known.names);
  const advice = near === null ? `known here: ${known.names.join(", ")}` : `did you mean ${near}?`;
  reading.complain(part, `is not a policy there is (value: ${showValue(raw, part.key)}); ${advice}`);
  return undefined;
}

/** Retentions by policy. @param kind how one is written */
export function readRetention(
  reading: Reading,
  part: Part | undefined,
  { kind, known }: { readonly kind: Kind<RetentionOverride>; readonly known: KnownPolicies },
): ReadonlyMap<string, RetentionOverride> {
  const read = new Map<string, RetentionOverride>();
  if (part === undefined) return read;
  for (const [name, entry] of reading.entries(part) ?? []) {
    const named = { ...entry, node: { kind: "value", value: name } } as const;
    const policy = readPolicyName(reading, named, known);
    const override = reading.value(entry, kind);
    if (policy === undefined || override === undefined) continue;
    const minimumMs = known.get(policy)?.minimumRetentionMs ?? 0;
    if ("retentionMs" in override && override.retentionMs < minimumMs) {
      reading.refuse(entry, `at least the policy's minimum_retention, ${formatDuration(minimumMs)}`);
    }
    read.set(policy, override);
  }
  return read;
}

/** What every rule begins with, in either format: its keys, its name, and the match that it must have. */
export function readStart(
  reading: Reading,
  part: Part,
  known: { readonly keys: readonly string[]; readonly hints: Readonly<Record<string, string>> },
): { readonly parts: ReadonlyMap<string, Part>; readonly name: string; readonly matchPart: Part | undefined } {
  const parts = reading.map(part, known.keys, known.hints) ?? new Map<string, Part>();
  const name = reading.required(parts, "name", ruleName, part) ?? "";
  const matchPart = parts.get("match");
  if (matchPart === undefined) {
    reading.complain(
      { ...part, key: `${part.key}.match` },
      "is missing; allowed: a match, or {} for everything there is",
    );
  }
  return { parts, name, matchPart };
}

/** Reads one rule of ours. @returns null when anything is wrong with it */
export function readRule(reading: Reading, part: Part, known: KnownPolicies): Rule | null {
  return reading.whole(() => {
    const { parts, name, matchPart } = readStart(reading, part, { keys, hints });
    const isExclude = reading.optional(parts, "exclude", boolean, false) ?? false;
    const policiesPart = parts.get("policies");
    const policies = (policiesPart === undefined ? [] : reading.listOrOne(policiesPart)).map((item) =>
      readPolicyName(reading, item, known),
    );
    const rule = {
      name,
      priority: reading.optional(parts, "priority", priority, defaultPriority) ?? defaultPriority,
      match: matchPart === undefined ? ({ kind: "all", of: [] } as const) : readMatch(reading, matchPart),
    };
    const overrides = readRetention(reading, parts.get("retention"), { kind: retention, known });
    const goesOn = reading.optional(parts, "continue", boolean, false) ?? false;
    if (isExclude) {
      for (const other of ["policies", "retention", "continue"]) {
        const extra = parts.get(other);
        if (extra !== undefined) reading.complain(extra, "means nothing beside exclude: true; take one of them out");
      }
      return { ...rule, effect: { kind: "exclude" } };
    }
    if (policiesPart === undefined && !parts.has("retention") && parts.get("exclude") === undefined) {
      reading.complain(part, "does nothing; allowed: policies, retention with continue: true, or exclude: true");
    } else if (policiesPart === undefined && !goesOn) {
      reading.complain(part, "attaches no policy and ends the search; allowed: policies, continue: true, or exclude");
    }
    return {
      ...rule,
      effect: {
        kind: "attach",
        policies: [...new Set(policies.filter((policy) => policy !== undefined))],
        retention: overrides,
        continue: goesOn,
      },
    };
  });
}
