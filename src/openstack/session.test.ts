import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { connect, never, password, passwordParameters, rejection } from "../../test/client/connect.ts";
import { FakeCloud } from "../../test/client/fake-cloud.ts";
import { backupRow } from "../../test/client/rows.ts";
import { AuthenticationFailed, CloudError, NoProjectAccess, SingleProjectMode } from "./errors.ts";

const credential = (cloud: FakeCloud, named: "id" | "name" = "id") =>
  passwordParameters(cloud, {
    auth: {
      kind: "application_credential",
      credential: named === "id" ? { id: "ac1" } : { name: "bench", user: { name: "u", domain: { id: "default" } } },
      secret: "the-secret",
    },
  });
const unauthorized = {
  status: 401,
  body: { error: { code: 401, message: "The request you have made requires authentication." } },
};

describe("logging in", () => {
  let cloud: FakeCloud;
  before(async () => {
    cloud = await FakeCloud.start();
  });
  beforeEach(() => {
    cloud.reset();
    cloud.on((seen) =>
      seen.path.startsWith("/volume/v3/") && !cloud.refusesToken(seen)
        ? { status: 200, body: { backup: backupRow("b1") } }
        : null,
    );
  });
  after(() => cloud.stop());

  it("asks with a password for the credential's project, and for each project by its id, once each", async () => {
    const { reader, writer } = await connect(cloud);
    await reader.backup("b1", never);
    await reader.backup("b1", never);
    await writer.forProject("p1").backup("b1", never);
    await writer.forProject("p1").backup("b1", never);
    assert.equal(await writer.userId(never), "user-1");
    const identity = {
      methods: ["password"],
      password: { user: { name: "writer", domain: { name: "Default" }, password } },
    };
    assert.deepEqual(
      cloud.logins.map((seen) => seen.body),
      [
        { auth: { identity, scope: { project: { id: "own" } } } },
        { auth: { identity, scope: { project: { id: "p1" } } } },
      ],
    );
    assert.deepEqual(
      cloud.seen
        .filter((seen) => seen.path.includes("backups"))
        .map((seen) => [seen.path, seen.headers["x-auth-token"]]),
      [
        ["/volume/v3/own/backups/b1", "token-1"],
        ["/volume/v3/own/backups/b1", "token-1"],
        ["/volume/v3/p1/backups/b1", "token-2"],
        ["/volume/v3/p1/backups/b1", "token-2"],
      ],
    );
  });

  it("names users and projects with their domains, or by id, and takes an address with or without /v3", async () => {
    const parameters = passwordParameters(cloud, {
      authUrl: `${cloud.url}/v3/`,
      auth: { kind: "password", user: { id: "u9" }, password, project: { name: "demo", domain: { id: "d1" } } },
    });
    const { reader } = await connect(cloud, { reader: parameters });
    await reader.userId(never);
    const user = { id: "u9", password };
    assert.deepEqual(
      cloud.logins.map((seen) => seen.body),
      [
        {
          auth: {
            identity: { methods: ["password"], password: { user } },
            scope: { project: { name: "demo", domain: { id: "d1" } } },
          },
        },
      ],
    );
  });

  it("never asks for a scope with an application credential, and works in its one project only", async () => {
    const parameters = credential(cloud);
    const { writer } = await connect(cloud, { reader: parameters, writer: parameters });
    assert.equal((await writer.forProject("own").backup("b1", never))?.id, "b1");
    const error = await rejection(writer.forProject("p2").backup("b1", never));
    assert.ok(error instanceof SingleProjectMode);
    assert.deepEqual([error.projectId, error.reached], ["p2", "yes"]);
    assert.equal(error.detail, "the writer is an application credential of project own: single-project mode");
    const application_credential = { id: "ac1", secret: "the-secret" };
    assert.deepEqual(
      cloud.logins.map((seen) => seen.body),
      [{ auth: { identity: { methods: ["application_credential"], application_credential } } }],
    );
  });

  it("takes an application credential by name, too", async () => {
    const { reader } = await connect(cloud, { reader: credential(cloud, "name") });
    await reader.userId(never);
    const application_credential = {
      name: "bench",
      user: { name: "u", domain: { id: "default" } },
      secret: "the-secret",
    };
    assert.deepEqual(
      cloud.logins.map((seen) => seen.body),
      [{ auth: { identity: { methods: ["application_credential"], application_credential } } }],
    );
  });

  it("shares one login among all who want it, and one of them giving up disturbs nobody", async () => {
    const asked = Promise.withResolvers<undefined>();
    const gate = Promise.withResolvers<undefined>();
    cloud.on(async (seen) => {
      if (seen.line !== "POST /v3/auth/tokens") return null;
      asked.resolve(undefined);
      await gate.promise;
      return cloud.token("own");
    });
    const { reader } = await connect(cloud);
    const giveUp = new AbortController();
    const first = rejection(reader.backup("b1", giveUp.signal)); // it is the one whose call started the login
    await asked.promise;
    const others = Promise.all(Array.from({ length: 20 }, () => reader.backup("b1", never)));
    giveUp.abort();
    const error = await first;
    assert.ok(error instanceof CloudError);
    assert.deepEqual([error.kind, error.reached], ["aborted", "no"]);
    gate.resolve(undefined);
    assert.deepEqual(new Set((await others).map((b) => b?.id)), new Set(["b1"]));
    assert.equal(cloud.logins.length, 1);
  });

  it("logs in once for twenty callers whose token was revoked", async () => {
    const { reader } = await connect(cloud, { concurrency: 20 });
    await reader.backup("b1", never);
    cloud.valid.clear();
    const arrived = Promise.withResolvers<undefined>();
    let waiting = 0;
    cloud.on(async (seen) => {
      if (seen.headers["x-auth-token"] !== "token-1" || !seen.path.includes("backups")) return null;
      waiting += 1;
      if (waiting === 20) arrived.resolve(undefined);
      await arrived.promise; // all twenty are refused at once
      return unauthorized;
    });
    const found = await Promise.all(Array.from({ length: 20 }, () => reader.backup("b1", never)));
    assert.deepEqual(new Set(found.map((b) => b?.id)), new Set(["b1"]));
    assert.equal(cloud.logins.length, 2);
    assert.equal(waiting, 20);
  });

  it("uses the new token of others when its own comes back refused late", async () => {
    const { reader } = await connect(cloud);
    await reader.backup("b1", never);
    cloud.valid.clear();
    const late = Promise.withResolvers<undefined>();
    cloud.on(async (seen) => {
      if (!seen.path.endsWith("/late") || !cloud.refusesToken(seen)) return null;
      await late.promise;
      return unauthorized;
    });
    const slow = reader.backup("late", never);
    await reader.backup("b1", never);
    late.resolve(undefined);
    assert.equal((await slow)?.id, "b1");
    assert.equal(cloud.logins.length, 2);
  });

  it("logs in at most once more for a request: a second 401 is its end", async () => {
    cloud.on((seen) => (seen.path.includes("backups") ? unauthorized : null));
    const { reader, writer } = await connect(cloud);
    const requests = [
      reader.backup("b1", never),
      writer.forProject("p1").createBackup({ volumeId: "v", name: "n", metadata: {}, incremental: false }, never),
    ];
    for (const request of requests) {
      const error = await rejection(request);
      assert.ok(error instanceof CloudError);
      assert.deepEqual([error.status, error.reached, error.requestId !== null], [401, "yes", true]);
    }
    assert.equal(cloud.logins.length, 4);
    assert.equal(cloud.seen.filter((seen) => seen.path.includes("backups")).length, 4);
  });

  it("sends a POST once more after a 401, and only then", async () => {
    const { writer } = await connect(cloud);
    cloud.on((seen) => {
      if (seen.method !== "POST" || !seen.path.includes("backups")) return null;
      return seen.headers["x-auth-token"] === "token-1"
        ? unauthorized
        : { status: 202, body: { backup: { id: "b2" } } };
    });
    const request = { volumeId: "v", name: "n", metadata: {}, incremental: false };
    assert.equal((await writer.forProject("p1").createBackup(request, never)).id, "b2");
    assert.equal(cloud.lines("POST /volume/v3/p1/backups").length, 2);
  });

  it("says `not sent` when the login after a 401 fails", async () => {
    const { writer } = await connect(cloud);
    await writer.forProject("p1").backup("b1", never);
    cloud.valid.clear();
    cloud.reply("POST /v3/auth/tokens", { status: 503, body: "down" });
    const request = { volumeId: "v", name: "n", metadata: {}, incremental: false };
    const error = await rejection(writer.forProject("p1").createBackup(request, never));
    assert.ok(error instanceof CloudError);
    assert.deepEqual([error.service, error.status, error.reached], ["identity", 503, "no"]);
  });

  it("replaces a token before its end, by the monotonic clock and Keystone's own times", async () => {
    cloud.tokenLifetimeMs = 3_600_000;
    const { reader, clock } = await connect(cloud);
    await reader.backup("b1", never);
    clock.ms += 3_600_000 - 120_000 - 1;
    await reader.backup("b1", never);
    assert.equal(cloud.logins.length, 1);
    clock.ms += 1;
    await reader.backup("b1", never);
    assert.equal(cloud.logins.length, 2);
  });

  it("does not log in for every request when tokens live shorter than the margin", async () => {
    cloud.tokenLifetimeMs = 60_000;
    const { reader, clock } = await connect(cloud);
    await reader.backup("b1", never);
    clock.ms += 53_999;
    await reader.backup("b1", never);
    assert.equal(cloud.logins.length, 1);
    clock.ms += 1;
    await reader.backup("b1", never);
    assert.equal(cloud.logins.length, 2);
  });

  it("tells a project without access from a wrong password, though Keystone does not", async () => {
    const passwordIs = (right: boolean): void =>
      cloud.on((seen) => {
        if (seen.line !== "POST /v3/auth/tokens") return null;
        return right && !JSON.stringify(seen.body).includes("scope") ? cloud.token("none") : unauthorized;
      });
    const { writer } = await connect(cloud);
    passwordIs(true);
    const noAccess = await rejection(writer.forProject("p7").quota(never));
    assert.ok(noAccess instanceof NoProjectAccess);
    assert.deepEqual([noAccess.projectId, noAccess.status, noAccess.reached], ["p7", 401, "yes"]);
    passwordIs(false);
    const wrong = await rejection(writer.forProject("p7").quota(never));
    assert.ok(wrong instanceof AuthenticationFailed);
    assert.deepEqual([wrong.status, wrong.reached], [401, "no"]);
    assert.equal(wrong.message, "POST identity/auth/tokens answered 401: Keystone does not accept the credential");
  });

  it("tries again after a failed login", async () => {
    cloud.reply("POST /v3/auth/tokens", unauthorized);
    const { reader } = await connect(cloud);
    const error = await rejection(reader.userId(never));
    assert.ok(error instanceof AuthenticationFailed);
    assert.equal(error.detail, "Keystone does not accept the credential, or gives it no role in its own project");
    // Once: each failure counts towards a lockout.
    assert.equal(cloud.logins.length, 1);
    cloud.reply("POST /v3/auth/tokens", cloud.token("own"));
    assert.equal(await reader.userId(never), "user-1");
  });

  it("rejects an answer of Keystone that is no token", async () => {
    const { reader } = await connect(cloud);
    const detailOf = async (): Promise<unknown> => {
      const error = await rejection(reader.userId(never));
      assert.ok(error instanceof CloudError);
      return [error.kind, error.reached, error.detail];
    };
    cloud.reply("POST /v3/auth/tokens", { status: 201, body: { token: {} } });
    assert.deepEqual(await detailOf(), ["malformed", "no", "Keystone sent no X-Subject-Token"]);
    cloud.reply("POST /v3/auth/tokens", { status: 201, body: "<html>", headers: { "x-subject-token": "t" } });
    assert.deepEqual(await detailOf(), ["malformed", "no", "the answer is not JSON: <html>"]);
    cloud.reply("POST /v3/auth/tokens", { status: 201, body: { token: {} }, headers: { "x-subject-token": "t" } });
    assert.deepEqual(await detailOf(), ["malformed", "no", "answer.token.user is not an object"]);
  });
});
