import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { testCertificate, testKey } from "../client/certificate.ts";
import { nights, run } from "./support/digest-nights.ts";
import { startMailServer, type MailServer } from "./support/mail-server.ts";
import { minuteMs, never, smtpTo, startBench } from "./support/outbox.ts";
import type { SMTPServerOptions } from "smtp-server";

async function serve(t: TestContext, options?: SMTPServerOptions): Promise<MailServer> {
  const server = await startMailServer(options);
  t.after(() => server.close());
  return server;
}

/** A server that takes connections and then does as `talk` says. */
async function serveRaw(
  t: TestContext,
  talk: (socket: Socket) => void,
): Promise<{ port: number; connections: () => number }> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => undefined);
    talk(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}

const receivers = ["a@example.org", "b@example.org", "c@example.org"];
const idsOf = (server: MailServer): string[] => server.arrived.map(({ mail }) => mail.messageId ?? "");

describe("sending the queue", () => {
  it("one mail for each receiver, all over one connection, each seeing only himself", async (t) => {
    const server = await serve(t);
    const bench = await startBench(t, { smtp: smtpTo(server) });
    await bench.queue(nights.good, receivers);
    await bench.deliver();
    assert.deepEqual(server.arrived.map(({ to }) => to).sort(), [
      ["a@example.org"],
      ["b@example.org"],
      ["c@example.org"],
    ]);
    assert.equal(server.connections(), 1);
    assert.equal(new Set(idsOf(server)).size, 3);
    for (const { mail, to } of server.arrived)
      assert.deepEqual(
        mail.to?.map(({ address }) => address),
        to,
      );
    assert.deepEqual(await bench.states(), ["a@example.org: sent 1", "b@example.org: sent 1", "c@example.org: sent 1"]);
    await bench.deliver();
    assert.equal(server.arrived.length, 3);
  });

  it("a 5xx for one receiver stops no other, and is final", async (t) => {
    const server = await serve(t);
    server.setMood((to) =>
      to === "a@example.org" ? { code: 550, at: "RCPT" } : to === "b@example.org" ? { code: 554, at: "DATA" } : null,
    );
    const bench = await startBench(t, { smtp: smtpTo(server) });
    await bench.queue(nights.good, receivers);
    await bench.deliver();
    assert.deepEqual(await bench.states(), [
      "a@example.org: failed 1",
      "b@example.org: failed 1",
      "c@example.org: sent 1",
    ]);
    assert.match(
      (await bench.all()).find(({ receiver }) => receiver === "a@example.org")?.lastError ?? "",
      /550 no such user/,
    );
    bench.clock.advance(60 * minuteMs);
    await bench.deliver();
    assert.equal(server.arrived.length, 1);
    assert.equal(bench.logged.length, 2);
  });

  it("a 4xx is tried again later, with the same Message-ID, while others go through", async (t) => {
    const server = await serve(t);
    for (const at of ["RCPT", "DATA"] as const) {
      server.setMood((to) => (to === "a@example.org" ? { code: 451, at } : null));
      const bench = await startBench(t, { smtp: smtpTo(server) });
      await bench.queue(nights.good, receivers);
      await bench.deliver();
      assert.deepEqual(await bench.states(), [
        "a@example.org: queued 1",
        "b@example.org: sent 1",
        "c@example.org: sent 1",
      ]);
      await bench.deliver();
      assert.deepEqual((await bench.states())[0], "a@example.org: queued 1");
      bench.clock.advance(minuteMs);
      await bench.deliver();
      assert.deepEqual((await bench.states())[0], "a@example.org: queued 2");
      server.setMood(() => null);
      bench.clock.advance(2 * minuteMs);
      await bench.deliver();
      assert.deepEqual((await bench.states())[0], "a@example.org: sent 3");
    }
    const ids = idsOf(server);
    assert.equal(ids.length, 6);
    assert.equal(new Set(ids).size, 3);
  });

  it("refusing with 4xx, then 5xx for one, then hanging, then well: what was not refused arrives, once", async (t) => {
    const server = await serve(t);
    const bench = await startBench(t, { smtp: smtpTo(server, { timeoutMs: 150 }) });
    const round = async (): Promise<string[]> => {
      await bench.deliver();
      bench.clock.advance(61 * minuteMs);
      return (await bench.all()).map(({ state }) => state).sort();
    };
    await bench.queue(nights.good, receivers);
    server.setMood(() => ({ code: 421, at: "RCPT" }));
    assert.deepEqual(await round(), ["queued", "queued", "queued"]);
    // Nobody else tries while the server says that it is not available.
    assert.equal(server.connections(), 1);
    server.setMood((to) => ({ code: to === "a@example.org" ? 550 : 450, at: "RCPT" }));
    assert.deepEqual(await round(), ["failed", "queued", "queued"]);
    server.setMood(() => "hang");
    const connections = server.connections();
    assert.deepEqual(await round(), ["failed", "queued", "queued"]);
    assert.equal(server.connections(), connections + 1);
    server.setMood(() => null);
    assert.deepEqual(await round(), ["failed", "sent", "sent"]);
    assert.deepEqual(server.arrived.map(({ to }) => to[0]).sort(), ["b@example.org", "c@example.org"]);
  });

  for (const [name, talk] of [
    ["says nothing", () => undefined],
    ["greets and then says nothing", (socket: Socket) => socket.write("220 slow.example.org\r\n")],
    [
      "lets bytes drip for ever",
      (socket: Socket) => {
        socket.write("220");
        const drip = setInterval(() => socket.write("-"), 30);
        socket.once("close", () => clearInterval(drip));
      },
    ],
    ["talks another protocol", (socket: Socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["closes at once", (socket: Socket) => socket.destroy()],
  ] as const) {
    it(`a server that ${name} costs one attempt a round, and pauses that grow`, async (t) => {
      const server = await serveRaw(t, talk);
      const bench = await startBench(t, { smtp: smtpTo(server, { timeoutMs: 60 }) });
      await bench.queue(nights.good, receivers);
      await bench.deliver();
      await bench.deliver();
      assert.equal(server.connections(), 1);
      bench.clock.advance(minuteMs);
      await bench.deliver();
      assert.equal(server.connections(), 2);
      bench.clock.advance(minuteMs);
      await bench.deliver();
      assert.equal(server.connections(), 2);
      const all = await bench.all();
      assert.deepEqual(
        all.map(({ state }) => state),
        ["queued", "queued", "queued"],
      );
      assert.deepEqual(all.map(({ attempts }) => attempts).sort(), [0, 1, 1]);
    });
  }

  it("gives up after mail.retry_for, and says so", async (t) => {
    const server = await serve(t);
    server.setMood(() => ({ code: 450, at: "RCPT" }));
    const bench = await startBench(t, { smtp: smtpTo(server), routing: { retryForMs: 3 * 60 * minuteMs } });
    await bench.queue(nights.good, ["a@example.org"]);
    let rounds = 0;
    while ((await bench.states())[0]?.includes("queued") === true) {
      await bench.deliver();
      bench.clock.advance(minuteMs);
      rounds += 1;
    }
    assert.equal(rounds, 181);
    const [row] = await bench.all();
    assert.equal(row?.attempts, 8); // at 0, 1, 3, 7, 15, 31, 63 and 123 minutes
    assert.match(row.lastError ?? "", /^not accepted in time: .*450/);
    assert.match(bench.logged.at(-1) ?? "", /given up/);
  });

  it("a connection that the server ended between two mails is made again", async (t) => {
    let mails = 0;
    const server = await serve(t, {
      // Ends the connection after each mail, as servers do that have carried enough of them.
      onMailFrom: (_address, _session, done) => {
        mails += 1;
        done(mails === 2 ? Object.assign(new Error("too many"), { responseCode: 421 }) : null);
      },
    });
    const bench = await startBench(t, { smtp: smtpTo(server) });
    await bench.queue(nights.good, receivers);
    await bench.deliver();
    assert.equal(server.arrived.length, 3);
    assert.equal(server.connections(), 2);
  });

  it("what is no longer configured fails, and says so", async (t) => {
    const bench = await startBench(t, { smtp: null });
    await bench.queue(nights.good, ["a@example.org"]);
    await bench.deliver();
    const [row] = await bench.all();
    assert.deepEqual([row?.state, row?.lastError], ["failed", "mail.host is no longer configured"]);
  });

  it("two conductors send what both see once", async (t) => {
    const server = await serve(t);
    const bench = await startBench(t, { smtp: smtpTo(server) });
    await bench.queue(nights.good, receivers);
    await Promise.all([bench.deliver(), bench.deliver()]);
    assert.equal(server.arrived.length, 3);
    assert.deepEqual(await bench.states(), ["a@example.org: sent 1", "b@example.org: sent 1", "c@example.org: sent 1"]);
  });

  it("stopped in the middle of an attempt, the next start makes it again at once", async (t) => {
    const server = await serve(t);
    const bench = await startBench(t, { smtp: smtpTo(server) });
    await bench.queue(nights.good, ["a@example.org"]);
    const stop = new AbortController();
    server.setMood(() => {
      stop.abort();
      return "hang";
    });
    await bench.outbox.deliverDue(stop.signal);
    assert.deepEqual(await bench.states(), ["a@example.org: queued 1"]);
    server.setMood(() => null);
    await bench.deliver();
    assert.deepEqual(await bench.states(), ["a@example.org: sent 2"]);
  });

  it("the loop sends what is queued when it is woken, and ends when told", async (t) => {
    const server = await serve(t);
    const bench = await startBench(t, { smtp: smtpTo(server) });
    const stop = new AbortController();
    const looping = bench.outbox.run({ stop: stop.signal, cut: never });
    await bench.queue(nights.good, ["a@example.org"]);
    bench.outbox.wake();
    while (server.arrived.length === 0) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await looping;
    assert.deepEqual(await bench.states(), ["a@example.org: sent 1"]);
  });

  it("members become one mail each; those who get it anyhow get it once", async (t) => {
    const server = await serve(t);
    const asked: string[] = [];
    const bench = await startBench(t, {
      smtp: smtpTo(server),
      members: (projectId) => {
        asked.push(projectId);
        if (asked.length === 1) return Promise.reject(new Error("Keystone is away"));
        return Promise.resolve(["B@example.org", "eve@example.org"]);
      },
    });
    await bench.queue(nights.good, ["b@example.org"]);
    await bench.deliver();
    assert.deepEqual(
      server.arrived.map(({ to }) => to),
      [["b@example.org"]],
    );
    bench.clock.advance(minuteMs);
    await bench.deliver();
    assert.deepEqual(asked, [nights.good.projectId, nights.good.projectId]);
    assert.deepEqual(
      server.arrived.map(({ to }) => to),
      [["b@example.org"], ["eve@example.org"]],
    );
  });
});

describe("encryption and login", () => {
  const tls: SMTPServerOptions = { key: testKey, cert: testCertificate, disabledCommands: [] };
  const auth: SMTPServerOptions = {
    authOptional: false,
    onAuth: ({ password, username }, _session, done) => {
      if (username === "dirigent" && password === "right") done(null, { user: username });
      else done(Object.assign(new Error("no"), { responseCode: 535 }));
    },
  };
  const login = { user: "dirigent", password: "right" };

  it("STARTTLS and login", async (t) => {
    const server = await serve(t, { ...tls, ...auth });
    const bench = await startBench(t, { smtp: smtpTo(server, { tls: "starttls", ca: testCertificate, login }) });
    await bench.queue(nights.good, ["a@example.org"]);
    await bench.deliver();
    assert.deepEqual(
      server.arrived.map(({ secure, user }) => [secure, user]),
      [[true, "dirigent"]],
      bench.logged.join("\n"),
    );
  });

  it("implicit TLS and login", async (t) => {
    const server = await serve(t, { ...tls, ...auth, secure: true });
    const bench = await startBench(t, { smtp: smtpTo(server, { tls: "implicit", ca: testCertificate, login }) });
    await bench.queue(nights.good, ["a@example.org"]);
    await bench.deliver();
    assert.deepEqual(
      server.arrived.map(({ secure, user }) => [secure, user]),
      [[true, "dirigent"]],
    );
  });

  it("login without encryption, for a relay on the same host", async (t) => {
    const server = await serve(t, { ...auth, allowInsecureAuth: true });
    const bench = await startBench(t, { smtp: smtpTo(server, { login }) });
    await bench.queue(nights.good, ["a@example.org"]);
    await bench.deliver();
    assert.deepEqual(
      server.arrived.map(({ secure, user }) => [secure, user]),
      [[false, "dirigent"]],
    );
  });

  for (const [name, options, smtp, says] of [
    [
      "a server without STARTTLS gets no mail when it is demanded",
      {},
      { tls: "starttls" as const },
      /STARTTLS|not supported|500|502/i,
    ],
    ["a certificate of nobody we trust", tls, { tls: "starttls" as const }, /self[- ]signed|certificate/i],
    [
      "the same with implicit TLS",
      { ...tls, secure: true },
      { tls: "implicit" as const },
      /self[- ]signed|certificate/i,
    ],
    [
      "a wrong password is no refusal of the mail: it can be mended",
      { ...tls, ...auth },
      { tls: "starttls" as const, ca: testCertificate, login: { ...login, password: "wrong" } },
      /^login: .*535/,
    ],
  ] as const) {
    it(name, async (t) => {
      const server = await serve(t, options);
      const bench = await startBench(t, { smtp: smtpTo(server, smtp) });
      await bench.queue(nights.good, ["a@example.org"]);
      await bench.deliver();
      const [row] = await bench.all();
      assert.deepEqual([server.arrived.length, row?.state], [0, "queued"]);
      assert.match(row?.lastError ?? "", says);
      assert.doesNotMatch(bench.logged.join("\n"), /wrong"|right/);
    });
  }
});

describe("runs", () => {
  it("are told to operators and nobody else", async (t) => {
    const server = await serve(t);
    const bench = await startBench(t, { smtp: smtpTo(server) });
    await bench.queue(nights.bad, ["owner@example.org"]);
    await bench.queueRun(run(), ["ops@example.org"]);
    await bench.deliver();
    const of = (to: string) => server.arrived.filter((each) => each.to[0] === to).map(({ mail }) => mail.subject);
    assert.deepEqual(of("owner@example.org"), ["web-shop: 3 of 11 volumes not backed up · 21 Nov 2026"]);
    assert.deepEqual(of("ops@example.org"), ["Backup: 3 of 11 volumes not backed up · 21 Nov 2026"]);
  });

  it("tell operators alone of what else they have to see to", async (t) => {
    const server = await serve(t);
    const text = "compression_mode is not set, wanted: force";
    const standing = () => Promise.resolve([{ what: "compression of pool backups", text }]);
    const bench = await startBench(t, { smtp: smtpTo(server), standing });
    await bench.queue(nights.bad, ["owner@example.org"]);
    await bench.queueRun(run(), ["ops@example.org"]);
    await bench.deliver();
    const told = server.arrived.filter(({ mail }) => mail.text?.includes(text)).map(({ to }) => to[0]);
    assert.deepEqual(told, ["ops@example.org"]);
  });
});
