import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { inspect } from "node:util";
import { connect, never, password, passwordParameters, rejection } from "../../test/client/connect.ts";
import { FakeCloud, type Reaction } from "../../test/client/fake-cloud.ts";
import { backupRow } from "../../test/client/rows.ts";
import { CloudError, CloudUnfit, ConnectionError, isAborted, QuotaExceeded } from "./errors.ts";

const show = "GET /volume/v3/own/backups/b1";
const create = "POST /volume/v3/p1/backups";
const shown: Reaction = { status: 200, body: { backup: backupRow("b1") } };
const request = { volumeId: "v", name: "n", metadata: {}, incremental: false };

describe("a request to a service", () => {
  let cloud: FakeCloud;
  before(async () => {
    cloud = await FakeCloud.start();
  });
  beforeEach(() => cloud.reset());
  after(() => cloud.stop());

  it("goes through the seam, carries microversion and request id, and is logged with both ids and no secret", async () => {
    cloud.reply(show, { ...(shown as object), status: 200, headers: { "x-openstack-request-id": "req-cinder" } });
    const { reader, steps, logged } = await connect(cloud);
    await reader.backup("b1", never);
    assert.deepEqual(steps, [
      "POST identity/auth/tokens",
      "POST identity/auth/tokens!",
      "GET block-storage/versions",
      "GET block-storage/versions!",
      "GET block-storage/backups/{id}",
      "GET block-storage/backups/{id}!",
    ]);
    const [seen] = cloud.lines(show);
    assert.deepEqual(
      [seen?.headers["openstack-api-version"], seen?.headers["x-openstack-request-id"]],
      ["volume 3.70", "req-88888888-8888-4888-a888-888888888888"],
    );
    assert.deepEqual(logged.at(-1), {
      message: "openstack request",
      fields: {
        service: "block-storage",
        method: "GET",
        route: "backups/{id}",
        path: "/volume/v3/own/backups/b1",
        sentRequestId: "req-88888888-8888-4888-a888-888888888888",
        status: 200,
        requestId: "req-cinder",
        durationMs: 0,
      },
    });
    assert.equal(logged.length, 3);
  });

  it("asks for the version documents without a token, once", async () => {
    cloud.reply(show, shown);
    const { reader } = await connect(cloud);
    await Promise.all([1, 2, 3].map(() => reader.backup("b1", never)));
    const asked = cloud.lines("GET /volume/");
    assert.deepEqual(
      asked.map((seen) => seen.headers["x-auth-token"]),
      [undefined],
    );
  });

  it("asks below the version, with the token, where a proxy hides the root", async () => {
    cloud.reply("GET /volume/", { status: 404, body: "<html>nothing here</html>" });
    cloud.on((seen) =>
      seen.line === "GET /volume/v3/" && !cloud.refusesToken(seen)
        ? { status: 200, body: { versions: [{ id: "v3.0", version: "3.60", min_version: "3.0" }] } }
        : null,
    );
    cloud.reply(show, shown);
    const { reader } = await connect(cloud);
    await reader.backup("b1", never);
    assert.equal(cloud.lines(show)[0]?.headers["openstack-api-version"], "volume 3.60");
  });

  it("says which microversion is missing, and that nothing was sent", async () => {
    cloud.reply("GET /volume/", {
      status: 300,
      body: { versions: [{ id: "v3.0", version: "3.55", min_version: "3.0" }] },
    });
    const { writer } = await connect(cloud);
    const error = await rejection(writer.forProject("p1").createBackup(request, never));
    assert.ok(error instanceof CloudUnfit);
    assert.deepEqual([error.kind, error.reached], ["unfit", "no"]);
    assert.match(error.detail, /up to 3\.55; at least 3\.56 is needed/);
    assert.deepEqual(cloud.lines(create), []);
  });

  it("says so when there is no version document, and asks again the next time", async () => {
    cloud.reply("GET /volume/", { status: 404, body: "" });
    const { reader } = await connect(cloud);
    const error = await rejection(reader.backup("b1", never));
    assert.ok(error instanceof CloudUnfit);
    assert.match(error.detail, /^no version document for v3, neither at http.*\/volume\/ \(404\) nor below it \(404: /);
    cloud.reply("GET /volume/", { status: 200, body: { versions: [{ id: "v3.0", version: "3.70" }] } });
    cloud.reply(show, shown);
    assert.equal((await reader.backup("b1", never))?.id, "b1");
  });

  it("negotiates anew after 406: the service was replaced by an older one", async () => {
    cloud.reply(
      "GET /volume/",
      ...["3.70", "3.60"].map((version) => ({
        status: 200,
        body: { versions: [{ id: "v3.0", version }] },
      })),
    );
    cloud.reply(show, { status: 406, body: { computeFault: { message: "Version 3.70 is not supported" } } }, shown);
    const { reader } = await connect(cloud);
    const error = await rejection(reader.backup("b1", never));
    assert.ok(error instanceof CloudError);
    assert.equal(error.status, 406);
    await reader.backup("b1", never);
    assert.deepEqual(
      cloud.lines(show).map((seen) => seen.headers["openstack-api-version"]),
      ["volume 3.70", "volume 3.60"],
    );
  });

  it("says what the catalogue lacks", async () => {
    const { reader } = await connect(cloud, { reader: passwordParameters(cloud, { interface: "internal" }) });
    const error = await rejection(reader.backup("b1", never));
    assert.ok(error instanceof CloudUnfit);
    assert.equal(
      error.detail,
      "the catalogue has no internal endpoint of block-storage, block-store, volumev3; it has: volumev3 public R1",
    );
  });

  it("says so when the credential has no project", async () => {
    const reply = cloud.token("none");
    const { token } = reply.body as { token: object };
    cloud.reply("POST /v3/auth/tokens", { ...reply, body: { token: { ...token, project: undefined, catalog: [] } } });
    const { reader } = await connect(cloud);
    const error = await rejection(reader.backup("b1", never));
    assert.ok(error instanceof CloudUnfit);
    assert.equal(error.detail, "the credential has no project, and so Keystone sends no catalogue: name one");
    assert.equal(await reader.userId(never), "user-1");
  });

  it("tries a GET again after 429, 5xx, resets and failed logins, with growing waits, and counts its tries", async () => {
    cloud.reply("POST /v3/auth/tokens", { status: 502, body: "" }, cloud.token("own"));
    cloud.reply(
      show,
      "drop",
      { status: 429, headers: { "retry-after": "9" } },
      { status: 503, body: "<h1>x</h1>" },
      shown,
    );
    const { reader, clock } = await connect(cloud);
    assert.equal((await reader.backup("b1", never))?.id, "b1");
    assert.deepEqual(clock.slept, [375, 750, 9000, 3000]);
    assert.equal(new Set(cloud.lines(show).map((seen) => seen.headers["x-openstack-request-id"])).size, 1);
  });

  it("gives a GET up after five tries, with the last failure", async () => {
    cloud.reply(show, { status: 500, body: { computeFault: { message: "boom" } } });
    const { reader, clock } = await connect(cloud);
    const error = await rejection(reader.backup("b1", never));
    assert.ok(error instanceof CloudError);
    assert.deepEqual([error.status, error.detail], [500, "boom"]);
    assert.equal(cloud.lines(show).length, 5);
    assert.deepEqual(clock.slept, [375, 750, 1500, 3000]);
  });

  it("tries a GET again after a timeout", async (t) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    cloud.on((seen) => {
      if (seen.line !== show || cloud.lines(show).length > 1) return null;
      t.mock.timers.tick(5_000);
      return "stall";
    });
    cloud.on((seen) => (seen.line === show && cloud.lines(show).length > 1 ? shown : null));
    const { reader } = await connect(cloud);
    assert.equal((await reader.backup("b1", never))?.id, "b1");
    assert.equal(cloud.lines(show).length, 2);
  });

  it("ends a wait between two tries with the caller's signal", async () => {
    const giveUp = new AbortController();
    cloud.on((seen) => {
      if (seen.line !== show) return null;
      return { status: 429, headers: { "retry-after": "30" } };
    });
    const { reader, clock } = await connect(cloud);
    clock.sleep = (_ms, signal) => {
      giveUp.abort(new Error("stop"));
      signal?.throwIfAborted();
      return Promise.resolve();
    };
    assert.ok(isAborted(await rejection(reader.backup("b1", giveUp.signal))));
    assert.equal(cloud.lines(show).length, 1);
  });

  it("sends a POST, PUT or DELETE once, whatever comes back", async () => {
    const { writer, clock } = await connect(cloud);
    const project = writer.forProject("p1");
    const calls = [
      { line: create, call: () => project.createBackup(request, never) },
      { line: "DELETE /volume/v3/p1/backups/b1", call: () => project.deleteBackup("b1", never) },
      { line: "PUT /volume/v3/p1/backups/b1", call: () => project.replaceBackupMetadata("b1", {}, never) },
      { line: "POST /compute/v2.1/servers/s1/metadata", call: () => project.setServerMetadata("s1", {}, never) },
    ];
    const reactions: [Reaction, status: number | null, reached: string][] = [
      ["drop", null, "maybe"],
      [{ status: 503, headers: { "retry-after": "1" } }, 503, "maybe"],
      [{ status: 500 }, 500, "maybe"],
      [{ status: 429, headers: { "retry-after": "1" } }, 429, "yes"],
      [{ status: 307, headers: { location: "/elsewhere" } }, 307, "yes"],
    ];
    for (const { line, call } of calls) {
      for (const [reaction, status, reached] of reactions) {
        cloud.reply(line, reaction);
        const before = cloud.lines(line).length;
        const error = await rejection(call());
        assert.ok(error instanceof CloudError, line);
        assert.deepEqual([error.status, error.reached], [status, reached], line);
        assert.equal(cloud.lines(line).length - before, 1, line);
      }
    }
    assert.deepEqual(clock.slept, []);
  });

  it("takes 413 with Retry-After: 0 for a quota, and does not wait", async () => {
    const message = "BackupLimitExceeded: Maximum number of backups allowed (9) exceeded";
    cloud.reply(create, { status: 413, headers: { "retry-after": "0" }, body: { overLimit: { code: 413, message } } });
    const { writer, clock } = await connect(cloud);
    const error = await rejection(writer.forProject("p1").createBackup(request, never));
    assert.ok(error instanceof QuotaExceeded);
    assert.deepEqual(
      [error.detail, error.reached, error.requestId],
      [message, "yes", `req-answer-${cloud.seen.length}`],
    );
    assert.deepEqual([cloud.lines(create).length, clock.slept], [1, []]);
  });

  it("names a proxy's page, and JSON that is none, as malformed; after a POST nobody knows what was done", async () => {
    cloud.reply(show, { status: 200, body: "<html><body>Sign in to the hotel's network</body></html>" });
    cloud.reply(create, { status: 202, body: '{"backup": {' });
    const { reader, writer, clock } = await connect(cloud);
    const outcomes = [];
    for (const call of [reader.backup("b1", never), writer.forProject("p1").createBackup(request, never)]) {
      const error = await rejection(call);
      assert.ok(error instanceof CloudError);
      outcomes.push([error.kind, error.reached, error.detail]);
    }
    assert.deepEqual(outcomes, [
      ["malformed", "yes", "the answer is not JSON: <html><body>Sign in to the hotel's network</body></html>"],
      ["malformed", "maybe", 'the answer is not JSON: {"backup": {'],
    ]);
    assert.deepEqual(clock.slept, []);
  });

  it("keeps ids in their place in a path", async () => {
    cloud.reply("GET /volume/v3/own/backups/..%2Fvolumes%3Fx", { status: 404, body: { itemNotFound: {} } });
    const { reader } = await connect(cloud);
    assert.equal(await reader.backup("../volumes?x", never), null);
    assert.equal(cloud.seen.at(-1)?.line, "GET /volume/v3/own/backups/..%2Fvolumes%3Fx");
  });

  it("has at most so many requests at once at a service", async () => {
    let now = 0;
    let most = 0;
    const three = Promise.withResolvers<undefined>();
    const release = Promise.withResolvers<undefined>();
    cloud.on(async (seen) => {
      if (!seen.path.includes("backups")) return null;
      now += 1;
      most = Math.max(most, now);
      if (now === 3) three.resolve(undefined);
      await release.promise;
      now -= 1;
      return shown;
    });
    const { reader, writer } = await connect(cloud, { concurrency: 3 });
    const all = Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        i % 2 === 0 ? reader.backup("b1", never) : writer.forProject("p1").backup("b1", never),
      ),
    );
    await three.promise;
    // A round trip beside them: a fourth would have come by now.
    await fetch(`${cloud.url}/compute/`);
    release.resolve(undefined);
    await all;
    assert.equal(most, 3);
  });

  it("cannot open with a CA file that is not there", async () => {
    const reader = passwordParameters(cloud, { caFile: "/nonexistent/ca.pem" });
    const error = await rejection(connect(cloud, { reader }));
    assert.ok(error instanceof ConnectionError);
    assert.equal(error.message, "the CA file /nonexistent/ca.pem cannot be read");
  });
});

describe("secrets", () => {
  let cloud: FakeCloud;
  before(async () => {
    cloud = await FakeCloud.start();
  });
  after(() => cloud.stop());

  it("are in no error and no log line, even when the other side echoes what it got", async () => {
    const reactions = (token: string): Reaction[] => [
      { status: 400, body: { badRequest: { message: `token ${token} of ${password} is bad` } } },
      { status: 500, body: `<html>X-Auth-Token: ${token}, ${password}</html>` },
      { status: 200, body: `${token} ${password}` },
      { status: 302, headers: { location: `http://elsewhere/${token}` } },
      "drop",
    ];
    const failures: unknown[] = [];
    const logs: unknown[] = [];
    for (const line of ["POST /v3/auth/tokens", create, show]) {
      // What answers a login has seen no token of ours, but the password.
      for (const reaction of reactions(line === show || line === create ? "token-1" : "another")) {
        cloud.reset();
        cloud.on((seen) => (seen.line === line ? reaction : null));
        const { reader, writer, logged } = await connect(cloud);
        const call = line === show ? reader.backup("b1", never) : writer.forProject("p1").createBackup(request, never);
        failures.push(await rejection(call));
        logs.push(logged);
      }
    }
    const shownAs = failures.flatMap((error) => [
      String(error),
      inspect(error, { depth: 20, showHidden: true, getters: true }),
      JSON.stringify(error),
      (error as Error).stack ?? "",
    ]);
    for (const text of [...shownAs, ...logs.map((entry) => inspect(entry, { depth: 20 })), JSON.stringify(logs)]) {
      for (const secret of ["token-1", password, JSON.stringify(password)]) assert.ok(!text.includes(secret), text);
    }
    assert.equal(failures.length, 15);
  });
});
