import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CatalogueEntry } from "../../src/domain/catalogue.ts";
import type { Repository } from "../../src/store/repository.ts";
import { at, entry, hardName, job, later, now, operation, storeError } from "./store-rows.ts";
import type { StoreUnderTest } from "./store-under-test.ts";

/** Leases and jobs: what two conductors fight for. */
export function workContract(db: StoreUnderTest): void {
  describe("leases", () => {
    const ask = (owner: string, more: object = {}) => ({ name: "planner", owner, now, ttlMs: 60_000, ...more });

    it("gives a free lease, and refuses it to everybody else", async () => {
      assert.deepEqual(await db.store.acquireLease(ask("a")), {
        name: "planner",
        owner: "a",
        fence: 1,
        expiresAt: later(60_000),
      });
      assert.equal(await db.store.acquireLease(ask("b")), null);
      assert.equal((await db.store.acquireLease({ ...ask("b"), name: "other" }))?.fence, 1);
    });
    it("renews the owner's own without raising the fence", async () => {
      await db.store.acquireLease(ask("a"));
      const again = await db.store.acquireLease(ask("a", { now: later(1000) }));
      assert.deepEqual(again, { name: "planner", owner: "a", fence: 1, expiresAt: later(61_000) });
    });
    it("gives an expired one to another owner with a higher fence, and the old owner has lost it", async () => {
      const first = await db.store.acquireLease(ask("a"));
      assert.equal(await db.store.acquireLease(ask("b", { now: later(59_999) })), null);
      const second = await db.store.acquireLease(ask("b", { now: later(60_000) }));
      assert.deepEqual(second, { name: "planner", owner: "b", fence: 2, expiresAt: later(120_000) });
      assert.equal(await db.store.renewLease(first!, later(60_001), 60_000), null);
      await db.store.releaseLease(first!);
      assert.equal(await db.store.acquireLease(ask("a", { now: later(60_002) })), null, "b still has it");
    });
    it("gives a released one at once, and the fence goes on", async () => {
      await db.store.releaseLease((await db.store.acquireLease(ask("a")))!);
      assert.equal((await db.store.acquireLease(ask("b")))?.fence, 2);
    });
    it("raises the fence for a former owner who comes back", async () => {
      const first = await db.store.acquireLease(ask("a"));
      await db.store.releaseLease(first!);
      assert.equal((await db.store.acquireLease(ask("a")))?.fence, 2);
      assert.equal(await db.store.renewLease(first!, now, 1), null);
    });
    it("gives a held one by force", async () => {
      await db.store.acquireLease(ask("a"));
      assert.equal((await db.store.acquireLease(ask("b", { force: true })))?.fence, 2);
    });
    it("renews until the time asked for", async () => {
      const lease = await db.store.acquireLease(ask("a"));
      assert.deepEqual(await db.store.renewLease(lease!, later(5), 10), { ...lease, expiresAt: later(15) });
      assert.equal((await db.store.acquireLease(ask("b", { now: later(15) })))?.fence, 2);
    });
    it("gives one lease to one of twenty who ask at once, new or expired", async () => {
      const owners = [db.store, await db.another(), await db.another()];
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
      assert.deepEqual(await db.store.insertJobs([whole]), new Set([whole.key]));
      assert.deepEqual(await db.store.jobs({}), [whole]);
    });
    it("with a known key are left as they are, and only the new keys returned", async () => {
      await db.store.insertJobs([job("a", { message: "first" }), job("c")]);
      assert.deepEqual(
        await db.store.insertJobs([job("b"), job("a", { message: "second" }), job("b", { message: "twice" })]),
        new Set(["b"]),
      );
      assert.deepEqual(
        (await db.store.jobs({})).map((j) => [j.key, j.message]),
        [
          ["a", "first"],
          ["b", "twice"],
          ["c", null],
        ],
      );
      assert.deepEqual(await db.store.insertJobs([]), new Set());
    });
    it("differ by the case and accents of their keys", async () => {
      assert.deepEqual(await db.store.insertJobs([job("a"), job("A"), job("á")]), new Set(["A", "a", "á"]));
    });
    it("come by key, through every filter and all of them together", async () => {
      await db.store.insertJobs([
        job("c", { state: "running", projectId: "p2", runId: "r2" }),
        job("a", { slot: "manual:1" }),
        job("b", { state: "succeeded" }),
      ]);
      const keys = async (filter: Parameters<Repository["jobs"]>[0]) => (await db.store.jobs(filter)).map((j) => j.key);
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
      assert.deepEqual(await db.store.insertJobs(many.slice(1)), new Set(keys.slice(1)));
      assert.deepEqual(await db.store.insertJobs(many), new Set(keys.slice(0, 1)));
      assert.deepEqual(
        (await db.store.jobs({ keys: keys.toReversed() })).map((j) => j.key),
        keys,
      );
    });
    it("move only from the state they are in, and take the patch along", async () => {
      await db.store.insertJobs([job("a"), job("b")]);
      const patch = { submittedAt: later(7), deadlineAt: later(9), requestId: "req-1" };
      assert.equal(await db.store.moveJob({ key: "a", from: "planned", to: "submitting", patch }), true);
      assert.equal(
        await db.store.moveJob({ key: "a", from: "planned", to: "cancelled", patch: { message: "no" } }),
        false,
      );
      assert.equal(await db.store.moveJob({ key: "no", from: "planned", to: "submitting", patch: {} }), false);
      assert.deepEqual(await db.store.jobs({}), [job("a", { state: "submitting", ...patch }), job("b")]);
    });
    it("may stay in their state to be patched, even with nothing new", async () => {
      await db.store.insertJobs([job("a", { state: "running" })]);
      const stay = { key: "a", from: "running", to: "running" } as const;
      assert.equal(await db.store.moveJob({ ...stay, patch: {} }), true, "rows that match count, not rows that change");
      assert.equal(await db.store.moveJob({ ...stay, patch: { stuckReportedAt: now } }), true);
      assert.deepEqual(await db.store.jobs({}), [job("a", { state: "running", stuckReportedAt: now })]);
    });
    it("do not move under a lease that another took, or that never was", async () => {
      await db.store.insertJobs([job("a")]);
      const move = { key: "a", from: "planned", to: "submitting", patch: {} } as const;
      const lease = (await db.store.acquireLease({ name: "planner", owner: "a", now, ttlMs: 10 }))!;
      assert.equal(await db.store.moveJob({ ...move, lease: { ...lease, fence: 9 } }), false);
      assert.equal(await db.store.moveJob({ ...move, lease: { ...lease, name: "other" } }), false);
      await db.store.acquireLease({ name: "planner", owner: "b", now: later(10), ttlMs: 10 });
      assert.equal(await db.store.moveJob({ ...move, lease }), false);
      assert.deepEqual(await db.store.jobs({}), [job("a")]);
      const current = (await db.store.acquireLease({ name: "planner", owner: "b", now: later(10), ttlMs: 10 }))!;
      assert.equal(await db.store.moveJob({ ...move, lease: current }), true);
    });
    it("take their operations and catalogue entries along, all or none", async () => {
      await db.store.insertJobs([job("a", { state: "submitting" })]);
      const move = { key: "a", from: "submitting", to: "running", patch: { backupId: "b1" } } as const;
      const operations = [operation("1", { key: "a" }), operation("2", { key: "a" })];
      const broken = { ...entry("b1"), projectId: null } as unknown as CatalogueEntry;
      await assert.rejects(db.store.moveJob({ ...move, operations, entries: [broken] }), storeError(false, /null/i));
      assert.equal(await db.store.moveJob({ ...move, from: "planned", operations, entries: [entry("b1")] }), false);
      assert.deepEqual(await db.store.jobs({}), [job("a", { state: "submitting" })]);
      assert.deepEqual([await db.store.operations({}), await db.store.catalogue()], [[], []]);
      await db.store.upsertCatalogue([entry("b1", { goodAt: now })]);
      assert.equal(await db.store.moveJob({ ...move, operations, entries: [entry("b1")] }), true);
      assert.deepEqual(await db.store.jobs({}), [job("a", { state: "running", backupId: "b1" })]);
      assert.deepEqual([await db.store.operations({}), await db.store.catalogue()], [operations, [entry("b1")]]);
    });
    it("bring their operations with them when they are new", async () => {
      const of = (id: string, key: string | null) => operation(id, { key });
      await db.store.insertJobs([job("a")], [of("1", "a")]);
      const again = await db.store.insertJobs([job("a"), job("b")], [of("2", "a"), of("3", "b"), of("4", null)]);
      assert.deepEqual(again, new Set(["b"]));
      assert.deepEqual(await db.store.operations({}), [of("1", "a"), of("3", "b")]);
    });
    it("are claimed by one of twenty who try at once", async () => {
      await db.store.insertJobs([job("a")]);
      const conductors = [db.store, await db.another(), await db.another(), await db.another()];
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
      assert.deepEqual(await db.store.jobs({}), [job("a", { state: "submitting", message: `by ${winners[0]}` })]);
    });
    it("inserted by several at once are new for exactly one of them", async () => {
      const conductors = [db.store, await db.another(), await db.another(), await db.another()];
      const keys = Array.from({ length: 900 }, (_, i) => `v${String(i).padStart(3, "0")}`);
      const fresh = await Promise.all(
        conductors.map((conductor, c) => conductor.insertJobs(keys.slice(c * 100).map((key) => job(key)))),
      );
      assert.deepEqual(fresh.flatMap((set) => [...set]).sort(), keys);
      assert.equal((await db.store.jobs({})).length, 900);
    });
  });
}
