import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { appendFile, chown, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { stringify } from "yaml";
import { Cloud } from "./support/cloud.ts";
import { makeReader, makeWriter, type Credential } from "./support/credentials.ts";
import { bootstrap, loadCredentials, readUnit, startAs, type Debian } from "./support/debian.ts";
import { backups } from "./support/judge.ts";
import { listenForNotify, type NotifySocket } from "./support/notify-socket.ts";
import { mustRun } from "./support/processes.ts";
import { until } from "./support/wait.ts";
import { removeWorld, seed, type World } from "./support/world.ts";

const root = join(import.meta.dirname, "..", "..");
const unit = "dirigent-conductor.service";

describe("the package on a fresh Debian 12", () => {
  const prefix = "package";
  let scratch: string;
  let deb: string;
  let debian: Debian;
  let cloud: Cloud;
  let world: World;
  let reader: Credential;
  let writer: Credential;
  let user: { uid: number; gid: number };
  let notify: NotifySocket | null = null;
  const running: ChildProcess[] = [];

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), "dirigent-package-"));
    cloud = await Cloud.open();
    await removeWorld(cloud, prefix);
    const made = mustRun("npm", ["run", "--silent", "package", "--", "--fast", "--out", scratch], {
      cwd: root,
      timeoutMs: 300_000,
    });
    debian = await bootstrap(["adduser", "procps", "libstdc++6", "systemd"]);
    deb = (await made).trim();
    world = await seed(cloud, { prefix, servers: 4, volumesEach: 2, projects: 2, share: 1 });
    writer = await makeWriter(cloud, prefix);
    reader = await makeReader(cloud, prefix);
  });

  after(async () => {
    for (const child of running) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    }
    await notify?.close();
    await debian.remove();
    await removeWorld(cloud, prefix);
    await rm(scratch, { recursive: true, force: true });
  });

  const inside = (path: string): string => join(debian.root, path);
  const ownership = async (path: string): Promise<string> =>
    (await debian.mustRun("stat", "-c", "%U:%G %a", path)).trim();

  it("installs: user, modes, units without a complaint; not started, as it is not configured", async () => {
    await debian.install(deb);
    const [, , uid, gid] = (await debian.mustRun("getent", "passwd", "dirigent")).split(":");
    user = { uid: Number(uid), gid: Number(gid) };
    assert.ok(user.uid > 0 && user.uid < 1000, String(uid));
    assert.deepEqual(
      await Promise.all(
        ["/etc/dirigent", "/etc/dirigent/secrets", "/etc/dirigent/dirigent.yaml", "/var/lib/dirigent"].map(ownership),
      ),
      ["root:dirigent 750", "root:dirigent 750", "root:dirigent 640", "dirigent:dirigent 750"],
    );
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
    assert.equal(await debian.mustRun("dirigent", "--version"), `${version}\n`);
    assert.equal(await debian.mustRun("dpkg", "--verify", "dirigent"), "");
    // minbase leaves manuals out of what it installs: the package itself is asked.
    const content = await mustRun("dpkg-deb", ["--contents", deb]);
    for (const path of [
      "man/man1/dirigent.1.gz",
      "bash-completion/completions/dirigent",
      "dirigent/access-rules.json",
      "dirigent/prometheus/dirigent.rules.yml",
      "doc/dirigent/operate.md",
    ]) {
      assert.ok(content.includes(` ./usr/share/${path}\n`), path);
    }
    const verified = await debian.run("systemd-analyze", "verify", "--man=no", unit);
    assert.deepEqual(
      { code: verified.code, about: verified.stderr.split("\n").filter((line) => line.includes("dirigent")) },
      { code: 0, about: [] },
    );
  });

  it("the unit's command, as the unprivileged user, backs the real cloud up, and the audit is clean", async () => {
    await configure();
    await mkdir(inside("/run/notify"));
    const told = await listenForNotify(inside("/run/notify/socket"));
    notify = told;
    const credentials = await loadCredentials(debian, user);
    const { command, environment } = await readUnit(debian, unit);
    const conductor = startAs(debian, user, {
      command,
      directory: "/var/lib/dirigent",
      environment: { ...environment, NOTIFY_SOCKET: "/run/notify/socket", CREDENTIALS_DIRECTORY: credentials },
    });
    running.push(conductor);
    let log = "";
    conductor.stderr?.setEncoding("utf8").on("data", (chunk: string) => (log += chunk));
    const ended = once(conductor, "exit");
    const finished = await until(
      "the run has ended",
      async () =>
        told.values("STATUS").find((each) => each.startsWith("waiting; last run")) ?? conductor.exitCode !== null,
      { timeoutMs: 240_000 },
    );
    assert.match(String(finished), / ok: 8 volumes, 0 failed/, log);
    assert.deepEqual(told.values("READY"), ["1"]);
    const owner = await debian.mustRun("stat", "-c", "%U %a", "/var/lib/dirigent/dirigent.db");
    assert.equal(owner, "dirigent 600\n");
    const ours = (await backups(cloud.admin)).filter((row) => row.user_id === writer.userId);
    const made = ours.map((row) => [row.volume_id, row["os-backup-project-attr:project_id"], row.status]).sort();
    const expected = world.servers.flatMap((server) => server.volumes.map((id) => [id, server.project, "available"]));
    assert.deepEqual(made, expected.sort());

    const audit = await finish(["/usr/bin/dirigent", "audit"], { CREDENTIALS_DIRECTORY: credentials });
    assert.equal(audit.code, 0, audit.text);
    conductor.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null], log);
    assert.deepEqual(told.values("STOPPING"), ["1"]);

    // The templates and what renders them are inside, too.
    const html = "/var/lib/dirigent/digest.html";
    const report = await newestReport({ CREDENTIALS_DIRECTORY: credentials });
    const shown = await finish(["/usr/bin/dirigent", "report", "show", report, "--html", html], {
      CREDENTIALS_DIRECTORY: credentials,
    });
    assert.equal(shown.code, 0, shown.text);
    assert.match(await readFile(inside(html), "utf8"), /<html[\s\S]*package-/);
  });

  it("an upgrade keeps what the operator has changed, and the state", async () => {
    await debian.install(await newerPackage());
    assert.match(await debian.mustRun("dpkg-query", "-W", "dirigent"), /~newer\n$/);
    assert.match(await readFile(inside("/etc/dirigent/clouds.yaml"), "utf8"), /auth_url/);
    assert.equal(await ownership("/etc/dirigent/clouds.yaml"), "root:dirigent 640");
    assert.match(await readFile(inside("/etc/dirigent/clouds.yaml.dpkg-dist"), "utf8"), /# newer$/m);
    assert.match(await readFile(inside("/etc/dirigent/dirigent.yaml"), "utf8"), /# newer$/m);
    assert.ok(
      existsSync(inside("/etc/dirigent/conf.d/site.yaml")) && existsSync(inside("/var/lib/dirigent/dirigent.db")),
    );
  });

  it("removed, configuration and state stay; purged, nothing of it does", async () => {
    await debian.mustRun("dpkg", "--remove", "dirigent");
    assert.deepEqual(
      ["/usr/bin/dirigent", "/usr/lib/dirigent", "/etc/dirigent/clouds.yaml", "/var/lib/dirigent/dirigent.db"].map(
        (path) => existsSync(inside(path)),
      ),
      [false, false, true, true],
    );
    await debian.mustRun("dpkg", "--purge", "dirigent");
    assert.equal(existsSync(inside("/etc/dirigent")) || existsSync(inside("/var/lib/dirigent")), false);
    assert.equal((await debian.run("getent", "passwd", "dirigent")).code, 2);
    assert.equal(
      await debian.mustRun(
        "find",
        "/",
        "-xdev",
        "-name",
        "*dirigent*",
        "-not",
        "-path",
        "/proc/*",
        "-not",
        "-path",
        "/run/*",
      ),
      "",
    );
  });

  /** As docs/install.md tells: accounts in clouds.yaml, secrets in files of their own, the site's settings in conf.d. */
  async function configure(): Promise<void> {
    const secrets: Record<string, string> = {};
    const withoutSecret = (name: string, { entry }: Credential): unknown => {
      const { password, application_credential_secret: secret, ...auth } = entry.auth as Record<string, string>;
      secrets[name] = password ?? secret ?? "";
      return { ...entry, auth };
    };
    const clouds = { reader: withoutSecret("reader", reader), writer: withoutSecret("writer", writer) };
    await writeFile(inside("/etc/dirigent/clouds.yaml"), stringify({ clouds }));
    for (const [name, secret] of Object.entries(secrets)) {
      await writeFile(inside(`/etc/dirigent/secrets/${name}`), `${secret}\n`, { mode: 0o400 });
      await chown(inside(`/etc/dirigent/secrets/${name}`), user.uid, user.gid);
    }
    const site = {
      openstack: {
        reader: { cloud: "reader", secret_file: "secret_reader" },
        writer: { cloud: "writer", secret_file: "secret_writer" },
      },
      conductor: { poll_interval: "1s" },
    };
    const file = inside("/etc/dirigent/conf.d/site.yaml");
    await writeFile(file, stringify(site), { mode: 0o640 });
    await chown(file, 0, user.gid);
  }

  async function newestReport(environment: Record<string, string>): Promise<string> {
    const { code, text } = await finish(["/usr/bin/dirigent", "report", "list", "--json"], environment);
    assert.equal(code, 0, text);
    const reports = JSON.parse(text) as { id: string; kind: string }[];
    return reports.find(({ kind }) => kind === "project")?.id ?? "";
  }

  async function finish(command: readonly string[], environment: Record<string, string>) {
    const child = startAs(debian, user, { command, environment, directory: "/var/lib/dirigent" });
    running.push(child);
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    const [code] = (await once(child, "close")) as [number | null];
    return { code, text };
  }

  /** The same package with another version and another default configuration. */
  async function newerPackage(): Promise<string> {
    const tree = join(scratch, "tree");
    await mustRun("dpkg-deb", ["--raw-extract", deb, tree]);
    // What stays the same need not be there twice.
    await rm(join(tree, "usr/lib/dirigent/node_modules"), { recursive: true });
    const control = join(tree, "DEBIAN/control");
    await writeFile(control, (await readFile(control, "utf8")).replace(/^(Version: .*)$/m, "$1+1~newer"));
    for (const name of ["clouds.yaml", "dirigent.yaml"])
      await appendFile(join(tree, "etc/dirigent", name), "# newer\n");
    const newer = join(scratch, "newer.deb");
    await mustRun("dpkg-deb", ["--root-owner-group", "-Znone", "--build", tree, newer]);
    return newer;
  }
});
