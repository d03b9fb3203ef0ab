import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { start } from "./processes.ts";

export interface PolicyProcess {
  readonly port: number;
  readonly metricsPort: number;
  /** Stops it as SIGSTOP does, until {@link resume}. */
  suspend(): void;
  resume(): void;
  /** @returns the exit code of an orderly end */
  stop(): Promise<number | null>;
  kill(): Promise<void>;
}

/** Starts `dirigent policy` on free ports, with `settings` in its section of the configuration, and waits until it is ready. */
export async function startPolicyHook(settings: object): Promise<PolicyProcess> {
  const directory = await mkdtemp(join(tmpdir(), "dirigent-policy-"));
  const config = join(directory, "policy.yaml");
  await writeFile(config, JSON.stringify({ policy_hook: { port: 0, metrics: { port: 0 }, ...settings } }));
  const dirigent = join(import.meta.dirname, "../../../bin/dirigent");
  const child = start(dirigent, ["--config", config, "policy"], { stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(child, "exit").then(async ([code]) => {
    await rm(directory, { recursive: true });
    return code as number | null;
  });
  if (child.stderr === null) throw new Error("no pipe");
  let said = "";
  const ready = Promise.withResolvers<readonly number[]>();
  createInterface({ input: child.stderr }).on("line", (line) => {
    said += `${line}\n`;
    if (!line.startsWith("{")) return;
    const { ports } = JSON.parse(line) as { ports?: readonly number[] };
    if (ports !== undefined) ready.resolve(ports);
  });
  void exited.then(() => ready.reject(new Error(`dirigent policy did not start: ${said}`)));
  const [port = 0, metricsPort = 0] = await ready.promise;
  return {
    port,
    metricsPort,
    suspend: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    async stop() {
      child.kill("SIGTERM");
      return exited;
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
