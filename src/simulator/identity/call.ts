import type { Exchange } from "../exchange.ts";
import type { Project, Role, User } from "../records.ts";
import { authenticationRequired, identityError, type Reply } from "../reply.ts";
import type { Params } from "../router.ts";
import type { World } from "../world.ts";
import type { Auth } from "./state.ts";

/** What a handler of Keystone is given. */
export interface IdentityCall {
  readonly world: World;
  readonly exchange: Exchange;
  readonly params: Params;
  /** @throws {Refusal} 401 without a valid token. */
  readonly auth: () => Auth;
}

export type IdentityHandler = (call: IdentityCall) => Reply;

export const unauthorized = () => identityError(401, authenticationRequired);

/** @throws {Refusal} 403 unless the caller is an admin, or `orWhen` holds for him. */
export function requireAdmin(call: IdentityCall, rule: string, orWhen: (auth: Auth) => boolean = () => false): Auth {
  const auth = call.auth();
  if (!auth.isAdmin && !orWhen(auth))
    throw identityError(403, `You are not authorized to perform the requested action: ${rule}.`);
  return auth;
}

export const domainOf = (id: string) => ({ id, name: id === "default" ? "Default" : id });

export function projectView(call: IdentityCall, project: Project) {
  return {
    id: project.id,
    name: project.name,
    domain_id: project.domainId,
    description: "",
    enabled: project.enabled,
    parent_id: project.domainId,
    is_domain: false,
    tags: project.tags,
    options: {},
    links: { self: `${call.exchange.base}/v3/projects/${project.id}` },
  };
}

export function userView(call: IdentityCall, user: User) {
  return {
    id: user.id,
    name: user.name,
    domain_id: user.domainId,
    enabled: user.enabled,
    password_expires_at: null,
    options: {},
    links: { self: `${call.exchange.base}/v3/users/${user.id}` },
  };
}

export const roleView = (role: Role) => ({
  id: role.id,
  name: role.name,
  domain_id: null,
  description: null,
  options: { immutable: true },
});

export function collection(call: IdentityCall, name: string, items: readonly unknown[]): Reply {
  const { base, path, search } = call.exchange;
  return {
    status: 200,
    body: { [name]: items, links: { next: null, self: `${base}${path}${search}`, previous: null } },
  };
}
