import assert from "node:assert/strict";
import { type Answer, at, items } from "../driver.ts";
import { assertIdentityError, assertStatus, behaviour, type Behaviour, newBackup, newVolume } from "../objects.ts";
import type { Caller, Stage } from "../stage.ts";
import { credentialLogin, newCredential } from "./tokens.ts";

/** A user who is both administrator and member of one project, and his token. */
async function twoRoles(stage: Stage): Promise<{ caller: Caller }> {
  const user = await stage.newUser("two-roles");
  await stage.setRole("PUT", user.userId, stage.owner.projectId, "member");
  await stage.setRole("PUT", user.userId, stage.owner.projectId, "admin");
  return { caller: await stage.login(user, stage.owner.projectId) };
}

const roleNames = (answer: Answer): unknown[] =>
  items(answer.body, "token.roles")
    .map((role) => at(role, "name"))
    .sort();

const needsAuthentication = "The request you have made requires authentication.";
const read = (service: string, path: string) => ({ service, method: "GET", path });
const readerRules = [
  read("volumev3", "/v3/**"),
  read("block-storage", "/v3/**"),
  read("compute", "/v2.1/**"),
  read("identity", "/v3/**"),
];

export const roles: readonly Behaviour[] = [
  behaviour("after the only role in a project is taken away the next token request is a 401", async (stage) => {
    const user = await stage.newCaller("leaver", stage.owner.projectId, "member");
    assertStatus(await stage.setRole("DELETE", user.userId, user.projectId, "member"), 204);
    assertIdentityError(await stage.tryLogin(user, user.projectId), 401, "Unauthorized", needsAuthentication);
  }),
  behaviour("a token loses its force when the role behind it is taken away", async (stage) => {
    const user = await stage.newCaller("leaver", stage.owner.projectId, "member");
    assertStatus(await stage.setRole("DELETE", user.userId, user.projectId, "member"), 204);
    assertIdentityError(await stage.storage(user, "GET", "/volumes"), 401, "Unauthorized", needsAuthentication);
  }),
  behaviour("a token of two roles lives on with the one that is left", async (stage) => {
    const { caller } = await twoRoles(stage);
    await stage.setRole("DELETE", caller.userId, caller.projectId, "admin");
    const shown = await stage.identity(stage.ops, "GET", "/auth/tokens", undefined, {
      "X-Subject-Token": caller.token,
    });
    assert.deepEqual(roleNames(shown), ["member", "reader"]);
    assertStatus(await stage.storage(caller, "GET", "/volumes"), 200);
    assertStatus(await stage.storage(caller, "GET", "/os-services"), 403);
  }),
  behaviour("a former administrator sees only his own project, with 200 at Cinder and 403 at Nova", async (stage) => {
    const user = await stage.newUser("former");
    await stage.setRole("PUT", user.userId, stage.stranger.projectId, "member");
    await stage.setRole("PUT", user.userId, stage.stranger.projectId, "admin");
    await stage.setRole("DELETE", user.userId, stage.stranger.projectId, "admin");
    const caller = await stage.login(user, stage.stranger.projectId);
    await newVolume(stage, stage.owner);
    const volumes = await stage.storage(caller, "GET", "/volumes/detail?all_tenants=1");
    assertStatus(volumes, 200);
    assert.deepEqual(
      items(volumes.body, "volumes").filter(
        (volume) => at(volume, "os-vol-tenant-attr:tenant_id") !== stage.stranger.projectId,
      ),
      [],
    );
    assertStatus(await stage.compute(caller, "GET", "/servers/detail?all_tenants=1"), 403);
  }),
  behaviour("an application credential is worth the roles its user still has", async (stage) => {
    const { caller } = await twoRoles(stage);
    const credential = await newCredential(stage, caller, { roles: [{ name: "admin" }, { name: "member" }] });
    assert.deepEqual(roleNames(await credentialLogin(stage, credential)), ["admin", "member"]);
    await stage.setRole("DELETE", caller.userId, caller.projectId, "admin");
    assert.deepEqual(roleNames(await credentialLogin(stage, credential)), ["member"]);
    await stage.setRole("DELETE", caller.userId, caller.projectId, "member");
    assertIdentityError(await credentialLogin(stage, credential), 401, "Unauthorized", needsAuthentication);
  }),
  behaviour(
    "an application credential of the role admin alone is a 401 once that role is gone, its token too",
    async (stage) => {
      const { caller } = await twoRoles(stage);
      const credential = await newCredential(stage, caller, { roles: [{ name: "admin" }] });
      const login = await credentialLogin(stage, credential);
      const reader: Caller = { ...caller, token: login.headers.get("x-subject-token") ?? "" };
      await stage.setRole("DELETE", caller.userId, caller.projectId, "admin");
      assertIdentityError(await credentialLogin(stage, credential), 401, "Unauthorized", needsAuthentication);
      assertIdentityError(await stage.storage(reader, "GET", "/volumes"), 401, "Unauthorized", needsAuthentication);
    },
  ),
  behaviour("a role inherited from the domain counts in its projects, until it is taken away", async (stage) => {
    const user = await stage.newUser("inheritor");
    const project = await stage.newProject("inherited");
    assertStatus(await stage.tryLogin(user, project), 401);
    assertStatus(await stage.inheritRole("PUT", user.userId, "member"), 204);
    assert.deepEqual(roleNames(await stage.tryLogin(user, project)), ["member", "reader"]);
    assertStatus(await stage.inheritRole("DELETE", user.userId, "member"), 204);
    assertStatus(await stage.tryLogin(user, project), 401);
  }),
  behaviour("a disabled project gives no token and ends those there are", async (stage) => {
    const tenant = await stage.newTenant("disabled");
    assertStatus(
      await stage.identity(stage.ops, "PATCH", `/projects/${tenant.projectId}`, { project: { enabled: false } }),
      200,
    );
    assertIdentityError(await stage.tryLogin(tenant, tenant.projectId), 401, "Unauthorized", needsAuthentication);
    assertIdentityError(await stage.storage(tenant, "GET", "/volumes"), 401, "Unauthorized", needsAuthentication);
  }),
  behaviour("a role that is not there cannot be taken away", async (stage) => {
    const answer = await stage.setRole("DELETE", stage.stranger.userId, stage.owner.projectId, "member");
    const message =
      "Could not find role assignment with role: <hex>, user or group: <hex>, project, domain, or system: <hex>.";
    assertIdentityError(answer, 404, "Not Found", message);
  }),
  behaviour("a disabled user cannot log in, and his token ends", async (stage) => {
    const user = await stage.newCaller("disabled", stage.owner.projectId, "member");
    assertStatus(await stage.identity(stage.ops, "PATCH", `/users/${user.userId}`, { user: { enabled: false } }), 200);
    assertIdentityError(await stage.tryLogin(user, user.projectId), 401, "Unauthorized", needsAuthentication);
    assertIdentityError(await stage.storage(user, "GET", "/volumes"), 401, "Unauthorized", needsAuthentication);
  }),
  behaviour("access rules let an administrator read everywhere and answer 401 to every change", async (stage) => {
    const credential = await newCredential(stage, stage.ops, { roles: [{ name: "admin" }], access_rules: readerRules });
    const login = await credentialLogin(stage, credential);
    assertStatus(login, 201);
    const reader: Caller = { ...stage.ops, token: login.headers.get("x-subject-token") ?? "" };
    const volumeId = await newVolume(stage, stage.owner);
    assertStatus(await stage.storage(reader, "GET", "/volumes/detail?all_tenants=1"), 200);
    assertStatus(await stage.storage(reader, "GET", "/backups/detail?all_tenants=1"), 200);
    assertStatus(await stage.compute(reader, "GET", "/servers/detail?all_tenants=1"), 200);
    assertStatus(await stage.identity(reader, "GET", "/projects"), 200);
    assertIdentityError(
      await stage.storage(reader, "POST", "/volumes", { volume: { size: 1 } }),
      401,
      "Unauthorized",
      needsAuthentication,
    );
    assertIdentityError(
      await stage.storage(reader, "DELETE", `/volumes/${volumeId}`),
      401,
      "Unauthorized",
      needsAuthentication,
    );
    assertIdentityError(
      await stage.compute(reader, "DELETE", `/servers/${volumeId}`),
      401,
      "Unauthorized",
      needsAuthentication,
    );
    assertStatus(await stage.storage(stage.owner, "GET", `/volumes/${volumeId}`), 200);
  }),
  behaviour("an access rule with one star lets one segment through, and nothing that is not named", async (stage) => {
    const rules = [
      read("volumev3", "/v3/backups/*"),
      { service: "volumev3", method: "GET", path: "/v3/{project_id}/volumes" },
    ];
    const login = await credentialLogin(stage, await newCredential(stage, stage.owner, { access_rules: rules }));
    const narrow: Caller = { ...stage.owner, token: login.headers.get("x-subject-token") ?? "" };
    assert.deepEqual(
      items(login.body, "token.application_credential.access_rules")
        .map((rule) => at(rule, "path"))
        .sort(),
      ["/v3/backups/*", "/v3/{project_id}/volumes"],
    );
    assertStatus(await stage.storage(narrow, "GET", "/backups/detail"), 200);
    assertStatus(await stage.storage(narrow, "GET", `/${stage.owner.projectId}/volumes`), 200);
    assertStatus(await stage.storage(narrow, "GET", "/volumes"), 401);
    assertStatus(await stage.storage(narrow, "GET", "/backups/x/y"), 401);
    assertStatus(await stage.compute(narrow, "GET", "/servers"), 401);
  }),
  behaviour(
    "the policies of Zed do not tell a reader of a project from a member: he may change things too",
    async (stage) => {
      const volumeId = await newVolume(stage, stage.owner);
      const id = await newBackup(stage, stage.guest, volumeId);
      assertStatus(
        await stage.storage(stage.guest, "PUT", `/backups/${id}`, { backup: { metadata: { by: "guest" } } }),
        200,
      );
      assertStatus(await stage.storage(stage.guest, "POST", "/snapshots", { snapshot: { volume_id: volumeId } }), 202);
      assertStatus(await stage.storage(stage.guest, "DELETE", `/backups/${id}`), 202);
    },
  ),
];
