/**
 * `npm run test:system [-- <suite>...] [--use-running] [--keep]`: the suites of test/system on a real OpenStack and a real
 * MariaDB. As root on Debian 12: installs both, brings up a cloud in a fresh directory, runs the suites one after another,
 * and takes the cloud away.
 *
 * --use-running  takes the cloud below AIO_STATE (default /tmp/openstack-aio) as it is and leaves it there
 * --keep         leaves the cloud that was started here running, to look at it
 */
import { spawn, spawnSync } from "node:child_process";
import type { SpawnOptions } from "node:child_process";
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { exitCodeOf, runTests, suiteName } from "./run-tests.ts";

const root = join(import.meta.dirname, "..");
const cloudScripts = join(root, "test", "openstack");
const MINUTE_MS = 60_000;

/** First what everything else rests on; last what turns the cloud's storage into Ceph. The others in between. */
const FIRST = ["access-rules", "store"];
const LAST = ["ceph"];

/** Suites that may take longer than the others: nights of a minute each, until whole chains have expired. */
const LIMITS_MS: Readonly<Record<string, number>> = { ceph: 12 * MINUTE_MS };
const LIMIT_MS = 8 * MINUTE_MS;

function fail(message: string): never {
  console.error(`test:system cannot run: ${message}`);
  process.exit(1);
}

function rank(name: string): number {
  const first = FIRST.findIndex((f) => name.startsWith(f));
  if (first >= 0) return first;
  return LAST.some((l) => name.startsWith(l)) ? FIRST.length + 1 : FIRST.length;
}

function findSuites(wanted: readonly string[]): string[] {
  const all = globSync("test/system/*.test.ts", { cwd: root }).map((file) => join(root, file));
  const names = all.map(suiteName);
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length > 0) fail(`no suite ${unknown.join(", ")}; there are: ${names.sort().join(", ")}`);
  const chosen = wanted.length === 0 ? all : all.filter((file) => wanted.includes(suiteName(file)));
  if (chosen.length === 0) fail("test/system has no suite");
  return chosen.sort((a, b) => rank(suiteName(a)) - rank(suiteName(b)) || a.localeCompare(b));
}

async function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const probe = createServer();
  probe.once("error", () => resolve(false));
  probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  return promise;
}

/** Another cloud may be up beside ours. */
async function freeOffset(): Promise<number> {
  const usual = [3306, 5000, 5672, 8774, 8776, 8778, 9292, 11211];
  for (const offset of [10_000, 20_000, 5000]) {
    const free = await Promise.all(usual.map((port) => isFree(port + offset)));
    if (free.every(Boolean)) return offset;
  }
  fail("the ports of the cloud are taken: 13306, 15000, 18776 and so on, likewise from 23306 and from 8306");
}

async function script(name: string, args: readonly string[], options: SpawnOptions = {}): Promise<boolean> {
  const began = performance.now();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const child = spawn(join(cloudScripts, name), args, { stdio: ["ignore", "inherit", "inherit"], ...options });
  child.once("error", () => resolve(false));
  child.once("exit", (code) => resolve(code === 0));
  const ok = await promise;
  console.log(`${name} ${ok ? "took" : "failed after"} ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return ok;
}

/** What the services complained about, for a reader who will not see the machine again. */
function printErrors(state: string): void {
  const dir = join(state, "log");
  if (!existsSync(dir)) return;
  for (const file of readdirSync(dir).filter((f) => f.endsWith(".log") && !f.includes("debug"))) {
    const lines = readFileSync(join(dir, file), "utf8").split("\n");
    const errors = lines.filter((line) => / (ERROR|CRITICAL) /.test(line)).slice(-15);
    if (errors.length > 0) console.log(`--- last errors of ${file}\n${errors.map((e) => e.slice(0, 400)).join("\n")}`);
  }
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { "use-running": { type: "boolean", default: false }, keep: { type: "boolean", default: false } },
});
const suites = findSuites(positionals).map((file) => ({
  name: suiteName(file),
  files: [file],
  concurrency: 1,
  timeoutMs: LIMITS_MS[suiteName(file)] ?? LIMIT_MS,
}));
if (process.getuid?.() !== 0) fail("it must be root, to install Debian's packages and to run the services");

const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.once(name, () => {
    console.error(`${name}: ending the suite and taking down what was started; again to leave it all as it is`);
    stop.abort();
  });
}

async function onOwnCloud(): Promise<number> {
  if (spawnSync("apt-get", ["--version"]).status !== 0) fail("there is no apt-get; it needs Debian 12");
  const offset = process.env["AIO_PORT_OFFSET"] ?? String(await freeOffset());
  const { signal } = stop;
  if (!(await script("install", [], { signal, env: { ...process.env, AIO_CEPH: "1", AIO_HORIZON: "0" } }))) {
    fail("Debian's packages of OpenStack (test/openstack/install) could not be installed; apt-get's reason is above");
  }
  const state = mkdtempSync(join(tmpdir(), "dirigent-cloud-"));
  Object.assign(process.env, { AIO_STATE: state, AIO_PORT_OFFSET: offset, AIO_HORIZON: "0" });
  let code = 1;
  if (await script("up", [], { signal })) {
    code = exitCodeOf(await runTests(suites, signal));
    if (code !== 0) printErrors(state);
  } else {
    printErrors(state);
    console.error("test:system cannot run: the cloud did not come up (test/openstack/up)");
  }
  if (flags.keep) console.log(`the cloud stays: AIO_STATE=${state} AIO_PORT_OFFSET=${offset}`);
  else if (!(await script("down", ["--wipe"]))) code = 1;
  return code;
}

process.exitCode = flags["use-running"] ? exitCodeOf(await runTests(suites, stop.signal)) : await onOwnCloud();
