import assert from "node:assert/strict";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { openJobStates } from "../../src/domain/catalogue.ts";
import type { Io } from "../../src/domain/io.ts";
import { directIo } from "../../src/domain/io.ts";
import type { SeededCloud } from "../../src/simulator/cloud.ts";
import { StoreError } from "../../src/store/errors.ts";
import { openStore } from "../../src/store/open.ts";
import { auditNight, dayMs, hourMs, startNight, type Night } from "./support/night.ts";
import { defaultPolicy } from "../../src/domain/policy.ts";

type NightOptions = Parameters<typeof startNight>[0];

/** Two projects with two tagged servers of one volume each, in a simulated cloud whose backups take 20 s. */
async function start(t: TestContext, options: NightOptions = {}): Promise<Night & { cloud: SeededCloud }> {
  const durations = { backupMs: () => 20_000, backupDeleteMs: () => 2_000 };
  const night = await startNight({ ...options, simulator: { durations, ...options.simulator } });
  t.after(() => night.close());
  return { ...night, cloud: night.simulator.seedCloud({ projects: 2, servers: 4, volumesPerServer: 1 }) };
}

/** Every volume's last job as `state reason`, in the cloud's order. */
async function ends(night: Night & { cloud: SeededCloud }): Promise<string[]> {
  const jobs = await night.repository.jobs({});
  return night.cloud.volumes.map(({ id }) => {
    const last = jobs
      .filter((job) => job.volumeId === id)
      .sort((a, b) => Number(a.plannedAt) - Number(b.plannedAt))
      .at(-1);
    return last === undefined ? "none" : `${last.state} ${last.reason ?? ""}`;
  });
}

const good = "succeeded succeeded";
const idsOf = (night: Night): string[] => night.simulator.state.backups.values().map((backup) => backup.id);
const deletesOf = (night: Night): number =>
  night.simulator.log.entries.filter(({ method }) => method === "DELETE").length;
/** Requests for a new backup, answered or not. */
const postsOf = (night: Night): number =>
  night.simulator.log.entries.filter((entry) => entry.method === "POST" && /backups$/.test(entry.path)).length;

describe("a night with a fault", () => {
  it("quota exceeded: a recorded failure with figures, and nothing else stops", async (t) => {
    const night = await start(t);
    const [full] = night.cloud.projects;
    night.simulator.state.setQuota(full!.id, { backups: 1 });
    const { outcome, reports } = await night.once();
    assert.equal(outcome, "partial");
    assert.deepEqual((await ends(night)).sort(), [`failed over_quota`, good, good, good].sort());
    const failed = reports.flatMap((report) => report.lines).find((line) => line.outcome === "failed");
    assert.deepEqual([failed?.reason, failed?.message], ["over_quota", "backups: 1 of 1 in use or reserved"]);
    await auditNight(night);
  });

  it("a volume is extended between plan and POST: its backup is whole, recorded with its real size", async (t) => {
    const night = await start(t);
    const volume = night.cloud.volumes[0]!;
    const extended = volume.sizeGiB + 2;
    night.simulator.faults.add({
      method: "POST",
      path: /backups$/,
      when: ({ body }) => {
        if (body.includes(volume.id)) volume.sizeGiB = extended;
        return false;
      },
      action: { kind: "answer", status: 500, body: {} },
    });
    assert.equal((await night.once()).outcome, "ok");
    assert.deepEqual(await ends(night), [good, good, good, good]);
    const [job] = (await night.repository.jobs({})).filter((each) => each.volumeId === volume.id);
    const [entry] = (await night.repository.catalogue()).filter((each) => each.volumeId === volume.id);
    assert.deepEqual([job?.sizeGiB, entry?.sizeGiB], [extended, extended]);
    await auditNight(night);
  });

  it("quota taken by somebody else between the check and the POST: Cinder's own refusal is recorded, not retried", async (t) => {
    const night = await start(t);
    night.simulator.faults.add({
      method: "POST",
      path: /backups$/,
      when: ({ body }) => body.includes(night.cloud.volumes[0]!.id),
      action: {
        kind: "answer",
        status: 413,
        headers: { "Retry-After": "0" },
        body: {
          overLimit: {
            code: 413,
            message: "BackupLimitExceeded: Maximum number of backups allowed (9) exceeded",
            retryAfter: "0",
          },
        },
      },
    });
    assert.equal((await night.once()).outcome, "partial");
    assert.deepEqual(await ends(night), ["failed over_quota", good, good, good]);
    assert.equal(postsOf(night), 4, "one request for each volume");
  });

  it("a backup ends in error: reported with Cinder's reason, a full follows, and the failed one goes when a good one exists", async (t) => {
    const night = await start(t);
    const broken = night.cloud.volumes[1]!.id;
    night.simulator.faults.addBackupRule({
      match: (backup) => backup.volumeId === broken,
      times: 1,
      outcome: { kind: "error", reason: "no space left" },
    });
    const first = await night.once();
    assert.equal(first.outcome, "partial");
    assert.deepEqual(await ends(night), [good, "failed ended_in_error", good, good]);
    const line = first.reports.flatMap((report) => report.lines).find((each) => each.volumeId === broken);
    assert.match(line?.message ?? "", /no space left/);
    night.clock.advance(dayMs);
    assert.equal((await night.once()).outcome, "ok");
    const left = night.simulator.state.backups.filter((backup) => backup.volumeId === broken);
    assert.deepEqual(
      left.map(({ status, parentId }) => [status, parentId]),
      [["available", null]],
    );
    await auditNight(night);
  });

  it("the volume is deleted during its backup: reported as stuck, blocks nothing, is never forgotten", async (t) => {
    const night = await start(t);
    const gone = night.cloud.volumes[2]!;
    night.simulator.faults.addBackupRule({ match: (backup) => backup.volumeId === gone.id, outcome: { kind: "hang" } });
    const { reports } = await night.once();
    assert.deepEqual(await ends(night), [good, good, "running stuck", good]);
    night.simulator.state.volumes.delete(gone.id);
    for (const server of night.simulator.state.servers.values())
      server.volumes = server.volumes.filter(({ id }) => id !== gone.id);
    assert.equal(reports.flatMap((report) => report.lines).filter((line) => line.reason === "stuck").length, 1);
    night.clock.advance(dayMs);
    const next = await night.once();
    assert.equal(next.outcome, "partial", "the stuck one is still told");
    const jobs = await night.repository.jobs({ states: openJobStates });
    assert.deepEqual(
      jobs.map((job) => [job.volumeId, job.reason]),
      [[gone.id, "stuck"]],
    );
    assert.equal(deletesOf(night), 0);
  });

  it("a backup that hangs in creating and ends a day later is completed then", async (t) => {
    const night = await start(t);
    const slow = night.cloud.volumes[0]!.id;
    night.simulator.faults.addBackupRule({
      match: (backup) => backup.volumeId === slow,
      times: 1,
      outcome: { kind: "hang" },
    });
    await night.once();
    const [stuck] = await night.repository.jobs({ states: openJobStates });
    assert.equal(stuck?.reason, "stuck");
    const backup = night.simulator.state.backups.get(stuck.backupId ?? "")!;
    night.clock.advance(dayMs - hourMs);
    Object.assign(backup, { status: "available", sizeGiB: stuck.sizeGiB, dataTimestampMs: backup.createdAtMs });
    night.simulator.state.volumes.get(slow)!.status = "in-use";
    await night.once();
    const [ended] = await night.repository.jobs({ keys: [stuck.key] });
    assert.deepEqual([ended?.state, ended?.reason], ["succeeded", "succeeded"]);
  });

  it("Cinder is down for ten minutes: the night goes on when it is back, one backup each", async (t) => {
    const night = await start(t);
    night.simulator.faults.add({
      method: "POST",
      path: /backups$/,
      times: 1,
      action: { kind: "hook", run: () => night.simulator.faults.setOutage("block-storage", "unreachable") },
    });
    const backAt = Number(night.clock.now()) + 10 * 60_000;
    const sleep = night.clock.sleep.bind(night.clock);
    const clock = {
      ...night.clock,
      sleep: async (ms: number, signal?: AbortSignal) => {
        await sleep(ms, signal);
        if (Number(night.clock.now()) >= backAt) night.simulator.faults.setOutage("block-storage", "none");
      },
    };
    assert.equal((await night.once({ clock })).outcome, "ok");
    assert.ok(Number(night.clock.now()) >= backAt);
    assert.deepEqual(await ends(night), [good, good, good, good]);
    assert.equal(idsOf(night).length, 4);
    await auditNight(night);
  });

  it("the answer to a POST is lost after the work was done: found by its key, not sent again", async (t) => {
    const night = await start(t);
    night.simulator.faults.add({ method: "POST", path: /backups$/, times: 2, action: { kind: "drop-after" } });
    assert.equal((await night.once()).outcome, "ok");
    assert.equal(idsOf(night).length, 4);
    const adopted = await night.repository.operations({ kinds: ["adopt"] });
    assert.equal(adopted.length, 2);
    await auditNight(night);
  });

  it("a POST that never arrived is sent again, but not before the settle time", async (t) => {
    const night = await start(t);
    const startedAt = Number(night.clock.now());
    night.simulator.faults.add({ method: "POST", path: /backups$/, times: 1, action: { kind: "drop-before" } });
    assert.equal((await night.once()).outcome, "ok");
    assert.equal(idsOf(night).length, 4);
    assert.ok(Number(night.clock.now()) - startedAt >= night.conductor.settings.settleMs);
    await auditNight(night);
  });

  it("Keystone revokes every token in the middle: one more login each, nothing is lost", async (t) => {
    const night = await start(t);
    night.simulator.faults.add({
      method: "POST",
      path: /backups$/,
      after: 1,
      times: 1,
      action: { kind: "hook", run: () => night.simulator.state.identity.tokens.clear() },
    });
    assert.equal((await night.once()).outcome, "ok");
    assert.deepEqual(await ends(night), [good, good, good, good]);
    await auditNight(night);
  });

  it("the reader loses its role in the middle: the cloud looks empty, nothing is deleted, and the next night is whole again", async (t) => {
    const night = await start(t, { settings: { policy: { ...shortPolicy } } });
    for (let i = 0; i < 5; i++) {
      await night.once();
      night.clock.advance(dayMs);
    }
    const { admin, adminProject } = night.accounts;
    const before = new Set(idsOf(night));
    const deletes = deletesOf(night);
    night.simulator.faults.add({
      method: "POST",
      path: /backups$/,
      times: 1,
      action: {
        kind: "hook",
        run: () => {
          night.simulator.seed.removeRole(admin.id, "admin", { projectId: adminProject.id });
          night.simulator.seed.setRole(admin.id, "member", { projectId: adminProject.id });
        },
      },
    });
    await assert.rejects(night.once(), {
      message: "GET block-storage/backups/detail answered 400: Invalid filters project_id are found in query options.",
    });
    assert.equal(deletesOf(night), deletes);
    assert.ok([...before].every((id) => night.simulator.state.backups.has(id)));
    night.simulator.seed.setRole(admin.id, "admin", { projectId: adminProject.id });
    await night.once();
    assert.deepEqual(await ends(night), [good, good, good, good]);
    await auditNight(night);
  });

  it("Nova refuses last-backup-time on a locked server: told once, tried again in each cycle", async (t) => {
    const night = await start(t);
    const [server] = night.cloud.servers;
    server!.locked = true;
    assert.equal((await night.once()).outcome, "ok");
    night.clock.advance(hourMs);
    await night.once();
    const noted = (): string => server!.metadata["last-backup-time"] ?? "never";
    assert.equal(noted(), "never");
    const refused = (await night.repository.operations({ kinds: ["mark_server"] })).filter(
      (row) => row.reason === "server_mark_refused",
    );
    assert.deepEqual(
      refused.map((row) => row.serverId),
      [server!.id],
    );
    server!.locked = false;
    await night.once();
    assert.match(noted(), /^2026-11-21T00:0\d:\d\dZ$/);
  });

  it("the database is gone for a minute: the run waits and goes on", async (t) => {
    let downUntil = 0;
    let clock = (): number => 0;
    let writes = 0;
    const io: Io = {
      run: async (step, work) => {
        if (step.kind === "db") {
          if (step.name === "moveJob" && ++writes === 5) downUntil = clock() + 60_000;
          if (clock() < downUntil) throw new StoreError("connection lost", { transient: true });
        }
        return await work(() => undefined);
      },
    };
    const night = await start(t, { io });
    clock = () => night.clock.monotonicMs();
    assert.equal((await night.once()).outcome, "ok");
    assert.ok(downUntil > 0);
    assert.deepEqual(await ends(night), [good, good, good, good]);
    assert.equal(idsOf(night).length, 4);
    await auditNight(night);
  });

  it("yesterday's database is restored: no POST for done slots, and its DELETEs are among those of a rebuilt one", async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "dirigent-faults-"));
    t.after(() => rm(directory, { recursive: true }));
    const file = join(directory, "now.db");
    const yesterday = join(directory, "yesterday.db");
    const night = await start(t, { databaseUrl: `sqlite:${file}` });
    for (let i = 0; i < 6; i++) {
      if (i === 5) {
        const copy = await openStore(`sqlite:${file}`, { io: directIo });
        await copy.close();
        await copyFile(file, yesterday);
      }
      await night.once();
      if (i < 5) night.clock.advance(dayMs);
    }
    const posts = postsOf(night);
    const planned = async (url: string): Promise<string[]> => {
      const repository = await openStore(url, { io: directIo });
      try {
        const { previewCycle } = await import("../../src/conductor/preview.ts");
        const preview = await previewCycle({ ...night.conductor, repository }, new AbortController().signal);
        assert.deepEqual(preview.create, []);
        return preview.rotations
          .flatMap(({ plan }) => plan.chains.flatMap((chain) => chain.deletions.map((point) => point.backup.id)))
          .sort();
      } finally {
        await repository.close();
      }
    };
    const ofEmpty = new Set(await planned("sqlite::memory:"));
    assert.deepEqual(
      (await planned(`sqlite:${yesterday}`)).filter((id) => !ofEmpty.has(id)),
      [],
    );
    const old = await openStore(`sqlite:${yesterday}`, { io: directIo });
    t.after(() => old.close());
    const before = await auditNight(night);
    assert.equal((await night.once({ repository: old })).outcome, "ok");
    assert.equal(postsOf(night), posts);
    await auditNight(night, before);
    const slot = `${night.clock.now().toISOString().slice(0, 10)}T00:00:00Z`;
    const jobs = await old.jobs({ slot });
    assert.deepEqual(
      jobs.map((job) => [job.state, job.reason]),
      Array.from({ length: 4 }, () => ["succeeded", "adopted"]),
    );
  });

  it("SQLite's disk is full: the run fails with the reason, and resumes without a second backup", async (t) => {
    let full = false;
    const io: Io = {
      run: async (step, work) => {
        if (full && step.kind === "db" && step.name !== "jobs")
          throw new StoreError("database or disk is full", { transient: false });
        return await work(() => undefined);
      },
    };
    const night = await start(t, { io });
    night.simulator.faults.add({
      method: "POST",
      path: /backups$/,
      after: 1,
      times: 1,
      action: { kind: "hook", run: () => void (full = true) },
    });
    await assert.rejects(night.once(), { message: "database or disk is full" });
    full = false;
    assert.equal((await night.once()).outcome, "ok");
    assert.equal(idsOf(night).length, 4);
    await auditNight(night);
  });

  for (const { name, jumpMs, blocked } of [
    // Back in a slot that is done: there is nothing to create, so there is no report.
    { name: "back", jumpMs: -2 * dayMs, blocked: new Set() },
    { name: "forward", jumpMs: 40 * dayMs, blocked: new Set(["clock_jump"]) },
  ]) {
    it(`the clock jumps ${name}: nothing is deleted and the reason is recorded`, async (t) => {
      const night = await start(t, { settings: { policy: { ...shortPolicy } } });
      for (let i = 0; i < 6; i++) {
        await night.once();
        night.clock.advance(dayMs);
      }
      const deletes = deletesOf(night);
      // The conductor's own clock jumps; Cinder's does not.
      const clock = { ...night.clock, now: () => new Date(Number(night.clock.now()) + jumpMs) };
      const { reports } = await night.once({ clock });
      assert.deepEqual(new Set(reports.map(({ rotation }) => rotation.blocked)), blocked);
      assert.equal(deletesOf(night), deletes);
      const notices = await night.repository.operations({ kinds: ["notice"] });
      assert.ok(notices.some((notice) => notice.reason === "clock_jump"));
    });
  }
});

const shortPolicy = {
  ...defaultPolicy,
  retentionMs: 2 * dayMs,
  minimumRetentionMs: hourMs,
  fullEvery: 1,
};
