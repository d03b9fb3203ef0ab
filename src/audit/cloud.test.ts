import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eachWithFakeCloud, full, id, incremental, secret } from "../../test/audit/harness.ts";
import { findUserId } from "./cloud.ts";
import { AuditError, AuditHttpError } from "./errors.ts";
import type { AuditErrorKind } from "./errors.ts";

const harness = eachWithFakeCloud();

const failsAs = (kind: AuditErrorKind, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof AuditError);
  assert.equal(error.kind, kind);
  assert.match(error.message, message);
  const all = `${error.message} ${JSON.stringify(error)} ${String(error.cause)}`;
  assert.doesNotMatch(all, new RegExp(`${secret}|token-`));
  return true;
};

const loginOf = (n = 0): unknown => JSON.parse(harness.sent("POST")[n]?.body ?? "");

describe("the login", () => {
  it("is by password and project", async () => {
    await harness.take();
    assert.deepEqual(loginOf(), {
      auth: {
        identity: {
          methods: ["password"],
          password: { user: { name: "admin", domain: { name: "Default" }, password: secret } },
        },
        scope: { project: { name: "admin", domain: { id: "default" } } },
      },
    });
  });

  it("is by application credential without a scope", async () => {
    const auth = { kind: "application_credential", credential: { id: "a1" }, secret: secret } as const;
    await harness.take({}, { auth, authUrl: `${harness.cloud.authUrl}/v3/` });
    assert.deepEqual(loginOf(), {
      auth: {
        identity: { methods: ["application_credential"], application_credential: { id: "a1", secret: secret } },
      },
    });
  });

  it("is repeated once when a token is refused, by one request for all", async () => {
    harness.cloud.backups = [
      full(1),
      incremental(2, 1),
      { ...full(3), volume_id: "v2" },
      { ...incremental(4, 3), volume_id: "v2" },
    ];
    let revoked = false;
    harness.cloud.intercept = ({ query }) => {
      if (!revoked && query.has("parent_id")) {
        revoked = true;
        harness.cloud.tokens = [];
      }
      return undefined;
    };
    const listing = await harness.take();
    assert.deepEqual(
      listing.backups.map((each) => each.parentId),
      [null, id(1), null, id(3)],
    );
    assert.equal(harness.sent("POST").length, 2);
  });

  it("is not repeated for ever", async () => {
    harness.cloud.intercept = ({ method, path }) =>
      method === "GET" ? { status: 401, body: { error: { message: path } } } : undefined;
    await assert.rejects(harness.take(), failsAs("auth", /GET backups\/detail answered 401: \/v3\/backups\/detail/));
    assert.deepEqual(
      harness.cloud.requests.map((each) => each.method),
      ["POST", "GET", "POST", "GET"],
    );
  });

  it("fails for a wrong password", async () => {
    harness.cloud.intercept = () => ({
      status: 401,
      headers: { "x-openstack-request-id": "req-1" },
      body: { error: { message: "No." } },
    });
    await assert.rejects(harness.take(), failsAs("auth", /^the login answered 401: No\. \(request req-1\)$/));
  });

  it("fails without a token", async () => {
    harness.cloud.intercept = () => ({ status: 201, body: { token: { catalog: [] } } });
    await assert.rejects(harness.take(), failsAs("malformed", /no token/));
  });
});

describe("findUserId", () => {
  it("says who logs in, without a project if there is none", async () => {
    const auth = { kind: "password", user: { id: "u1" }, password: secret } as const;
    assert.equal(await findUserId(harness.access({ auth })), "conductor");
    assert.deepEqual(loginOf(), {
      auth: { identity: { methods: ["password"], password: { user: { id: "u1", password: secret } } } },
    });
  });

  it("fails for a wrong password", async () => {
    harness.cloud.intercept = () => ({ status: 401 });
    await assert.rejects(findUserId(harness.access()), failsAs("auth", /^the login answered 401$/));
  });
});

describe("the endpoint", () => {
  const endpoint = (region_id: string, url: string) => ({ interface: "public", region_id, url });

  it("is the one of the region and interface", async () => {
    const [, service] = harness.cloud.catalogue as [unknown, { endpoints: [unknown, { url: string }] }];
    const { url } = service.endpoints[1];
    harness.cloud.catalogue = [
      { type: "volumev3", endpoints: [endpoint("there", "http://there.invalid"), endpoint("here", url)] },
    ];
    assert.equal((await harness.take({}, { region: "here" })).volumes.length, 1);
  });

  it("is not guessed among regions", async () => {
    harness.cloud.catalogue = [
      { type: "volumev3", endpoints: [endpoint("there", "http://a.invalid"), endpoint("here", "http://b.invalid")] },
    ];
    await assert.rejects(harness.take(), failsAs("usage", /several regions \(there, here\)/));
  });

  it("may be missing", async () => {
    await assert.rejects(
      harness.take({}, { region: "nowhere" }),
      failsAs("refused", /no public endpoint .* in region nowhere/),
    );
  });
});

describe("a cloud in trouble", () => {
  it("that does not answer in time", async () => {
    harness.cloud.intercept = ({ path }) => (path === "/v3/backups/detail" ? "stall" : undefined);
    await assert.rejects(
      harness.take({}, { timeoutMs: 50 }),
      failsAs("unreachable", /backups\/detail: no answer within 50 ms/),
    );
  });

  it("that is not there", async () => {
    await assert.rejects(
      harness.take({}, { authUrl: "http://127.0.0.1:1/v3" }),
      failsAs("unreachable", /ECONNREFUSED/),
    );
  });

  it("that answers an error", async () => {
    harness.cloud.intercept = ({ path }) => (path.includes("volumes") ? { status: 503, body: "busy" } : undefined);
    await assert.rejects(
      harness.take(),
      (error) => error instanceof AuditHttpError && error.status === 503 && error.kind === "refused",
    );
  });

  it("that redirects: the token goes nowhere else", async () => {
    harness.cloud.intercept = ({ method }) =>
      method === "GET" ? { status: 302, headers: { location: "http://127.0.0.1:1/" } } : undefined;
    await assert.rejects(harness.take(), failsAs("refused", /answered 302/));
  });

  it("that answers something else", async () => {
    harness.cloud.intercept = ({ path }) =>
      path === "/v3/backups/detail" ? { status: 200, body: { backups: [{ id: 7 }] } } : undefined;
    await assert.rejects(
      harness.take(),
      failsAs("malformed", /^backups\/detail\.backups\[0\]\.id: expected a string$/),
    );
  });

  it("that the caller no longer waits for", async () => {
    const abort = new AbortController();
    harness.cloud.intercept = ({ method }) => {
      if (method === "GET") abort.abort(new Error("enough"));
      return undefined;
    };
    await assert.rejects(harness.take({ signal: abort.signal }), /enough/);
  });
});
