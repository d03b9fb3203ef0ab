import { Option } from "commander";
import { effectiveValues, type EffectiveValue } from "../../config/load.ts";
import type { Command } from "../command.ts";
import { exit } from "../exit-codes.ts";
import { table } from "../output.ts";

interface Options {
  readonly all?: true;
}

export const configShow: Command<Options> = {
  path: "config show",
  summary: "show the values in force and where each comes from",
  description:
    "Shows the keys that are set, with the file and line, variable or option that set each last, and with --all those with their defaults, too. Secrets are hidden. Sends nothing to the cloud.",
  options: [new Option("--all", "also keys that have their default")],
  printsData: true,
  run({ options }, { request, output }) {
    const values = effectiveValues(request).filter(({ source }) => options.all === true || source !== "default");
    output.data(values, () =>
      values.length === 0 ? "Every key has its default; --all shows them.\n" : describe(values),
    );
    return Promise.resolve(exit.ok);
  },
};

const describe = (values: readonly EffectiveValue[]): string =>
  table(values, [
    { title: "KEY", value: ({ key }) => key },
    {
      title: "VALUE",
      value: ({ value }) => (value === null ? "" : typeof value === "string" ? value : JSON.stringify(value)),
    },
    { title: "FROM", value: ({ source }) => source },
  ]);
