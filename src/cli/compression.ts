import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Settings } from "../config/settings.ts";
import { describeDrift, driftOf, type Drift } from "../domain/compression.ts";
import { escapeText } from "../domain/escape.ts";
import type { Io } from "../domain/io.ts";
import type { Problem } from "../report/operators.ts";

type CephClient = NonNullable<NonNullable<Settings["compression"]>["ceph"]>;

/** What was found at the backend. */
export type CompressionState =
  /** Nothing is configured, or there is no way to look (a chunked driver's options are in cinder.conf, which no API shows). */
  | { readonly kind: "none" | "unseen" }
  | { readonly kind: "seen"; readonly drift: readonly Drift[] }
  | { readonly kind: "failed"; readonly message: string };

/** Asks a Ceph client; the only command is one that reads. */
async function poolOptions(
  { executable, conf, user, timeoutMs }: CephClient,
  pool: string,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string | number>>> {
  const args = [
    ...(conf === null ? [] : ["--conf", conf]),
    ...(user === null ? [] : ["--id", user]),
    ...["--format", "json", "osd", "pool", "ls", "detail"],
  ];
  const { stdout } = await promisify(execFile)(executable, args, {
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    maxBuffer: 16 * 2 ** 20,
    signal,
  });
  const pools: unknown = JSON.parse(stdout);
  const found = Array.isArray(pools)
    ? (pools as readonly { pool_name?: unknown; options?: Readonly<Record<string, string | number>> }[]).find(
        (each) => each.pool_name === pool,
      )
    : undefined;
  if (found === undefined) throw new Error(`there is no pool ${pool}`);
  return found.options ?? {};
}

function reasonOf(error: unknown, { executable, timeoutMs }: CephClient): string {
  if (!(error instanceof Error)) return String(error);
  if ("killed" in error && error.killed === true) return `${executable} gave no answer within ${timeoutMs / 1000} s`;
  if ("code" in error && error.code === "ENOENT") return `there is no ${executable}`;
  // The command line is in the message of execFile; what it printed says more.
  const printed = "stderr" in error && typeof error.stderr === "string" ? error.stderr.trim() : "";
  const [last = ""] = printed.split("\n").slice(-1);
  return error instanceof SyntaxError ? `${executable} printed no JSON` : last || error.message.split("\n")[0] || "";
}

/** Compares the backend with the configuration. Changes nothing; what goes wrong is part of the answer. */
export async function compressionState(settings: Settings, io: Io, signal: AbortSignal): Promise<CompressionState> {
  const { compression } = settings;
  if (compression === null) return { kind: "none" };
  const { ceph } = compression;
  if (compression.driver !== "ceph" || ceph === null) return { kind: "unseen" };
  try {
    const step = { kind: "process", name: "ceph osd pool ls detail" } as const;
    const live = await io.run(step, () => poolOptions(ceph, compression.pool, signal));
    return { kind: "seen", drift: driftOf(compression, live) };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "failed", message: escapeText(reasonOf(error, ceph)) };
  }
}

/** What operators are told of it with a run's digest. */
export async function compressionProblems(
  settings: Settings,
  io: Io,
  signal: AbortSignal,
): Promise<readonly Problem[]> {
  const state = await compressionState(settings, io, signal);
  const what = `compression of pool ${settings.compression?.pool ?? ""}`;
  if (state.kind === "failed") return [{ what, text: `could not be checked: ${state.message}` }];
  if (state.kind !== "seen") return [];
  return state.drift.map((drift) => ({ what, text: describeDrift(drift) }));
}
