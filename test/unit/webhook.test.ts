import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { describe, it, type TestContext } from "node:test";
import { nights, run } from "./support/digest-nights.ts";
import { minuteMs, startBench } from "./support/outbox.ts";

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An HTTP server that answers as `answer` says; a status alone, or what else it likes. */
async function serve(t: TestContext, answer: (asked: Asked, response: ServerResponse) => number | undefined) {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const one = { method: request.method ?? "", url: request.url ?? "", headers: request.headers, body };
      asked.push(one);
      const status = answer(one, response);
      if (status !== undefined) response.writeHead(status).end("ok");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?token=s3cret` };
}

describe("webhook", () => {
  it("gets each report and each run's end as JSON, signed with time and key", async (t) => {
    const { asked, url } = await serve(t, () => 204);
    const bench = await startBench(t, { smtp: null, webhook: { url, timeoutMs: 1000, secret: "key" } });
    await bench.queue(nights.bad, []);
    await bench.queueRun(run({ outcome: "partial" }), []);
    await bench.deliver();
    assert.deepEqual(await bench.states(), ["webhook: sent 1", "webhook: sent 1"]);
    for (const { body, headers, method } of asked) {
      assert.equal(method, "POST");
      assert.equal(headers["content-type"], "application/json");
      const timestamp = String(headers["x-dirigent-timestamp"]);
      assert.equal(timestamp, String(Date.parse("2026-11-21T02:00:00Z") / 1000));
      const expected = createHmac("sha256", "key").update(`${timestamp}.${body}`).digest("hex");
      assert.equal(headers["x-dirigent-signature"], `sha256=${expected}`);
      assert.equal((JSON.parse(body) as { delivery: string }).delivery, headers["x-dirigent-delivery"]);
    }
    const bodies = asked.map(({ body }) => JSON.parse(body) as { event: string; report?: object; projects?: object[] });
    const report = bodies.find(({ event }) => event === "project.report")?.report;
    assert.deepEqual(report, JSON.parse(JSON.stringify(nights.bad)));
    assert.deepEqual(bodies.find(({ event }) => event === "run.ended")?.projects, [
      {
        reportId: nights.bad.id,
        projectId: nights.bad.projectId,
        projectName: "web-shop",
        outcomes: { succeeded: 8, failed: 2, skipped: 2, running: 0 },
        deleted: 0,
        blocked: null,
      },
    ]);
  });

  it("is not signed without a key", async (t) => {
    const { asked, url } = await serve(t, () => 200);
    const bench = await startBench(t, { smtp: null, webhook: { url, timeoutMs: 1000, secret: null } });
    await bench.queue(nights.good, []);
    await bench.deliver();
    assert.equal(asked[0]?.headers["x-dirigent-signature"], undefined);
  });

  it("follows no redirect, wherever it leads", async (t) => {
    const elsewhere = await serve(t, () => 200);
    for (const status of [301, 302, 303, 307, 308]) {
      const { asked, url } = await serve(t, (_asked, response) => {
        response.writeHead(status, { location: elsewhere.url }).end();
        return undefined;
      });
      const bench = await startBench(t, { smtp: null, webhook: { url, timeoutMs: 1000, secret: "key" } });
      await bench.queue(nights.good, []);
      await bench.deliver();
      assert.equal(asked.length, 1);
      const [row] = await bench.all();
      assert.deepEqual(
        [row?.state, row?.lastError],
        ["queued", `answered ${status}, a redirect, which is not followed`],
      );
    }
    assert.equal(elsewhere.asked.length, 0);
  });

  for (const [name, answer, state, says] of [
    ["400 is final", () => 400, "failed", /^answered 400$/],
    ["429 is tried again", () => 429, "queued", /^answered 429$/],
    ["500 is tried again", () => 500, "queued", /^answered 500$/],
    ["no answer is tried again", () => undefined, "queued", /ECONNABORTED|ETIMEDOUT/],
    [
      "an answer without end is cut",
      (_asked: Asked, response: ServerResponse) => {
        response.writeHead(200);
        const more = setInterval(() => response.write("x".repeat(1000)), 5);
        response.once("close", () => clearInterval(more));
        return undefined;
      },
      "queued",
      /\w/,
    ],
  ] as const) {
    it(`${name}; the URL, which may be a secret, is told nobody`, async (t) => {
      const { url } = await serve(t, answer);
      const bench = await startBench(t, { smtp: null, webhook: { url, timeoutMs: 100, secret: "key" } });
      await bench.queue(nights.good, []);
      await bench.deliver();
      const [row] = await bench.all();
      assert.equal(row?.state, state);
      assert.match(row.lastError ?? "", says);
      assert.doesNotMatch(`${bench.logged.join("\n")}${JSON.stringify(row)}`, /s3cret/);
    });
  }

  it("does not hold up mail or ping when it hangs", async (t) => {
    const hook = await serve(t, () => undefined);
    const switch_ = await serve(t, () => 200);
    const bench = await startBench(t, {
      smtp: null,
      webhook: { url: hook.url, timeoutMs: 300, secret: null },
      ping: { url: switch_.url, timeoutMs: 300 },
    });
    await bench.queueRun(run(), []);
    const delivering = bench.deliver();
    while (switch_.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal((await bench.states()).includes("webhook: sent 1"), false);
    await delivering;
    assert.deepEqual(await bench.states(), ["ping: sent 1", "webhook: queued 1"]);
  });
});

describe("dead-man's switch", () => {
  it("is asked once for each complete run, and not for one that failed", async (t) => {
    const { asked, url } = await serve(t, () => 200);
    const bench = await startBench(t, { smtp: null, ping: { url, timeoutMs: 1000 } });
    for (const [id, outcome] of [
      ["1", "ok"],
      ["2", "failed"],
      ["3", "partial"],
      ["4", "interrupted"],
    ] as const) {
      await bench.queueRun(run({ id, outcome }), []);
    }
    await bench.deliver();
    assert.deepEqual(
      asked.map(({ method, url: at }) => `${method} ${at}`),
      ["GET /hook?token=s3cret", "GET /hook?token=s3cret"],
    );
  });

  it("is not asked hours too late", async (t) => {
    const { asked, url } = await serve(t, () => (asked.length === 1 ? 503 : 200));
    const bench = await startBench(t, { smtp: null, ping: { url, timeoutMs: 1000 } });
    await bench.queueRun(run(), []);
    await bench.deliver();
    bench.clock.advance(60 * minuteMs);
    await bench.deliver();
    assert.equal(asked.length, 1);
    assert.deepEqual(await bench.states(), ["ping: failed 1"]);
  });
});
