import assert from "node:assert/strict";
import { at, fields, items, send, text, withoutIds, type Answer } from "../driver.ts";
import { assertIdentityError, assertStatus, behaviour, type Behaviour } from "../objects.ts";
import type { Caller, Stage } from "../stage.ts";

const needsAuthentication = "The request you have made requires authentication.";

/** An application credential of the caller, in the project of his token. */
export async function newCredential(
  stage: Stage,
  caller: Caller,
  more: Record<string, unknown> = {},
): Promise<{ id: string; secret: string }> {
  const roles = [{ name: "member" }];
  const application_credential = { name: stage.name("cred"), secret: "appcred-secret", roles, ...more };
  const made = await stage.identity(caller, "POST", `/users/${caller.userId}/application_credentials`, {
    application_credential,
  });
  assertStatus(made, 201);
  return { id: text(made.body, "application_credential.id"), secret: text(made.body, "application_credential.secret") };
}

export const credentialLogin = (
  stage: Stage,
  application_credential: { id: string; secret: string },
  scope?: unknown,
): Promise<Answer> =>
  send("POST", `${stage.harness.authUrl}/auth/tokens`, {
    json: {
      auth: {
        identity: { methods: ["application_credential"], application_credential },
        ...(scope === undefined ? {} : { scope }),
      },
    },
  });

export const tokens: readonly Behaviour[] = [
  behaviour(
    "a password gives a token of one project, with roles, catalogue and an hour or more to live",
    async (stage) => {
      const answer = await stage.tryLogin(stage.owner, stage.owner.projectId);
      assertStatus(answer, 201);
      assert.ok((answer.headers.get("x-subject-token") ?? "").length > 100);
      assert.deepEqual(fields(at(answer.body, "token")), [
        "audit_ids",
        "catalog",
        "expires_at",
        "is_domain",
        "issued_at",
        "methods",
        "project",
        "roles",
        "user",
      ]);
      assert.deepEqual(withoutIds(at(answer.body, "token.project.domain")), { id: "default", name: "Default" });
      assert.deepEqual(
        items(answer.body, "token.roles")
          .map((role) => at(role, "name"))
          .sort(),
        ["member", "reader"],
      );
      assert.deepEqual(at(answer.body, "token.methods"), ["password"]);
      const livesMs =
        Date.parse(text(answer.body, "token.expires_at")) - Date.parse(text(answer.body, "token.issued_at"));
      assert.ok(livesMs >= 3600_000, `${livesMs}`);
    },
  ),
  behaviour(
    "the catalogue names identity, compute and block storage, with the project id in the URL of volumev3 only",
    async (stage) => {
      const answer = await stage.tryLogin(stage.owner, stage.owner.projectId);
      const paths = new Map<string, string>();
      for (const entry of items(answer.body, "token.catalog")) {
        const face = items(entry, "endpoints").find((endpoint) => at(endpoint, "interface") === "public");
        assert.deepEqual(fields(face), ["id", "interface", "region", "region_id", "url"]);
        paths.set(
          text(entry, "type"),
          new URL(text(face, "url")).pathname
            .replace(stage.owner.projectId, "{project}")
            .replace(/^\/(identity|compute|volume)/, ""),
        );
      }
      const wanted = ["identity", "compute", "block-storage", "volumev3"].map((type) => [type, paths.get(type)]);
      assert.deepEqual(wanted, [
        ["identity", "/v3"],
        ["compute", "/v2.1"],
        ["block-storage", "/v3"],
        ["volumev3", "/v3/{project}"],
      ]);
    },
  ),
  behaviour("an administrator's roles include member and reader", async (stage) => {
    const answer = await stage.tryLogin(stage.ops, stage.ops.projectId);
    assert.deepEqual(
      items(answer.body, "token.roles")
        .map((role) => at(role, "name"))
        .sort(),
      ["admin", "member", "reader"],
    );
  }),
  behaviour("a wrong password is a 401", async (stage) => {
    assertIdentityError(
      await stage.tryLogin({ ...stage.owner, password: "wrong" }, stage.owner.projectId),
      401,
      "Unauthorized",
      needsAuthentication,
    );
  }),
  behaviour(
    "a token of a project where the user has no role is refused with 401, for an administrator too",
    async (stage) => {
      assertIdentityError(
        await stage.tryLogin(stage.ops, stage.owner.projectId),
        401,
        "Unauthorized",
        needsAuthentication,
      );
    },
  ),
  behaviour("a token of a project that does not exist is a 401", async (stage) => {
    assertIdentityError(await stage.tryLogin(stage.owner, "0".repeat(32)), 401, "Unauthorized", needsAuthentication);
  }),
  behaviour("an application credential logs in without a scope and says which it is", async (stage) => {
    const answer = await credentialLogin(stage, await newCredential(stage, stage.owner));
    assertStatus(answer, 201);
    assert.equal(at(answer.body, "token.project.id"), stage.owner.projectId);
    assert.deepEqual(at(answer.body, "token.methods"), ["application_credential"]);
    assert.deepEqual(fields(at(answer.body, "token.application_credential")), ["id", "name", "restricted"]);
  }),
  behaviour("an application credential that asks for a scope is a 401 with an empty identity", async (stage) => {
    const answer = await credentialLogin(stage, await newCredential(stage, stage.owner), {
      project: { id: stage.owner.projectId },
    });
    const message = "Error authenticating with application credential: Application credentials cannot request a scope.";
    assert.deepEqual(
      { status: answer.status, body: answer.body },
      { status: 401, body: { error: { code: 401, identity: {}, message, title: "Unauthorized" } } },
    );
  }),
  behaviour("an application credential with a wrong secret is a 401", async (stage) => {
    const { id } = await newCredential(stage, stage.owner);
    assertIdentityError(
      await credentialLogin(stage, { id, secret: "wrong" }),
      401,
      "Unauthorized",
      needsAuthentication,
    );
  }),
  behaviour("an unknown application credential is a 404", async (stage) => {
    const answer = await credentialLogin(stage, { id: "0".repeat(32), secret: "x" });
    assertIdentityError(answer, 404, "Not Found", "Could not find Application Credential: <hex>.");
  }),
  behaviour(
    "Keystone, Nova and Cinder answer 401 to an unknown token, the latter two with WWW-Authenticate",
    async (stage) => {
      const nobody = { ...stage.owner, token: "rubbish" };
      assertIdentityError(
        await stage.identity(nobody, "GET", "/auth/projects"),
        401,
        "Unauthorized",
        needsAuthentication,
      );
      for (const answer of [
        await stage.compute(nobody, "GET", "/servers"),
        await stage.storage(nobody, "GET", "/volumes"),
      ]) {
        assertIdentityError(answer, 401, "Unauthorized", needsAuthentication);
        assert.match(answer.headers.get("www-authenticate") ?? "", /^Keystone uri="http:.*\/v3"$/);
      }
    },
  ),
  behaviour("a request without any token is a 401", async (stage) => {
    assertIdentityError(await stage.identity(undefined, "GET", "/projects"), 401, "Unauthorized", needsAuthentication);
  }),
  behaviour("a revoked token is a 401 at a service and a 404 when asked for", async (stage) => {
    const caller = await stage.login(stage.owner, stage.owner.projectId);
    const gone = await stage.identity(caller, "DELETE", "/auth/tokens", undefined, { "X-Subject-Token": caller.token });
    assert.deepEqual({ status: gone.status, body: gone.body }, { status: 204, body: "" });
    assertIdentityError(await stage.storage(caller, "GET", "/volumes"), 401, "Unauthorized", needsAuthentication);
    const asked = await stage.identity(stage.ops, "GET", "/auth/tokens", undefined, {
      "X-Subject-Token": caller.token,
    });
    assertIdentityError(asked, 404, "Not Found", "Failed to validate token");
  }),
  behaviour("a user may look at his own token", async (stage) => {
    const answer = await stage.identity(stage.owner, "GET", "/auth/tokens", undefined, {
      "X-Subject-Token": stage.owner.token,
    });
    assertStatus(answer, 200);
    assert.equal(at(answer.body, "token.user.id"), stage.owner.userId);
  }),
  behaviour("a member sees his own projects and may not list users or all projects", async (stage) => {
    const own = await stage.identity(stage.owner, "GET", "/auth/projects");
    assert.deepEqual(
      items(own.body, "projects").map((project) => at(project, "id")),
      [stage.owner.projectId],
    );
    const refused = (action: string) => `You are not authorized to perform the requested action: identity:${action}.`;
    assertIdentityError(
      await stage.identity(stage.owner, "GET", "/projects"),
      403,
      "Forbidden",
      refused("list_projects"),
    );
    assertIdentityError(await stage.identity(stage.owner, "GET", "/users"), 403, "Forbidden", refused("list_users"));
    assertIdentityError(
      await stage.identity(stage.owner, "GET", `/projects/${stage.stranger.projectId}`),
      403,
      "Forbidden",
      refused("get_project"),
    );
    assertStatus(await stage.identity(stage.owner, "GET", `/projects/${stage.owner.projectId}`), 200);
  }),
  behaviour("an administrator lists projects and users", async (stage) => {
    const projects = await stage.identity(stage.ops, "GET", "/projects");
    const mine = items(projects.body, "projects").find((project) => at(project, "id") === stage.owner.projectId);
    assert.deepEqual(fields(mine), [
      "description",
      "domain_id",
      "enabled",
      "id",
      "is_domain",
      "links",
      "name",
      "options",
      "parent_id",
      "tags",
    ]);
    const users = await stage.identity(stage.ops, "GET", "/users");
    const owner = items(users.body, "users").find((user) => at(user, "id") === stage.owner.userId);
    assert.deepEqual(fields(owner), ["domain_id", "enabled", "id", "links", "name", "options", "password_expires_at"]);
    assert.deepEqual(fields(at(users.body, "links")), ["next", "previous", "self"]);
  }),
  behaviour("an unknown project or user is a 404 for an administrator", async (stage) => {
    assertIdentityError(
      await stage.identity(stage.ops, "GET", `/projects/${"0".repeat(32)}`),
      404,
      "Not Found",
      "Could not find project: <hex>.",
    );
    assertIdentityError(
      await stage.identity(stage.ops, "GET", `/users/${"0".repeat(32)}`),
      404,
      "Not Found",
      "Could not find user: <hex>.",
    );
  }),
];
