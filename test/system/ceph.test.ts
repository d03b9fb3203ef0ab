import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { directIo } from "../../src/domain/io.ts";
import { openStore } from "../../src/store/open.ts";
import { addCeph } from "./support/ceph.ts";
import { Cloud } from "./support/cloud.ts";
import { makeReader, makeWriter, type Credential } from "./support/credentials.ts";
import { install, type Installation } from "./support/dirigent.ts";
import { backups, type BackupRow } from "./support/judge.ts";
import { mustRun } from "./support/processes.ts";
import type { Session } from "./support/session.ts";
import { assertSurvivors, chainsOf } from "./support/survivors.ts";
import { mapLimited, until } from "./support/wait.ts";
import { removeWorld, seed, type World } from "./support/world.ts";

const minuteMs = 60_000;
const retentionMs = 150_000;
const fullEvery = 3;
const policy = { retention: "150s", minimum_retention: "60s", full_every: fullEvery };

/** A backup and the digest of what its volume held when it was made. */
interface Point {
  readonly row: BackupRow;
  readonly digest: string;
}

describe("nights with Ceph as the backend of volumes and backups, restored content compared", () => {
  const prefix = "ceph";
  let environment: NodeJS.ProcessEnv;
  let cloud: Cloud;
  let world: World;
  let writer: Credential;
  let dirigent: Installation;
  let directory: string;
  /** By project id. */
  let tenants: ReadonlyMap<string, Session>;
  /** The first keeps its chains; of the second its owner makes a backup from a snapshot. */
  let volumes: readonly [string, string];
  /** Every restore point of ours that was ever made, by id, oldest first. */
  const points = new Map<string, Point>();
  let left: ReadonlySet<string> = new Set();
  let own: Point;
  let turn = 0;

  before(async () => {
    environment = await addCeph();
    cloud = await Cloud.open();
    await removeWorld(cloud, prefix);
    world = await seed(cloud, { prefix, servers: 2, volumesEach: 1, projects: 2, share: 1, type: "rbd" });
    volumes = [world.servers[0]!.volumes[0]!, world.servers[1]!.volumes[0]!];
    tenants = new Map(
      await mapLimited(
        Object.entries(world.projects),
        2,
        async ([name, id]) => [id, await cloud.tenant(name)] as const,
      ),
    );
    writer = await makeWriter(cloud, prefix);
    const reader = await makeReader(cloud, prefix);
    directory = await mkdtemp(join(tmpdir(), "dirigent-ceph-"));
    dirigent = await install(directory, { reader, writer });
    // So that the first night need not wait for a minute to begin.
    await dirigent.configure({ policy: { ...policy, name: "daily", period: "1d" } });
  });

  after(async () => {
    await removeWorld(cloud, prefix);
    await rm(directory, { recursive: true, force: true });
  });

  const content = (...args: readonly string[]): Promise<string> =>
    mustRun("/usr/bin/python3", [join(import.meta.dirname, "support", "rbd_content.py"), ...args], {
      env: environment,
    });

  /** Writes to all volumes what they did not hold before. */
  const change = async (): Promise<void> => {
    await content("change", String(turn), ...volumes);
    turn += 1;
  };

  const digests = async (ids: readonly string[]): Promise<Readonly<Record<string, string>>> =>
    JSON.parse(await content("digest", ...ids)) as Record<string, string>;

  const tenantOf = (row: BackupRow): Session => tenants.get(row["os-backup-project-attr:project_id"])!;

  const ofVolume = (volume: string): BackupRow[] =>
    [...points.values()].map(({ row }) => row).filter((row) => row.volume_id === volume);

  /** Changes the volumes, remembers what they hold, runs a cycle, and judges what it made and removed. */
  async function night(): Promise<void> {
    await change();
    const held = await digests(volumes);
    // Early in a minute, so that a cycle ends within its slot.
    if (points.size > 0) await delay(minuteMs - (Date.now() % minuteMs) + 500);
    const begun = Date.now();
    const { code, value, stderr } = await dirigent.json("conductor", "--once");
    const ended = Date.now();
    assert.deepEqual({ code, outcome: (value as { outcome: string }).outcome }, { code: 0, outcome: "ok" }, stderr);

    const listed = (await backups(cloud.admin)).filter((row) => row.user_id === writer.userId);
    const made = listed.filter((row) => !points.has(row.id));
    assert.deepEqual(
      made.map((row) => [row.volume_id, row.status]).sort(),
      volumes.map((volume) => [volume, "available"]).sort(),
    );
    for (const row of made) points.set(row.id, { row, digest: held[row.volume_id]! });
    left = new Set(listed.map((row) => row.id));
    for (const volume of volumes) assertSurvivors(ofVolume(volume), left, { begun, ended, retentionMs });
    await audit();
  }

  async function audit(): Promise<void> {
    const file = join(directory, "audit.json");
    const known = existsSync(file) ? ["--before", file] : [];
    const result = await dirigent.run("audit", ...known, "--save", file);
    assert.equal(result.code, 0, `${result.stdout}\n${result.stderr}`);
  }

  /** What became of a backup by the conductor's own records: kinds and reasons, oldest first. */
  async function recordOf(backupId: string): Promise<string[]> {
    const repository = await openStore(`sqlite:${dirigent.database}`, { io: directIo });
    try {
      const operations = await repository.operations({ limit: 10_000 });
      return operations.filter((each) => each.backupId === backupId).map(({ kind, reason }) => `${kind} ${reason}`);
    } finally {
      await repository.close();
    }
  }

  /** Restores into a new volume, as a member of the backup's project, and returns the volume's id. */
  async function restore({ row }: Point): Promise<string> {
    const tenant = tenantOf(row);
    const statusOf = async (kind: "volume" | "backup", id: string): Promise<string> =>
      (await tenant.call<Record<string, { status: string }>>("GET", "volumev3", `/${kind}s/${id}`))[kind]!.status;
    const available = async (kind: "volume" | "backup", id: string): Promise<boolean> => {
      const status = await statusOf(kind, id);
      assert.ok(!status.startsWith("error"), `${kind} ${id} (restore of ${row.id}) is ${status}`);
      return status === "available";
    };
    const volume = { name: `restored-${row.id}`, size: row.size, volume_type: "rbd" };
    const { id } = (await tenant.call<{ volume: { id: string } }>("POST", "volumev3", "/volumes", { volume })).volume;
    await until("the volume to restore into is available", () => available("volume", id));
    await tenant.call("POST", "volumev3", `/backups/${row.id}/restore`, { restore: { volume_id: id } });
    await until(
      `${row.id} is restored`,
      async () => (await available("volume", id)) && (await available("backup", row.id)),
      { timeoutMs: 120_000 },
    );
    return id;
  }

  /** The middle of a chain of full size that is still there, of the first volume. */
  const middle = (): BackupRow | undefined =>
    chainsOf(ofVolume(volumes[0])).find((chain) => chain.length === fullEvery && left.has(chain[1]!.id))?.[1];

  it("the first night makes a full backup of each volume, in the pool of Ceph", async () => {
    await night();
    const stored = await mapLimited([...points.values()], 2, async ({ row }) => {
      const path = `/backups/${row.id}`;
      const { backup } = await tenantOf(row).call<{ backup: { container: string } }>("GET", "volumev3", path);
      return { container: backup.container, incremental: row.is_incremental };
    });
    assert.deepEqual(stored, Array(2).fill({ container: "backups", incremental: false }));
  });

  it("incrementals follow", async () => {
    await dirigent.configure({ policy: { ...policy, name: "minutely", period: "60s" } });
    await night();
    await night();
    for (const volume of volumes) {
      const made = ofVolume(volume);
      assert.equal(made.length, 3);
      // The first chain is shortened, so that one of the two may be a full.
      assert.ok(
        made.some((row) => row.is_incremental),
        volume,
      );
    }
  });

  it("after a user's own backup from a snapshot the next one is a full, which does not destroy it", async () => {
    await change();
    const volume = volumes[1];
    const digest = (await digests([volume]))[volume]!;
    const tenant = tenants.get(world.servers[1]!.project)!;
    const asked = { snapshot: { volume_id: volume, name: "mine", force: true } };
    const { snapshot } = await tenant.call<{ snapshot: { id: string } }>("POST", "volumev3", "/snapshots", asked);
    await until("the user's snapshot is available", async () => {
      const path = `/snapshots/${snapshot.id}`;
      const seen = await tenant.call<{ snapshot: { status: string } }>("GET", "volumev3", path);
      return seen.snapshot.status === "available";
    });
    const backup = { volume_id: volume, snapshot_id: snapshot.id, name: "mine" };
    const made = await tenant.call<{ backup: { id: string } }>("POST", "volumev3", "/backups", { backup });
    const row = await until("the user's backup is available", async () =>
      (await backups(cloud.admin)).find((each) => each.id === made.backup.id && each.status === "available"),
    );
    own = { row, digest };

    await night();
    const next = ofVolume(volume).at(-1)!;
    assert.equal(next.is_incremental, false);
    assert.deepEqual((await recordOf(next.id))[0], "create full_snapshot_backup");
  });

  it("expired chains are gone whole, incrementals and all", async () => {
    const wasRotated = (): boolean => [...points.values()].some(({ row }) => row.is_incremental && !left.has(row.id));
    // On an idle machine two more nights; a slow one may let all but the newest chain expire and needs a whole new one.
    for (let nights = 0; !wasRotated() || middle() === undefined; nights += 1) {
      assert.ok(nights < 6, "six nights, and no chain was rotated or none is complete");
      await night();
    }
    const lengths = chainsOf(ofVolume(volumes[0])).map((chain) => chain.length);
    assert.deepEqual(lengths.slice(1, -1), Array(lengths.slice(1, -1).length).fill(fullEvery));
    const sinceOwn = ofVolume(volumes[1]).filter((row) => row.created_at > own.row.created_at);
    assert.ok(sinceOwn.every((row) => !row.is_incremental));
  });

  it("the pool holds the images of the chains that are left and of the user's backup, and no others", async () => {
    const listing = await mustRun("rbd", ["--pool", "backups", "ls", "--format", "json"], { env: environment });
    const images = (JSON.parse(listing) as string[]).filter((name) => volumes.some((volume) => name.includes(volume)));
    const roots = volumes
      .flatMap((volume) => chainsOf(ofVolume(volume)).map((chain) => chain[0]!))
      .filter((row) => left.has(row.id));
    assert.deepEqual(
      images.sort(),
      [...roots.map((row) => `volume-${row.volume_id}.backup.${row.id}`), `volume-${volumes[1]}.backup.base`].sort(),
    );
  });

  it("every point that is left, and the user's own, restores to what its volume held then", async () => {
    const surviving = [...points.values()].filter(({ row }) => left.has(row.id));
    const all = [...surviving, own];
    const newest = volumes.map((volume) => ofVolume(volume).at(-1)!.id);
    for (const id of [...newest, middle()?.id]) assert.ok(all.some(({ row }) => row.id === id));
    assert.equal(new Set(all.map(({ digest }) => digest)).size, all.length, "each holds something else");
    const restored = await mapLimited(all, 2, restore);
    const found = await digests(restored);
    assert.deepEqual(
      all.map(({ row }, index) => ({ id: row.id, digest: found[restored[index]!] })),
      all.map(({ row, digest }) => ({ id: row.id, digest })),
    );
  });

  it("the conductor never touched the user's backup, and the audit finds nothing", async () => {
    const theirs = (await backups(cloud.admin)).filter(
      (row) => row.user_id !== writer.userId && volumes.includes(row.volume_id),
    );
    assert.deepEqual(
      theirs.map(({ id, status, metadata }) => ({ id, status, metadata })),
      [{ id: own.row.id, status: "available", metadata: own.row.metadata }],
    );
    assert.deepEqual(await recordOf(own.row.id), []);
    await audit();
  });
});
