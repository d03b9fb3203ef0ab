import { spawn } from "node:child_process";
import type { ChildProcess, SpawnOptions } from "node:child_process";

/** What a finished program left behind. */
export interface Finished {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<ChildProcess>();

// A suite that runs into its time limit gets a SIGTERM, which by itself would leave these programs behind.
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
process.once("SIGTERM", () => process.exit(143));
process.once("SIGINT", () => process.exit(130));

/** Starts a program that does not outlive this test process, however that ends (but for a SIGKILL). */
export function start(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(command, args, options);
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/**
 * Runs a program to its end and returns all it said; any exit code is an answer, not an error.
 * @throws when it cannot be started, or has not ended after `timeoutMs` (it is killed then)
 */
export async function run(
  command: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string; readonly timeoutMs?: number } = {},
): Promise<Finished> {
  const timeoutMs = options.timeoutMs ?? 120_000;
  const { promise, resolve, reject } = Promise.withResolvers<Finished>();
  const child = start(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: options.env ?? process.env,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk));
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  const timer = setTimeout(() => {
    child.kill("SIGKILL");
    reject(new Error(`${command} ${args.join(" ")} has not ended after ${timeoutMs} ms\n${stdout}\n${stderr}`));
  }, timeoutMs);
  child.once("error", reject);
  child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  return promise.finally(() => clearTimeout(timer));
}

/** As `run`, for programs that must succeed: returns their standard output. */
export async function mustRun(...params: Parameters<typeof run>): Promise<string> {
  const [command, args] = params;
  const done = await run(...params);
  if (done.code !== 0) {
    throw new Error(
      `${command} ${args.join(" ")} ended with ${String(done.code ?? done.signal)}\n${done.stdout}\n${done.stderr}`,
    );
  }
  return done.stdout;
}
