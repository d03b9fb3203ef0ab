import type { NamedOption } from "../../config/option.ts";
import { options as keys } from "../../config/schema.ts";
import { everyShape, type OptionShape, type Shape } from "./shape.ts";

export interface Page {
  /** `dirigent-backups-list.1`. */
  readonly file: string;
  readonly text: string;
}

/** The exit codes of every command, in words. */
const exitStatus: readonly (readonly [string, string])[] = [
  ["0", "ok"],
  ["1", "failed"],
  ["2", "usage: the command line cannot be understood"],
  ["3", "partial: some volumes or backups failed, others did not"],
  ["10", "configuration"],
  ["11", "the lease, or the database, is held by another conductor"],
  ["12", "a credential was not accepted"],
  ["130", "interrupted"],
];

/** All man pages: one of the program, one of each command, one of the configuration. */
export function manPages(program: Shape, version: string): readonly Page[] {
  const commands = everyShape(program).filter((shape) => shape.path !== "" && shape.description !== "");
  return [
    { file: "dirigent.1", text: programPage(program, commands, version) },
    ...commands.map((shape) => ({ file: `${pageOf(shape)}.1`, text: commandPage(shape, program, version) })),
    { file: "dirigent.yaml.5", text: configurationPage(version) },
  ];
}

const pageOf = ({ path }: Shape): string => `dirigent-${path.replaceAll(" ", "-")}`;

/** Text as roff takes it: nothing of it is a request or an escape, and hyphens stay what they are. */
const roff = (text: string): string =>
  text
    .replaceAll("\\", String.raw`\e`)
    .replaceAll("-", String.raw`\-`)
    .replaceAll("`", "")
    .split("\n")
    .map((line) => (/^[.']/.test(line) ? String.raw`\&` + line : line))
    .join("\n");

const bold = (text: string): string => `\\fB${roff(text)}\\fR`;
const italic = (text: string): string => `\\fI${roff(text)}\\fR`;
const heading = (name: string, section: number, version: string): string =>
  `.\\" Generated; do not edit.\n.TH ${name.toUpperCase()} ${section} "" "Dirigent ${version}" "Dirigent"\n`;
const section = (title: string, body: string): string => `.SH ${title}\n${body}`;
const entry = (term: string, text: string): string => `.TP\n${term}\n${roff(text)}\n`;

const optionEntry = ({ long, short, value, choices, description }: OptionShape): string => {
  const names = [short, long].filter((name) => name !== null).map(bold);
  const chosen = choices.length === 0 ? "" : ` (one of ${choices.join(", ")})`;
  return entry(`${names.join(", ")}${value === null ? "" : ` ${italic(value)}`}`, `${description}${chosen}`);
};

const exitSection = section("EXIT STATUS", exitStatus.map(([code, text]) => entry(bold(code), text)).join(""));
const seeAlso = (pages: readonly string[]): string => section("SEE ALSO", `${pages.map(bold).join(",\n")}\n`);

function programPage(program: Shape, commands: readonly Shape[], version: string): string {
  const list = commands.map((shape) =>
    entry(`${bold(`dirigent ${shape.path}`)} (${bold(pageOf(shape))}(1))`, shape.summary),
  );
  const files = [
    entry(italic("/etc/dirigent/dirigent.yaml"), "the configuration; see dirigent.yaml(5)"),
    entry(italic("/etc/dirigent/conf.d/*.yaml"), "more of it, in the order of their names"),
    entry(italic("/var/lib/dirigent/dirigent.db"), "the database, by default"),
  ];
  return [
    heading("dirigent", 1, version),
    section("NAME", "dirigent \\- backup conductor for OpenStack\n"),
    section("SYNOPSIS", `${bold("dirigent")} [${italic("options")}] ${italic("command")}\n`),
    section("DESCRIPTION", `${roff(program.description)}\n`),
    section("COMMANDS", list.join("")),
    section("OPTIONS", `Every command takes these.\n${program.options.map(optionEntry).join("")}`),
    exitSection,
    section("FILES", files.join("")),
    seeAlso(["dirigent.yaml(5)", ...commands.map((shape) => `${pageOf(shape)}(1)`)]),
  ].join("");
}

function commandPage(shape: Shape, program: Shape, version: string): string {
  const terms = shape.arguments.map(({ term }) => ` ${italic(term)}`).join("");
  return [
    heading(pageOf(shape), 1, version),
    section("NAME", `${roff(pageOf(shape))} \\- ${roff(shape.summary)}\n`),
    section("SYNOPSIS", `${bold(`dirigent ${shape.path}`)} [${italic("options")}]${terms}\n`),
    section("DESCRIPTION", `${roff(shape.description)}\n`),
    shape.arguments.length === 0
      ? ""
      : section("ARGUMENTS", shape.arguments.map(({ term, description }) => entry(italic(term), description)).join("")),
    section("OPTIONS", [...shape.options, ...program.options.filter(isGlobal)].map(optionEntry).join("")),
    exitSection,
    seeAlso(["dirigent(1)", "dirigent.yaml(5)"]),
  ].join("");
}

const isGlobal = ({ long }: OptionShape): boolean => long !== "--help" && long !== "--version";

function configurationPage(version: string): string {
  const sections = Object.entries(Object.groupBy(keys, ({ key }) => key.split(".")[0] ?? key));
  return [
    heading("dirigent.yaml", 5, version),
    section("NAME", "dirigent.yaml \\- configuration of Dirigent\n"),
    section(
      "DESCRIPTION",
      roff(
        "YAML. Read in this order, later ones win: the main file (--config, else DIRIGENT_CONFIG, else /etc/dirigent/dirigent.yaml), the files conf.d/*.yaml beside it in the " +
          "order of their names, the variables named below, the command line. Unknown keys and values that are not allowed are all reported at once, and nothing runs. " +
          "A file that holds a secret must be readable by its owner only. `dirigent config check` checks it, `dirigent config show` shows what is in force.",
      ) + "\n",
    ),
    ...sections.map(([name, named = []]) => section(name.toUpperCase(), named.map(keyEntry).join(""))),
    seeAlso(["dirigent(1)"]),
  ].join("");
}

function keyEntry({ key, option, variable }: NamedOption): string {
  const value = option.unset ?? (typeof option.default === "string" ? option.default : JSON.stringify(option.default));
  const facts = [
    `Default: ${value}.`,
    `Allowed: ${option.kind.allowed}.`,
    variable === null ? "In files only." : `Variable: ${variable}.`,
  ];
  return `${entry(bold(key), option.doc)}.br\n${roff(facts.join(" "))}\n`;
}
