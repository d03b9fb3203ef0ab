import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Cloud } from "./support/cloud.ts";
import { makeReader, makeWriter, type Credential } from "./support/credentials.ts";
import { install, launcher, type Installation } from "./support/dirigent.ts";
import { backups, type BackupRow } from "./support/judge.ts";
import { start } from "./support/processes.ts";
import { until } from "./support/wait.ts";
import { removeWorld, seed, type World } from "./support/world.ts";

interface OrderJson {
  readonly outcome: string;
  readonly lines: readonly { backupId: string | null; outcome: string; reason: string }[];
}

/** What the audit warns of when backups of ours were disowned. */
const lettingGo: ReadonlySet<string> = new Set(["unmarked", "last-good-doubted"]);

const prefix = "commands";
/** Long enough for one test to follow the other, short enough to wait for. */
const retentionMs = 10_000;

describe("an operator's commands on a real cloud", () => {
  let cloud: Cloud;
  let world: World;
  let writer: Credential;
  let dirigent: Installation;
  let directory: string;
  /** Backups that went at an operator's wish: what the audit has to be told. */
  const pruned: string[] = [];

  before(async () => {
    cloud = await Cloud.open();
    await removeWorld(cloud, prefix);
    // Six, so that one less is no scan to be doubted.
    world = await seed(cloud, { prefix, servers: 6, volumesEach: 2, projects: 2, share: 0 });
    writer = await makeWriter(cloud, prefix);
    const reader = await makeReader(cloud, prefix);
    directory = await mkdtemp(join(tmpdir(), "dirigent-commands-"));
    dirigent = await install(directory, { reader, writer });
    const policy = { retention: "10s", minimum_retention: "1s", full_every: 2 };
    await dirigent.configure({ policy: { ...policy, name: "daily", period: "1d" } });
  });

  after(async () => {
    await removeWorld(cloud, prefix);
    await rm(directory, { recursive: true, force: true });
  });

  const ours = async (volume?: string): Promise<BackupRow[]> =>
    (await backups(cloud.admin))
      .filter((row) => row.user_id === writer.userId && (volume === undefined || row.volume_id === volume))
      .sort((a, b) => a.created_at.localeCompare(b.created_at) || Number(a.is_incremental) - Number(b.is_incremental));

  const order = async (...args: readonly string[]): Promise<OrderJson & { code: number | null; stderr: string }> => {
    const { code, value, stderr } = await dirigent.json(...args);
    return { code, stderr, ...(value as OrderJson) };
  };
  const reasons = ({ lines }: OrderJson): string[] => lines.map(({ outcome, reason }) => `${outcome} ${reason}`);

  const audit = async (): Promise<void> => {
    const file = join(directory, "audit.json");
    const earlier = existsSync(file) ? ["--before", file] : [];
    const told = pruned.flatMap((id) => ["--pruned", id]);
    const { code, value, stderr } = await dirigent.json("audit", ...earlier, "--save", file, ...told);
    const { findings } = value as { findings: readonly { severity: string; code: string }[] };
    assert.deepEqual(
      findings.filter(({ severity, code: name }) => severity !== "information" && !lettingGo.has(name)),
      [],
      stderr,
    );
    assert.equal(code, 0);
  };

  it("protect backs up a server's volumes, without a conductor and with one", async () => {
    const [first, second] = world.servers;
    const alone = await order("protect", first!.name, "--name", "by hand", "--description", "before the upgrade");
    assert.deepEqual([alone.code, reasons(alone)], [0, ["done succeeded", "done succeeded"]], alone.stderr);
    const made = (await ours()).map((row) => [row.volume_id, row.status, row.metadata["dirigent:server"]]);
    assert.deepEqual(made.sort(), first!.volumes.map((volume) => [volume, "available", first!.id]).sort());

    const daemon = start(launcher, ["--config", dirigent.configFile, "conductor"], { env: dirigent.environment });
    try {
      await until("the conductor holds the database", async () => existsSync(`${dirigent.database}.lock`));
      await delay(2000);
      const beside = await order("protect", second!.volumes[0]!);
      assert.deepEqual([beside.code, reasons(beside)], [0, ["done succeeded"]], beside.stderr);
      assert.match(beside.stderr, /A conductor is at work/);
      const id = beside.lines[0]!.backupId!;
      assert.deepEqual(reasons(await order("hold", id, "--reason", "beside a conductor")), ["done held"]);
      assert.deepEqual(reasons(await order("unhold", id)), ["done unheld"]);
    } finally {
      daemon.kill("SIGTERM");
      await once(daemon, "exit");
    }
    await audit();
  });

  it("a hold stops rotation and deletion until it is lifted; the chain's order and the newest good chain hold for everybody", async () => {
    const volume = world.servers[0]!.volumes[0]!;
    // Chains of at most two: another full follows.
    for (let i = 0; i < 2; i++) assert.equal((await order("protect", volume)).code, 0);
    const all = await ours(volume);
    const roots = all.filter((row) => !row.is_incremental);
    assert.ok(roots.length >= 2);
    const newestChain = all.slice(all.indexOf(roots.at(-1)!));
    const old = all.slice(0, all.indexOf(roots.at(-1)!));
    const tip = old.at(-1)!;
    assert.equal((await order("hold", tip.id, "--reason", "case 7")).code, 0);
    const refused = await order("backups", "delete", tip.id, ...newestChain.map(({ id }) => id), "--yes");
    assert.equal(refused.code, 1);
    assert.deepEqual(new Set(reasons(refused)), new Set(["refused keep_held", "refused keep_newest_good"]));

    await delay(retentionMs);
    assert.equal((await dirigent.run("conductor", "--once")).code, 0);
    assert.ok(
      (await ours(volume)).some(({ id }) => id === tip.id),
      "rotation leaves what is held",
    );
    await audit();

    const plan = await dirigent.json("backups", "delete", tip.id, "--dry-run");
    assert.deepEqual((plan.value as { keep: unknown[] }).keep.length, 1);
    assert.equal((await order("unhold", tip.id)).code, 0);
    const deleted = await order("backups", "delete", tip.id, "--yes");
    assert.deepEqual([deleted.code, reasons(deleted)], [0, ["done removed"]], deleted.stderr);
    assert.ok((await ours(volume)).every(({ id }) => id !== tip.id));
    pruned.push(tip.id);
    await audit();
  });

  it("disown removes forged marks and leaves what its owner wrote", async () => {
    const server = world.servers[1]!;
    const name = Object.entries(world.projects).find(([, id]) => id === server.project)![0];
    const tenant = await cloud.tenant(name);
    const metadata = { __automated_backup: "True", "dirigent:key": "x", theirs: "1" };
    const body = { backup: { volume_id: server.volumes[1], name: "mine", force: true, metadata } };
    const { backup } = await tenant.call<{ backup: { id: string } }>("POST", "volumev3", "/backups", body);
    const find = async (): Promise<BackupRow | undefined> =>
      (await backups(cloud.admin)).find((row) => row.id === backup.id && row.status === "available");
    await until("the user's backup is available", find);
    const disowned = await order("disown", backup.id);
    assert.deepEqual([disowned.code, reasons(disowned)], [0, ["done disowned"]], disowned.stderr);
    assert.deepEqual((await find())?.metadata, { theirs: "1" });

    // All of a volume's own points: PUT with no metadata at all. The audit is told.
    const volume = server.volumes[0]!;
    const whole = await ours(volume);
    assert.equal((await order("disown", ...whole.map(({ id }) => id))).code, 0);
    pruned.push(...whole.map(({ id }) => id));
    assert.deepEqual(
      (await ours(volume)).map((row) => row.metadata),
      whole.map(() => ({})),
    );
  });

  it("prune --gone shows first, then deletes the last chain of a volume that is gone", async () => {
    const server = world.servers[0]!;
    const volume = server.volumes[1]!;
    await cloud.admin.call("DELETE", "compute", `/servers/${server.id}`);
    await until("the volume is free", async () => {
      const rows = await cloud.admin.list<{ id: string; status: string }>(
        "volumev3",
        "/volumes/detail?all_tenants=1",
        "volumes",
      );
      return rows.find((row) => row.id === volume && row.status === "available");
    });
    await cloud.admin.call("DELETE", "volumev3", `/volumes/${volume}`);
    const isGone = async (): Promise<boolean> => {
      const rows = await cloud.admin.list<{ id: string }>("volumev3", "/volumes/detail?all_tenants=1", "volumes");
      return rows.every((row) => row.id !== volume);
    };
    await until("the volume is gone", isGone);
    const last = (await ours(volume)).map(({ id }) => id);
    assert.ok(last.length > 0);
    const shown = await dirigent.json("prune", "--gone", volume);
    const { delete: planned, blocked } = shown.value as { delete: { backupId: string }[]; blocked: string | null };
    assert.deepEqual([shown.code, blocked, planned.map(({ backupId }) => backupId).sort()], [0, null, last.sort()]);
    assert.equal((await ours(volume)).length, last.length, "nothing was deleted");
    const done = await order("prune", "--gone", volume, "--yes");
    assert.deepEqual([done.code, new Set(reasons(done))], [0, new Set(["done pruned"])], done.stderr);
    assert.deepEqual(await ours(volume), []);
    pruned.push(...last);
    await audit();
  });

  it("rebuild in an empty database makes what was there before", async () => {
    assert.equal((await order("protect", world.servers[1]!.volumes[1]!)).code, 0);
    const list = async (): Promise<unknown> => (await dirigent.json("backups", "list")).value;
    const clean = await dirigent.json("rebuild");
    assert.deepEqual(clean.value, { outcome: "ok", count: 0, differences: [] });
    const listed = await list();
    for (const end of ["", "-wal", "-shm"]) await rm(`${dirigent.database}${end}`, { force: true });
    const { code, value } = await dirigent.json("rebuild");
    assert.equal(code, 0);
    assert.equal((value as { count: number }).count, (listed as unknown[]).length);
    assert.deepEqual(await list(), listed);
    assert.equal(((await dirigent.json("rebuild")).value as { count: number }).count, 0);
    await audit();
  });
});
