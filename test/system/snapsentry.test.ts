import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Cloud } from "./support/cloud.ts";
import { makeWriter, writeClouds, type Credential } from "./support/credentials.ts";
import { install, launcher, type Installation } from "./support/dirigent.ts";
import { backups, snapshots, volumes, type BackupRow, type SnapshotRow } from "./support/judge.ts";
import { run } from "./support/processes.ts";
import type { Session } from "./support/session.ts";
import { until } from "./support/wait.ts";
import { removeWorld, seed, type World } from "./support/world.ts";

const prefix = "snapsentry";

interface OrderJson {
  readonly lines: readonly { readonly backupId: string; readonly outcome: string; readonly reason: string }[];
}

interface AdoptJson {
  readonly adopt: readonly { readonly id: string; readonly parentId: string | null }[];
  readonly refused: readonly { readonly reason: string; readonly message: string | null }[];
}

void describe("SnapSentry's and Platform9's users on a real cloud", () => {
  let cloud: Cloud;
  let world: World;
  let project: { readonly id: string; readonly name: string };
  let tenant: Session;
  /** Who made snapshots with the other tools. */
  let peer: Session;
  let one: Credential;
  let directory: string;
  let environment: NodeJS.ProcessEnv;
  let configured: Installation;

  before(async () => {
    cloud = await Cloud.open();
    await removeWorld(cloud, prefix);
    world = await seed(cloud, { prefix, servers: 5, volumesEach: 1, projects: 1, share: 0 });
    const [[name, id]] = Object.entries(world.projects) as [[string, string]];
    project = { id, name };
    tenant = await cloud.tenant(name);
    one = await makeOne();
    peer = await makePeer();
    directory = await mkdtemp(join(tmpdir(), "dirigent-snapsentry-"));
    const file = await writeClouds(directory, { one });
    // Nothing but a cloud: neither configuration nor database.
    environment = { PATH: process.env["PATH"], HOME: directory, OS_CLIENT_CONFIG_FILE: file };
    configured = await install(join(directory, "configured"), { reader: one, writer: one });
    await configured.configure({ selection: { release_delay: "3s" } });
  });

  after(async () => {
    await removeWorld(cloud, prefix);
    await rm(directory, { recursive: true, force: true });
  });

  const grant = async (userId: string, projectId: string, role: string): Promise<void> => {
    const { roles } = await cloud.admin.call<{ roles: { id: string }[] }>("GET", "identity", `/roles?name=${role}`);
    await cloud.admin.call("PUT", "identity", `/projects/${projectId}/users/${userId}/roles/${roles[0]!.id}`);
  };

  /** One credential for all: an administrator who is a member of every project. */
  async function makeOne(): Promise<Credential> {
    const writer = await makeWriter(cloud, prefix);
    const wanted = { name: `${prefix}-one`, domain_id: "default" };
    const made = await cloud.admin.call<{ project: { id: string } }>("POST", "identity", "/projects", {
      project: wanted,
    });
    await grant(writer.userId, made.project.id, "admin");
    const auth = { ...writer.entry.auth, project_name: wanted.name, project_domain_name: "Default" };
    return { ...writer, entry: { ...writer.entry, auth } };
  }

  async function makePeer(): Promise<Session> {
    const user = { name: `${prefix}-peer`, domain_id: "default", password: cloud.password };
    const made = await cloud.admin.call<{ user: { id: string } }>("POST", "identity", "/users", { user });
    await grant(made.user.id, project.id, "member");
    return await cloud.login({ kind: "password", user: user.name, password: user.password }, { projectId: project.id });
  }

  const bare = (...args: readonly string[]) =>
    run(launcher, ["--cloud", "one", ...args], { env: environment, timeoutMs: 120_000 });
  const volume = (index: number): string => world.servers[index]!.volumes[0]!;
  const own = async (): Promise<SnapshotRow[]> =>
    (await snapshots(cloud.admin)).filter((row) => row["os-extended-snapshot-attributes:project_id"] === project.id);
  const shown = async () =>
    (await own())
      .map(({ metadata, status, volume_id }) => [volume_id, metadata["dirigent:policy"], status])
      .sort((a, b) => String(a).localeCompare(String(b)));

  it("the four examples of SnapSentry's document make four snapshots with clouds.yaml alone, and twice is as once", async () => {
    const examples = [
      ["daily", "--start-time", "08:00", "--timezone", "Asia/Kolkata", "--retention", "1"],
      ["weekly", "--timezone", "Europe/Berlin", "--start-time", "23:00", "--retention", "2", "--week-day", "sunday"],
      ["monthly", "--timezone", "Europe/Berlin", "--start-time", "23:00", "--retention", "2", "--month-day", "1"],
      ["express", "--timezone", "Europe/Berlin", "--retention", "2", "--interval-hours", "6"],
    ];
    for (const [index, example] of examples.entries()) {
      const ran = await bare("subscribe", ...example, "--volume-id", volume(index));
      assert.equal(ran.code, 0, ran.stderr);
    }
    const expected = examples
      .map(([kind], index) => [volume(index), `snapsentry-${kind}`, "available"])
      .sort((a, b) => String(a).localeCompare(String(b)));
    for (const half of ["create-snapshots", "create-snapshots", "expire-snapshots"]) {
      const ran = await bare(half, "--log-level", "warn", "--timeout", "100");
      assert.equal(ran.code, 0, ran.stdout + ran.stderr);
      assert.match(ran.stderr, /No configuration and no database/);
      assert.deepEqual(await shown(), expected, half);
    }
    const audit = await bare("audit", "--json");
    assert.equal(audit.code, 0, audit.stdout + audit.stderr);
  });

  it("adopts what a named user made by hand, with SnapSentry or with Platform9, and not what carries their marks by forgery", async () => {
    const make = async (session: Session, name: string, metadata: Record<string, string>): Promise<string> => {
      const body = { snapshot: { volume_id: volume(4), name, force: true, metadata } };
      const made = await session.call<{ snapshot: { id: string } }>("POST", "volumev3", "/snapshots", body);
      await until(`${name} is available`, async () =>
        (await own()).some(({ id, status }) => id === made.snapshot.id && status === "available"),
      );
      return made.snapshot.id;
    };
    const snapSentry = {
      "x-snapsentry-managed": "true",
      "x-snapsentry-snapshot-policy-type": "daily",
      "x-snapsentry-snapshot-expiry-date": "2099-01-01T00:00:00Z",
    };
    const platform9 = { created_by: "p9_auto_snapshots", policy: "daily_5", original_volume_id: volume(4) };
    const [ofSnapSentry, ofPlatform9, byHand, forged] = [
      await make(peer, `managed-daily-${volume(4)}-2026-01-01T00:00:00Z`, snapSentry),
      await make(peer, "auto-tenant-daily_5", platform9),
      await make(tenant, "before the upgrade", { mine: "stays" }),
      await make(tenant, "forged", snapSentry),
    ];
    const orders = [
      [ofSnapSentry, "--from", "snapsentry", "--created-by", peer.userId, "--with-retention"],
      [ofPlatform9, "--from", "platform9", "--created-by", peer.userId, "--with-retention"],
      [byHand, "--id", byHand],
    ] as const;
    const before = await own();
    for (const [, ...args] of orders) {
      const { code, value } = await configured.json("adopt", ...args);
      assert.deepEqual([code, (value as { written: boolean }).written], [0, false]);
    }
    assert.deepEqual(await own(), before);
    for (const [id, ...args] of orders) {
      const { code, stderr, value } = await configured.json("adopt", ...args, "--yes");
      const lines = (value as OrderJson).lines.map(({ backupId, outcome, reason }) => [backupId, outcome, reason]);
      assert.deepEqual([code, lines], [0, [[id, "done", "taken_over"]]], stderr);
    }
    const metadata = new Map((await own()).map((row) => [row.id, row.metadata]));
    const marks = (id: string) => [
      metadata.get(id)?.["dirigent:policy"],
      metadata.get(id)?.["dirigent:keep-until"],
      metadata.get(id)?.["dirigent:retention"],
    ];
    assert.deepEqual(marks(ofSnapSentry), ["snapsentry-daily", "2099-01-01T00:00:00Z", undefined]);
    assert.deepEqual(marks(ofPlatform9), ["daily_5", undefined, "last=5,min=1,tz=UTC"]);
    assert.deepEqual(marks(byHand), ["adopted", undefined, undefined]);
    assert.equal(metadata.get(byHand)?.["mine"], "stays");
    assert.deepEqual(metadata.get(forged), snapSentry);
    const rotated = await configured.run("run", "--only", "expire");
    assert.equal(rotated.code, 0, rotated.stdout + rotated.stderr);
    const left = new Set((await own()).map(({ id }) => id));
    for (const id of [ofSnapSentry, ofPlatform9, byHand, forged]) assert.ok(left.has(id));
  });

  it("adopts a chain that a tenant made by hand whole or not at all, keeps it until a retention is set, and then rotates it", async () => {
    const short = { name: "short", period: "60s", retention: "5s", minimum_retention: "1s", full_every: 3 };
    const made = await tenant.call<{ volume: { id: string } }>("POST", "volumev3", "/volumes", {
      volume: { size: 1, name: `${prefix}-by-hand`, volume_type: "fast" },
    });
    const volumeId = made.volume.id;
    await until("the volume is available", async () =>
      (await volumes(cloud.admin)).some((row) => row.id === volumeId && row.status === "available"),
    );
    const rows = async (): Promise<readonly BackupRow[]> =>
      (await backups(cloud.admin))
        .filter((row) => row.volume_id === volumeId)
        .sort((a, b) => ids.indexOf(a.id) - ids.indexOf(b.id));
    const left = async (): Promise<string[]> => (await rows()).map(({ id }) => id);
    const ids: string[] = [];
    for (const incremental of [false, true, false]) {
      // Cinder's times are of whole seconds: these three have an order.
      await delay(1100);
      const wanted = { volume_id: volumeId, name: "by hand", metadata: { mine: "stays" }, incremental };
      const { backup } = await tenant.call<{ backup: { id: string } }>("POST", "volumev3", "/backups", {
        backup: wanted,
      });
      ids.push(backup.id);
      await until("the backup is available", async () =>
        (await rows()).some(({ id, status }) => id === backup.id && status === "available"),
      );
    }
    const [full, incremental, later] = ids as [string, string, string];
    const list = join(directory, "ids.txt");
    await writeFile(list, `${ids.join("\n")}\n`);
    const before = await rows();
    const alone = (await configured.json("adopt", "--id", incremental)).value as AdoptJson;
    assert.deepEqual(
      [alone.adopt, alone.refused.map(({ reason, message }) => [reason, message])],
      [[], [["parent_not_adopted", full]]],
    );
    const all = (await configured.json("adopt", "--ids-from", list)).value as AdoptJson;
    assert.deepEqual(
      all.adopt.map(({ id, parentId }) => [id, parentId]),
      [
        [full, null],
        [incremental, full],
        [later, null],
      ],
    );
    assert.deepEqual(await rows(), before);

    const adopt = async (...args: readonly string[]): Promise<void> => {
      const { code, stderr, value } = await configured.json("adopt", ...args, "--yes");
      const lines = (value as OrderJson).lines.map(({ backupId, outcome, reason }) => [backupId, outcome, reason]);
      assert.deepEqual([code, lines], [0, (await left()).map((id) => [id, "done", "taken_over"])], stderr);
    };
    const audit = async (...args: readonly string[]): Promise<void> => {
      const { code, value } = await configured.json("audit", ...ids.flatMap((id) => ["--adopted", id]), ...args);
      const { findings } = value as { findings: readonly { severity: string }[] };
      assert.deepEqual([code, findings.filter(({ severity }) => severity === "failure")], [0, []]);
    };
    const rotate = async (): Promise<void> => {
      const { code, stderr, stdout } = await configured.run("run", "--only", "expire");
      assert.equal(code, 0, stdout + stderr);
    };
    await adopt("--ids-from", list);
    const marks = await rows();
    assert.deepEqual(
      marks.map(({ metadata }) => [metadata["mine"], metadata["__automated_backup"], metadata["dirigent:parent"]]),
      [
        ["stays", "True", undefined],
        ["stays", "True", full],
        ["stays", "True", undefined],
      ],
    );
    await rotate();
    assert.deepEqual(await left(), ids, "no retention is set");

    await configured.configure({ selection: { release_delay: "3s" }, policy: short });
    await adopt("--ids-from", list, "--with-retention", "--policy", "short");
    const listing = join(directory, "listing.json");
    await audit("--save", listing);
    await delay(5100);
    await rotate();
    assert.deepEqual(await left(), [later], "the newest good one stays");
    await audit("--before", listing);

    for (const suffix of ["", "-wal", "-shm"]) await rm(`${configured.database}${suffix}`, { force: true });
    const kept = await rows();
    await rotate();
    assert.deepEqual(await rows(), kept, "after a lost database it is nobody's");
    await adopt("--id", later, "--with-retention", "--policy", "short");
    assert.deepEqual(await rows(), kept, "and the same as before when it is confirmed");
    await rotate();
    assert.deepEqual(await left(), [later]);
    await configured.configure({ selection: { release_delay: "3s" } });
  });

  it("an owner lets go of the snapshots of his volume, after a delay, and deletes it", async () => {
    const body = { volume: { size: 1, name: `${prefix}-released`, volume_type: "fast" } };
    const made = await tenant.call<{ volume: { id: string } }>("POST", "volumev3", "/volumes", body);
    const { id } = made.volume;
    await until("the volume is available", async () =>
      (await volumes(cloud.admin)).some((row) => row.id === id && row.status === "available"),
    );
    const snapshotsOf = async () => (await own()).filter((row) => row.volume_id === id);
    assert.equal((await configured.run("subscribe", "daily", "--volume-id", id)).code, 0);
    const first = await configured.run("run", "--only", "create");
    assert.equal(first.code, 0, first.stdout + first.stderr);
    assert.equal((await snapshotsOf()).length, 1);
    assert.equal((await tenant.raw("DELETE", "volumev3", `/volumes/${id}`)).status, 400, "snapshots block it");

    await tenant.call("POST", "volumev3", `/volumes/${id}/metadata`, { metadata: { "release-snapshots": "yes" } });
    const seen = await configured.run("run");
    assert.equal(seen.code, 0, seen.stdout + seen.stderr);
    assert.equal((await snapshotsOf()).length, 1, "the delay has only begun");
    await delay(3100);
    const released = await configured.run("run");
    assert.equal(released.code, 0, released.stdout + released.stderr);
    assert.deepEqual(await snapshotsOf(), []);
    assert.equal((await tenant.raw("DELETE", "volumev3", `/volumes/${id}`)).status, 202);
    await until("the volume is gone", async () => (await volumes(cloud.admin)).every((row) => row.id !== id));
  });
});
