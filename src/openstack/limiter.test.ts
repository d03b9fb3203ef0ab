import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Limiter, waitFor } from "./limiter.ts";

describe("Limiter", () => {
  it("never runs more than its limit at once, in the order of arrival, also when work fails", async () => {
    const limiter = new Limiter(2);
    const gates = Array.from({ length: 5 }, () => Promise.withResolvers<number>());
    const started: number[] = [];
    const runs = gates.map((gate, i) =>
      limiter.run(async () => {
        started.push(i);
        return gate.promise;
      }),
    );
    const settled = Promise.allSettled(runs);
    await Promise.resolve();
    assert.deepEqual(started, [0, 1]);
    gates[1]!.reject(new Error("failed"));
    await assert.rejects(runs[1]!, /failed/);
    await new Promise(setImmediate);
    assert.deepEqual(started, [0, 1, 2]);
    gates[0]!.resolve(0);
    gates[2]!.resolve(2);
    await runs[2];
    await new Promise(setImmediate);
    assert.deepEqual(started, [0, 1, 2, 3, 4]);
    gates[3]!.resolve(3);
    gates[4]!.resolve(4);
    assert.deepEqual(
      (await settled).map((result) => (result.status === "fulfilled" ? result.value : "failed")),
      [0, "failed", 2, 3, 4],
    );
  });

  it("lets a waiting caller give up without losing a slot", async () => {
    const limiter = new Limiter(1);
    const gate = Promise.withResolvers<string>();
    const first = limiter.run(() => gate.promise);
    const giveUp = new AbortController();
    const second = limiter.run(() => Promise.resolve("never runs"), giveUp.signal);
    const third = limiter.run(() => Promise.resolve("third"));
    giveUp.abort(new Error("gave up"));
    await assert.rejects(second, /gave up/);
    gate.resolve("first");
    assert.deepEqual(await Promise.all([first, third]), ["first", "third"]);
    assert.equal(await limiter.run(() => Promise.resolve("free again")), "free again");
    await assert.rejects(
      limiter.run(() => Promise.resolve("never runs"), giveUp.signal),
      /gave up/,
    );
  });
});

describe("waitFor", () => {
  it("leaves what others wait for alone", async () => {
    const shared = Promise.withResolvers<string>();
    const giveUp = new AbortController();
    const impatient = waitFor(shared.promise, giveUp.signal);
    const patient = waitFor(shared.promise, new AbortController().signal);
    giveUp.abort(new Error("gave up"));
    await assert.rejects(impatient, /gave up/);
    shared.resolve("done");
    assert.equal(await patient, "done");
  });
});
