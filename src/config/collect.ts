import type { Environment } from "./environment.ts";
import { variable } from "./environment.ts";
import { nearest } from "./nearest.ts";
import type { NamedOption } from "./option.ts";
import type { OptionValue } from "./request.ts";
import { options } from "./schema.ts";
import { showValue } from "./show.ts";
import { plain, type Place, type YamlEntry } from "./yaml.ts";

/** A value somebody gave for a key, and where. */
export interface Given {
  readonly named: NamedOption;
  readonly value: unknown;
  /** `file:line:column`, or the name of the variable or option. */
  readonly place: Place;
  /** The file's permission bits; null for a variable. */
  readonly mode: number | null;
}

export interface Collected {
  readonly given: readonly Given[];
  readonly problems: readonly string[];
}

const byKey: ReadonlyMap<string, NamedOption> = new Map(options.map((named) => [named.key, named]));
const sections = new Set(
  options.flatMap(({ key }) => key.split(".").map((_, i, parts) => parts.slice(0, i).join("."))),
);
const variables = new Map(
  options.flatMap((named) => (named.variable === null ? [] : [[named.variable, named] as const])),
);

/** Variables of ours that set no key. */
export const configVariable = "DIRIGENT_CONFIG";

/** What may have been meant by an unknown key; never that a secret belongs into another section. */
const meant = (unknown: string): string[] =>
  [...byKey.values()]
    .filter(({ key, option }) => option.sensitive !== true || key.split(".")[0] === unknown.split(".")[0])
    .map(({ key }) => key);

const suggestion = (wanted: string, known: readonly string[]): string => {
  const near = nearest(wanted, known);
  return near === null ? "" : `; did you mean ${near}?`;
};

const namesOf = (section: string): string =>
  [
    ...new Set(
      options.filter(({ key }) => key.startsWith(section)).map(({ key }) => key.slice(section.length).split(".")[0]),
    ),
  ].join(", ");

/** Sorts what one file says into known keys and problems. */
export function collectFile(entries: readonly YamlEntry[], mode: number, prefix = ""): Collected {
  const given: Given[] = [];
  const problems: string[] = [];
  for (const { key: name, place, node } of entries) {
    const key = `${prefix}${name}`;
    const named = byKey.get(key);
    if (named !== undefined) {
      given.push({ named, value: plain(node), place, mode });
    } else if (!sections.has(key) || key === "") {
      const near = suggestion(key, meant(key)) || `; known here: ${namesOf(prefix)}`;
      problems.push(`${place}: ${key} is not a known key (value: ${showValue(plain(node), key)})${near}`);
    } else if (node.kind === "map") {
      const inner = collectFile(node.entries, mode, `${key}.`);
      given.push(...inner.given);
      problems.push(...inner.problems);
    } else if (node.kind === "list" || node.value !== null) {
      // A scalar in place of database: may well be the whole URL, so the value is not shown.
      problems.push(`${place}: ${key} is a section; allowed: a map with the keys ${namesOf(`${key}.`)}`);
    }
  }
  return { given, problems };
}

/** The variables that set keys, and those that look as if they should. */
export function collectVariables(environment: Environment): Collected {
  const given: Given[] = [];
  const problems: string[] = [];
  for (const name of Object.keys(environment.variables).sort()) {
    if (!name.startsWith("DIRIGENT_") || name === configVariable) continue;
    const value = variable(environment, name);
    const named = variables.get(name);
    if (named === undefined) {
      const near = suggestion(name, [configVariable, ...variables.keys()]);
      problems.push(`${name}: not a known variable (value: ${showValue(value, name)})${near}`);
    } else if (value !== null) {
      given.push({ named, value, place: name, mode: null });
    }
  }
  return { given, problems };
}

/** What options of the command line say. @throws Error for a key that does not exist: the program's own mistake */
export function collectOptions(values: Readonly<Record<string, OptionValue | undefined>>): readonly Given[] {
  return Object.entries(values).flatMap(([key, given]) => {
    const named = byKey.get(key);
    if (named === undefined) throw new Error(`${key} is not a key of the configuration`);
    return given === undefined ? [] : [{ named, value: given.value, place: given.option, mode: null }];
  });
}

/** What is wrong with a value; null when nothing is. */
export function valueProblem({ named: { key, option }, value, place }: Given): string | null {
  if (value === null && option.unset !== undefined) return null;
  try {
    option.kind.read(value);
    return null;
  } catch (error) {
    const reason = error instanceof Error && error.message !== "" ? ` (${error.message})` : "";
    const none = value === null ? "; leave the key out to get the default" : "";
    return `${place}: ${key} is ${showValue(value, key)}${reason}; allowed: ${option.kind.allowed}${none}`;
  }
}
