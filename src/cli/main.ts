import { randomUUID } from "node:crypto";
import { fstatSync, readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { hostname } from "node:os";
import { systemFiles } from "../config/environment.ts";
import { directIo } from "../domain/io.ts";
import { commands } from "./commands.ts";
import type { Sink } from "./output.ts";
import { runProgram } from "./program.ts";
import { systemClock } from "./system-clock.ts";

const version = (): string => {
  const file = findPackageJSON(import.meta.url);
  if (file === undefined) throw new Error("the installation has no package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
};

function sink(stream: NodeJS.WriteStream, descriptor: number): Sink {
  // Whoever read it has gone, as `| head` does; nothing is left to do but to stop writing.
  let gone = false;
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    gone = true;
  });
  return {
    isTerminal: stream.isTTY,
    isJournal: isJournal(descriptor),
    write: (text) => {
      if (!gone) stream.write(text);
    },
  };
}

/** systemd says which stream is the journal's: a child's or a redirected one is another. */
function isJournal(descriptor: number): boolean {
  const [device, inode] = (process.env["JOURNAL_STREAM"] ?? "").split(":");
  if (inode === undefined) return false;
  const { dev, ino } = fstatSync(descriptor, { bigint: true });
  return device === String(dev) && inode === String(ino);
}

/** Calls back at every SIGHUP until the returned function is called. A command that does not listen is ended by it, as any program. */
function onReload(listener: () => void): () => void {
  process.on("SIGHUP", listener);
  return () => void process.off("SIGHUP", listener);
}

/** The first signal and the second; a third one kills, as nobody listens any more. */
function stopSignals(): { firstSignal: AbortSignal; secondSignal: AbortSignal } {
  const first = new AbortController();
  const second = new AbortController();
  const names = ["SIGINT", "SIGTERM"] as const;
  const onSignal = (): void => {
    if (!first.signal.aborted) {
      first.abort();
      return;
    }
    second.abort();
    for (const name of names) process.off(name, onSignal);
  };
  for (const name of names) process.on(name, onSignal);
  return { firstSignal: first.signal, secondSignal: second.signal };
}

process.exitCode = await runProgram({
  argv: process.argv.slice(2),
  version: version(),
  commands,
  world: {
    environment: {
      variables: process.env,
      workingDirectory: process.cwd(),
      homeDirectory: process.env["HOME"] ?? null,
      hostName: hostname(),
      files: systemFiles,
    },
    stdout: sink(process.stdout, 1),
    stderr: sink(process.stderr, 2),
    clock: systemClock,
    io: directIo,
    random: Math.random,
    newId: randomUUID,
    onReload,
    ...stopSignals(),
  },
});
