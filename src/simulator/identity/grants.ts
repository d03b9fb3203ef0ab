import type { Assignment } from "../records.ts";
import { identityError, type Reply } from "../reply.ts";
import { collection, domainOf, type IdentityCall, requireAdmin, roleView } from "./call.ts";
import { findProject, findRole, findUser } from "./resources.ts";

/** The assignment that the URL names: of a project, or inherited from a domain. */
function named(call: IdentityCall): Assignment {
  const role = findRole(call);
  const user = findUser(call);
  if (call.params.project !== undefined)
    return { userId: user.id, roleId: role.id, projectId: findProject(call).id, inherited: false };
  const domainId = call.params.domain ?? "default";
  return {
    userId: user.id,
    roleId: role.id,
    domainId,
    inherited: call.exchange.path.endsWith("inherited_to_projects"),
  };
}

export function grant(call: IdentityCall): Reply {
  requireAdmin(call, "identity:create_grant");
  call.world.identity.grant(named(call));
  return { status: 204 };
}

export function revoke(call: IdentityCall): Reply {
  requireAdmin(call, "identity:revoke_grant");
  const assignment = named(call);
  if (!call.world.identity.revoke(assignment)) {
    throw identityError(
      404,
      `Could not find role assignment with role: ${assignment.roleId}, user or group: ${assignment.userId}, project, domain, or system: ${assignment.projectId ?? assignment.domainId ?? ""}.`,
    );
  }
  return { status: 204 };
}

export function listGrants(call: IdentityCall): Reply {
  requireAdmin(call, "identity:list_grants");
  const { identity } = call.world;
  const user = findUser(call);
  const own = identity.assignments.filter(
    (a) => a.userId === user.id && a.projectId === call.params.project && !a.inherited,
  );
  const roles = own.map((a) => findRole(call, a.roleId));
  return collection(
    call,
    "roles",
    roles.map((role) => ({ ...roleView(role), links: { self: `${call.exchange.base}/v3/roles/${role.id}` } })),
  );
}

/** GET /v3/role_assignments, with the filters user.id, role.id and scope.project.id, and include_names. */
export function listAssignments(call: IdentityCall): Reply {
  requireAdmin(call, "identity:list_role_assignments");
  const { identity } = call.world;
  const { query, base } = call.exchange;
  const names =
    query.has("include_names") && !["false", "0"].includes((query.get("include_names") ?? "").toLowerCase());
  const wanted = identity.assignments.filter(
    (a) =>
      (!query.has("user.id") || a.userId === query.get("user.id")) &&
      (!query.has("role.id") || a.roleId === query.get("role.id")) &&
      (!query.has("scope.project.id") || a.projectId === query.get("scope.project.id")),
  );
  const view = (a: Assignment) => {
    const user = identity.users.get(a.userId);
    const role = identity.roles.get(a.roleId);
    const project = a.projectId === undefined ? undefined : identity.projects.get(a.projectId);
    const place = a.projectId === undefined ? `domains/${a.domainId ?? ""}` : `projects/${a.projectId}`;
    const scope =
      a.projectId === undefined
        ? { domain: names ? domainOf(a.domainId ?? "") : { id: a.domainId } }
        : {
            project: names
              ? { id: a.projectId, name: project?.name, domain: domainOf(project?.domainId ?? "default") }
              : { id: a.projectId },
          };
    return {
      links: {
        assignment: a.inherited
          ? `${base}/v3/OS-INHERIT/${place}/users/${a.userId}/roles/${a.roleId}/inherited_to_projects`
          : `${base}/v3/${place}/users/${a.userId}/roles/${a.roleId}`,
      },
      scope: a.inherited ? { ...scope, "OS-INHERIT:inherited_to": "projects" } : scope,
      user: names
        ? { id: a.userId, name: user?.name, domain: domainOf(user?.domainId ?? "default") }
        : { id: a.userId },
      role: names ? { id: a.roleId, name: role?.name } : { id: a.roleId },
    };
  };
  return collection(call, "role_assignments", wanted.map(view));
}
