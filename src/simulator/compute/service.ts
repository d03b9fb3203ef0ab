import type { Exchange } from "../exchange.ts";
import { accessRulesAllow } from "../identity/access-rules.ts";
import { unauthorized } from "../identity/call.ts";
import { microversionOf } from "../microversion.ts";
import { fault, noSuchRoute, Refusal, type Reply } from "../reply.ts";
import { Router } from "../router.ts";
import type { World } from "../world.ts";
import type { ComputeHandler } from "./call.ts";
import { listServers, listServersDetail } from "./listing.ts";
import * as metadata from "./metadata.ts";
import * as servers from "./servers.ts";

const range = { type: "compute", major: 2, minMinor: 1, maxMinor: 93 };

const routes: readonly (readonly [string, string, ComputeHandler])[] = [
  ["GET", "servers", listServers],
  ["GET", "servers/detail", listServersDetail],
  ["POST", "servers", servers.createServer],
  ["GET", "servers/{id}", servers.showServer],
  ["DELETE", "servers/{id}", servers.deleteServer],
  ["POST", "servers/{id}/action", servers.serverAction],
  ["GET", "servers/{id}/metadata", metadata.showMetadata],
  ["POST", "servers/{id}/metadata", metadata.mergeMetadata],
  ["PUT", "servers/{id}/metadata", metadata.replaceMetadata],
  ["PUT", "servers/{id}/metadata/{key}", metadata.putItem],
  ["DELETE", "servers/{id}/metadata/{key}", metadata.deleteItem],
  ["GET", "servers/{id}/os-volume_attachments", servers.listAttachments],
  ["POST", "servers/{id}/os-volume_attachments", servers.createAttachment],
  ["DELETE", "servers/{id}/os-volume_attachments/{volume}", servers.deleteAttachment],
];

const router = new Router<ComputeHandler>();
for (const [method, route, handler] of routes) router.add(method, route, handler);

const version = (base: string) => ({
  id: "v2.1",
  status: "CURRENT",
  version: "2.93",
  min_version: "2.1",
  updated: "2013-07-23T11:33:21Z",
  links: [{ rel: "self", href: `${base}/v2.1/` }],
});

/** The document of one version says a little more than its line in the list. */
const versionDocument = (base: string) => ({
  ...version(base),
  links: [...version(base).links, { rel: "describedby", type: "text/html", href: "http://docs.openstack.org/" }],
  "media-types": [{ base: "application/json", type: "application/vnd.openstack.compute+json;version=2.1" }],
});

/** Nova: answers one request. */
export function answerCompute(world: World, exchange: Exchange): Reply {
  if (exchange.segments.length === 0) return { status: 200, body: { versions: [version(exchange.base)] } };
  if (exchange.path === "/v2.1" || exchange.path === "/v2.1/") {
    exchange.route = "v2.1";
    return { status: 200, body: { version: versionDocument(exchange.base) } };
  }
  const auth = world.identity.validate(exchange.header("x-auth-token"));
  if (auth?.project === undefined || !accessRulesAllow(world.identity, auth.token, exchange)) {
    const { reply } = unauthorized();
    throw new Refusal({
      ...reply,
      headers: { "WWW-Authenticate": `Keystone uri="${exchange.base.replace(/\/compute$/, "/identity")}/v3"` },
    });
  }
  exchange.userId = auth.user.id;
  exchange.projectId = auth.project.id;
  const minor = microversionOf(exchange, range);
  const match = exchange.segments[0] === "v2.1" ? router.find(exchange.method, exchange.segments.slice(1)) : undefined;
  if (match === undefined) throw noSuchRoute(exchange.header("accept"));
  exchange.route = match.route;
  const versions = {
    "OpenStack-API-Version": `compute 2.${minor}`,
    "X-OpenStack-Nova-API-Version": `2.${minor}`,
    Vary: "OpenStack-API-Version",
  };
  try {
    const reply = match.handler({ world, exchange, params: match.params, auth, project: auth.project, minor });
    return { ...reply, headers: { ...reply.headers, ...versions } };
  } catch (error) {
    if (error instanceof Refusal)
      throw new Refusal({ ...error.reply, headers: { ...error.reply.headers, ...versions } });
    throw error;
  }
}

export const computeUnavailable = () => fault(503, "The service is unavailable.");
