import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ProjectReport } from "../../src/domain/runs.ts";
import type { Repository } from "../../src/store/repository.ts";
import { at, entry, hardName, job, later, now, operation, report, run, storeError } from "./store-rows.ts";
import type { StoreUnderTest } from "./store-under-test.ts";

/** Runs, operations, reports and quota samples. */
export function historyContract(db: StoreUnderTest): void {
  describe("runs", () => {
    it("are kept whole, and patched", async () => {
      const whole = run("r1", {
        kind: "manual",
        endedAt: later(1),
        outcome: "partial",
        servers: 0,
        volumes: 20_000,
        scanGood: true,
        message: hardName,
      });
      await db.store.insertRun(whole);
      assert.deepEqual(await db.store.runs({ limit: 10 }), [whole]);
      await db.store.updateRun("r1", { outcome: "ok", servers: null, scanGood: false });
      assert.deepEqual(await db.store.runs({ limit: 10 }), [
        { ...whole, outcome: "ok", servers: null, scanGood: false },
      ]);
      await db.store.updateRun("r1", {});
    });
    it("come newest first, filtered and limited", async () => {
      await db.store.insertRun(
        run("old", { startedAt: at("00:00:00.000"), endedAt: now, outcome: "ok", scanGood: true }),
      );
      await db.store.insertRun(run("new", { startedAt: at("03:00:00.000") }));
      await db.store.insertRun(run("mid", { startedAt: at("02:00:00.001"), endedAt: now, outcome: "failed" }));
      const ids = async (filter: Parameters<Repository["runs"]>[0]) => (await db.store.runs(filter)).map((r) => r.id);
      assert.deepEqual(await ids({ limit: 10 }), ["new", "mid", "old"]);
      assert.deepEqual(await ids({ limit: 2 }), ["new", "mid"]);
      assert.deepEqual(await ids({ limit: 10, open: true }), ["new"]);
      assert.deepEqual(await ids({ limit: 10, open: false }), ["mid", "old"]);
      assert.deepEqual(await ids({ limit: 10, outcome: "failed" }), ["mid"]);
      assert.deepEqual(await ids({ limit: 10, id: "mid" }), ["mid"]);
      assert.deepEqual(await ids({ limit: 10, scanGood: true }), ["old"]);
      assert.deepEqual(await ids({ limit: 10, scanGood: false }), ["new", "mid"]);
    });
    it("that do not exist cannot be patched", async () => {
      await assert.rejects(db.store.updateRun("no", { outcome: "ok" }), storeError(false, /no run no/));
    });
    it("are not doubled or changed by a repeated insert", async () => {
      await db.store.insertRun(run("r1"));
      await db.store.insertRun(run("r1", { message: "again" }));
      assert.deepEqual(await db.store.runs({ limit: 10 }), [run("r1")]);
    });
  });

  describe("old runs", () => {
    it("are forgotten with all that hangs on them, but not while a job of theirs is open", async () => {
      const { store } = db;
      const old = at("00:00:00.000");
      const sample = { projectId: "p1", backupsLimit: 1, backupsUsed: 0, gigabytesLimit: 1, gigabytesUsed: 0 };
      for (const [id, startedAt, state] of [
        ["over", old, "succeeded"],
        ["killed", old, "failed"],
        ["stuck", old, "running"],
        ["new", now, "succeeded"],
      ] as const) {
        await store.insertRun(run(id, { startedAt }));
        await store.insertJobs([job(`job of ${id}`, { runId: id, state })]);
        await store.appendOperations([operation(`done in ${id}`, { runId: id, at: startedAt })]);
        await store.insertReport(report(`report of ${id}`, { runId: id, at: startedAt }));
      }
      await store.insertQuotaSamples([
        { ...sample, at: old },
        { ...sample, at: now },
      ]);
      await store.upsertCatalogue([
        entry("was gone", { goneAt: old }),
        entry("gone now", { goneAt: now }),
        entry("there"),
      ]);
      assert.equal(await store.forgetRuns(old), 0);
      assert.equal(await store.forgetRuns(now), 2);
      assert.equal(await store.forgetRuns(now), 0);
      assert.deepEqual(
        {
          runs: (await store.runs({ limit: 9 })).map((row) => row.id),
          jobs: (await store.jobs({})).map((row) => row.key),
          operations: (await store.operations({})).map((row) => row.id),
          reports: (await store.reports({ limit: 9 })).map((row) => row.id),
          quota: (await store.quotaSamples({ projectId: "p1", limit: 9 })).map((row) => row.at),
          catalogue: (await store.catalogue({ includeGone: true })).map((row) => row.backupId),
        },
        {
          runs: ["new", "stuck"],
          jobs: ["job of new", "job of stuck"],
          operations: ["done in stuck", "done in new"],
          reports: ["report of new", "report of stuck"],
          quota: [now],
          catalogue: ["gone now", "there"],
        },
      );
    });
    it("are forgotten a few at a time, the oldest first", async () => {
      const ids = ["1", "2", "3", "4", "5", "6", "7"];
      for (const id of ids) await db.store.insertRun(run(id, { startedAt: at(`00:00:0${id}.000`) }));
      const left = async (): Promise<string[]> => (await db.store.runs({ limit: 9 })).map((row) => row.id);
      assert.equal(await db.store.forgetRuns(at("00:00:07.000")), 5);
      assert.deepEqual(await left(), ["7", "6"]);
      assert.equal(await db.store.forgetRuns(at("00:00:07.000")), 1);
      assert.deepEqual(await left(), ["7"]);
    });
  });

  describe("operations", () => {
    it("come oldest first, those of one instant in the order of writing", async () => {
      await db.store.appendOperations([operation("z", { message: hardName, requestId: "req-1" }), operation("a")]);
      await db.store.appendOperations([operation("early", { at: at("00:00:00.000") }), operation("m")]);
      assert.deepEqual(await db.store.operations({}), [
        operation("early", { at: at("00:00:00.000") }),
        operation("z", { message: hardName, requestId: "req-1" }),
        operation("a"),
        operation("m"),
      ]);
    });
    it("are not doubled or changed by a repeated call", async () => {
      await db.store.appendOperations([operation("a")]);
      await db.store.appendOperations([operation("a", { message: "again" }), operation("b")]);
      assert.deepEqual(await db.store.operations({}), [operation("a"), operation("b")]);
      await db.store.appendOperations([]);
    });
    it("are found by every filter", async () => {
      await db.store.appendOperations([
        operation("1", { kind: "delete", projectId: "p2" }),
        operation("2", { kind: "skip", runId: "r2", at: later(1) }),
        operation("3", { projectId: null, at: later(2) }),
      ]);
      const ids = async (filter: Parameters<Repository["operations"]>[0]) =>
        (await db.store.operations(filter)).map((o) => o.id);
      assert.deepEqual(await ids({ runId: "r1" }), ["1", "3"]);
      assert.deepEqual(await ids({ kinds: ["delete", "skip"] }), ["1", "2"]);
      assert.deepEqual(await ids({ kinds: [] }), []);
      assert.deepEqual(await ids({ projectId: "p2" }), ["1"]);
      assert.deepEqual(await ids({ since: later(1) }), ["2", "3"]);
      assert.deepEqual(await ids({ limit: 2 }), ["1", "2"]);
      assert.deepEqual(await ids({ runId: "r1", kinds: ["delete"], projectId: "p2", since: now, limit: 5 }), ["1"]);
    });
  });

  describe("reports", () => {
    it("of earlier versions are about backups of the built-in policy", async () => {
      const { lines, sets, snapshots, ...old } = report("old");
      const [line] = lines;
      assert.ok(line !== undefined && snapshots !== null && sets.length > 0);
      const { policy, mechanism, ...oldLine } = line;
      assert.deepEqual([policy, mechanism], ["nightly", "snapshot"]);
      await db.store.insertReport({ ...old, lines: [oldLine] } as unknown as ProjectReport);
      assert.deepEqual(await db.store.reports({ id: "old", limit: 1 }), [
        { ...old, snapshots: null, sets: [], lines: [{ ...oldLine, policy: "default", mechanism: "backup" }] },
      ]);
    });
    it("come newest first, whole, filtered and limited", async () => {
      const reports = [
        report("1", { at: later(1), runId: "r2" }),
        report("2", { at: later(2), projectId: "p2", quota: null }),
        report("3", { at: later(3), lines: [], notices: [{ reason: "due", resourceId: null, message: hardName }] }),
      ] as const;
      for (const one of reports) await db.store.insertReport(one);
      await db.store.insertReport(report("1"));
      assert.deepEqual(await db.store.reports({ limit: 9 }), reports.toReversed());
      assert.deepEqual(await db.store.reports({ limit: 1 }), [reports[2]]);
      assert.deepEqual(await db.store.reports({ limit: 9, runId: "r2" }), [reports[0]]);
      assert.deepEqual(await db.store.reports({ limit: 9, projectId: "p2" }), [reports[1]]);
    });
    it("of an earlier version are read, with nothing where it noted nothing", async () => {
      const { startedAt, nextRunAt, points, lines, ...old } = report("1");
      assert.ok(startedAt && nextRunAt && points);
      const oldLines = lines.map(({ lastGoodAt, ...line }) => lastGoodAt && line);
      await db.store.insertReport({ ...old, lines: oldLines } as unknown as ProjectReport);
      const nothing = { startedAt: null, nextRunAt: null, points: null };
      assert.deepEqual(await db.store.reports({ limit: 9 }), [
        { ...old, ...nothing, lines: lines.map((line) => ({ ...line, lastGoodAt: null })) },
      ]);
    });
    it("are found by their id", async () => {
      for (const id of ["1", "2"]) await db.store.insertReport(report(id));
      assert.deepEqual(await db.store.reports({ limit: 9, id: "2" }), [report("2")]);
      assert.deepEqual(await db.store.reports({ limit: 9, id: "3" }), []);
    });
    it("may be large", async () => {
      const line = report("x").lines[0]!;
      const large = report("1", { lines: Array.from({ length: 5000 }, () => line) });
      await db.store.insertReport(large);
      assert.deepEqual(await db.store.reports({ limit: 1 }), [large]);
    });
  });

  it("quota samples come newest first, one for a project and instant", async () => {
    const sample = (projectId: string, ms: number) => ({
      projectId,
      at: later(ms),
      backupsLimit: -1,
      backupsUsed: 3,
      gigabytesLimit: 1000,
      gigabytesUsed: 30,
    });
    await db.store.insertQuotaSamples([sample("p1", 1), sample("p1", 2), sample("p2", 1)]);
    await db.store.insertQuotaSamples([{ ...sample("p1", 2), backupsUsed: 9 }, sample("p1", 3)]);
    assert.deepEqual(await db.store.quotaSamples({ projectId: "p1", limit: 9 }), [
      sample("p1", 3),
      sample("p1", 2),
      sample("p1", 1),
    ]);
    assert.deepEqual(await db.store.quotaSamples({ projectId: "p1", limit: 1 }), [sample("p1", 3)]);
  });
}
