import { InvalidArgumentError, Command as Program, Option } from "commander";
import { logLevels } from "../config/settings.ts";
import { createContext, type GlobalOptions } from "./context.ts";
import type { Command, World } from "./command.ts";
import { exit, failureOf, type ExitCode } from "./exit-codes.ts";
import { escapeText } from "../domain/escape.ts";

const exitStatus = `
Exit status:
  0 ok, 1 failed, 2 usage, 3 partial (some volumes failed), 10 configuration,
  11 lease held elsewhere, 12 authentication, 130 interrupted`;

const jsonOption = new Option("--json", "print data as JSON");

/** What the commands are about that begin with the same word. */
const groups: Readonly<Record<string, string>> = {
  policies: "check the files of policies and rules, and show what they say",
  rules: "show what a change of the rules would do",
  subscribe: "have snapshots made of volumes by metadata on them, as SnapSentry does",
  backups: "list, show and delete restore points",
  snapshots: "end snapshots that are stuck",
  report: "list, show and send the digests of runs",
  compression: "show and check what compresses backups",
  config: "check and show the configuration",
  db: "prepare the database, and say how it stands",
};

/** The parent of a command, made when it is not there yet: `db` of `db migrate`. */
function parentOf(program: Program, words: readonly string[]): Program {
  return words.reduce((parent, word) => {
    const found = parent.commands.find((each) => each.name() === word);
    return (
      found ??
      parent
        .command(word)
        .summary(groups[word] ?? `commands of ${word}`)
        .helpCommand(false)
    );
  }, program);
}

function addCommand(program: Program, command: Command, run: (given: Program) => Promise<void>): void {
  const words = command.path.split(" ");
  const added = parentOf(program, words.slice(0, -1)).command(words.at(-1) ?? "");
  added.summary(command.summary).description(command.description ?? `${command.summary}.`);
  for (const argument of command.arguments ?? []) added.addArgument(argument);
  for (const option of command.options ?? []) added.addOption(option);
  if (command.printsData === true) added.addOption(jsonOption);
  added.showHelpAfterError(`Run 'dirigent ${command.path} --help' for what it takes.`);
  added.action(() => run(added));
}

/** A day at most: whatever runs longer is a service. */
function wholeSeconds(text: string): number {
  const seconds = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(seconds <= 86_400)) throw new InvalidArgumentError("It is a whole number of seconds, at most a day.");
  return seconds;
}

interface Described {
  readonly version: string;
  readonly commands: readonly Command[];
}

/**
 * The whole command line as commander has it: it parses by it and prints the help, and completion and man pages are made of it.
 * @param live what it prints to and what it runs; without it it only describes
 */
export function describeProgram(
  { version, commands }: Described,
  live?: {
    readonly world: Pick<World, "stdout" | "stderr">;
    readonly run: (command: Command, given: Program, program: Program) => Promise<void>;
  },
): Program {
  const program = new Program("dirigent")
    .description(
      "The backup conductor for OpenStack: makes backups and snapshots of volumes by tags, rules and policies, and rotates them.",
    )
    .version(version, "--version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand(false)
    .addOption(new Option("--config <file>", "configuration file (default: /etc/dirigent/dirigent.yaml)"))
    .addOption(new Option("--cloud <name>", "cloud in clouds.yaml, for reader and writer"))
    .addOption(new Option("--log-level <level>", "how much is logged").choices(logLevels))
    .addOption(
      new Option("--timeout <seconds>", "stop after so long, as by Ctrl-C; 0 is for ever").argParser(wholeSeconds),
    )
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError("Run 'dirigent --help' for the commands there are.")
    .exitOverride();
  if (live !== undefined) {
    program.configureOutput({
      writeOut: (text) => live.world.stdout.write(text),
      writeErr: (text) => live.world.stderr.write(text),
      outputError: (text, write) => write(`dirigent: ${text.replace(/^error: /, "")}`),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });
  }
  program.addHelpText("after", exitStatus);
  for (const command of commands) {
    addCommand(program, command, async (given) => live?.run(command, given, program));
  }
  return program;
}

/** Runs the command that `argv` names (without the program's own words), and says how it ended. */
export async function runProgram(
  options: Described & { readonly argv: readonly string[]; readonly world: World },
): Promise<ExitCode> {
  const { world } = options;
  let exitCode: ExitCode = exit.ok;
  const run = async (command: Command, added: Program, program: Program): Promise<void> => {
    const done = new AbortController();
    const given = added.optsWithGlobals<GlobalOptions>();
    try {
      const context = createContext({
        world,
        version: options.version,
        program,
        command,
        given,
        done: done.signal,
      });
      exitCode = await command.run({ options: given, arguments: added.args }, context);
    } finally {
      done.abort();
    }
  };
  try {
    await describeProgram(options, { world, run }).parseAsync(options.argv, { from: "user" });
    return exitCode;
  } catch (error) {
    const failure = failureOf(error);
    if (failure.message !== null) {
      world.stderr.write(`dirigent: ${failure.message.split("\n").map(escapeText).join("\n")}\n`);
    }
    return failure.exitCode;
  }
}
