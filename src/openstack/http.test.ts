import assert from "node:assert/strict";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { after, before, beforeEach, describe, it } from "node:test";
import { directIo, type Io } from "../domain/io.ts";
import { silentLogger } from "../domain/log.ts";
import { never, rejection, TestClock } from "../../test/client/connect.ts";
import { testCertificate } from "../../test/client/certificate.ts";
import { FakeCloud } from "../../test/client/fake-cloud.ts";
import { CloudError } from "./errors.ts";
import { Http, type HttpOptions, type Outgoing } from "./http.ts";
import { Limiter } from "./limiter.ts";

interface Harness {
  readonly http: Http;
  readonly clock: TestClock;
  /** What the seam saw: `name`, `sent`. */
  readonly steps: string[];
}

const harness = (more: Partial<HttpOptions> = {}, io: Io = directIo): Harness => {
  const clock = new TestClock();
  const steps: string[] = [];
  const limiters = { identity: new Limiter(9), compute: new Limiter(9), "block-storage": new Limiter(9) };
  const watched: Io = {
    run: (step, work) => {
      steps.push(step.name);
      return io.run(step, (sent) =>
        work(() => {
          steps.push("sent");
          sent();
        }),
      );
    },
  };
  const http = new Http(
    { verify: true, timeoutMs: 5_000, maxAnswerBytes: 1_000, limiters, ...more },
    { clock, io: watched, random: () => 0, log: silentLogger },
  );
  return { http, clock, steps };
};

const outgoing = (url: string, more: Partial<Outgoing> = {}): Outgoing => ({
  service: "block-storage",
  method: "POST",
  route: "backups",
  preparing: false,
  secrets: [],
  url,
  headers: { "x-auth-token": "the-token" },
  body: { backup: { name: "n" } },
  sentRequestId: "req-1",
  signal: never,
  ...more,
});

/** Sends, and says of the failure what callers decide by. */
const failureOf = async (http: Http, request: Outgoing): Promise<[kind: string, reached: string, detail: string]> => {
  const error = await rejection(http.send(request));
  assert.ok(error instanceof CloudError, String(error));
  assert.equal(error.status, null);
  return [error.kind, error.reached, error.detail];
};

/** A server that does with a connection whatever a test wants. */
const rawServer = async (
  onConnection: (socket: Socket) => void,
): Promise<{ url: string; stop: () => Promise<unknown> }> => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `127.0.0.1:${(server.address() as AddressInfo).port}/`,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  };
};

describe("Http", () => {
  let cloud: FakeCloud;
  before(async () => {
    cloud = await FakeCloud.start();
  });
  beforeEach(() => cloud.reset());
  after(() => cloud.stop());

  it("sends one request through the seam and hands back the answer, whatever its status", async () => {
    cloud.reply("POST /backups", {
      status: 503,
      body: { a: 1 },
      headers: { "retry-after": "5", "x-openstack-request-id": "req-2" },
    });
    const { http, steps } = harness();
    const answer = await http.send(outgoing(`${cloud.url}/backups?x=1`));
    assert.deepEqual(
      [answer.status, answer.text, answer.requestId, answer.headers.get("retry-after")],
      [503, '{"a":1}', "req-2", "5"],
    );
    assert.deepEqual(steps, ["POST block-storage/backups", "sent"]);
    assert.equal(cloud.seen.length, 1);
    const { headers, body, query } = cloud.seen[0]!;
    assert.deepEqual(body, { backup: { name: "n" } });
    assert.deepEqual([...query], [["x", "1"]]);
    assert.deepEqual(
      ["x-auth-token", "x-openstack-request-id", "content-type", "accept", "user-agent"].map((name) => headers[name]),
      ["the-token", "req-1", "application/json", "application/json", "dirigent"],
    );
  });

  it("takes Nova's older name of the request id", async () => {
    cloud.on((_, response) => {
      response.writeHead(200, { "x-compute-request-id": "req-3" }).end();
      return "stall";
    });
    assert.equal((await harness().http.send(outgoing(cloud.url))).requestId, "req-3");
  });

  it("does not follow a redirect", async () => {
    cloud.reply("GET /a", { status: 302, headers: { location: `${cloud.url}/b` } });
    const answer = await harness().http.send(outgoing(`${cloud.url}/a`, { method: "GET", body: undefined }));
    assert.equal(answer.status, 302);
    assert.deepEqual(
      cloud.seen.map((seen) => seen.line),
      ["GET /a"],
    );
  });

  it("is not reached: connection refused", async () => {
    const server = await rawServer(() => undefined);
    await server.stop();
    const { http, steps } = harness();
    const [kind, reached, detail] = await failureOf(http, outgoing(`http://${server.url}`));
    assert.deepEqual([kind, reached], ["network", "no"]);
    assert.match(detail, /^ECONNREFUSED: connect ECONNREFUSED/);
    assert.deepEqual(steps, ["POST block-storage/backups"]);
  });

  it("is not reached: reset before TLS is up", async () => {
    const server = await rawServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
    const { http, steps } = harness();
    const [kind, reached] = await failureOf(http, outgoing(`https://${server.url}`));
    assert.deepEqual([kind, reached, steps], ["network", "no", ["POST block-storage/backups"]]);
    await server.stop();
  });

  it("is not reached: no TLS within the timeout", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const server = await rawServer((socket) => socket.once("data", () => t.mock.timers.tick(5_000)));
    assert.deepEqual(await failureOf(harness().http, outgoing(`https://${server.url}`)), [
      "timeout",
      "no",
      "no whole answer within 5000 ms",
    ]);
    await server.stop();
  });

  it("may be reached: reset after the request was sent", async () => {
    cloud.reply("POST /", "drop");
    const { http, steps } = harness();
    assert.deepEqual(await failureOf(http, outgoing(cloud.url)), ["network", "maybe", "ECONNRESET: read ECONNRESET"]);
    assert.deepEqual(steps, ["POST block-storage/backups", "sent"]);
  });

  it("may be reached: no answer within the timeout", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    cloud.on(() => {
      t.mock.timers.tick(5_000);
      return "stall";
    });
    assert.deepEqual(await failureOf(harness().http, outgoing(cloud.url)), [
      "timeout",
      "maybe",
      "no whole answer within 5000 ms",
    ]);
  });

  it("ends an answer that drips, which is never silent for long", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    cloud.on((_, response) => {
      response.writeHead(200);
      let seconds = 0;
      const drip = (): void => {
        t.mock.timers.tick(1_000);
        seconds += 1;
        if (seconds < 5) response.write(" ", () => setImmediate(drip));
      };
      drip();
      return "stall";
    });
    assert.deepEqual((await failureOf(harness().http, outgoing(cloud.url))).slice(0, 2), ["timeout", "maybe"]);
  });

  it("may be reached: the answer breaks off", async () => {
    cloud.on((_, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("{", () => response.destroy());
      return "stall";
    });
    assert.deepEqual((await failureOf(harness().http, outgoing(cloud.url))).slice(0, 2), ["network", "maybe"]);
  });

  it("may be reached: what comes back is not HTTP; raw bytes of it are not kept", async () => {
    const server = await rawServer((socket) =>
      socket.once("data", () => socket.end("X-Subject-Token: leaked\r\n\r\n")),
    );
    const error = await rejection(harness().http.send(outgoing(`http://${server.url}`)));
    assert.ok(error instanceof CloudError);
    assert.deepEqual([error.kind, error.reached, error.cause], ["network", "maybe", undefined]);
    assert.match(error.detail, /^HPE_/);
    await server.stop();
  });

  it("gives up on an answer that is too long", async () => {
    cloud.reply("POST /", { status: 200, body: "x".repeat(1_001) });
    assert.deepEqual(await failureOf(harness().http, outgoing(cloud.url)), [
      "malformed",
      "maybe",
      "the answer is longer than 1000 bytes",
    ]);
    cloud.reply("POST /", { status: 200, body: "x".repeat(1_000) });
    assert.equal((await harness().http.send(outgoing(cloud.url))).text.length, 1_000);
  });

  it("ends with the caller's signal: before, while waiting for a slot, and after sending", async () => {
    const aborted = AbortSignal.abort(new Error("stop"));
    const first = harness();
    assert.deepEqual(await failureOf(first.http, outgoing(cloud.url, { signal: aborted })), [
      "aborted",
      "no",
      "the caller gave up",
    ]);
    assert.deepEqual(first.steps, []);

    const limiters = { identity: new Limiter(1), compute: new Limiter(1), "block-storage": new Limiter(1) };
    const { http, steps } = harness({ limiters });
    const stalled = Promise.withResolvers<undefined>();
    cloud.on(() => {
      stalled.resolve(undefined);
      return "stall";
    });
    const giveUp = new AbortController();
    const running = failureOf(http, outgoing(cloud.url, { signal: giveUp.signal }));
    const waiting = failureOf(http, outgoing(cloud.url, { signal: giveUp.signal }));
    await stalled.promise;
    giveUp.abort();
    assert.deepEqual(await Promise.all([running, waiting]), [
      ["aborted", "maybe", "the caller gave up"],
      ["aborted", "no", "the caller gave up"],
    ]);
    assert.deepEqual(steps, ["POST block-storage/backups", "sent"]);
  });

  it("a step on the way leaves the caller's own request unsent", async () => {
    cloud.reply("POST /", "drop");
    assert.deepEqual((await failureOf(harness().http, outgoing(cloud.url, { preparing: true }))).slice(0, 2), [
      "network",
      "no",
    ]);
  });

  it("takes a failure of the seam itself for one of the network, as far as the request got", async () => {
    const refused: Io = { run: () => Promise.reject(new Error("injected")) };
    assert.deepEqual((await failureOf(harness({}, refused).http, outgoing(cloud.url))).slice(0, 2), ["network", "no"]);
    const lost: Io = {
      run: async (_, work) => {
        await work(() => undefined);
        throw new Error("injected");
      },
    };
    cloud.reply("POST /", { status: 202 });
    assert.deepEqual((await failureOf(harness({}, lost).http, outgoing(cloud.url))).slice(0, 2), ["network", "maybe"]);
  });

  it("reuses connections for GET only: a connection that the server has just closed must not make a POST unclear", async () => {
    const ports: (number | undefined)[] = [];
    cloud.on((_, response) => {
      ports.push(response.socket?.remotePort);
      return { status: 200 };
    });
    const { http } = harness();
    for (const method of ["GET", "GET", "POST", "DELETE"] as const) {
      await http.send(outgoing(cloud.url, { method, body: undefined }));
    }
    assert.equal(ports[0], ports[1]);
    assert.equal(new Set(ports).size, 3);
  });

  it("remembers each service's clock", async () => {
    const { http, clock } = harness();
    assert.equal(http.serviceDate("block-storage"), null);
    cloud.reply("POST /", { status: 200, headers: { date: "Sat, 21 Nov 2026 10:00:00 GMT" } });
    await http.send(outgoing(cloud.url));
    clock.ms += 90_500;
    assert.equal(http.serviceDate("block-storage")?.toISOString(), "2026-11-21T10:01:30.500Z");
    assert.equal(http.serviceDate("compute"), null);
    cloud.reply("POST /", { status: 200, headers: { date: "yesterday" } });
    await http.send(outgoing(cloud.url));
    assert.equal(http.serviceDate("block-storage")?.toISOString(), "2026-11-21T10:01:30.500Z");
  });
});

describe("Http over TLS", () => {
  let cloud: FakeCloud;
  before(async () => {
    cloud = await FakeCloud.start({ tls: true });
    cloud.reply("POST /", { status: 200, body: "hello" });
  });
  after(() => cloud.stop());

  it("trusts the CA it is given, or anybody when told so, and else nobody unknown", async () => {
    assert.equal((await harness({ ca: testCertificate }).http.send(outgoing(cloud.url))).text, "hello");
    assert.equal((await harness({ verify: false }).http.send(outgoing(cloud.url))).text, "hello");
    const [kind, reached, detail] = await failureOf(harness().http, outgoing(cloud.url));
    assert.deepEqual([kind, reached], ["network", "no"]);
    assert.match(detail, /^DEPTH_ZERO_SELF_SIGNED_CERT: self-signed certificate/);
    assert.equal(cloud.seen.length, 2);
  });
});
