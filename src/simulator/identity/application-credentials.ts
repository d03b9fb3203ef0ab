import { at, textAt } from "../exchange.ts";
import type { AccessRule, ApplicationCredential } from "../records.ts";
import { identityError, type Reply } from "../reply.ts";
import { isoMicros } from "../times.ts";
import { collection, type IdentityCall, requireAdmin, roleView } from "./call.ts";

const own = (call: IdentityCall, rule: string) => requireAdmin(call, rule, (auth) => auth.user.id === call.params.user);

function view(call: IdentityCall, credential: ApplicationCredential) {
  const roles = [...call.world.identity.roles.values()]
    .filter((role) => credential.roleIds.includes(role.id))
    .map(roleView);
  return {
    id: credential.id,
    name: credential.name,
    description: credential.description,
    user_id: credential.userId,
    project_id: credential.projectId,
    system: null,
    expires_at: credential.expiresAtMs === null ? null : isoMicros(credential.expiresAtMs),
    unrestricted: credential.unrestricted,
    roles,
    ...(credential.accessRules === null ? {} : { access_rules: credential.accessRules }),
    links: { self: `${call.exchange.base}/v3/users/${credential.userId}/application_credentials/${credential.id}` },
  };
}

export function listCredentials(call: IdentityCall): Reply {
  own(call, "identity:list_application_credentials");
  const mine = [...call.world.identity.applicationCredentials.values()].filter((c) => c.userId === call.params.user);
  return collection(
    call,
    "application_credentials",
    mine.map((c) => view(call, c)),
  );
}

/** For the caller's own user and the project of his token, with at most his roles there. */
export function createCredential(call: IdentityCall): Reply {
  const auth = call.auth();
  if (auth.user.id !== call.params.user)
    throw identityError(
      403,
      "You are not authorized to perform the requested action: identity:create_application_credential.",
    );
  if (auth.project === undefined)
    throw identityError(
      403,
      "You are not authorized to perform the requested action: identity:create_application_credential.",
    );
  const body = call.exchange.json();
  const asked = at(body, "application_credential", "roles");
  const wanted = Array.isArray(asked)
    ? asked.map((r: unknown) => textAt(r, "id") ?? call.world.identity.roleByName(textAt(r, "name") ?? "")?.id ?? "")
    : auth.roles.map((r) => r.id);
  if (!wanted.every((id) => auth.roles.some((r) => r.id === id))) {
    throw identityError(
      400,
      "Invalid application credential: Could not find role assignment with role: , user or group: , project, domain, or system: .",
    );
  }
  const { ids, identity } = call.world;
  const rules = at(body, "application_credential", "access_rules");
  const credential: ApplicationCredential = {
    id: ids.hex(),
    name: textAt(body, "application_credential", "name") ?? "",
    description: textAt(body, "application_credential", "description") ?? null,
    secret: textAt(body, "application_credential", "secret") ?? ids.hex(),
    userId: auth.user.id,
    projectId: auth.project.id,
    roleIds: wanted,
    unrestricted: at(body, "application_credential", "unrestricted") === true,
    accessRules: Array.isArray(rules)
      ? rules.map((rule: unknown): AccessRule => ({
          id: ids.hex(),
          service: textAt(rule, "service") ?? "",
          method: textAt(rule, "method") ?? "",
          path: textAt(rule, "path") ?? "",
        }))
      : null,
    expiresAtMs: null,
  };
  identity.applicationCredentials.set(credential.id, credential);
  return { status: 201, body: { application_credential: { ...view(call, credential), secret: credential.secret } } };
}

export function deleteCredential(call: IdentityCall): Reply {
  own(call, "identity:delete_application_credential");
  const id = call.params.credential ?? "";
  if (!call.world.identity.applicationCredentials.delete(id))
    throw identityError(404, `Could not find Application Credential: ${id}.`);
  return { status: 204 };
}
