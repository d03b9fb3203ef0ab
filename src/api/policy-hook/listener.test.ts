import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, afterEach, before, describe, it } from "node:test";
import { connect as connectTls } from "node:tls";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { testCertificate, testKey } from "../../../test/client/certificate.ts";
import { createPolicyHook } from "./app.ts";
import { listen, type Listener, type ListenerOptions } from "./listener.ts";
import { formOf, formType, hookOptions, jsonType, markedTarget, pythonJson, recordedCheck } from "./testing.ts";

const options: ListenerOptions = {
  host: "127.0.0.1",
  port: 0,
  tls: null,
  headerTimeoutMs: 300,
  requestTimeoutMs: 800,
  keepAliveMs: 5_000,
  maxConnections: 100,
  readAhead: { bodyLimitBytes: 4000, budgetMs: 250 },
};
const hook = createPolicyHook({ ...hookOptions, bodyLimitBytes: 4000, budgetMs: 250 });

const mine = formOf(recordedCheck);
const automated = formOf({ ...recordedCheck, target: markedTarget });

const head = (lines: readonly string[]): string => `${lines.join("\r\n")}\r\n\r\n`;
const post = (
  body: string,
  { path = "/v1/backup", more = [] as readonly string[], length = body.length } = {},
): string =>
  head([`POST ${path} HTTP/1.1`, "Host: hook", `Content-Type: ${formType}`, `Content-Length: ${length}`, ...more]) +
  body;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** The bodies and statuses of what was said on one connection. */
interface Said {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

function parse(text: string): Said[] {
  const said: Said[] = [];
  let rest = text;
  while (rest !== "") {
    const end = rest.indexOf("\r\n\r\n");
    assert.notEqual(end, -1, `no head in ${JSON.stringify(rest)}`);
    const [status = "", ...fields] = rest.slice(0, end).split("\r\n");
    const headers = new Map(
      fields.map((field) => {
        const at = field.indexOf(":");
        return [field.slice(0, at).toLowerCase(), field.slice(at + 1).trim()] as const;
      }),
    );
    const noChunks = headers.get("transfer-encoding") === "chunked" && rest.slice(end + 4).startsWith("0\r\n\r\n");
    const length = noChunks ? 5 : Number(headers.get("content-length") ?? 0);
    const body = noChunks ? "" : rest.slice(end + 4, end + 4 + length);
    said.push({ status: Number(status.split(" ")[1]), headers, body });
    rest = rest.slice(end + 4 + length);
  }
  return said;
}

describe("the listener", () => {
  let listener: Listener;
  before(async () => {
    listener = await listen(hook.fetch, options);
  });
  after(() => listener.close(0));
  const sockets = new Set<Socket>();
  const open = (port = listener.port): Socket => {
    const socket = connect(port, "127.0.0.1");
    sockets.add(socket);
    return socket.once("close", () => sockets.delete(socket));
  };
  afterEach(() => {
    for (const socket of sockets) socket.destroy();
  });

  /** Sends the pieces one after the other and returns all that is said until the server closes, or `answers` answers are there. */
  async function talk(pieces: readonly (string | Buffer)[], answers = Infinity, port = listener.port): Promise<Said[]> {
    const socket = open(port).setNoDelay(true);
    let text = "";
    const ended = Promise.withResolvers<undefined>();
    const count = (): number => text.match(/HTTP\/1\.1 (?!100)/g)?.length ?? 0;
    socket.setEncoding("latin1").on("data", (piece: string) => {
      text += piece;
      if (count() >= answers && /\r\n\r\n/.test(text)) ended.resolve(undefined);
    });
    socket.on("error", () => ended.resolve(undefined)).on("close", () => ended.resolve(undefined));
    await once(socket, "connect");
    for (const piece of pieces) socket.write(piece);
    await ended.promise;
    socket.destroy();
    return parse(text.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, ""));
  }
  const said = (all: readonly Said[]): string[] => all.map(({ status, body }) => `${status} ${body}`);

  it("answers, and keeps the connection for the next", async () => {
    const [first] = await talk([post(mine)], 1);
    assert.deepEqual([first?.status, first?.body, first?.headers.get("connection")], [200, "True", "keep-alive"]);
    assert.equal(first?.headers.get("content-type"), "text/plain; charset=UTF-8");
    assert.deepEqual(said(await talk([post(mine, { more: ["Connection: close"] })])), ["200 True"]);
  });

  it("answers when head and body come apart, as requests sends them", async () => {
    const whole = post(mine);
    const at = whole.length - mine.length;
    assert.deepEqual(said(await talk([whole.slice(0, at), whole.slice(at)], 1)), ["200 True"]);
    const bytes = Array.from(whole, (byte) => byte);
    assert.deepEqual(said(await talk(bytes, 1)), ["200 True"]);
  });

  it("answers pipelined requests in their order", async () => {
    const pieces = [
      post(mine) + post(automated) + post(mine) + "GET /v1/backup HTTP/1.1\r\nHost: h\r\n\r\n" + post(automated),
    ];
    assert.deepEqual(said(await talk(pieces, 5)), ["200 True", "401 False", "200 True", "405 False", "401 False"]);
  });

  it("does not take what follows a body for a part of it, or the other way round", async () => {
    // Longer than said: the rest is the next request, and none.
    assert.deepEqual(said(await talk([post(automated, { length: 100 })])), ["400 "]);
    // Shorter than said, and the client has ended: nothing can be decided.
    const socket = open();
    socket.end(post(automated.slice(0, 500), { length: automated.length }));
    let text = "";
    for await (const piece of socket.setEncoding("latin1")) text += String(piece);
    assert.doesNotMatch(text, /True/);
    // Two lengths, or a length and chunks, are no HTTP that two readers would read alike.
    const two = [`Content-Length: ${mine.length}`];
    assert.deepEqual(said(await talk([post(automated, { length: 5, more: two })])), ["400 "]);
    assert.deepEqual(said(await talk([post(automated, { more: ["Transfer-Encoding: chunked"] })])), ["400 "]);
  });

  it("refuses a body in chunks unread", async () => {
    const chunked = head([
      "POST /v1/backup HTTP/1.1",
      "Host: h",
      `Content-Type: ${formType}`,
      "Transfer-Encoding: chunked",
    ]);
    const pieces = [chunked, `${automated.length.toString(16)}\r\n${automated}\r\n0\r\n\r\n`];
    assert.deepEqual(said(await talk(pieces)), ["411 False"]);
  });

  it("refuses a body that is too long unread, and closes", async () => {
    assert.deepEqual(said(await talk([post("", { length: 4001 })])), ["413 False"]);
    assert.deepEqual(said(await talk([post(`${automated}&x=${"y".repeat(5000)}`)])), ["413 False"]);
  });

  it("denies a body that does not come within the budget, and closes", async () => {
    const slow = await talk([post(mine.slice(0, 1000), { length: mine.length })]);
    assert.deepEqual(said(slow), ["408 False"]);
    assert.equal(slow[0]?.headers.get("connection"), "close");
  });

  it("gives up on headers that do not come", async () => {
    assert.deepEqual(said(await talk(["POST /v1/backup HTTP/1.1\r\nHost: h\r\n"])), ["408 "]);
  });

  it("says nothing but False, or nothing at all, to what is no sound request", async () => {
    const request = (line: string, ...fields: string[]): string =>
      head([
        line,
        "Host: h",
        `Content-Type: ${formType}`,
        `Content-Length: ${automated.length}`,
        "Connection: close",
        ...fields,
      ]) + automated;
    const line = "POST /v1/backup HTTP/1.1";
    const pieces: readonly (readonly [string | Buffer, readonly string[]])[] = [
      ["True\r\n\r\n", ["400 "]],
      [request("POST /v1/backup HTTP/9.9"), ["400 "]],
      [request("POST True HTTP/1.1"), ["400 "]],
      [request("POST /True?True=True HTTP/1.1"), ["404 False"]],
      [request("POST /v1/backup/../health HTTP/1.1"), ["404 False"]],
      [request("POST http://other/v1/backup HTTP/1.1"), ["401 False"]],
      [request("POST http://[True/ HTTP/1.1"), ["400 False"]],
      [request("HEAD /v1/backup HTTP/1.1"), ["405 "]],
      [request("OPTIONS /v1/backup HTTP/1.1"), ["405 False"]],
      [request("OPTIONS * HTTP/1.1"), ["400 False"]],
      [request("TRACE /v1/backup HTTP/1.1", "X: True"), ["405 False"]],
      [request("BREW /v1/backup HTTP/1.1"), ["400 "]],
      [request(line, "X-HTTP-Method-Override: GET"), ["401 False"]],
      [request(line, "Expect: 100-continue"), ["401 False"]],
      [request(line, "Expect: True"), ["417 "]],
      [request(line, "Upgrade: h2c"), ["401 False"]],
      [request(line, "Host: two"), ["401 False"]],
      [request(line, `X: ${"y".repeat(20_000)}`), ["431 "]],
      [request(line, "Content-Encoding: gzip"), ["400 False"]],
      [request(line, "Content-Encoding: True"), ["400 False"]],
      [Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]), ["400 "]],
      [Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), ["400 "]],
    ];
    for (const [piece, want] of pieces) assert.deepEqual(said(await talk([piece])), want, String(piece).slice(0, 60));
  });

  it("closes a connection to CONNECT", async () => {
    assert.deepEqual(said(await talk(["CONNECT hook:80 HTTP/1.1\r\nHost: h\r\n\r\n"])), []);
  });

  it("does not fall over when clients go away at any moment", async () => {
    const whole = post(automated);
    for (let at = 0; at <= whole.length; at += 97) {
      const socket = open();
      await once(socket, "connect");
      socket.write(whole.slice(0, at));
      socket.resetAndDestroy();
    }
    assert.deepEqual(said(await talk([post(mine)], 1)), ["200 True"]);
  });

  it("keeps its memory through a flood of bad and good requests", async () => {
    const flood = async (rounds: number): Promise<number> => {
      for (let round = 0; round < rounds; round += 1) {
        await Promise.all([
          talk([post(automated) + post(mine) + post(`${mine}&target=%7B%7D`)], 3),
          talk([post("", { length: 4001 })]),
          talk([post(`{"${"[".repeat(3000)}`)], 1),
          talk(["True\r\n\r\n"]),
        ]);
      }
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    // What the first ones leave is compiled code.
    const warm = await flood(150);
    const then = await flood(500);
    // Two thousand and more requests that each left a kilobyte behind would show.
    assert.ok(then - warm < 2 * 1024 * 1024, `${warm} bytes, then ${then}`);
  });

  it("when it stops, answers what it was asked, lets no connection wait for more, and takes no other", async () => {
    const asked = Promise.withResolvers<undefined>();
    const release = Promise.withResolvers<"none">();
    const catalogue = {
      point: () => {
        asked.resolve(undefined);
        return release.promise;
      },
      volume: () => "none" as const,
      problem: () => null,
    };
    const app = createPolicyHook({ ...hookOptions, catalogue, budgetMs: 60_000 });
    const stopping = await listen(app.fetch, options);
    const idle = open(stopping.port);
    await once(idle, "connect");
    const idleClosed = once(idle.resume(), "close");
    const answer = talk([post(mine)], Infinity, stopping.port);
    await asked.promise;
    const closed = stopping.close(60_000);
    await idleClosed;
    release.resolve("none");
    const [last] = await answer;
    assert.deepEqual([last?.status, last?.body, last?.headers.get("connection")], [200, "True", "close"]);
    await closed;
    await assert.rejects(once(connect(stopping.port, "127.0.0.1"), "connect"), { code: "ECONNREFUSED" });
  });

  it("when it stops, waits no longer than it is told", async () => {
    const asked = Promise.withResolvers<undefined>();
    const catalogue = {
      point: () => {
        asked.resolve(undefined);
        return new Promise<never>(() => undefined);
      },
      volume: () => "none" as const,
      problem: () => null,
    };
    const app = createPolicyHook({ ...hookOptions, catalogue, budgetMs: 60_000 });
    const stopping = await listen(app.fetch, { ...options, requestTimeoutMs: 60_000 });
    const answer = talk([post(mine)], Infinity, stopping.port);
    await asked.promise;
    await stopping.close(50);
    assert.deepEqual(await answer, []);
  });
});

describe("the listener with TLS", () => {
  const tls = { certificate: testCertificate, key: testKey, clientCa: testCertificate };
  const body = pythonJson(recordedCheck);
  const request = post(body, { more: ["Connection: close"] }).replace(formType, jsonType);

  async function talk(port: number, more: object): Promise<string> {
    const socket = connectTls({ host: "127.0.0.1", port, ca: testCertificate, ...more });
    let text = "";
    socket.setEncoding("latin1").on("data", (piece: string) => (text += piece));
    const closed = Promise.withResolvers<undefined>();
    socket.on("error", (error: NodeJS.ErrnoException) => (text += error.code ?? error.message));
    socket.on("close", () => closed.resolve(undefined));
    socket.write(request);
    await closed.promise;
    return text;
  }

  it("wants a client's certificate of its authority", async () => {
    const listener = await listen(hook.fetch, { ...options, tls });
    try {
      assert.match(
        await talk(listener.port, { cert: testCertificate, key: testKey }),
        /^HTTP\/1\.1 200 [^]*\r\n\r\nTrue$/,
      );
      assert.doesNotMatch(await talk(listener.port, {}), /HTTP|True/);
    } finally {
      await listener.close(0);
    }
  });

  it("wants none where no authority is configured", async () => {
    const listener = await listen(hook.fetch, { ...options, tls: { ...tls, clientCa: null } });
    try {
      assert.match(await talk(listener.port, {}), /^HTTP\/1\.1 200 [^]*\r\n\r\nTrue$/);
    } finally {
      await listener.close(0);
    }
  });
});
