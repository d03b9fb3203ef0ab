import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { globSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { stringify } from "yaml";
import { startSimulator, type Simulator } from "../../src/simulator/simulator.ts";
import { launcher } from "./support/dirigent.ts";
import { listenForNotify, type NotifySocket } from "./support/notify-socket.ts";
import { run, start } from "./support/processes.ts";
import { until } from "./support/wait.ts";

const root = join(import.meta.dirname, "..", "..");
const units = globSync("systemd/*.service", { cwd: root }).map((file) => join(root, file));

describe("the units", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "dirigent-units-"));
  });
  after(() => rm(directory, { recursive: true }));

  for (const unit of units) {
    const name = basename(unit);
    it(`${name}: systemd finds nothing wrong with it`, async () => {
      // Nothing is installed here: the paths are those of this checkout.
      const text = await readFile(unit, "utf8");
      const copy = join(directory, name);
      await writeFile(copy, text.replaceAll("/usr/bin/dirigent", launcher).replace(/^Documentation=.*\n/m, ""));
      const { code, stderr } = await run("systemd-analyze", ["verify", "--man=no", copy]);
      const about = stderr.split("\n").filter((line) => line.includes(name));
      assert.deepEqual({ code, about }, { code: 0, about: [] }, stderr);
    });

    it(`${name}: its exposure is low`, async () => {
      const copy = join(directory, name);
      await copyFile(unit, copy);
      // In tenths: 2.0 is where systemd's own judgement still reads OK.
      const { code, stdout, stderr } = await run("systemd-analyze", [
        "security",
        "--offline=true",
        "--threshold=20",
        copy,
      ]);
      assert.equal(code, 0, stdout + stderr);
    });
  }
});

describe("the conductor under a service manager", () => {
  let directory: string;
  let file: string;
  let simulator: Simulator;
  let notify: NotifySocket;
  let environment: NodeJS.ProcessEnv;
  let conductor: ChildProcess;
  let log = "";

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "dirigent-service-"));
    file = join(directory, "dirigent.yaml");
    simulator = await startSimulator({ now: Date.now, random: Math.random, durations: { backupMs: () => 500 } });
    const { admin, adminProject, writer } = simulator.seedAccounts();
    simulator.seedCloud({ projects: 2, servers: 4, volumesPerServer: 2 });
    const password = (user: typeof admin, project: object) => ({
      auth: {
        auth_url: simulator.authUrl,
        username: user.name,
        password: user.password,
        user_domain_id: "default",
        ...project,
      },
    });
    const clouds = {
      reader: password(admin, { project_id: adminProject.id }),
      writer: password(writer, {}),
    };
    await writeFile(join(directory, "clouds.yaml"), stringify({ clouds }), { mode: 0o600 });
    notify = await listenForNotify(join(directory, "notify"));
    environment = { ...process.env, OS_CLIENT_CONFIG_FILE: join(directory, "clouds.yaml") };
  });

  after(async () => {
    conductor.kill("SIGKILL");
    await notify.close();
    await simulator.close();
    await rm(directory, { recursive: true });
  });

  const configure = (sections: object): Promise<void> =>
    writeFile(
      file,
      stringify({
        openstack: { reader: { cloud: "reader" }, writer: { cloud: "writer" } },
        database: { url: `sqlite:${join(directory, "dirigent.db")}` },
        conductor: { lease_ttl: "3s", poll_interval: "1s" },
        metrics: { port: 0 },
        ...sections,
      }),
    );

  const lines = (): Record<string, unknown>[] =>
    log.split("\n").flatMap((line) => (line.endsWith("}") ? [JSON.parse(line) as Record<string, unknown>] : []));
  const lineThat = (message: string, after = 0): Promise<Record<string, unknown>> =>
    until(`the log says: ${message}`, async () =>
      lines()
        .slice(after)
        .find(({ msg }) => msg === message),
    ).catch((error: unknown) => {
      throw new Error(log, { cause: error });
    });
  const told = (name: string, value: RegExp): Promise<boolean> =>
    until(`systemd is told ${name}=${value.source}`, async () => notify.values(name).some((each) => value.test(each)));
  const metrics = async (): Promise<ReadonlyMap<string, number>> => {
    const { port } = await lineThat("metrics are served");
    const text = await (await fetch(`http://127.0.0.1:${String(port)}/metrics`)).text();
    const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return new Map(samples.map((line) => [line.replace(/ [^ ]+$/, ""), Number(line.split(" ").at(-1))]));
  };

  it("is ready while Keystone is away, and says what it waits for", async () => {
    await configure({});
    simulator.faults.setOutage("identity", "unavailable");
    conductor = start(launcher, ["--config", file, "conductor"], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...environment, NOTIFY_SOCKET: notify.path, WATCHDOG_USEC: "2000000" },
    });
    conductor.stderr?.setEncoding("utf8").on("data", (chunk: string) => (log += chunk));
    await told("READY", /^1$/);
    await told("STATUS", /^failing.*auth\/tokens.*503/);
    assert.equal((await metrics()).get("dirigent_leader"), 1);
  });

  it("works when asked to read its configuration again, and says a line for each backup and one for the night", async () => {
    simulator.faults.setOutage("identity", "none");
    notify.clear();
    conductor.kill("SIGHUP");
    await told("READY", /^1$/);
    assert.deepEqual(
      notify.messages
        .filter((message) => "RELOADING" in message || "READY" in message)
        .map((each) => Object.keys(each)[0]),
      ["RELOADING", "READY"],
    );
    const summary = await lineThat("the run has ended: all went well");
    assert.deepEqual([summary["succeeded"], summary["failed"], summary["projects"]], [8, 0, 2]);
    const backups = lines().filter(({ msg }) => msg === "backup succeeded");
    assert.equal(new Set(backups.map(({ volume }) => volume)).size, 8);
    assert.equal(simulator.state.backups.size, 8);
    await told("STATUS", /^waiting; last run .* ok: 8 volumes, 0 failed; next slot/);
    const seen = await metrics();
    const sum = (name: string): number =>
      [...seen].reduce((total, [key, value]) => (key.startsWith(name) ? total + value : total), 0);
    assert.equal(seen.get('dirigent_backup_success_total{policy="default",type="full"}'), 8);
    assert.deepEqual(
      [sum("dirigent_volumes_protected{"), sum("dirigent_rpo_violations{"), sum("dirigent_volumes_unprotected{")],
      [8, 0, 0],
    );
    assert.equal(sum("dirigent_backups{"), 8);
    assert.equal(seen.get("dirigent_projects"), 2);
    assert.ok(Math.abs(seen.get("dirigent_clock_skew_seconds") ?? NaN) < 5);
  });

  it("keeps the old configuration when the new one is not valid, and says so", async () => {
    await configure({ limits: { global: "many" } });
    conductor.kill("SIGHUP");
    const refused = await lineThat("the new configuration is not valid; the old one stays in force");
    assert.match(JSON.stringify(refused["problems"]), /limits\.global/);
    assert.equal((await metrics()).get("dirigent_config_last_reload_successful"), 0);
    await told("STATUS", /not valid/);
  });

  it("takes over what may change, and says what waits for a restart", async () => {
    await configure({ limits: { global: 3 }, conductor: { lease_ttl: "3s", poll_interval: "1s", name: "other" } });
    const before = lines().length;
    conductor.kill("SIGHUP");
    assert.deepEqual((await lineThat("the configuration was read again", before))["changed"], ["limits.global"]);
    assert.deepEqual((await lineThat("changed, but in force only after a restart", before))["keys"], [
      "conductor.name",
    ]);
    assert.equal((await metrics()).get("dirigent_config_last_reload_successful"), 1);
  });

  it("feeds the watchdog while it waits", async () => {
    const fed = notify.values("WATCHDOG").length;
    await until("the watchdog is fed twice more", async () => notify.values("WATCHDOG").length >= fed + 2);
  });

  it("says that it stops, how long that may take, and ends with 0", async () => {
    const ended = once(conductor, "exit");
    conductor.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null], log);
    const stopping = notify.messages.find((message) => "STOPPING" in message);
    assert.deepEqual([stopping?.["STOPPING"], stopping?.["EXTEND_TIMEOUT_USEC"]], ["1", "630000000"]);
  });

  it("gives journald its priorities where standard error is the journal", async () => {
    const path = join(directory, "journal");
    const journal = await open(path, "w");
    const { dev, ino } = await journal.stat();
    const child = start(launcher, ["--config", file, "conductor", "--once"], {
      stdio: ["ignore", "ignore", journal.fd],
      env: { ...environment, JOURNAL_STREAM: `${dev}:${ino}` },
    });
    assert.deepEqual(await once(child, "exit"), [0, null]);
    await journal.close();
    const text = await readFile(path, "utf8");
    assert.match(text, /^<6>the run has ended: all went well outcome=ok /m);
    for (const line of text.trimEnd().split("\n")) assert.match(line, /^<[3467]>\S/);
  });
});
