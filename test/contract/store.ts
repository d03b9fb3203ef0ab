import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { CatalogueEntry } from "../../src/domain/catalogue.ts";
import { directIo } from "../../src/domain/io.ts";
import type { Io, IoStep } from "../../src/domain/io.ts";
import { StoreError } from "../../src/store/errors.ts";
import { openStore } from "../../src/store/open.ts";
import type { Repository } from "../../src/store/repository.ts";
import { at, entry, hardName, job, now, operation, report, run } from "./store-rows.ts";

const later = (ms: number): Date => new Date(now.getTime() + ms);

/** Whether an error is ours, and of which of the two kinds. */
export const storeError = (transient: boolean, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StoreError, String(error));
  assert.equal(error.transient, transient, error.message);
  assert.match(error.message, message);
  return true;
};

/**
 * What every database must do, whatever its dialect.
 * @param fresh gives the URL of a database that is empty and used by nobody else
 */
export function storeContract(fresh: () => Promise<string>): void {
  let url: string;
  let store: Repository;
  const others: Repository[] = [];
  /** A second connection, as another conductor has. */
  const another = async (io: Io = directIo): Promise<Repository> => {
    const opened = await openStore(url, { io });
    others.push(opened);
    return opened;
  };
  beforeEach(async () => {
    url = await fresh();
    store = await openStore(url, { io: directIo, migrate: true });
  });
  afterEach(async () => {
    for (const opened of [store, ...others.splice(0)]) await opened.close();
  });

  describe("leases", () => {
    const ask = (owner: string, more: object = {}) => ({ name: "planner", owner, now, ttlMs: 60_000, ...more });

    it("gives a free lease, and refuses it to everybody else", async () => {
      assert.deepEqual(await store.acquireLease(ask("a")), {
        name: "planner",
        owner: "a",
        fence: 1,
        expiresAt: later(60_000),
      });
      assert.equal(await store.acquireLease(ask("b")), null);
      assert.equal((await store.acquireLease({ ...ask("b"), name: "other" }))?.fence, 1);
    });
    it("renews the owner's own without raising the fence", async () => {
      await store.acquireLease(ask("a"));
      const again = await store.acquireLease(ask("a", { now: later(1000) }));
      assert.deepEqual(again, { name: "planner", owner: "a", fence: 1, expiresAt: later(61_000) });
    });
    it("gives an expired one to another owner with a higher fence, and the old owner has lost it", async () => {
      const first = await store.acquireLease(ask("a"));
      assert.equal(await store.acquireLease(ask("b", { now: later(59_999) })), null);
      const second = await store.acquireLease(ask("b", { now: later(60_000) }));
      assert.deepEqual(second, { name: "planner", owner: "b", fence: 2, expiresAt: later(120_000) });
      assert.equal(await store.renewLease(first!, later(60_001), 60_000), null);
      await store.releaseLease(first!);
      assert.equal(await store.acquireLease(ask("a", { now: later(60_002) })), null, "b still has it");
    });
    it("gives a released one at once, and the fence goes on", async () => {
      await store.releaseLease((await store.acquireLease(ask("a")))!);
      assert.equal((await store.acquireLease(ask("b")))?.fence, 2);
    });
    it("raises the fence for a former owner who comes back", async () => {
      const first = await store.acquireLease(ask("a"));
      await store.releaseLease(first!);
      assert.equal((await store.acquireLease(ask("a")))?.fence, 2);
      assert.equal(await store.renewLease(first!, now, 1), null);
    });
    it("gives a held one by force", async () => {
      await store.acquireLease(ask("a"));
      assert.equal((await store.acquireLease(ask("b", { force: true })))?.fence, 2);
    });
    it("renews until the time asked for", async () => {
      const lease = await store.acquireLease(ask("a"));
      assert.deepEqual(await store.renewLease(lease!, later(5), 10), { ...lease, expiresAt: later(15) });
      assert.equal((await store.acquireLease(ask("b", { now: later(15) })))?.fence, 2);
    });
    it("gives one lease to one of twenty who ask at once, new or expired", async () => {
      const owners = [store, await another(), await another()];
      const race = (round: string, time: Date) =>
        Promise.all(
          Array.from({ length: 20 }, (_, i) =>
            owners[i % owners.length]!.acquireLease(ask(`${round}${i}`, { now: time, ttlMs: 1000 })),
          ),
        );
      for (const [fence, round] of [
        [1, "x"],
        [2, "y"],
      ] as const) {
        const won = (await race(round, later(fence * 1000))).filter((lease) => lease !== null);
        assert.deepEqual(
          won.map((lease) => lease.fence),
          [fence],
        );
      }
    });
  });

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
      await store.insertRun(whole);
      assert.deepEqual(await store.runs({ limit: 10 }), [whole]);
      await store.updateRun("r1", { outcome: "ok", servers: null, scanGood: false });
      assert.deepEqual(await store.runs({ limit: 10 }), [{ ...whole, outcome: "ok", servers: null, scanGood: false }]);
      await store.updateRun("r1", {});
    });
    it("come newest first, filtered and limited", async () => {
      await store.insertRun(run("old", { startedAt: at("00:00:00.000"), endedAt: now, outcome: "ok", scanGood: true }));
      await store.insertRun(run("new", { startedAt: at("03:00:00.000") }));
      await store.insertRun(run("mid", { startedAt: at("02:00:00.001"), endedAt: now, outcome: "failed" }));
      const ids = async (filter: Parameters<Repository["runs"]>[0]) => (await store.runs(filter)).map((r) => r.id);
      assert.deepEqual(await ids({ limit: 10 }), ["new", "mid", "old"]);
      assert.deepEqual(await ids({ limit: 2 }), ["new", "mid"]);
      assert.deepEqual(await ids({ limit: 10, open: true }), ["new"]);
      assert.deepEqual(await ids({ limit: 10, open: false }), ["mid", "old"]);
      assert.deepEqual(await ids({ limit: 10, outcome: "failed" }), ["mid"]);
      assert.deepEqual(await ids({ limit: 10, scanGood: true }), ["old"]);
      assert.deepEqual(await ids({ limit: 10, scanGood: false }), ["new", "mid"]);
    });
    it("that do not exist cannot be patched", async () => {
      await assert.rejects(store.updateRun("no", { outcome: "ok" }), storeError(false, /no run no/));
    });
    it("are not doubled or changed by a repeated insert", async () => {
      await store.insertRun(run("r1"));
      await store.insertRun(run("r1", { message: "again" }));
      assert.deepEqual(await store.runs({ limit: 10 }), [run("r1")]);
    });
  });

  describe("jobs", () => {
    it("are kept whole, with names of 255 characters, emoji and long messages", async () => {
      const whole = job("v1/default/2026-03-29T00:00:00Z", {
        volumeName: hardName,
        serverName: "🦄".repeat(255),
        backupName: hardName,
        policy: "é".repeat(255),
        mode: "incremental",
        parentId: "b0",
        volumeType: null,
        pool: null,
        shared: true,
        state: "failed",
        reason: "due",
        message: "🦄 message ".repeat(20_000),
        requestId: "req-1",
        backupId: "b1",
        submittedAt: at("01:02:03.004"),
        deadlineAt: at("02:30:00.999"),
        stuckReportedAt: at("02:30:01.000"),
        endedAt: at("02:59:59.999"),
      });
      assert.deepEqual(await store.insertJobs([whole]), new Set([whole.key]));
      assert.deepEqual(await store.jobs({}), [whole]);
    });
    it("with a known key are left as they are, and only the new keys returned", async () => {
      await store.insertJobs([job("a", { message: "first" }), job("c")]);
      assert.deepEqual(
        await store.insertJobs([job("b"), job("a", { message: "second" }), job("b", { message: "twice" })]),
        new Set(["b"]),
      );
      assert.deepEqual(
        (await store.jobs({})).map((j) => [j.key, j.message]),
        [
          ["a", "first"],
          ["b", "twice"],
          ["c", null],
        ],
      );
      assert.deepEqual(await store.insertJobs([]), new Set());
    });
    it("differ by the case and accents of their keys", async () => {
      assert.deepEqual(await store.insertJobs([job("a"), job("A"), job("á")]), new Set(["A", "a", "á"]));
    });
    it("come by key, through every filter and all of them together", async () => {
      await store.insertJobs([
        job("c", { state: "running", projectId: "p2", runId: "r2" }),
        job("a", { slot: "manual:1" }),
        job("b", { state: "succeeded" }),
      ]);
      const keys = async (filter: Parameters<Repository["jobs"]>[0]) => (await store.jobs(filter)).map((j) => j.key);
      assert.deepEqual(await keys({}), ["a", "b", "c"]);
      assert.deepEqual(await keys({ states: ["planned", "running"] }), ["a", "c"]);
      assert.deepEqual(await keys({ states: [] }), []);
      assert.deepEqual(await keys({ slot: "manual:1" }), ["a"]);
      assert.deepEqual(await keys({ projectId: "p2" }), ["c"]);
      assert.deepEqual(await keys({ runId: "r1" }), ["a", "b"]);
      assert.deepEqual(await keys({ keys: ["b", "no", "a", "b"] }), ["a", "b"]);
      assert.deepEqual(await keys({ keys: [] }), []);
      assert.deepEqual(
        await keys({ states: ["running"], slot: job("").slot, projectId: "p2", runId: "r2", keys: ["c", "a"] }),
        ["c"],
      );
    });
    it("are inserted and found by the thousand", async () => {
      const many = Array.from({ length: 2500 }, (_, i) => job(`v${String(i).padStart(5, "0")}`));
      const keys = many.map((j) => j.key);
      assert.deepEqual(await store.insertJobs(many.slice(1)), new Set(keys.slice(1)));
      assert.deepEqual(await store.insertJobs(many), new Set(keys.slice(0, 1)));
      assert.deepEqual(
        (await store.jobs({ keys: keys.toReversed() })).map((j) => j.key),
        keys,
      );
    });
    it("move only from the state they are in, and take the patch along", async () => {
      await store.insertJobs([job("a"), job("b")]);
      const patch = { submittedAt: later(7), deadlineAt: later(9), requestId: "req-1" };
      assert.equal(await store.moveJob({ key: "a", from: "planned", to: "submitting", patch }), true);
      assert.equal(
        await store.moveJob({ key: "a", from: "planned", to: "cancelled", patch: { message: "no" } }),
        false,
      );
      assert.equal(await store.moveJob({ key: "no", from: "planned", to: "submitting", patch: {} }), false);
      assert.deepEqual(await store.jobs({}), [job("a", { state: "submitting", ...patch }), job("b")]);
    });
    it("may stay in their state to be patched, even with nothing new", async () => {
      await store.insertJobs([job("a", { state: "running" })]);
      const stay = { key: "a", from: "running", to: "running" } as const;
      assert.equal(await store.moveJob({ ...stay, patch: {} }), true, "rows that match count, not rows that change");
      assert.equal(await store.moveJob({ ...stay, patch: { stuckReportedAt: now } }), true);
      assert.deepEqual(await store.jobs({}), [job("a", { state: "running", stuckReportedAt: now })]);
    });
    it("do not move under a lease that another took, or that never was", async () => {
      await store.insertJobs([job("a")]);
      const move = { key: "a", from: "planned", to: "submitting", patch: {} } as const;
      const lease = (await store.acquireLease({ name: "planner", owner: "a", now, ttlMs: 10 }))!;
      assert.equal(await store.moveJob({ ...move, lease: { ...lease, fence: 9 } }), false);
      assert.equal(await store.moveJob({ ...move, lease: { ...lease, name: "other" } }), false);
      await store.acquireLease({ name: "planner", owner: "b", now: later(10), ttlMs: 10 });
      assert.equal(await store.moveJob({ ...move, lease }), false);
      assert.deepEqual(await store.jobs({}), [job("a")]);
      const current = (await store.acquireLease({ name: "planner", owner: "b", now: later(10), ttlMs: 10 }))!;
      assert.equal(await store.moveJob({ ...move, lease: current }), true);
    });
    it("are claimed by one of twenty who try at once", async () => {
      await store.insertJobs([job("a")]);
      const conductors = [store, await another(), await another(), await another()];
      const claims = await Promise.all(
        Array.from({ length: 20 }, (_, i) =>
          conductors[i % conductors.length]!.moveJob({
            key: "a",
            from: "planned",
            to: "submitting",
            patch: { message: `by ${i}` },
          }),
        ),
      );
      const winners = claims.flatMap((won, i) => (won ? [i] : []));
      assert.equal(winners.length, 1);
      assert.deepEqual(await store.jobs({}), [job("a", { state: "submitting", message: `by ${winners[0]}` })]);
    });
    it("inserted by several at once are new for exactly one of them", async () => {
      const conductors = [store, await another(), await another(), await another()];
      const keys = Array.from({ length: 900 }, (_, i) => `v${String(i).padStart(3, "0")}`);
      const fresh = await Promise.all(
        conductors.map((conductor, c) => conductor.insertJobs(keys.slice(c * 100).map((key) => job(key)))),
      );
      assert.deepEqual(fresh.flatMap((set) => [...set]).sort(), keys);
      assert.equal((await store.jobs({})).length, 900);
    });
  });

  describe("the catalogue", () => {
    it("keeps entries whole, and replaces them whole", async () => {
      const full = entry("b1", {
        isIncremental: true,
        parentId: "b0",
        held: true,
        goodAt: later(1),
        deleteSentAt: later(2),
      });
      const bare = entry("b2", {
        key: null,
        policy: null,
        slot: null,
        serverId: null,
        setId: null,
        volumeType: null,
        parentVerified: false,
        keepUntil: null,
        sizeGiB: 0,
      });
      await store.upsertCatalogue([full, bare]);
      assert.deepEqual(await store.catalogue(), [full, bare]);
      const changed = { ...full, ...bare, backupId: "b1", volumeId: "v9", projectId: "p9", createdAt: later(9) };
      await store.upsertCatalogue([entry("b3"), changed]);
      assert.deepEqual(await store.catalogue(), [changed, bare, entry("b3")]);
      await store.upsertCatalogue([]);
    });
    it("leaves out what is gone, and other projects", async () => {
      const gone = entry("b2", { goneAt: now });
      const foreign = entry("b3", { projectId: "p2" });
      await store.upsertCatalogue([entry("b1"), gone, foreign]);
      assert.deepEqual(await store.catalogue(), [entry("b1"), foreign]);
      assert.deepEqual(await store.catalogue({ includeGone: true }), [entry("b1"), gone, foreign]);
      assert.deepEqual(await store.catalogue({ projectId: "p1" }), [entry("b1")]);
      assert.deepEqual(await store.catalogue({ projectId: "p1", includeGone: true }), [entry("b1"), gone]);
    });
    it("patches one entry, and only one it has", async () => {
      await store.upsertCatalogue([entry("b1"), entry("b2")]);
      await store.patchCatalogueEntry("b1", { goneAt: now, held: true, keepUntil: null });
      await store.patchCatalogueEntry("b1", {});
      assert.deepEqual(await store.catalogue({ includeGone: true }), [
        entry("b1", { goneAt: now, held: true, keepUntil: null }),
        entry("b2"),
      ]);
      await assert.rejects(store.patchCatalogueEntry("no", { held: true }), storeError(false, /no backup no/));
    });
    it("comes whole and in order when it is longer than a page", async () => {
      const many = Array.from({ length: 12_001 }, (_, i) => entry(`b${String(i).padStart(6, "0")}`));
      await store.upsertCatalogue(many.toReversed());
      assert.deepEqual(await store.catalogue(), many);
    });
    it("takes all entries or none", async () => {
      const many = Array.from({ length: 1000 }, (_, i) => entry(`b${i}`));
      const broken = { ...entry("broken"), projectId: null } as unknown as CatalogueEntry;
      await assert.rejects(store.upsertCatalogue([...many, broken]), storeError(false, /null|NULL/));
      assert.deepEqual(await store.catalogue(), []);
    });
  });

  describe("operations", () => {
    it("come oldest first, those of one instant in the order of writing", async () => {
      await store.appendOperations([operation("z", { message: hardName, requestId: "req-1" }), operation("a")]);
      await store.appendOperations([operation("early", { at: at("00:00:00.000") }), operation("m")]);
      assert.deepEqual(await store.operations({}), [
        operation("early", { at: at("00:00:00.000") }),
        operation("z", { message: hardName, requestId: "req-1" }),
        operation("a"),
        operation("m"),
      ]);
    });
    it("are not doubled or changed by a repeated call", async () => {
      await store.appendOperations([operation("a")]);
      await store.appendOperations([operation("a", { message: "again" }), operation("b")]);
      assert.deepEqual(await store.operations({}), [operation("a"), operation("b")]);
      await store.appendOperations([]);
    });
    it("are found by every filter", async () => {
      await store.appendOperations([
        operation("1", { kind: "delete", projectId: "p2" }),
        operation("2", { kind: "skip", runId: "r2", at: later(1) }),
        operation("3", { projectId: null, at: later(2) }),
      ]);
      const ids = async (filter: Parameters<Repository["operations"]>[0]) =>
        (await store.operations(filter)).map((o) => o.id);
      assert.deepEqual(await ids({ runId: "r1" }), ["1", "3"]);
      assert.deepEqual(await ids({ kinds: ["delete", "skip"] }), ["1", "2"]);
      assert.deepEqual(await ids({ kinds: [] }), []);
      assert.deepEqual(await ids({ projectId: "p2" }), ["1"]);
      assert.deepEqual(await ids({ since: later(1) }), ["2", "3"]);
      assert.deepEqual(await ids({ limit: 2 }), ["1", "2"]);
      assert.deepEqual(await ids({ runId: "r1", kinds: ["delete"], projectId: "p2", since: now, limit: 5 }), ["1"]);
    });
  });

  describe("overrides seen", () => {
    const seen = (value: string, ms = 0) => ({
      resourceId: "v1",
      key: "backup_retention",
      value,
      firstSeenAt: later(ms),
    });
    it("become what they are said to be", async () => {
      const all = [seen("30d"), seen("7d"), { ...seen("7d"), resourceId: "v2" }];
      await store.replaceOverridesSeen(all);
      assert.deepEqual(await store.overridesSeen(), all);
      await store.replaceOverridesSeen([seen("7d", 5), seen("8d")]);
      assert.deepEqual(await store.overridesSeen(), [seen("7d", 5), seen("8d")]);
      await store.replaceOverridesSeen([]);
      assert.deepEqual(await store.overridesSeen(), []);
    });
    it("are told apart by case, accents, trailing spaces and NUL, as tenants may write them", async () => {
      const values = ["", " ", "7D", "7d", "7d ", "7d  ", "7ď", "7d\u0000", "🦄".repeat(255)].map((v) => seen(v));
      await store.replaceOverridesSeen(values);
      const stored = await store.overridesSeen();
      assert.deepEqual(new Set(stored.map((o) => o.value)), new Set(values.map((o) => o.value)));
      await store.replaceOverridesSeen(values);
      assert.equal((await store.overridesSeen()).length, values.length);
    });
  });

  describe("reports", () => {
    it("come newest first, whole, filtered and limited", async () => {
      const reports = [
        report("1", { at: later(1), runId: "r2" }),
        report("2", { at: later(2), projectId: "p2", quota: null }),
        report("3", { at: later(3), lines: [], notices: [{ reason: "due", resourceId: null, message: hardName }] }),
      ] as const;
      for (const one of reports) await store.insertReport(one);
      await store.insertReport(report("1"));
      assert.deepEqual(await store.reports({ limit: 9 }), reports.toReversed());
      assert.deepEqual(await store.reports({ limit: 1 }), [reports[2]]);
      assert.deepEqual(await store.reports({ limit: 9, runId: "r2" }), [reports[0]]);
      assert.deepEqual(await store.reports({ limit: 9, projectId: "p2" }), [reports[1]]);
    });
    it("may be large", async () => {
      const line = report("x").lines[0]!;
      const large = report("1", { lines: Array.from({ length: 5000 }, () => line) });
      await store.insertReport(large);
      assert.deepEqual(await store.reports({ limit: 1 }), [large]);
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
    await store.insertQuotaSamples([sample("p1", 1), sample("p1", 2), sample("p2", 1)]);
    await store.insertQuotaSamples([{ ...sample("p1", 2), backupsUsed: 9 }, sample("p1", 3)]);
    assert.deepEqual(await store.quotaSamples({ projectId: "p1", limit: 9 }), [
      sample("p1", 3),
      sample("p1", 2),
      sample("p1", 1),
    ]);
    assert.deepEqual(await store.quotaSamples({ projectId: "p1", limit: 1 }), [sample("p1", 3)]);
  });

  it("every method is one step of its name, and what the seam throws comes out", async () => {
    const steps: IoStep[] = [];
    const watched = await another({
      run: (step, work) => {
        steps.push(step);
        return work(() => undefined);
      },
    });
    const lease = (await watched.acquireLease({ name: "l", owner: "a", now, ttlMs: 1 }))!;
    await watched.renewLease(lease, now, 1);
    await watched.releaseLease(lease);
    await watched.insertRun(run("r1"));
    await watched.updateRun("r1", { message: "x" });
    await watched.runs({ limit: 1 });
    await watched.insertJobs([job("a")]);
    await watched.jobs({});
    await watched.moveJob({ key: "a", from: "planned", to: "submitting", patch: {} });
    await watched.catalogue();
    await watched.upsertCatalogue([entry("b1")]);
    await watched.patchCatalogueEntry("b1", { held: true });
    await watched.appendOperations([operation("1")]);
    await watched.operations({});
    await watched.overridesSeen();
    await watched.replaceOverridesSeen([]);
    await watched.insertReport(report("1"));
    await watched.reports({ limit: 1 });
    await watched.insertQuotaSamples([]);
    await watched.quotaSamples({ projectId: "p1", limit: 1 });
    const names = Object.keys(watched).filter((name) => name !== "close");
    assert.deepEqual(
      steps,
      names.map((name) => ({ kind: "db", name })),
    );

    const broken = await another({ run: () => Promise.reject(new Error("killed here")) });
    await assert.rejects(broken.insertRun(run("r2")), /killed here/);
    assert.deepEqual(
      (await store.runs({ limit: 9 })).map((r) => r.id),
      ["r1"],
    );
  });

  it("keeps what it was told when it is opened again", async () => {
    await store.insertRun(run("r1"));
    await store.close();
    store = await openStore(url, { io: directIo });
    assert.deepEqual(await store.runs({ limit: 1 }), [run("r1")]);
  });

  it("refuses work after it was closed", async () => {
    const closed = await openStore(url, { io: directIo });
    await closed.close();
    await assert.rejects(closed.runs({ limit: 1 }), storeError(false, /was closed by this program/));
  });
}
