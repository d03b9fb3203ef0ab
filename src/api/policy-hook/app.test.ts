import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createPolicyHook } from "./app.ts";
import {
  formOf,
  formType,
  hookOptions,
  hookWith,
  jsonType,
  markedTarget,
  pythonJson,
  recordedCheck,
  recordedCredentials,
  recordedTarget,
  requestOf,
  writerId,
} from "./testing.ts";

const id = recordedTarget.id;
const conductor = { ...recordedCredentials, user_id: writerId };
const marked = { ...recordedCheck, target: markedTarget };

describe("the policy hook", () => {
  it("reads a form as it was recorded, byte by byte", () => {
    // What the helpers make is what Cinder sent.
    const form = formOf(recordedCheck);
    assert.match(
      form,
      /^rule=%22backup%3Adelete%22&target=%7B%22project_id%22%3A\+%22fcb5970a[0-9a-f]+%22%2C\+%22user_id%22/,
    );
    assert.match(form, /%22metadata%22%3A\+%7B%22managed-by%22%3A\+%22bench%22%2C\+%22policy%22%3A\+%22p1%22%7D/);
    assert.match(form, /%22roles%22%3A\+%5B%22reader%22%2C\+%22member%22%5D%2C/);
    assert.equal(form.length, 1924);
    assert.equal(pythonJson(recordedCheck).length, 1463);
  });

  for (const [type, encode] of [
    [formType, formOf],
    [jsonType, pythonJson],
    [`${jsonType}; charset=utf-8`, pythonJson],
    ["Application/JSON; charset=UTF-8", pythonJson],
  ] as const) {
    it(`decides from a body of type ${type}`, async () => {
      const { answer } = hookWith();
      assert.equal(await answer(requestOf(encode(recordedCheck), type)), "200 True");
      assert.equal(await answer(requestOf(encode(marked), type)), "401 False");
      assert.equal(await answer(requestOf(encode({ ...marked, credentials: conductor }), type)), "200 True");
    });
  }

  it("takes the id in the URL that Staffeln's users have configured, and only the body's own", async () => {
    const { check } = hookWith();
    assert.equal(await check(recordedCheck, `/v1/backup?backup_id=${id}`), "200 True");
    assert.equal(await check(marked, `/v1/backup?backup_id=${id}`), "401 False");
    assert.equal(await check(recordedCheck, "/v1/backup?backup_id="), "400 False");
    assert.equal(await check(recordedCheck, "/v1/backup?backup_id=other"), "400 False");
    assert.equal(await check(recordedCheck, `/v1/backup?backup_id=${id}&backup_id=${id}`), "400 False");
    assert.equal(await check(recordedCheck, `/v1/backup?backup_id=${id}&snapshot_id=${id}`), "400 False");
    assert.equal(await check(recordedCheck, "/v1/backup?unrelated=1"), "200 True");
  });

  it("answers for snapshots", async () => {
    const { check } = hookWith();
    const rule = "volume:delete_snapshot";
    assert.equal(await check({ ...recordedCheck, rule }, "/v1/snapshot"), "200 True");
    assert.equal(await check({ ...recordedCheck, rule }, `/v1/snapshot?snapshot_id=${id}`), "200 True");
    assert.equal(await check({ ...marked, rule }, "/v1/snapshot"), "401 False");
    assert.equal(await check({ ...marked, rule, credentials: conductor }, "/v1/snapshot"), "200 True");
  });

  it("tells deletions from updates by the rule", async () => {
    const { check } = hookWith();
    const held = {
      rule: "backup:update",
      target: { ...markedTarget, metadata: { ...markedTarget.metadata, "dirigent:hold": "x" } },
      credentials: conductor,
    };
    assert.equal(await check(held), "200 True");
    assert.equal(await check({ ...held, rule: "backup:delete" }), "401 False");
    assert.equal(await check({ ...held, rule: "backup:some_new_rule" }), "401 False");
    assert.equal(await check({ ...held, rule: "" }), "400 False");
    assert.equal(await check({ ...held, rule: null }), "400 False");
  });

  it("answers for volumes when it is told to and has a catalogue", async () => {
    const request = { ...recordedCheck, rule: "volume:delete" };
    const catalogue = {
      point: () => "unavailable" as const,
      volume: (volume: string) => ({ automatedSnapshots: volume !== id, heldSnapshots: false }),
      problem: () => null,
    };
    assert.equal(await hookWith().check(request, "/v1/volume"), "401 False");
    assert.equal(await hookWith({ catalogue }).check(request, "/v1/volume"), "401 False");
    const { check } = hookWith({ catalogue, guardVolumes: true });
    assert.equal(await check(request, "/v1/volume"), "200 True");
    assert.equal(await check(request, "/v1/backup"), "200 True");
    const other = { ...request, target: { id: "another", project_id: "p" } };
    assert.equal(await check(other, "/v1/volume"), "401 False");
    assert.equal(await check(other, "/v1/backup"), "401 False");
  });

  it("denies what describes too little of the object, unless it may look it up", async () => {
    const { project_id, user_id, metadata } = recordedTarget;
    const bodies = [
      { id, project_id, user_id },
      { id, project_id, user_id, metadata: null },
      { id, project_id, metadata },
      { id, user_id, metadata },
      { id },
    ];
    const asked: string[] = [];
    const lookUp = async (kind: string, wanted: string) => {
      asked.push(`${kind} ${wanted}`);
      return { projectId: project_id, creatorId: user_id, metadata };
    };
    for (const target of bodies) {
      assert.equal(await hookWith().check({ ...recordedCheck, target }), "400 False");
      assert.equal(await hookWith({ lookUp: async () => null }).check({ ...recordedCheck, target }), "400 False");
      assert.equal(await hookWith({ lookUp }).check({ ...recordedCheck, target }), "200 True");
    }
    assert.deepEqual(
      asked,
      bodies.map(() => `backup ${id}`),
    );
    // Horizon sends no id; the URL may.
    const withoutId = { ...recordedCheck, target: { project_id } };
    assert.equal(await hookWith({ lookUp }).check(withoutId), "400 False");
    assert.equal(await hookWith({ lookUp }).check(withoutId, `/v1/backup?backup_id=${id}`), "200 True");
  });

  it("says False, and never redirects, wherever there is nothing to decide", async () => {
    const { answer } = hookWith();
    const form = formOf(recordedCheck);
    const at = (path: string, init: RequestInit): Promise<string> => answer(new Request(`http://hook${path}`, init));
    const post = {
      method: "POST",
      body: form,
      headers: { "content-type": formType, "content-length": String(form.length) },
    };
    assert.equal(await at("/", post), "404 False");
    assert.equal(await at("/True", post), "404 False");
    assert.equal(await at("/v1/backup/", post), "404 False");
    assert.equal(await at("/V1/BACKUP", post), "404 False");
    assert.equal(await at("/v1//backup", post), "404 False");
    assert.equal(await at("/v1/health", post), "404 False");
    assert.equal(await at("/healthcheck", post), "404 False");
    for (const method of ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      assert.equal(await at("/v1/backup", { method }), "405 False", method);
    }
    assert.equal(await at("/v1/backup", { method: "HEAD" }), "405 ");
    assert.equal(await at("/v1/health", { method: "OPTIONS" }), "404 False");
    assert.equal(
      (await createPolicyHook(hookOptions).fetch(new Request("http://hook/v1/backup"))).headers.get("allow"),
      "POST",
    );
  });

  it("demands a length, within the limit, and no coding", async () => {
    const { answer } = hookWith({ bodyLimitBytes: 2000 });
    const form = formOf(recordedCheck);
    const headed = (headers: Record<string, string>, body = form): Request =>
      new Request("http://hook/v1/backup", { method: "POST", body, headers: { "content-type": formType, ...headers } });
    const length = String(form.length);
    assert.equal(await answer(headed({})), "411 False");
    assert.equal(await answer(headed({ "content-length": "many" })), "411 False");
    assert.equal(await answer(headed({ "content-length": "-1" })), "411 False");
    assert.equal(await answer(headed({ "content-length": "2001" })), "413 False");
    assert.equal(await answer(headed({ "content-length": "99999999999" })), "413 False");
    // Whoever hosts the application may let a wrong length through.
    assert.equal(await answer(headed({ "content-length": "10" }, `${form}&more=${"x".repeat(2000)}`)), "413 False");
    assert.equal(await answer(headed({ "content-length": length, "content-encoding": "gzip" })), "400 False");
    assert.equal(await answer(headed({ "content-length": length, "content-encoding": "identity" })), "200 True");
  });

  it("denies by an error of its own, too", async () => {
    const lookUp = () => Promise.reject(new Error("a bug"));
    assert.equal(await hookWith({ lookUp }).check({ ...recordedCheck, target: { id } }), "500 False");
  });

  it("denies what takes longer than its budget, whatever comes of it later", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const late = Promise.withResolvers<"none">();
    const asked = Promise.withResolvers<undefined>();
    const catalogue = {
      point: () => {
        asked.resolve(undefined);
        return late.promise;
      },
      volume: () => "none" as const,
      problem: () => null,
    };
    const answer = hookWith({ catalogue }).check(recordedCheck);
    await asked.promise;
    t.mock.timers.tick(500);
    assert.equal(await answer, "408 False");
    late.resolve("none");
  });

  it("tells the observer what it answered, and why", async () => {
    const seen: unknown[] = [];
    const observer = { begin: () => 7, end: (started: number, check: object) => void seen.push({ started, ...check }) };
    const { check } = hookWith({ observer });
    await check(recordedCheck);
    await check(marked, "/v1/snapshot");
    await check({ ...recordedCheck, rule: 1 });
    assert.deepEqual(seen, [
      { started: 7, kind: "backup", answer: { status: 200, text: "True" }, reason: "not_automated" },
      { started: 7, kind: "snapshot", answer: { status: 401, text: "False" }, reason: "automated" },
      { started: 7, kind: "backup", answer: { status: 400, text: "False" }, reason: "unreadable" },
    ]);
  });
});

describe("health", () => {
  const at = (path: string, init: RequestInit = {}, problem: string | null = null) =>
    createPolicyHook({ ...hookOptions, health: () => problem }).fetch(new Request(`http://hook${path}`, init));

  it("is told as oslo.middleware does", async () => {
    const get = await at("/healthcheck");
    assert.deepEqual([get.status, await get.text()], [200, "OK"]);
    const head = await at("/healthcheck", { method: "HEAD" });
    assert.deepEqual([head.status, await head.text()], [204, ""]);
    const json = await at("/healthcheck", { headers: { accept: "application/json" } });
    assert.deepEqual([json.status, await json.json()], [200, { detailed: false, reasons: ["OK"] }]);
  });

  it("is told as oslo.middleware does when it is not well", async () => {
    const get = await at("/healthcheck", {}, "DISABLED BY FILE");
    assert.deepEqual([get.status, await get.text()], [503, "DISABLED BY FILE"]);
    const head = await at("/healthcheck", { method: "HEAD" }, "DISABLED BY FILE");
    assert.deepEqual([head.status, await head.text()], [503, ""]);
    const json = await at("/healthcheck", { headers: { accept: "application/json" } }, "DISABLED BY FILE");
    assert.deepEqual([json.status, await json.json()], [503, { detailed: false, reasons: ["DISABLED BY FILE"] }]);
  });

  it("is told as Staffeln does", async () => {
    const well = await at("/v1/health");
    assert.deepEqual([well.status, await well.text()], [200, "True"]);
    const ill = await at("/v1/health", {}, "STOPPING");
    assert.deepEqual([ill.status, await ill.text()], [503, "False"]);
  });
});
