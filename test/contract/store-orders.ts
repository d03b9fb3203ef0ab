import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { resultOfLines } from "../../src/domain/orders.ts";
import { hardName, later, order } from "./store-rows.ts";
import type { StoreUnderTest } from "./store-under-test.ts";

/** What operators ask for. */
export function ordersContract(db: StoreUnderTest): void {
  describe("orders", () => {
    it("are kept whole, once, and come in the order in which they were asked for", async () => {
      const result = resultOfLines([
        { volumeId: "v1", backupId: null, outcome: "refused", reason: "keep_held", message: hardName },
      ]);
      const ended = order("b", { askedAt: later(-1), state: "ended", endedAt: later(9), result });
      await db.store.insertOrder(order("a"));
      await db.store.insertOrder(ended);
      await db.store.insertOrder(order("a", { state: "ended" }));
      assert.deepEqual(await db.store.orders({}), [ended, order("a")]);
      assert.deepEqual(await db.store.orders({ states: ["waiting", "working"] }), [order("a")]);
      assert.deepEqual(await db.store.orders({ id: "b" }), [ended]);
    });
    it("are taken by one of two, and only under the lease", async () => {
      await db.store.insertOrder(order("a"));
      const lease = (await db.store.acquireLease({ name: "l", owner: "me", now: later(0), ttlMs: 1000 }))!;
      const take = { id: "a", from: "waiting", to: "working" } as const;
      assert.equal(await db.store.moveOrder({ ...take, lease: { ...lease, fence: 9 } }), false);
      const other = await db.another();
      const taken = await Promise.all([
        db.store.moveOrder({ ...take, lease }),
        other.moveOrder({ id: "a", from: "waiting", to: "withdrawn" }),
      ]);
      assert.deepEqual(taken.sort(), [false, true]);
    });
    it("end with what became of them", async () => {
      await db.store.insertOrder(order("a", { state: "working" }));
      const patch = { endedAt: later(1), result: resultOfLines([]) };
      assert.equal(await db.store.moveOrder({ id: "a", from: "working", to: "ended", patch }), true);
      assert.deepEqual(await db.store.orders({}), [order("a", { state: "ended", ...patch })]);
    });
  });
}
