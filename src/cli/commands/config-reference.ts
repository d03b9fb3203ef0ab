import { reference } from "../../config/reference.ts";
import type { Command } from "../command.ts";
import { exit } from "../exit-codes.ts";

export const configReference: Command = {
  path: "config reference",
  summary: "print every key of the configuration",
  description: "Prints every key of the configuration with its default, its variable and what is allowed, as Markdown.",
  run(_given, { output }) {
    output.data(null, reference);
    return Promise.resolve(exit.ok);
  },
};
