import type { Exchange } from "../exchange.ts";
import { identityError, Refusal, type Reply } from "../reply.ts";
import { Router } from "../router.ts";
import type { World } from "../world.ts";
import { accessRulesAllow } from "./access-rules.ts";
import { createCredential, deleteCredential, listCredentials } from "./application-credentials.ts";
import { type IdentityHandler, unauthorized } from "./call.ts";
import { grant, listAssignments, listGrants, revoke } from "./grants.ts";
import * as resources from "./resources.ts";
import type { Auth } from "./state.ts";
import { createToken, ownProjects, revokeToken, showToken } from "./tokens.ts";

const grantPath = "v3/projects/{project}/users/{user}/roles/{role}";
const inheritPath = "v3/OS-INHERIT/domains/{domain}/users/{user}/roles/{role}/inherited_to_projects";

const routes: readonly (readonly [string, string, IdentityHandler])[] = [
  ["POST", "v3/auth/tokens", createToken],
  ["GET", "v3/auth/tokens", showToken],
  ["HEAD", "v3/auth/tokens", showToken],
  ["DELETE", "v3/auth/tokens", revokeToken],
  ["GET", "v3/auth/projects", ownProjects],
  ["GET", "v3/projects", resources.listProjects],
  ["POST", "v3/projects", resources.createProject],
  ["GET", "v3/projects/{project}", resources.showProject],
  ["PATCH", "v3/projects/{project}", resources.updateProject],
  ["DELETE", "v3/projects/{project}", resources.deleteProject],
  ["GET", "v3/users", resources.listUsers],
  ["POST", "v3/users", resources.createUser],
  ["GET", "v3/users/{user}", resources.showUser],
  ["PATCH", "v3/users/{user}", resources.updateUser],
  ["DELETE", "v3/users/{user}", resources.deleteUser],
  ["GET", "v3/roles", resources.listRoles],
  ["GET", "v3/domains", resources.listDomains],
  ["GET", "v3/projects/{project}/users/{user}/roles", listGrants],
  ["PUT", grantPath, grant],
  ["DELETE", grantPath, revoke],
  ["PUT", inheritPath, grant],
  ["DELETE", inheritPath, revoke],
  ["PUT", "v3/domains/{domain}/users/{user}/roles/{role}", grant],
  ["DELETE", "v3/domains/{domain}/users/{user}/roles/{role}", revoke],
  ["GET", "v3/role_assignments", listAssignments],
  ["GET", "v3/users/{user}/application_credentials", listCredentials],
  ["POST", "v3/users/{user}/application_credentials", createCredential],
  ["DELETE", "v3/users/{user}/application_credentials/{credential}", deleteCredential],
];

const router = new Router<IdentityHandler>();
for (const [method, route, handler] of routes) router.add(method, route, handler);

const version = (base: string) => ({
  id: "v3.14",
  status: "stable",
  updated: "2020-04-07T00:00:00Z",
  links: [{ rel: "self", href: `${base}/v3/` }],
  "media-types": [{ base: "application/json", type: "application/vnd.openstack.identity-v3+json" }],
});

/** Keystone: answers one request. */
export function answerIdentity(world: World, exchange: Exchange): Reply {
  if (exchange.segments.length === 0) {
    return {
      status: 300,
      body: { versions: { values: [version(exchange.base)] } },
      headers: { Location: `${exchange.base}/v3/` },
    };
  }
  if (exchange.path === "/v3" || exchange.path === "/v3/") {
    exchange.route = "v3";
    return { status: 200, body: { version: version(exchange.base) } };
  }
  const match = router.find(exchange.method, exchange.segments);
  if (match === undefined) throw noPage();
  exchange.route = match.route;
  let auth: Auth | undefined;
  return match.handler({
    world,
    exchange,
    params: match.params,
    auth: () => (auth ??= authenticate(world, exchange)),
  });
}

function authenticate(world: World, exchange: Exchange): Auth {
  const auth = world.identity.validate(exchange.header("x-auth-token"));
  if (auth === undefined || !accessRulesAllow(world.identity, auth.token, exchange)) throw unauthorized();
  exchange.userId = auth.user.id;
  exchange.projectId = auth.project?.id;
  return auth;
}

const noPage = () =>
  new Refusal({
    status: 404,
    raw: "<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n",
    headers: { "Content-Type": "text/html; charset=utf-8" },
  });

export const identityUnavailable = () => identityError(503, "The service is unavailable.");
