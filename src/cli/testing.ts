import type { Environment } from "../config/environment.ts";
import { environmentOf } from "../config/testing.ts";
import { directIo } from "../domain/io.ts";
import type { Command, World } from "./command.ts";
import type { ExitCode } from "./exit-codes.ts";
import { runProgram } from "./program.ts";
import { systemClock } from "./system-clock.ts";

export interface Ran {
  readonly exitCode: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly commands: readonly Command[];
  readonly environment?: Environment;
  readonly terminal?: boolean;
  readonly world?: Partial<World>;
}

/** Runs a command line inside the test's process. */
export async function runCommandLine(argv: readonly string[], options: RunOptions): Promise<Ran> {
  const printed = { stdout: "", stderr: "" };
  const sink = (name: "stdout" | "stderr") => ({
    isTerminal: options.terminal ?? false,
    write: (text: string) => void (printed[name] += text),
  });
  const exitCode = await runProgram({
    argv,
    version: "1.2.3",
    commands: options.commands,
    world: {
      environment: options.environment ?? environmentOf({}),
      stdout: sink("stdout"),
      stderr: sink("stderr"),
      clock: systemClock,
      io: directIo,
      random: () => 0.5,
      newId: () => "id",
      onReload: () => () => undefined,
      firstSignal: new AbortController().signal,
      secondSignal: new AbortController().signal,
      ...options.world,
    },
  });
  return { exitCode, ...printed };
}
