import { at, textAt } from "../exchange.ts";
import type { Project, Role, User } from "../records.ts";
import { identityError, type Reply } from "../reply.ts";
import { collection, domainOf, type IdentityCall, projectView, requireAdmin, roleView, userView } from "./call.ts";

const notFound = (what: string, id: string) => identityError(404, `Could not find ${what}: ${id}.`);

export function findProject(call: IdentityCall, id = call.params.project ?? ""): Project {
  const found = call.world.identity.projects.get(id);
  if (found === undefined) throw notFound("project", id);
  return found;
}

export function findUser(call: IdentityCall, id = call.params.user ?? ""): User {
  const found = call.world.identity.users.get(id);
  if (found === undefined) throw notFound("user", id);
  return found;
}

export function findRole(call: IdentityCall, id = call.params.role ?? ""): Role {
  const found = call.world.identity.roles.get(id);
  if (found === undefined) throw notFound("role", id);
  return found;
}

/** Keystone filters by equality and ignores what it does not know. */
function matching<T>(
  call: IdentityCall,
  items: Iterable<T>,
  view: (item: T) => Record<string, unknown>,
): Record<string, unknown>[] {
  const filters = [...call.exchange.query].filter(([key]) => ["name", "domain_id", "enabled"].includes(key));
  return [...items]
    .map(view)
    .filter((item) => filters.every(([key, value]) => String(item[key]).toLowerCase() === value.toLowerCase()));
}

export function listProjects(call: IdentityCall): Reply {
  requireAdmin(call, "identity:list_projects");
  return collection(
    call,
    "projects",
    matching(call, call.world.identity.projects.values(), (p) => projectView(call, p)),
  );
}

export function showProject(call: IdentityCall): Reply {
  requireAdmin(call, "identity:get_project", (auth) => auth.project?.id === call.params.project);
  return { status: 200, body: { project: projectView(call, findProject(call)) } };
}

export function createProject(call: IdentityCall): Reply {
  requireAdmin(call, "identity:create_project");
  const body = call.exchange.json();
  const name = textAt(body, "project", "name") ?? "";
  const domainId = textAt(body, "project", "domain_id") ?? "default";
  const { identity, ids } = call.world;
  if (identity.projectByName(name, domainId) !== undefined) {
    throw identityError(
      409,
      `Conflict occurred attempting to store project - it is not permitted to have two projects with the same name in the same domain : ${name}.`,
    );
  }
  const project = { id: ids.hex(), name, domainId, enabled: true, tags: [] };
  identity.projects.set(project.id, project);
  return { status: 201, body: { project: projectView(call, project) } };
}

export function updateProject(call: IdentityCall): Reply {
  requireAdmin(call, "identity:update_project");
  const project = findProject(call);
  const enabled = at(call.exchange.json(), "project", "enabled");
  if (typeof enabled === "boolean") project.enabled = enabled;
  return { status: 200, body: { project: projectView(call, project) } };
}

export function deleteProject(call: IdentityCall): Reply {
  requireAdmin(call, "identity:delete_project");
  const { identity } = call.world;
  const project = findProject(call);
  identity.projects.delete(project.id);
  identity.assignments = identity.assignments.filter((a) => a.projectId !== project.id);
  for (const c of identity.applicationCredentials.values())
    if (c.projectId === project.id) identity.applicationCredentials.delete(c.id);
  return { status: 204 };
}

export function listUsers(call: IdentityCall): Reply {
  requireAdmin(call, "identity:list_users");
  return collection(
    call,
    "users",
    matching(call, call.world.identity.users.values(), (u) => userView(call, u)),
  );
}

export function showUser(call: IdentityCall): Reply {
  requireAdmin(call, "identity:get_user", (auth) => auth.user.id === call.params.user);
  return { status: 200, body: { user: userView(call, findUser(call)) } };
}

export function createUser(call: IdentityCall): Reply {
  requireAdmin(call, "identity:create_user");
  const body = call.exchange.json();
  const name = textAt(body, "user", "name") ?? "";
  const domainId = textAt(body, "user", "domain_id") ?? "default";
  const { identity, ids } = call.world;
  if (identity.userByName(name, domainId) !== undefined) {
    throw identityError(
      409,
      `Conflict occurred attempting to store user - Duplicate entry found with name ${name} at domain ID ${domainId}.`,
    );
  }
  const user = { id: ids.hex(), name, domainId, password: textAt(body, "user", "password") ?? "", enabled: true };
  identity.users.set(user.id, user);
  return { status: 201, body: { user: userView(call, user) } };
}

export function updateUser(call: IdentityCall): Reply {
  requireAdmin(call, "identity:update_user");
  const user = findUser(call);
  const body = call.exchange.json();
  const enabled = at(body, "user", "enabled");
  const password = textAt(body, "user", "password");
  if (typeof enabled === "boolean") user.enabled = enabled;
  if (password !== undefined) user.password = password;
  if (enabled === false || password !== undefined) call.world.identity.revokeTokensOf(user.id);
  return { status: 200, body: { user: userView(call, user) } };
}

export function deleteUser(call: IdentityCall): Reply {
  requireAdmin(call, "identity:delete_user");
  const { identity } = call.world;
  const user = findUser(call);
  identity.users.delete(user.id);
  identity.assignments = identity.assignments.filter((a) => a.userId !== user.id);
  for (const c of identity.applicationCredentials.values())
    if (c.userId === user.id) identity.applicationCredentials.delete(c.id);
  return { status: 204 };
}

export function listRoles(call: IdentityCall): Reply {
  requireAdmin(call, "identity:list_roles");
  const link = (role: Role) => ({ ...roleView(role), links: { self: `${call.exchange.base}/v3/roles/${role.id}` } });
  return collection(call, "roles", matching(call, call.world.identity.roles.values(), link));
}

export function listDomains(call: IdentityCall): Reply {
  requireAdmin(call, "identity:list_domains");
  const domain = { ...domainOf("default"), description: "The default domain", enabled: true, tags: [], options: {} };
  return collection(call, "domains", [{ ...domain, links: { self: `${call.exchange.base}/v3/domains/default` } }]);
}
