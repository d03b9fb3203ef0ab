import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Delivery } from "../../src/domain/deliveries.ts";
import type { Repository } from "../../src/store/repository.ts";
import { delivery, hardName, later, now, report, run, storeError } from "./store-rows.ts";
import type { StoreUnderTest } from "./store-under-test.ts";

/** What is queued for the mailer. */
export function deliveriesContract(db: StoreUnderTest): void {
  const all = (): Promise<Delivery[]> => db.store.deliveries({ limit: 99 });

  describe("deliveries", () => {
    it("are queued with a report and with a run's end, whole, and once", async () => {
      const whole = delivery("a", {
        channel: "webhook",
        subject: "run",
        reportId: null,
        projectId: null,
        receiver: "ü@example.org",
        state: "failed",
        attempts: 7,
        endedAt: later(3),
        lastError: hardName,
        resendOf: "r1.mail.x",
      });
      await db.store.insertReport(report("1"), [delivery("b"), whole]);
      await db.store.insertReport(report("1"), [delivery("b", { attempts: 9 })]);
      await db.store.insertRun(run("r1"));
      await db.store.updateRun("r1", { outcome: "ok" }, [delivery("c")]);
      await db.store.insertDeliveries([delivery("d"), delivery("c", { attempts: 9 })]);
      await db.store.insertDeliveries([]);
      assert.deepEqual(await all(), [whole, delivery("b"), delivery("c"), delivery("d")]);
      assert.equal((await db.store.reports({ limit: 9 })).length, 1);
    });
    it("of a run that does not exist are not queued", async () => {
      const missing = db.store.updateRun("no", { outcome: "ok" }, [delivery("a")]);
      await assert.rejects(missing, storeError(false, /no run no/));
      assert.deepEqual(await all(), []);
    });
    it("come in the order of their next attempts, by every filter", async () => {
      await db.store.insertDeliveries([
        delivery("late", { nextAttemptAt: later(50), reportId: "x" }),
        delivery("soon", { nextAttemptAt: later(1), runId: "r2" }),
        delivery("done", { state: "sent", createdAt: later(-10), channel: "ping" }),
      ]);
      const ids = async (filter: Parameters<Repository["deliveries"]>[0]) =>
        (await db.store.deliveries(filter)).map(({ id }) => id);
      assert.deepEqual(await ids({ limit: 9 }), ["done", "soon", "late"]);
      assert.deepEqual(await ids({ limit: 2 }), ["done", "soon"]);
      assert.deepEqual(await ids({ limit: 9, states: ["queued"] }), ["soon", "late"]);
      assert.deepEqual(await ids({ limit: 9, states: ["queued"], dueBy: later(1) }), ["soon"]);
      assert.deepEqual(await ids({ limit: 9, channel: "ping" }), ["done"]);
      assert.deepEqual(await ids({ limit: 9, reportId: "x" }), ["late"]);
      assert.deepEqual(await ids({ limit: 9, runId: "r2" }), ["soon"]);
      assert.deepEqual(await ids({ limit: 9, since: now }), ["soon", "late"]);
    });
    it("one of two takes the next attempt", async () => {
      await db.store.insertDeliveries([delivery("a")]);
      const other = await db.another();
      const patch = { attempts: 1, nextAttemptAt: later(60_000) };
      const taken = await Promise.all([
        db.store.moveDelivery({ id: "a", attempts: 0, patch }),
        other.moveDelivery({ id: "a", attempts: 0, patch }),
      ]);
      assert.deepEqual(taken.sort(), [false, true]);
      assert.deepEqual(await all(), [delivery("a", patch)]);
    });
    it("that ended stay as they are", async () => {
      await db.store.insertDeliveries([delivery("a")]);
      const sent = { state: "sent", endedAt: later(1), lastError: null } as const;
      assert.equal(await db.store.moveDelivery({ id: "a", patch: sent }), true);
      assert.equal(await db.store.moveDelivery({ id: "a", patch: { state: "failed" } }), false);
      assert.equal(await db.store.moveDelivery({ id: "no", patch: sent }), false);
      assert.deepEqual(await all(), [delivery("a", sent)]);
    });
    it("are replaced by others, or not at all", async () => {
      await db.store.insertDeliveries([delivery("a")]);
      const change = { id: "a", patch: { state: "sent" }, insert: [delivery("b"), delivery("c")] } as const;
      assert.equal(await db.store.moveDelivery(change), true);
      assert.equal(await db.store.moveDelivery({ ...change, insert: [delivery("d")] }), false);
      assert.deepEqual(
        (await all()).map(({ id }) => id),
        ["a", "b", "c"],
      );
    });
    it("are removed some time after they ended", async () => {
      await db.store.insertDeliveries([
        delivery("old", { state: "sent", endedAt: later(-1) }),
        delivery("young", { state: "sent", endedAt: now }),
        delivery("open"),
      ]);
      assert.equal(await db.store.purgeDeliveries(now), 1);
      assert.deepEqual(
        (await all()).map(({ id }) => id),
        ["open", "young"],
      );
    });
  });
}
