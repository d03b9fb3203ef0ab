import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { ArchiveRule } from "../../src/domain/policy.ts";
import type { SeededCloud } from "../../src/simulator/cloud.ts";
import { openStore } from "../../src/store/open.ts";
import { directIo } from "../../src/domain/io.ts";
import { auditNight, dayMs, settings, startNight, type Night } from "./support/night.ts";

const everySecond: ArchiveRule = {
  which: { every: 2 },
  container: "vault",
  retentionMs: 12 * dayMs,
  availabilityZone: null,
};

const start = async (
  t: TestContext,
  archive: ArchiveRule,
  options: Parameters<typeof startNight>[0] = {},
): Promise<Night & { cloud: SeededCloud }> => {
  const night = await startNight({
    ...options,
    settings: { policy: { ...settings.policy, archive }, container: "usual" },
  });
  t.after(() => night.close());
  return { ...night, cloud: night.simulator.seedCloud({ projects: 1, servers: 2, volumesPerServer: 1 }) };
};

type Backup = ReturnType<Night["simulator"]["state"]["backups"]["values"]>[number];

/** A volume's backups, oldest first: F or i, in capitals where they are archives. */
const rhythmOf = (all: Iterable<Backup>, volumeId: string): string =>
  [...all]
    .filter((backup) => backup.volumeId === volumeId)
    .sort((a, b) => a.createdAtMs - b.createdAtMs)
    .map(({ container, parentId }) => (container === "vault" ? "A" : parentId === null ? "f" : "i"))
    .join("");

describe("archives", () => {
  it("go to their container, nothing builds on them, and they stay for their own time, also with a lost database", async (t) => {
    const night = await start(t, everySecond);
    const { backups } = night.simulator.state;
    const made = new Map<string, Backup>();
    const gone = new Map<string, number>();
    let before;
    for (let i = 0; i < 30; i += 1) {
      const repository = i % 7 === 6 ? await openStore("sqlite::memory:", { io: directIo }) : night.repository;
      assert.equal((await night.once({ repository })).outcome, "ok");
      if (repository !== night.repository) await repository.close();
      for (const backup of backups.values()) made.set(backup.id, backup);
      for (const id of made.keys()) if (!backups.has(id) && !gone.has(id)) gone.set(id, Number(night.clock.now()));
      before = await auditNight(night, before);
      night.clock.advance(dayMs);
    }
    const archives = [...made.values()].filter(({ container }) => container === "vault");
    const children = [...made.values()].filter(({ parentId }) => archives.some(({ id }) => id === parentId));
    assert.deepEqual(children, []);
    for (const { id } of night.cloud.volumes) {
      // A chain of three or less (the first is shortened, and so is one whose parents a lost database has forgotten), then an archive.
      assert.match(rhythmOf(made.values(), id), /^(fi{0,2}A){5,}(fi{0,2})?$/);
    }
    for (const { id, createdAtMs, metadata } of archives) {
      assert.equal(metadata["dirigent:archive"], "True");
      const slotMs = Date.parse(metadata["dirigent:slot"] ?? "");
      assert.equal(Date.parse(metadata["dirigent:keep-until"] ?? ""), slotMs + everySecond.retentionMs);
      const goneAfterMs = (gone.get(id) ?? Infinity) - createdAtMs;
      const isDue = Number(night.clock.now()) - createdAtMs > everySecond.retentionMs + 2 * dayMs;
      assert.ok(goneAfterMs >= everySecond.retentionMs, "never before its time");
      if (isDue) assert.ok(goneAfterMs <= everySecond.retentionMs + 2 * dayMs, "and not long after it");
    }
    assert.ok(archives.some(({ id }) => gone.has(id)));
  });

  it("whose container Cinder refuses are made where the others are, the same night, and it is told", async (t) => {
    const night = await start(t, { ...everySecond, which: { firstOf: "month" } });
    night.simulator.faults.add({
      method: "POST",
      path: /backups$/,
      when: ({ body }) => body.includes("vault"),
      action: { kind: "answer", status: 400, body: { badRequest: { code: 400, message: "no such container" } } },
    });
    const { outcome } = await night.once();
    const jobs = await night.repository.jobs({});
    assert.deepEqual(
      [outcome, ...jobs.map((job) => `${job.state} ${job.modeReason}`)],
      ["ok", "succeeded archive_refused", "succeeded archive_refused"],
    );
    const usual = night.simulator.state.backups.values();
    assert.deepEqual(
      usual.map(({ container }) => container),
      ["usual", "usual"],
    );
    const promised = usual.map(({ metadata }) => metadata["dirigent:keep-until"]);
    assert.deepEqual(promised, ["2026-11-24T00:00:00Z", "2026-11-24T00:00:00Z"]);
    const told = await night.repository.operations({ kinds: ["notice"], since: new Date(0) });
    assert.deepEqual(
      told.map(({ reason }) => reason),
      ["archive_refused", "archive_refused"],
    );
    await auditNight(night);
  });

  it("that fail do not stand in the way: the next night makes a usual full, and the archive is tried again with the next", async (t) => {
    const night = await start(t, { ...everySecond, which: { firstOf: "month" } });
    night.simulator.faults.addBackupRule({
      match: ({ container }) => container === "vault",
      times: 2,
      outcome: { kind: "error", reason: "the vault is full" },
    });
    const outcomes: string[] = [];
    for (let i = 0; i < 6; i += 1) {
      outcomes.push((await night.once()).outcome);
      night.clock.advance(dayMs);
    }
    assert.deepEqual(outcomes, ["failed", "ok", "ok", "ok", "ok", "ok"]);
    const jobs = await night.repository.jobs({});
    for (const { id } of night.cloud.volumes) {
      const modes = jobs
        .filter((job) => job.volumeId === id)
        .sort((a, b) => Number(a.plannedAt) - Number(b.plannedAt))
        .map((job) => (job.archiveContainer === null ? job.mode : "archive"));
      // The first usual chain has one to three members, by the volume's id.
      assert.match(modes.join(" "), /^archive full( incremental){0,2} archive full( incremental)*$/);
    }
  });

  it("are a failure where Cinder does not show them in the zone that was asked for", async (t) => {
    const far: ArchiveRule = { ...everySecond, which: { firstOf: "month" }, availabilityZone: "far" };
    const zed = await start(t, far);
    assert.equal((await zed.once()).outcome, "failed");
    const failed = await zed.repository.jobs({});
    const message = "asked for zone far, Cinder shows none, as releases do that take no notice of the zone (Zed)";
    assert.deepEqual(
      failed.map((job) => [job.state, job.reason, job.message]),
      [
        ["failed", "archive_wrong_zone", message],
        ["failed", "archive_wrong_zone", message],
      ],
    );
    zed.clock.advance(dayMs);
    assert.equal((await zed.once()).outcome, "ok");
    assert.deepEqual(
      zed.cloud.volumes.map(({ id }) => rhythmOf(zed.simulator.state.backups.values(), id)),
      ["Af", "Af"],
    );

    const later = await start(t, far, { simulator: { heedsBackupZone: true } });
    assert.equal((await later.once()).outcome, "ok");
    assert.deepEqual(
      later.simulator.state.backups.values().map(({ availabilityZone }) => availabilityZone),
      ["far", "far"],
    );
  });
});
