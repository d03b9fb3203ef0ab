import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { openTestBed, type TestBed } from "./test-bed.ts";

let t: TestBed;
let volumeId: string;
beforeEach(async () => {
  t = await openTestBed();
  volumeId = t.simulator.seed.volume({ projectId: t.projectId }).id;
});
afterEach(() => t.simulator.close());

const post = () => t.storage("POST", "/backups", { backup: { volume_id: volumeId, force: true } });
const get = () => t.storage("GET", "/backups");
const made = () => t.simulator.state.backups.size;

describe("faults", () => {
  it("answer in the service's place, with headers and body, after some and for some requests", async () => {
    const answer = { kind: "answer", status: 429, headers: { "Retry-After": "7" }, body: { over: "limit" } } as const;
    t.simulator.faults.add({
      service: "block-storage",
      method: "GET",
      path: /backups/,
      after: 1,
      times: 2,
      action: answer,
    });
    const answers = [await get(), await get(), await get(), await get()];
    assert.deepEqual(
      answers.map((a) => a.status),
      [200, 429, 429, 200],
    );
    assert.deepEqual([answers[1]?.headers.get("retry-after"), answers[1]?.body], ["7", { over: "limit" }]);
  });

  it("cut the connection before the work, and nothing was done", async () => {
    t.simulator.faults.add({ method: "POST", times: 1, action: { kind: "drop-before" } });
    await assert.rejects(post(), TypeError);
    assert.equal(made(), 0);
    assert.equal((await post()).status, 202);
  });

  it("cut the connection after the work, which is kept", async () => {
    t.simulator.faults.add({ method: "POST", times: 1, action: { kind: "drop-after" } });
    await assert.rejects(post(), TypeError);
    assert.equal(made(), 1);
    assert.deepEqual(
      t.simulator.log.entries.map((entry) => [entry.method, entry.route, entry.status]),
      [["POST", "backups", undefined]],
    );
  });

  it("never answer, until the simulator is closed", async () => {
    t.simulator.faults.add({ method: "POST", action: { kind: "stall" } });
    const answer = assert.rejects(post(), TypeError);
    assert.equal((await get()).status, 200);
    await t.simulator.close();
    await answer;
    assert.equal(made(), 0);
  });

  it("call back between the work and the answer", async () => {
    const seen: string[] = [];
    const run = (facts: { readonly method: string; readonly path: string }) => {
      seen.push(`${facts.method} ${facts.path}: ${made()} made`);
    };
    t.simulator.faults.add({ when: ({ body }) => body.includes(volumeId), action: { kind: "hook", run } });
    assert.equal((await post()).status, 202);
    assert.deepEqual(seen, ["POST /v3/backups: 1 made"]);
  });

  it("go away when taken back or cleared", async () => {
    const action = { kind: "answer", status: 500 } as const;
    const takeBack = t.simulator.faults.add({ action });
    assert.equal((await get()).status, 500);
    takeBack();
    assert.equal((await get()).status, 200);
    t.simulator.faults.add({ action });
    t.simulator.faults.clear();
    assert.equal((await get()).status, 200);
  });

  it("the first rule that matches acts, and hides the request from later ones", async () => {
    t.simulator.faults.add({ method: "GET", times: 1, action: { kind: "answer", status: 500 } });
    t.simulator.faults.add({ method: "GET", times: 1, action: { kind: "answer", status: 502 } });
    assert.deepEqual([(await get()).status, (await get()).status, (await get()).status], [500, 502, 200]);
  });

  it("take a whole service down and bring it back", async () => {
    t.simulator.faults.setOutage("block-storage", "unavailable");
    assert.equal((await get()).status, 503);
    t.simulator.faults.setOutage("block-storage", "unreachable");
    await assert.rejects(get(), TypeError);
    assert.equal((await fetch(`${t.simulator.authUrl}/`)).status, 200);
    t.simulator.faults.setOutage("block-storage", "none");
    assert.equal((await get()).status, 200);
  });
});
