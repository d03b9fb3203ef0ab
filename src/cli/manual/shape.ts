import type { Command as Program, Option } from "commander";

/** One command as completion and man pages need it; read from what also parses the command line and prints the help. */
export interface Shape {
  /** Its words, without the program's own; empty for the program. */
  readonly path: string;
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  /** As in a usage line, e.g. `<id...>`. */
  readonly arguments: readonly { readonly term: string; readonly description: string }[];
  readonly options: readonly OptionShape[];
  readonly commands: readonly Shape[];
}

export interface OptionShape {
  /** `--log-level`. */
  readonly long: string;
  readonly short: string | null;
  /** `<level>`, when it takes a value. */
  readonly value: string | null;
  readonly choices: readonly string[];
  readonly description: string;
}

const optionShape = ({ long, short, flags, argChoices, description }: Option): OptionShape => ({
  long: long ?? short ?? flags,
  short: long === undefined ? null : (short ?? null),
  value: /[<[][^>\]]*[>\]]/.exec(flags)?.[0] ?? null,
  choices: argChoices ?? [],
  description,
});

export function shapeOf(program: Program, words: readonly string[] = []): Shape {
  const path = words.join(" ");
  const help = program.createHelp();
  return {
    path,
    name: program.name(),
    summary: program.summary(),
    description: program.description(),
    arguments: program.registeredArguments.map((argument) => ({
      term: argument.required
        ? `<${argument.name()}${argument.variadic ? "..." : ""}>`
        : `[${argument.name()}${argument.variadic ? "..." : ""}]`,
      description: argument.description,
    })),
    options: help.visibleOptions(program).map(optionShape),
    commands: program.commands.map((command) => shapeOf(command, [...words, command.name()])),
  };
}

/** A command and all below it. */
export const everyShape = (shape: Shape): readonly Shape[] => [shape, ...shape.commands.flatMap(everyShape)];
