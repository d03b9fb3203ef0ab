import type { Command as Program } from "commander";
import { loadConnections } from "../config/connections.ts";
import { loadSettings, settingsFrom } from "../config/load.ts";
import type { LoadRequest } from "../config/request.ts";
import type { LogLevel, Settings } from "../config/settings.ts";
import type { Command, Context, World } from "./command.ts";
import { createLogger } from "./logger.ts";
import { createOutput } from "./output.ts";

/** The options that every command takes. */
export interface GlobalOptions {
  readonly config?: string;
  readonly cloud?: string;
  readonly logLevel?: LogLevel;
  /** Seconds; 0 is for ever. */
  readonly timeout?: number;
  readonly json?: boolean;
}

const once = <T>(make: () => T): (() => T) => {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
};

/** What a command is given; `done` is aborted when it has ended. */
export function createContext(options: {
  world: World;
  version: string;
  program: Program;
  command: Command;
  given: GlobalOptions;
  done: AbortSignal;
}): Context {
  const { world, command, given } = options;
  const request: LoadRequest = {
    environment: world.environment,
    ...(given.config === undefined ? {} : { configFile: given.config }),
    overrides: {
      ...(given.cloud === undefined ? {} : { cloud: given.cloud }),
      ...(given.logLevel === undefined ? {} : { logLevel: given.logLevel }),
      ...(command.overrides === undefined ? {} : { values: command.overrides(given) }),
    },
  };
  const load = (): Settings => loadSettings(request);
  let loaded: Settings | null = null;
  const settings = (): Settings => (loaded ??= load());
  const log = once(() => createLogger({ ...settings().log, sink: world.stderr, clock: world.clock }));
  const firstSignal = limited(world, given.timeout ?? 0, options.done);
  const graceMs = (): number => (command.drains === true ? shutdownGraceMs(settings) : 0);
  return {
    version: options.version,
    environment: world.environment,
    clock: world.clock,
    io: world.io,
    random: world.random,
    newId: world.newId,
    onReload: world.onReload,
    program: options.program,
    request,
    settings,
    connections: once(() => loadConnections(settings(), world.environment)),
    reload: () => {
      loaded = load();
      log().level = loaded.log.level;
      return loaded;
    },
    log,
    output: createOutput({ stdout: world.stdout, stderr: world.stderr, json: given.json ?? false }),
    signals: { drain: firstSignal, cut: cutSignal({ ...world, firstSignal }, graceMs, options.done) },
  };
}

/** The first signal; or the end of the time that was given, which stops as one does. */
function limited({ clock, firstSignal }: World, seconds: number, done: AbortSignal): AbortSignal {
  if (seconds === 0) return firstSignal;
  const over = new AbortController();
  clock.sleep(seconds * 1000, done).then(
    () => over.abort(),
    // The command ended first.
    () => undefined,
  );
  return AbortSignal.any([firstSignal, over.signal]);
}

/** A command that needs no configuration is not to fail by a bad one, least of all while it stops. */
function shutdownGraceMs(settings: () => Settings): number {
  try {
    return settings().conductor.shutdownGraceMs;
  } catch {
    return settingsFrom({}).conductor.shutdownGraceMs;
  }
}

/** Aborted by the second signal, or when the grace after the first one is over. */
function cutSignal({ clock, firstSignal, secondSignal }: World, graceMs: () => number, done: AbortSignal): AbortSignal {
  const over = new AbortController();
  const begin = (): void => {
    const ms = graceMs();
    if (ms === 0) over.abort(firstSignal.reason);
    else
      clock.sleep(ms, done).then(
        () => over.abort(firstSignal.reason),
        // The command ended first.
        () => undefined,
      );
  };
  if (firstSignal.aborted) begin();
  else firstSignal.addEventListener("abort", begin, { once: true });
  return AbortSignal.any([secondSignal, over.signal]);
}
