import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { start } from "./processes.ts";

export interface PolicyQuestion {
  /** The rule's name, e.g. `backup:delete`. */
  readonly rule: string;
  /** What it is checked by, e.g. `http://127.0.0.1:8808/v1/backup`. */
  readonly check: string;
  readonly target: object;
  readonly credentials: object;
  /** Of the section `oslo_policy`. */
  readonly options: Readonly<Record<string, string | boolean>>;
}

export interface OsloPolicy {
  /** True and false as it decides; the name of the exception that the service would answer 500 for. */
  ask(question: PolicyQuestion): Promise<boolean | string>;
  stop(): Promise<void>;
}

/** Debian's oslo.policy in a process of its own. */
export function startOsloPolicy(): OsloPolicy {
  const child = start("/usr/bin/python3", [join(import.meta.dirname, "oslo_policy_checks.py")], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, NO_PROXY: "127.0.0.1,localhost" },
  });
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error("no pipes");
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  return {
    async ask(question) {
      stdin.write(`${JSON.stringify(question)}\n`);
      const { value, done } = await lines.next();
      if (done === true) throw new Error("oslo.policy has ended");
      return JSON.parse(value) as boolean | string;
    },
    async stop() {
      stdin.end();
      await once(child, "exit");
    },
  };
}
