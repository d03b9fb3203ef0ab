import { isOption, type Option, type Section } from "../option.ts";
import { matchFields } from "./match.ts";
import { policySchema, scheduleForms } from "./policy-schema.ts";

const heading = `# Keys of the file of policies

Generated from src/config/policies by \`npm run docs\`; do not edit. docs/policies.md explains them.
`;

const cell = (text: string): string => text.replaceAll("|", "\\|");

const row = (...cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;

const table = (titles: readonly string[], rows: readonly string[]): string =>
  [row(...titles), row(...titles.map(() => "---")), ...rows].join("\n");

function defaultOf({ default: value, unset }: Option<unknown>): string {
  if (value !== null) return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
  return unset ?? "must be given";
}

function rowsOf(section: Section, prefix: string): readonly string[] {
  return Object.entries(section).flatMap(([name, entry]) => {
    const key = `${prefix}${name}`;
    if (!isOption(entry)) return rowsOf(entry, `${key}.`);
    return row(`\`${key}\``, entry.doc, defaultOf(entry), entry.kind.allowed);
  });
}

const keyTitles = ["key", "what it is for", "default", "allowed"];

/** What may be compared with texts, by the fields that are not. */
const otherFields: Readonly<Record<string, string>> = {
  metadata: "a map of keys, each with a text",
  size: "`min`, `max` or both, in GiB, both included",
  bootable: "true or false",
  encrypted: "true or false",
};

/** The reference of all keys of a policy and of a match, as Markdown. */
export function policyReference(): string {
  const matches = Object.entries(matchFields).flatMap(([section, fields]) =>
    Object.keys(fields).map((name) => row(`\`${section}.${name}\``, otherFields[name] ?? "a text")),
  );
  return [
    heading,
    "## Of a policy\n",
    table(keyTitles, rowsOf(policySchema, "")),
    "\n## `schedule`: exactly one of\n",
    table(keyTitles, rowsOf(scheduleForms, "schedule.")),
    "\n## `match` of a rule\n",
    table(["key", "compared with"], matches),
    "",
  ].join("\n");
}
