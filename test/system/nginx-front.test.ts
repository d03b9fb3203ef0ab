import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { budgetMs } from "../../src/api/policy-hook/index.ts";
import {
  formOf,
  formType,
  markedTarget,
  recordedCheck,
  recordedCredentials,
  recordedTarget,
} from "../../src/api/policy-hook/testing.ts";
import { shippedFront, startFront, type Front } from "./support/nginx.ts";
import { startOsloPolicy, type OsloPolicy } from "./support/oslo-policy.ts";
import { startPolicyHook, type PolicyProcess } from "./support/policy-process.ts";
import { until } from "./support/wait.ts";

describe("nginx in front of two policy hooks", () => {
  let hooks: readonly [PolicyProcess, PolicyProcess];
  let port: number;
  let oslo: OsloPolicy;
  let front: Front;
  before(async () => {
    const settings = { conductor_user_ids: ["writer"] };
    hooks = await Promise.all([startPolicyHook(settings), startPolicyHook(settings)]);
    front = await startFront(hooks.map((hook) => hook.port));
    port = front.port;
    oslo = startOsloPolicy();
  });
  after(async () => {
    await oslo.stop();
    await front.stop();
    await Promise.all(hooks.map((hook) => hook.kill()));
  });

  const own = formOf(recordedCheck);
  const automated = formOf({ ...recordedCheck, target: markedTarget });

  async function ask(path: string, init: RequestInit): Promise<string> {
    try {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { redirect: "manual", ...init });
      return `${response.status} ${await response.text()}`;
    } catch (error) {
      return `no answer: ${String(error instanceof Error ? error.cause : error)}`;
    }
  }
  const check = (body: string, path = "/v1/backup"): Promise<string> =>
    ask(path, { method: "POST", headers: { "content-type": formType }, body });

  it("passes checks and answers through", async () => {
    assert.deepEqual(await Promise.all([check(own), check(automated)]), ["200 True", "401 False"]);
    assert.equal(await check(own, `/v1/backup?backup_id=${recordedTarget.id}`), "200 True");
    assert.equal(await check(own, "/v1/backup?backup_id=other"), "400 False");
    assert.equal(await check(own, "/v1/snapshot"), "200 True");
  });

  it("says False, and never redirects, to everything else", async () => {
    const paths = [
      "/",
      "/v1/health",
      "/v1/backup/",
      "/v1//backup",
      "/V1/backup",
      "/v1/backup/True",
      "/True",
      "/metrics",
    ];
    for (const path of paths) assert.equal(await check(own, path), "404 False", path);
    assert.equal(await check("x".repeat(300_000)), "413 False");
    assert.equal(await ask("/v1/backup", { method: "GET" }), "405 False");
    assert.equal(await ask("/v1/backup", { method: "OPTIONS" }), "405 False");
    assert.equal(await ask(`/v1/backup?${"x".repeat(20_000)}`, { method: "POST", body: own }), "414 False");
  });

  it("asks the other hook when one hangs or is gone", async () => {
    hooks[0].suspend();
    assert.deepEqual(
      [await check(own), await check(automated), await check(own)],
      ["200 True", "401 False", "200 True"],
    );
    hooks[0].resume();
  });

  it("answers False while all hooks hang, to oslo.policy as well, which by itself would wait for ever", async () => {
    for (const hook of hooks) hook.suspend();
    // Nobody wakes the hooks before all have answered.
    const question = {
      rule: "backup:delete",
      check: `http://127.0.0.1:${port}/v1/backup`,
      target: recordedTarget,
      credentials: recordedCredentials,
      options: { remote_content_type: formType },
    };
    const answers = await Promise.all([check(own), check(automated), ask("/healthcheck", { method: "GET" })]);
    const denied = await oslo.ask(question);
    for (const hook of hooks) hook.resume();
    // 504 from the one that waited, 502 from those that found all hooks marked as down by then.
    for (const answer of answers) assert.match(answer, /^50[24] False$/);
    assert.equal(denied, false);
    await until("the hooks are back", async () => (await check(own)) === "200 True");
    assert.equal(await oslo.ask(question), true);
  });

  it("gives up after two seconds at most, by its own settings", async () => {
    const text = await readFile(shippedFront, "utf8");
    const ms = (name: string): number => {
      const [, count, unit] = new RegExp(`^\\s*${name} (\\d+)(ms|s);`, "m").exec(text) ?? [];
      return Number(count) * (unit === "s" ? 1000 : 1);
    };
    const tryMs = ms("proxy_connect_timeout") + ms("proxy_send_timeout") + ms("proxy_read_timeout");
    assert.ok(ms("proxy_next_upstream_timeout") + tryMs <= 2000);
    assert.ok(ms("proxy_read_timeout") > budgetMs);
  });

  it("answers False when all hooks are gone", async () => {
    await Promise.all(hooks.map((hook) => hook.stop()));
    assert.deepEqual(await Promise.all([check(own), check(automated)]), ["502 False", "502 False"]);
  });
});
