import type { NamedOption } from "./option.ts";
import { options } from "./schema.ts";

const heading = `# Configuration

Generated from the schema in src/config/schema.ts by \`npm run docs\`; do not edit.

Read in this order, later ones win: the main file (\`--config\`, else \`DIRIGENT_CONFIG\`, else \`/etc/dirigent/dirigent.yaml\`), the files
\`conf.d/*.yaml\` beside it in the order of their names, the variables named below, the command line. A list replaces a list of an earlier
file. Variables that are set to nothing count as not set; lists in variables are separated by commas.

Unknown keys, unknown \`DIRIGENT_\` variables and values that are not allowed are all reported at once, and nothing runs (exit status 10).
A file that holds a secret must be readable by its owner only. Where a file is asked for, a plain name without a slash is a systemd
credential (\`LoadCredential=\`).
`;

const defaultOf = ({ option }: NamedOption): string =>
  option.unset ?? `\`${typeof option.default === "string" ? option.default : JSON.stringify(option.default)}\``;

const sectionOf = (key: string): string => key.split(".")[0] ?? key;

/** The reference of all keys, as Markdown. */
export function reference(): string {
  const sections = Object.entries(Object.groupBy(options, ({ key }) => sectionOf(key)));
  const parts = sections.map(([section, named = []]) => {
    const entries = named.map((each) => {
      const variable = each.variable === null ? "in files only" : `\`${each.variable}\``;
      return [
        `### \`${each.key}\``,
        "",
        each.option.doc,
        "",
        `- default: ${defaultOf(each)}`,
        `- allowed: ${each.option.kind.allowed}`,
        `- variable: ${variable}`,
        "",
      ].join("\n");
    });
    return [`## ${section}`, "", ...entries].join("\n");
  });
  return `${heading}\n${parts.join("\n")}`;
}
