import { at, textAt } from "../exchange.ts";
import type { ApplicationCredential, Project, Token, User } from "../records.ts";
import { identityError, type Reply } from "../reply.ts";
import { isoMicrosZ } from "../times.ts";
import type { World } from "../world.ts";
import { collection, domainOf, type IdentityCall, projectView, unauthorized } from "./call.ts";
import { catalogue } from "./catalogue.ts";

/** POST /v3/auth/tokens */
export function createToken(call: IdentityCall): Reply {
  const body = tokenRequest(call);
  const methods = at(body, "auth", "identity", "methods");
  if (!Array.isArray(methods))
    throw identityError(400, "Invalid input for field 'identity/methods': None is not of type 'array'");
  if (methods.includes("application_credential")) return byApplicationCredential(call, body);
  const user = methods.includes("password")
    ? byPassword(call.world, body)
    : methods.includes("token")
      ? byToken(call.world, body)
      : undefined;
  if (user === undefined) throw unauthorized();
  const scope = at(body, "auth", "scope");
  const project = scopedProject(call.world, scope);
  if (project !== undefined && call.world.identity.rolesOf(user.id, project).length === 0) throw unauthorized();
  const names = methods.filter((m): m is string => typeof m === "string");
  return tokenReply(
    call,
    201,
    call.world.identity.issue({
      userId: user.id,
      projectId: project?.id ?? null,
      methods: names,
      applicationCredentialId: null,
    }),
  );
}

const malformed =
  "The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.";

function tokenRequest(call: IdentityCall): unknown {
  let body: unknown;
  try {
    body = JSON.parse(call.exchange.rawBody);
  } catch {
    throw identityError(400, `Expecting to find valid JSON in request body. ${malformed}`);
  }
  if (at(body, "auth") === undefined) throw identityError(400, `Expecting to find auth in request body. ${malformed}`);
  return body;
}

function byPassword(world: World, body: unknown): User | undefined {
  const given = at(body, "auth", "identity", "password", "user");
  const user = findUser(world, given);
  return user?.enabled === true && user.password === textAt(given, "password") ? user : undefined;
}

function byToken(world: World, body: unknown): User | undefined {
  return world.identity.validate(textAt(body, "auth", "identity", "token", "id"))?.user;
}

function byApplicationCredential(call: IdentityCall, body: unknown): Reply {
  const { identity } = call.world;
  const given = at(body, "auth", "identity", "application_credential");
  const id = textAt(given, "id");
  const owner = findUser(call.world, at(given, "user"));
  const found =
    id === undefined
      ? identity.applicationCredentials.values().find((c) => c.name === textAt(given, "name") && c.userId === owner?.id)
      : identity.applicationCredentials.get(id);
  if (id !== undefined && found === undefined)
    throw identityError(404, `Could not find Application Credential: ${id}.`);
  if (found === undefined || found.secret !== textAt(given, "secret") || isExpired(found, call.world.now()))
    throw unauthorized();
  if (at(body, "auth", "scope") !== undefined) {
    const message = "Error authenticating with application credential: Application credentials cannot request a scope.";
    const reply = identityError(401, message).reply;
    throw identityErrorWithIdentity(reply);
  }
  const token = identity.issue({
    userId: found.userId,
    projectId: found.projectId,
    methods: ["application_credential"],
    applicationCredentialId: found.id,
  });
  if (identity.validate(token.id) === undefined) throw unauthorized();
  return tokenReply(call, 201, token);
}

/** This one refusal carries an empty `identity` besides the usual three fields. */
function identityErrorWithIdentity(reply: Reply) {
  const error = at(reply.body, "error");
  const refusal = identityError(reply.status, "");
  return Object.assign(refusal, { reply: { ...reply, body: { error: { ...(error as object), identity: {} } } } });
}

const isExpired = (credential: ApplicationCredential, nowMs: number) =>
  credential.expiresAtMs !== null && credential.expiresAtMs <= nowMs;

function findUser(world: World, given: unknown): User | undefined {
  const id = textAt(given, "id");
  if (id !== undefined) return world.identity.users.get(id);
  const name = textAt(given, "name");
  return name === undefined ? undefined : world.identity.userByName(name, domainId(at(given, "domain")));
}

const domainId = (domain: unknown): string =>
  textAt(domain, "id") ?? textAt(domain, "name")?.toLowerCase() ?? "default";

function scopedProject(world: World, scope: unknown): Project | undefined {
  const given = at(scope, "project");
  if (given === undefined) return undefined;
  const id = textAt(given, "id");
  const name = textAt(given, "name");
  const project =
    id !== undefined
      ? world.identity.projects.get(id)
      : name !== undefined
        ? world.identity.projectByName(name, domainId(at(given, "domain")))
        : undefined;
  if (project?.enabled !== true) throw unauthorized();
  return project;
}

/** GET and HEAD /v3/auth/tokens */
export function showToken(call: IdentityCall): Reply {
  const caller = call.auth();
  const subject = call.exchange.header("x-subject-token");
  if (subject === undefined || call.world.identity.tokens.get(subject) === undefined) {
    throw identityError(
      404,
      subject?.startsWith("gAAAAA") === true ? "Failed to validate token" : "Could not recognize Fernet token",
    );
  }
  const auth = call.world.identity.validate(subject);
  if (auth === undefined) throw identityError(404, `Could not find token: ${subject}.`);
  if (!caller.isAdmin && caller.user.id !== auth.user.id)
    throw identityError(403, "You are not authorized to perform the requested action: identity:validate_token.");
  return tokenReply(call, 200, auth.token);
}

/** DELETE /v3/auth/tokens */
export function revokeToken(call: IdentityCall): Reply {
  const caller = call.auth();
  const subject = call.exchange.header("x-subject-token") ?? "";
  const token = call.world.identity.tokens.get(subject);
  if (token === undefined) throw identityError(404, "Could not recognize Fernet token");
  if (!caller.isAdmin && token.userId !== caller.user.id)
    throw identityError(403, "You are not authorized to perform the requested action: identity:revoke_token.");
  call.world.identity.tokens.delete(subject);
  return { status: 204 };
}

/** GET /v3/auth/projects: where the caller may ask for a scope. */
export function ownProjects(call: IdentityCall): Reply {
  const { user } = call.auth();
  const { identity } = call.world;
  const own = [...identity.projects.values()].filter(
    (project) => project.enabled && identity.rolesOf(user.id, project).length > 0,
  );
  return collection(
    call,
    "projects",
    own.map((project) => projectView(call, project)),
  );
}

function tokenReply(call: IdentityCall, status: number, token: Token): Reply {
  const { identity } = call.world;
  const auth = identity.validate(token.id);
  if (auth === undefined) throw unauthorized();
  const view: Record<string, unknown> = {
    methods: token.methods,
    user: { domain: domainOf(auth.user.domainId), id: auth.user.id, name: auth.user.name, password_expires_at: null },
    audit_ids: [token.auditId],
    expires_at: isoMicrosZ(token.expiresAtMs),
    issued_at: isoMicrosZ(token.issuedAtMs),
  };
  if (auth.project !== undefined) {
    view.project = { domain: domainOf(auth.project.domainId), id: auth.project.id, name: auth.project.name };
    view.is_domain = false;
    view.roles = auth.roles.map(({ id, name }) => ({ id, name }));
    view.catalog = catalogue(call.exchange.base.slice(0, -"/identity".length), auth.project.id);
  }
  const credential =
    token.applicationCredentialId === null
      ? undefined
      : identity.applicationCredentials.get(token.applicationCredentialId);
  if (credential !== undefined) {
    const shown = { id: credential.id, name: credential.name, restricted: !credential.unrestricted };
    view.application_credential =
      credential.accessRules === null ? shown : { ...shown, access_rules: credential.accessRules };
  }
  return { status, body: { token: view }, headers: { "X-Subject-Token": token.id } };
}
