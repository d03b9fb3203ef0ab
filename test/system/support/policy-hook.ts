import { spawnSync, type ChildProcess } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { SCRIPTS } from "./cloud.ts";
import { launcher, type Installation } from "./dirigent.ts";
import { mustRun, start } from "./processes.ts";
import { until } from "./wait.ts";

const script = join(SCRIPTS, "policy-hook");
const shippedFolder = join(import.meta.dirname, "..", "..", "..", "etc", "cinder", "policy.d");

/**
 * Puts policy files as we ship them into the cloud's Cinder, with the hook at `origin` in them. They are taken out again by
 * {@link takeOutPolicies}, and however this process ends: with a hook that is gone, nobody could delete any backup of the cloud.
 */
export async function putInPolicies(origin: string, names: readonly string[] = ["dirigent-zed.yaml"]): Promise<void> {
  process.once("exit", () => spawnSync(script, ["off"]));
  await mustRun(script, [origin, "files", ...names.map((name) => join(shippedFolder, name))]);
}

export const takeOutPolicies = (): Promise<string> => mustRun(script, ["off"]);

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** `dirigent policy`, running. */
export interface RunningHook {
  readonly process: ChildProcess;
  /** All it has said on standard error. */
  log(): string;
  /** Ends it with SIGTERM, and returns its exit code. */
  stop(): Promise<number | null>;
}

/** Starts the hook of an installation, and waits until it answers. */
export async function startHook({ configFile, environment }: Installation, port: number): Promise<RunningHook> {
  const child = start(launcher, ["--config", configFile, "policy"], {
    env: environment,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const origin = `http://127.0.0.1:${port}`;
  await until("the policy hook answers", async () => {
    if (child.exitCode !== null) throw new Error(`dirigent policy ended with ${child.exitCode}\n${said}`);
    const answer = await fetch(`${origin}/healthcheck`).catch(() => null);
    return answer?.status === 200;
  });
  return {
    process: child,
    log: () => said,
    async stop() {
      child.kill("SIGTERM");
      return ended;
    },
  };
}
