import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Cloud } from "./support/cloud.ts";
import { makeReader, makeWriter, type Credential } from "./support/credentials.ts";
import { install, type Installation } from "./support/dirigent.ts";
import { backups, servers, type BackupRow } from "./support/judge.ts";
import { assertSurvivors } from "./support/survivors.ts";
import { until } from "./support/wait.ts";
import { removeWorld, seed, type World } from "./support/world.ts";

const minuteMs = 60_000;
const retentionMs = 150_000;
/** All at once, so that a slow machine, too, starts them within a minute. */
const limits = { global: 60, per_project: 60, per_pool: 60, per_backup_service: 60 };
const policy = { retention: "150s", minimum_retention: "60s", full_every: 3 };

interface CycleJson {
  readonly outcome: string;
  readonly projects: readonly { readonly notices: readonly { reason: string; resourceId: string | null }[] }[];
}

describe("nights on a real cloud, judged by listing Cinder and by the audit", () => {
  const prefix = "nights";
  let cloud: Cloud;
  let world: World;
  let writer: Credential;
  let dirigent: Installation;
  let directory: string;
  let tagged: World["servers"];
  /** A user's own backup, and one of his that carries our marks. */
  let own: string;
  let forged: string;
  /** Every restore point of ours that was ever seen, by id, and when the cycle that saw it last had ended. */
  const everSeen = new Map<string, BackupRow>();

  before(async () => {
    cloud = await Cloud.open();
    await removeWorld(cloud, prefix);
    world = await seed(cloud, { prefix, servers: 40, volumesEach: 2, projects: 4, share: 0.3 });
    writer = await makeWriter(cloud, prefix);
    const reader = await makeReader(cloud, prefix);
    directory = await mkdtemp(join(tmpdir(), "dirigent-nights-"));
    dirigent = await install(directory, { reader, writer });
    // The first two cycles share a slot however slow the machine is; the nights after them last a minute each.
    await dirigent.configure({ limits, policy: { ...policy, name: "daily", period: "1d" } });
    tagged = world.servers.filter((server) => server.metadata["backup"] === "yes");
    assert.ok(tagged.length >= 8 && tagged.length < world.servers.length, `${tagged.length} tagged servers`);
    // Backed up by their owner: a volume that is protected (so its first automated backup must be a full), and one that is not.
    const untagged = world.servers.find((server) => server.metadata["backup"] === undefined)!;
    own = await userBackup(untagged, {});
    const key = `${tagged[0]!.volumes[0]!}/minutely/2020-01-01T00:00:00Z`;
    forged = await userBackup(tagged[0]!, {
      __automated_backup: "True",
      "dirigent:key": key,
      "dirigent:keep-until": "2020-01-01T00:00:00Z",
    });
  });

  after(async () => {
    await removeWorld(cloud, prefix);
    await rm(directory, { recursive: true, force: true });
  });

  async function userBackup(server: World["servers"][number], metadata: Record<string, string>): Promise<string> {
    const name = Object.entries(world.projects).find(([, id]) => id === server.project)![0];
    const tenant = await cloud.tenant(name);
    const backup = { volume_id: server.volumes[0], name: "mine", force: true, metadata };
    const made = await tenant.call<{ backup: { id: string } }>("POST", "volumev3", "/backups", { backup });
    await until("the user's backup is available", async () =>
      (await backups(cloud.admin)).find((row) => row.id === made.backup.id && row.status === "available"),
    );
    return made.backup.id;
  }

  const ours = async (): Promise<BackupRow[]> => {
    const rows = (await backups(cloud.admin)).filter((row) => row.user_id === writer.userId);
    for (const row of rows) everSeen.set(row.id, row);
    return rows;
  };

  const cycle = async (): Promise<{ code: number | null; value: CycleJson; stderr: string }> => {
    const result = await dirigent.json("conductor", "--once");
    return { ...result, value: result.value as CycleJson };
  };

  const audit = async (): Promise<void> => {
    const file = join(directory, "audit.json");
    const before = existsSync(file) ? ["--before", file] : [];
    const result = await dirigent.run("audit", ...before, "--save", file);
    assert.equal(result.code, 0, `${result.stdout}\n${result.stderr}`);
  };

  /** Early in a minute, so that a cycle ends within its slot. */
  const nextMinute = (): Promise<void> => delay(minuteMs - (Date.now() % minuteMs) + 500);

  it("one cycle makes exactly one marked backup of each volume of each tagged VM, in its owner's project", async () => {
    const { code, value, stderr } = await cycle();
    assert.deepEqual({ code, outcome: value.outcome }, { code: 0, outcome: "ok" }, stderr + JSON.stringify(value));
    const expected = tagged.flatMap((server) =>
      server.volumes.map((volume) => ({ volume, project: server.project, server: server.id, status: "available" })),
    );
    const made = (await ours()).map((row) => ({
      volume: row.volume_id,
      project: row["os-backup-project-attr:project_id"],
      server: row.metadata["dirigent:server"],
      status: row.status,
    }));
    const byVolume = (a: { volume: string }, b: { volume: string }): number => a.volume.localeCompare(b.volume);
    assert.deepEqual(made.sort(byVolume), expected.sort(byVolume));
    const notices = value.projects.flatMap((project) => project.notices);
    assert.deepEqual(
      notices.map(({ reason, resourceId }) => ({ reason, resourceId })),
      [{ reason: "forged", resourceId: forged }],
    );
    await audit();
  });

  it("a second cycle in the same slot makes none", async () => {
    const between = (await ours()).map((row) => row.id).sort();
    assert.equal((await cycle()).code, 0);
    assert.deepEqual((await ours()).map((row) => row.id).sort(), between);
  });

  it("incrementals follow; after retention exactly the right ones are gone and each volume keeps its last good one", async () => {
    await dirigent.configure({ limits, policy: { ...policy, name: "minutely", period: "60s" } });
    let begun = 0;
    for (let night = 0; night < 4; night++) {
      await nextMinute();
      begun = Date.now();
      const { code, value, stderr } = await cycle();
      assert.deepEqual({ code, outcome: value.outcome }, { code: 0, outcome: "ok" }, stderr + JSON.stringify(value));
      await ours();
      await audit();
    }
    const ended = Date.now();
    const left = new Set((await ours()).map((row) => row.id));
    for (const server of tagged) {
      for (const volume of server.volumes) {
        const points = [...everSeen.values()].filter((row) => row.volume_id === volume);
        assert.equal(points.length, 5, `restore points of ${volume}`);
        assertSurvivors(points, left, { begun, ended, retentionMs });
      }
    }
    assert.ok([...everSeen.values()].some((point) => point.is_incremental));
    assert.ok(left.size < everSeen.size, "something was rotated");
  });

  it("leaves untagged VMs and users' own backups alone, and notes the time on the servers", async () => {
    const all = await backups(cloud.admin);
    const protectedVolumes = new Set(tagged.flatMap((server) => server.volumes));
    const foreign = all.filter(
      (row) =>
        row.user_id !== writer.userId &&
        Object.values(world.projects).includes(row["os-backup-project-attr:project_id"]),
    );
    assert.deepEqual(
      foreign.map((row) => [row.id, row.status]).sort(),
      [
        [own, "available"],
        [forged, "available"],
      ].sort(),
    );
    assert.deepEqual(
      [...everSeen.values()].filter((row) => !protectedVolumes.has(row.volume_id)),
      [],
    );
    const newest = new Map<string, number>();
    for (const row of everSeen.values()) {
      const id = row.metadata["dirigent:server"] ?? "";
      newest.set(id, Math.max(newest.get(id) ?? 0, Date.parse(`${row.created_at}Z`)));
    }
    for (const row of await servers(cloud.admin)) {
      const known = world.servers.find((server) => server.id === row.id);
      if (known === undefined) continue;
      const noted = Date.parse(row.metadata["last-backup-time"] ?? "");
      if (!tagged.includes(known)) assert.ok(Number.isNaN(noted), row.name);
      else
        assert.ok(
          noted >= newest.get(row.id)! - 1000 && noted <= Date.now(),
          `${row.name}: ${row.metadata["last-backup-time"]}`,
        );
    }
  });
});
