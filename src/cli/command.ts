import type { Argument, Command as Program, Option } from "commander";
import type { Connections } from "../config/connections.ts";
import type { Environment } from "../config/environment.ts";
import type { LoadRequest } from "../config/request.ts";
import type { Settings } from "../config/settings.ts";
import type { Clock } from "../domain/clock.ts";
import type { Io } from "../domain/io.ts";
import type { Logger } from "../domain/log.ts";
import type { ExitCode } from "./exit-codes.ts";
import type { Output, Sink } from "./output.ts";

/** Everything outside the program. Made by main.ts from the process, by tests from what they like. */
export interface World {
  readonly environment: Environment;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly clock: Clock;
  readonly io: Io;
  /** In [0, 1). Never for secrets. */
  readonly random: () => number;
  /** A new unique id. */
  readonly newId: () => string;
  /** Aborted by the first signal that asks the process to stop. */
  readonly firstSignal: AbortSignal;
  /** Aborted by the second. */
  readonly secondSignal: AbortSignal;
  /** Calls back whenever the process is asked to read its configuration again (SIGHUP), until the returned function is called. */
  readonly onReload: (listener: () => void) => () => void;
}

/** What a command is given beside its own options. */
export interface Context extends Pick<World, "environment" | "clock" | "io" | "random" | "newId" | "onReload"> {
  /** Of this program. */
  readonly version: string;
  /** All commands with their options, as the command line is read by them. */
  readonly program: Program;
  /** What the configuration is read from. */
  readonly request: LoadRequest;
  /** Reads the configuration at the first call. @throws ConfigError */
  readonly settings: () => Settings;
  /**
   * Reads it again. From then on {@link settings} are the new ones, and the log has their level. What was made of the old ones stays as it is.
   * @throws ConfigError when it will not do: then nothing changes
   */
  readonly reload: () => Settings;
  /** Reads the credentials of reader and writer at the first call. @throws ConfigError */
  readonly connections: () => Connections;
  /** Logs to standard error, at the configured level. @throws ConfigError */
  readonly log: () => Logger;
  readonly output: Output;
  /**
   * `drain`: start nothing new. `cut`: give up on work in hand. For a command that {@link Command.drains}, `cut` follows `drain` after
   * `conductor.shutdown_grace` or at the second signal; for all others both come at once.
   */
  readonly signals: { readonly drain: AbortSignal; readonly cut: AbortSignal };
}

/** What was given on the command line for one command. */
export interface Given<Options> {
  readonly options: Options;
  readonly arguments: readonly string[];
}

/** One command. Options are what commander makes of them: `--dry-run` is `dryRun`. */
export interface Command<Options = object> {
  /** Its words, e.g. `db migrate`. */
  readonly path: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What the help says beyond it. */
  readonly description?: string;
  readonly options?: readonly Option[];
  readonly arguments?: readonly Argument[];
  /** It prints data, so that it takes `--json`. */
  readonly printsData?: boolean;
  /** At a signal it ends what is running before it stops. */
  readonly drains?: boolean;
  /** Keys of the configuration that its options set, by key. */
  overrides?(options: Options): NonNullable<NonNullable<LoadRequest["overrides"]>["values"]>;
  /** Imports the store and the clients when it is called: they take longer to load than `--help` should. */
  run(given: Given<Options>, context: Context): Promise<ExitCode>;
}
