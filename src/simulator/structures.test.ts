import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { byAge, Collection } from "./collection.ts";
import { pythonRepr } from "./python-text.ts";
import { Router } from "./router.ts";
import { TaskQueue } from "./tasks.ts";
import { isoMicros, isoSecondsZ } from "./times.ts";

describe("Collection", () => {
  it("keeps the order of age whatever is added and deleted", () => {
    const step = fc.record({
      id: fc.integer({ min: 0, max: 40 }),
      createdAtMs: fc.integer({ min: 0, max: 20 }),
      remove: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const collection = new Collection<{ id: string; createdAtMs: number }>();
        const model = new Map<string, { id: string; createdAtMs: number }>();
        for (const { id, createdAtMs, remove } of steps) {
          const key = String(id);
          if (remove) assert.equal(collection.delete(key), model.delete(key));
          else if (!model.has(key)) model.set(key, collection.add({ id: key, createdAtMs }));
        }
        assert.deepEqual(collection.values(), [...model.values()].sort(byAge));
        for (const item of model.values()) assert.equal(collection.values()[collection.indexOf(item)], item);
      }),
    );
  });

  it("puts rows that reach far back in their place", () => {
    const collection = new Collection<{ id: string; createdAtMs: number }>();
    for (let i = 3000; i > 0; i--) collection.add({ id: String(i), createdAtMs: i });
    assert.deepEqual(
      [collection.values().length, collection.values()[0]?.id, collection.values()[2999]?.id],
      [3000, "1", "3000"],
    );
  });
});

describe("TaskQueue", () => {
  it("runs what is due in the order of time, then of scheduling, and keeps the rest", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 50 })), fc.integer({ min: 0, max: 50 }), (dues, nowMs) => {
        const queue = new TaskQueue();
        const ran: [number, number][] = [];
        dues.forEach((due, order) => queue.schedule(due, (atMs) => ran.push([atMs, order])));
        queue.runDue(nowMs);
        const all = dues.map((due, order): [number, number] => [due, order]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
        assert.deepEqual(
          ran,
          all.filter(([due]) => due <= nowMs),
        );
        assert.equal(queue.nextDueMs, all.find(([due]) => due > nowMs)?.[0]);
      }),
    );
  });
});

describe("Router", () => {
  it("prefers a fixed name to a placeholder and hands the placeholder's value over decoded", () => {
    const router = new Router<string>();
    router.add("GET", "backups/detail", "detail");
    router.add("GET", "backups/{id}", "show");
    router.add("POST", "backups/{id}/action", "action");
    assert.deepEqual(router.find("GET", ["backups", "detail"]), {
      handler: "detail",
      route: "backups/detail",
      params: {},
    });
    assert.deepEqual(router.find("GET", ["backups", "a%20b"]), {
      handler: "show",
      route: "backups/{id}",
      params: { id: "a b" },
    });
    assert.deepEqual(router.find("POST", ["backups", "x", "action"])?.params, { id: "x" });
    assert.deepEqual([router.find("PUT", ["backups", "x"]), router.find("GET", ["nothing"])], [undefined, undefined]);
  });
});

describe("texts", () => {
  it("times look as OpenStack writes them", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), (ms) => {
        assert.equal(isoMicros(ms), `${new Date(ms).toISOString().slice(0, 23)}000`);
        assert.equal(isoSecondsZ(ms), `${new Date(ms).toISOString().slice(0, 19)}Z`);
      }),
    );
  });

  it("values look as Python prints them", () => {
    const value = { a: "it's", b: 'say "x"', c: [true, null, 1.5], d: { e: "\n" } };
    assert.equal(pythonRepr(value), `{'a': "it's", 'b': 'say "x"', 'c': [True, None, 1.5], 'd': {'e': '\\n'}}`);
  });
});
