import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import type { Credential } from "./credentials.ts";
import { writeClouds } from "./credentials.ts";
import { run, type Finished } from "./processes.ts";

/** The product as an operator runs it: the launcher, a configuration file, a clouds.yaml. */
export interface Installation {
  readonly directory: string;
  readonly database: string;
  readonly configFile: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Writes the configuration anew; sections replace those of {@link install}. */
  configure(sections: Readonly<Record<string, unknown>>): Promise<void>;
  run(...args: readonly string[]): Promise<Finished>;
  /** Runs a command with `--json` and parses what it printed. */
  json(...args: readonly string[]): Promise<{ code: number | null; value: unknown; stderr: string }>;
}

export const launcher = join(import.meta.dirname, "..", "..", "..", "bin", "dirigent");

/** Short rhythms: slots of a minute, three minutes of retention, a settle time that a test can wait for. */
export const shortRhythm = {
  policy: { name: "minutely", period: "60s", retention: "3min", minimum_retention: "60s", full_every: 3 },
  conductor: { poll_interval: "1s" },
};

/** Makes a configuration in `directory` for these two credentials. */
export async function install(
  directory: string,
  credentials: { readonly reader: Credential; readonly writer: Credential },
): Promise<Installation> {
  await mkdir(directory, { recursive: true });
  const clouds = await writeClouds(directory, credentials);
  const database = join(directory, "dirigent.db");
  const file = join(directory, "dirigent.yaml");
  const environment = { ...process.env, OS_CLIENT_CONFIG_FILE: clouds };
  const configure: Installation["configure"] = async (sections) => {
    const settings = {
      openstack: { reader: { cloud: "reader" }, writer: { cloud: "writer" }, settle_time: "5s" },
      database: { url: `sqlite:${database}` },
      ...shortRhythm,
      ...sections,
    };
    await writeFile(file, stringify(settings));
    await chmod(file, 0o600);
  };
  await configure({});
  const runIt = (...args: readonly string[]): Promise<Finished> =>
    run(launcher, ["--config", file, ...args], { env: environment, timeoutMs: 240_000 });
  return {
    directory,
    database,
    configFile: file,
    environment,
    configure,
    run: runIt,
    async json(...args: readonly string[]) {
      const { code, stdout, stderr } = await runIt(...args, "--json");
      try {
        return { code, value: JSON.parse(stdout) as unknown, stderr };
      } catch (cause) {
        throw new Error(`dirigent ${args.join(" ")} (exit ${code}) printed no JSON\n${stdout}\n${stderr}`, { cause });
      }
    },
  };
}
