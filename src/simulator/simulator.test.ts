import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import type { Backup } from "./records.ts";
import { openTestBed, type TestBed } from "./test-bed.ts";
import { instant } from "./world.ts";

const open: TestBed[] = [];
async function bed(...args: Parameters<typeof openTestBed>): Promise<TestBed> {
  const made = await openTestBed(...args);
  open.push(made);
  return made;
}
afterEach(async () => {
  for (const { simulator } of open.splice(0)) await simulator.close();
});

const postBackup = (t: TestBed, volumeId: string) => t.storage("POST", "/backups", { backup: { volume_id: volumeId } });
const theOnly = (backups: readonly Backup[]): Backup => {
  assert.equal(backups.length, 1);
  return backups[0]!;
};

describe("the virtual clock", () => {
  it("ends a backup when the caller's clock has passed its duration, and not before", async () => {
    const t = await bed({ durations: { backupMs: (sizeGiB) => sizeGiB * 1000 } });
    const volume = t.simulator.seed.volume({ projectId: t.projectId, sizeGiB: 5, content: "bytes" });
    assert.equal((await postBackup(t, volume.id)).status, 202);
    t.clock.nowMs += 4999;
    const backup = theOnly(t.simulator.state.backups.values());
    assert.deepEqual([backup.status, volume.status], ["creating", "backing-up"]);
    t.clock.nowMs += 1;
    assert.deepEqual([t.simulator.state.backups.get(backup.id)?.status, volume.status], ["available", "available"]);
    assert.deepEqual([backup.content, backup.updatedAtMs], ["bytes", t.clock.nowMs]);
  });

  it("is what the Date header shows", async () => {
    const t = await bed();
    assert.equal((await t.storage("GET", "/backups")).headers.get("date"), "Thu, 15 Jan 2026 12:00:00 GMT");
    t.clock.nowMs += 3600_000;
    assert.equal((await t.storage("GET", "/backups")).headers.get("date"), "Thu, 15 Jan 2026 13:00:00 GMT");
  });

  it("ends tokens", async () => {
    const t = await bed({ tokenLifetimeMs: 60_000 });
    t.clock.nowMs += 59_999;
    assert.equal((await t.storage("GET", "/backups")).status, 200);
    t.clock.nowMs += 1;
    assert.equal((await t.storage("GET", "/backups")).status, 401);
  });

  it("may stand still when everything is instant", async () => {
    const t = await bed({ durations: instant });
    const volume = t.simulator.seed.volume({ projectId: t.projectId });
    await postBackup(t, volume.id);
    assert.equal(theOnly(t.simulator.state.backups.values()).status, "available");
    await postBackup(t, volume.id);
    const { backups } = t.simulator.state;
    for (const backup of [...backups.values()]) await t.storage("DELETE", `/backups/${backup.id}`);
    assert.equal(t.simulator.state.backups.size, 0);
  });
});

describe("the fate of single backups", () => {
  it("one that hangs stays creating and holds its volume", async () => {
    const t = await bed();
    t.simulator.faults.addBackupRule({ match: () => true, times: 1, outcome: { kind: "hang" } });
    const [stuck, fine] = [
      t.simulator.seed.volume({ projectId: t.projectId }),
      t.simulator.seed.volume({ projectId: t.projectId }),
    ];
    await postBackup(t, stuck.id);
    await postBackup(t, fine.id);
    t.clock.nowMs += 24 * 3600_000;
    const { backups } = t.simulator.state;
    assert.deepEqual(
      [...backups.ofVolume(stuck.id), ...backups.ofVolume(fine.id)].map((b) => b.status),
      ["creating", "available"],
    );
    assert.deepEqual([stuck.status, fine.status], ["backing-up", "available"]);
  });

  it("one that fails ends in error with its reason, frees its volume and leaves a message", async () => {
    const t = await bed();
    const volume = t.simulator.seed.volume({ projectId: t.projectId });
    await postBackup(t, volume.id);
    const { id } = theOnly(t.simulator.state.backups.values());
    t.simulator.setFate(id, { kind: "error", reason: "no space" });
    t.clock.nowMs += 60_000;
    const backup = theOnly(t.simulator.state.backups.values());
    assert.deepEqual([backup.status, backup.failReason, volume.status], ["error", "no space", "available"]);
    const messages = (await t.storage("GET", `/messages?resource_uuid=${id}`)).body as {
      messages: { user_message: string }[];
    };
    assert.deepEqual(
      messages.messages.map((m) => m.user_message),
      ["create backup:Backup driver failed to create backup."],
    );
  });

  it("one that vanishes is gone, and its volume free", async () => {
    const t = await bed();
    const volume = t.simulator.seed.volume({ projectId: t.projectId });
    t.simulator.faults.addBackupRule({ match: (b) => b.volumeId === volume.id, outcome: { kind: "vanish" } });
    await postBackup(t, volume.id);
    t.clock.nowMs += 3600_000;
    assert.deepEqual([t.simulator.state.backups.size, volume.status], [0, "available"]);
  });
});

describe("seeding", () => {
  it("brings in a backup as HTTP could not make it", async () => {
    const t = await bed();
    const { seed, state } = t.simulator;
    const volume = seed.volume({ projectId: t.projectId, sizeGiB: 3 });
    const createdAtMs = Date.parse("2025-12-01T02:00:00Z");
    const full = seed.backup({
      volumeId: volume.id,
      createdAtMs,
      userId: "somebody",
      metadata: { a: "b" },
      status: "error",
      failReason: "why",
    });
    const child = seed.backup({
      volumeId: volume.id,
      createdAtMs: createdAtMs + 1000,
      parentId: full.id,
      projectId: "elsewhere",
    });
    const shown = (await t.storage("GET", `/backups/${full.id}`)).body as { backup: Record<string, unknown> };
    assert.deepEqual(
      ["status", "size", "created_at", "metadata", "fail_reason", "has_dependent_backups"].map((f) => shown.backup[f]),
      ["error", 3, "2025-12-01T02:00:00.000000", { a: "b" }, "why", true],
    );
    assert.equal((await t.storage("GET", `/backups/${child.id}`)).status, 404);
    assert.deepEqual([...state.backups.childrenOf(full.id)], [child]);
  });

  it("fills a cloud of 10,000 servers, 20,000 volumes and 100,000 backups, which lists in pages of 1,000", async () => {
    const t = await bed();
    const { admin, adminProject } = t.simulator.seedAccounts();
    t.simulator.seedCloud({ projects: 40, servers: 10_000, volumesPerServer: 2, backupsPerVolume: 5 });
    const { state, authUrl } = t.simulator;
    assert.deepEqual([state.servers.size, state.volumes.size, state.backups.size], [10_000, 20_000, 100_000]);
    const scope = { userId: admin.id, projectId: adminProject.id };
    const token = state.identity.issue({ ...scope, methods: ["password"], applicationCredentialId: null }).id;
    const headers = { "X-Auth-Token": token, "OpenStack-API-Version": "volume 3.70" };
    let url = `${authUrl.replace("/identity/v3", "/volume/v3")}/backups/detail?all_tenants=1`;
    const seen: string[] = [];
    for (let page = 0; page < 3; page++) {
      const body: unknown = await (await fetch(url, { headers })).json();
      const { backups, backups_links } = body as { backups: { id: string }[]; backups_links: { href: string }[] };
      seen.push(...backups.map(({ id }) => id));
      url = backups_links[0]?.href ?? "";
    }
    assert.deepEqual(
      seen,
      state.backups
        .values()
        .toReversed()
        .slice(0, 3000)
        .map(({ id }) => id),
    );
    assert.deepEqual(t.simulator.log.counts(), { "block-storage GET backups/detail": 3 });
  });

  it("takes a role away in the middle", async () => {
    const t = await bed();
    const [user] = [...t.simulator.state.identity.users.values()];
    t.simulator.seed.removeRole(user!.id, "member", { projectId: t.projectId });
    assert.equal((await t.storage("GET", "/backups")).status, 401);
    t.simulator.seed.setRole(user!.id, "member", { domainId: "default" });
    assert.equal((await t.storage("GET", "/backups")).status, 200);
  });
});

describe("the request log", () => {
  it("keeps who asked for what, and counts by route", async () => {
    const t = await bed();
    await t.storage("GET", "/backups/detail?limit=1");
    await t.storage("GET", `/${t.projectId}/backups/detail`);
    await t.storage("GET", "/backups/unknown");
    assert.deepEqual(t.simulator.log.counts(), {
      "block-storage GET backups/detail": 2,
      "block-storage GET backups/{id}": 1,
    });
    assert.deepEqual(
      t.simulator.log.entries.map(({ search, status, projectId }) => ({ search, status, projectId })),
      [
        { search: "?limit=1", status: 200, projectId: t.projectId },
        { search: "", status: 200, projectId: t.projectId },
        { search: "", status: 404, projectId: t.projectId },
      ],
    );
    t.simulator.log.clear();
    assert.deepEqual([t.simulator.log.total, t.simulator.log.counts()], [0, {}]);
  });
});
