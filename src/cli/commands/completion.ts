import { Argument } from "commander";
import type { Command } from "../command.ts";
import { exit } from "../exit-codes.ts";
import { completion, shells } from "../manual/completion.ts";
import { shapeOf } from "../manual/shape.ts";

export const completionCommand: Command = {
  path: "completion",
  summary: "print a script that completes this program's command line",
  description:
    "Prints a completion script for a shell. For the present shell: `source <(dirigent completion bash)`, the same with zsh, `dirigent completion fish | source`. " +
    "For all later ones: write it to /etc/bash_completion.d/dirigent, to _dirigent in a directory of zsh's fpath, or to ~/.config/fish/completions/dirigent.fish.",
  arguments: [new Argument("<shell>", "the shell").choices(shells)],
  run({ arguments: [shell] }, { output, program }) {
    const known = shells.find((each) => each === shell) ?? "bash";
    output.data(null, () => completion(known, shapeOf(program)));
    return Promise.resolve(exit.ok);
  },
};
