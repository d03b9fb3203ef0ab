import { createHash } from "node:crypto";
import type { Exclusion } from "../../domain/exclusions.ts";
import type { PolicyBook } from "../../domain/policy-book.ts";
import type { Policy } from "../../domain/policy.ts";
import { isMadeOfMetadata, presets } from "../../domain/presets.ts";
import type { Rule } from "../../domain/rules.ts";
import { ConfigError } from "../errors.ts";
import { policyName } from "../schema.ts";
import { readYamlRoot } from "../yaml.ts";
import { readExclusion } from "./read-exclusion.ts";
import { readPlatform9Rule } from "./read-platform9.ts";
import { readPolicy, type PolicyDefaults } from "./read-policy.ts";
import { readRule, type KnownPolicies } from "./read-rules.ts";
import { quoteName, Reading, type Part, type Parts } from "./reading.ts";

export interface TextFile {
  readonly path: string;
  readonly text: string;
}

/** The files that policies and rules are in; null where none is configured. */
export interface PolicyFiles {
  readonly policies: TextFile | null;
  /** A list of rules: ours, or Platform9's when the name ends in .json. */
  readonly rules: TextFile | null;
}

export interface BookDefaults extends PolicyDefaults {
  /** Of the section `policy` of the configuration. */
  readonly builtIn: Policy;
}

const sections = ["policies", "rules", "exclusions"] as const;

/**
 * Reads the files of policies, rules and exclusions.
 * @throws ConfigError with everything that is wrong in them
 */
export function readPolicyBook(files: PolicyFiles, defaults: BookDefaults): PolicyBook {
  const reading = new Reading();
  const parts = files.policies === null ? new Map<string, Part>() : readSections(reading, files.policies);
  const always = [defaults.builtIn, ...presets(defaults.timeZone)];
  const own = readPolicies(reading, parts.get("policies"), always, defaults);
  const policies = new Map<string, Policy | null>([...always.map((policy) => [policy.name, policy] as const), ...own]);
  const known: KnownPolicies = { get: (name) => policies.get(name), names: [...policies.keys()] };

  const rules = [
    ...itemsOf(reading, parts.get("rules")).map((part) => ({ part, rule: readRule(reading, part, known) })),
    ...readRulesFile(reading, files.rules, known),
  ];
  refuseTwins(reading, rules);
  const exclusions = itemsOf(reading, parts.get("exclusions")).map((part) =>
    readExclusion(reading, part, defaults.timeZone),
  );
  if (reading.problems.length > 0) throw new ConfigError(reading.problems);
  return {
    policies: new Map([...policies].flatMap(([name, policy]) => (policy === null ? [] : [[name, policy]]))),
    rules: rules.map(({ rule }) => rule).filter((rule): rule is Rule => rule !== null),
    exclusions: exclusions.filter((exclusion): exclusion is Exclusion => exclusion !== null),
    version: versionOf(files),
  };
}

/** Of what the files say: the same texts have the same version on every machine. */
export function versionOf({ policies, rules }: PolicyFiles): string | null {
  if (policies === null && rules === null) return null;
  const hash = createHash("sha256");
  hash.update(JSON.stringify([policies?.text ?? null, rules?.text ?? null]));
  return hash.digest("hex").slice(0, 16);
}

function readSections(reading: Reading, { path, text }: TextFile): Parts {
  const { root, problems } = readYamlRoot(path, text);
  reading.problems.push(...problems);
  if (root.kind === "value" && root.value === null) return new Map();
  if (root.kind !== "map") {
    reading.problems.push(`${path}:1:1: must be a map with the keys ${sections.join(", ")}`);
    return new Map();
  }
  // The sections themselves are named without the file.
  const parts = new Map(root.entries.map(({ key, place, node }) => [key, { key: quoteName(key), place, node }]));
  reading.knownOnly(parts, sections, "");
  return parts;
}

/** The items of a section that is a list; a section without anything in it has none. */
const itemsOf = (reading: Reading, part: Part | undefined): readonly Part[] =>
  part === undefined || isEmpty(part) ? [] : (reading.list(part) ?? []);

const isEmpty = ({ node }: Part): boolean => node.kind === "value" && node.value === null;

function readPolicies(
  reading: Reading,
  part: Part | undefined,
  always: readonly Policy[],
  defaults: PolicyDefaults,
): ReadonlyMap<string, Policy | null> {
  const read = new Map<string, Policy | null>();
  if (part === undefined || isEmpty(part)) return read;
  for (const [name, entry] of reading.entries(part) ?? []) {
    if (always.some((policy) => policy.name === name)) {
      reading.complain(entry, "is a policy that there always is; give yours another name");
      continue;
    }
    if (isMadeOfMetadata(name)) {
      reading.complain(entry, "is kept for volumes with SnapSentry's metadata; give yours another name");
      continue;
    }
    const nameProblem = policyNameProblem(name);
    if (nameProblem !== null) reading.complain(entry, `is not a name for a policy; allowed: ${nameProblem}`);
    read.set(name, readPolicy(reading, entry, name, defaults));
  }
  return read;
}

function policyNameProblem(name: string): string | null {
  try {
    policyName.read(name);
    return null;
  } catch {
    return policyName.allowed;
  }
}

interface ReadRule {
  readonly part: Part;
  readonly rule: Rule | null;
}

function readRulesFile(reading: Reading, file: TextFile | null, known: KnownPolicies): readonly ReadRule[] {
  if (file === null) return [];
  const { root, problems } = readYamlRoot(file.path, file.text);
  reading.problems.push(...problems);
  if (root.kind === "value" && root.value === null) return [];
  if (root.kind !== "list") {
    reading.problems.push(`${file.path}:1:1: must be a list of rules`);
    return [];
  }
  const readOne = file.path.endsWith(".json") ? readPlatform9Rule : readRule;
  return itemsOf(reading, { key: "rules", place: `${file.path}:1:1`, node: root }).map((part) => ({
    part,
    rule: readOne(reading, part, known),
  }));
}

/** A rule is told by its name wherever something is explained. */
function refuseTwins(reading: Reading, rules: readonly ReadRule[]): void {
  const first = new Map<string, Part>();
  for (const { part, rule } of rules) {
    if (rule === null) continue;
    const other = first.get(rule.name);
    if (other === undefined) first.set(rule.name, part);
    else reading.complain(part, `has the name of the rule at ${other.place}; give it another one`);
  }
}
