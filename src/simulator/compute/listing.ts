import type { Server } from "../records.ts";
import { fault, type Reply } from "../reply.ts";
import { isBooleanText, isTrue } from "../schema.ts";
import { type ComputeCall, forbidden } from "./call.ts";
import { detailView, statusOf, summaryView } from "./view.ts";

const pageLimit = 1000;

const known = new Set([
  "all_tenants", "changes-since", "changes-before", "deleted", "host", "image", "flavor", "ip", "limit", "marker", "metadata", "name", "project_id", "tenant_id",
  "reservation_id", "sort_dir", "sort_key", "status", "tags", "tags-any", "not-tags", "user_id", "uuid", "vm_state", "task_state", "locked", "created_at", "availability_zone",
]); // prettier-ignore

export const listServers = (call: ComputeCall): Reply => list(call, false);
export const listServersDetail = (call: ComputeCall): Reply => list(call, true);

function list(call: ComputeCall, detail: boolean): Reply {
  const { query } = call.exchange;
  for (const key of query.keys()) {
    if (!known.has(key) && !key.startsWith("_")) throw fault(400, `'${key}' does not match any of the regexes: '^_'`);
  }
  const everywhere = allTenants(call, detail);
  if (call.auth.isAdmin && query.has("metadata")) throw fault(400, "Invalid filter field: metadata.");
  const limit = pageSize(query.get("limit"));
  const servers = sorted(call, call.world.servers.values()).filter(
    (server) => (everywhere || server.projectId === call.project.id) && matches(server, query, call.auth.isAdmin),
  );
  const start = startAfter(servers, query.get("marker"));
  const page = servers.slice(start, start + limit);
  const views = page.map((server) => (detail ? detailView(call, server) : summaryView(call, server)));
  const last = page.at(-1);
  if (last === undefined || page.length < limit) return { status: 200, body: { servers: views } };
  const next = new URLSearchParams(query);
  next.set("marker", last.id);
  const href = `${call.exchange.base}/v2.1/servers${detail ? "/detail" : ""}?${sortedQuery(next)}`;
  return { status: 200, body: { servers: views, servers_links: [{ rel: "next", href }] } };
}

/** Nova sorts the parameters of the link by name. */
function sortedQuery(query: URLSearchParams): string {
  query.sort();
  return query.toString();
}

function allTenants(call: ComputeCall, detail: boolean): boolean {
  const asked = call.exchange.query.get("all_tenants");
  if (asked === null) return false;
  if (asked !== "" && !isBooleanText(asked))
    throw fault(400, `Invalid input for query parameters all_tenants. Value: ${asked}. '${asked}' is not a boolean`);
  if (asked !== "" && !isTrue(asked)) return false;
  if (!call.auth.isAdmin) throw forbidden(`os_compute_api:servers:${detail ? "detail" : "index"}:get_all_tenants`);
  return true;
}

function pageSize(text: string | null): number {
  if (text === null || text === "") return pageLimit;
  if (!/^[0-9]*$/.test(text))
    throw fault(400, `Invalid input for query parameters limit. Value: ${text}. '${text}' does not match '^[0-9]*$'`);
  return Math.min(Number(text), pageLimit);
}

/** Newest first unless asked otherwise. */
function sorted(call: ComputeCall, servers: readonly Server[]): Server[] {
  const key = call.exchange.query.get("sort_key") ?? "created_at";
  const ascending = call.exchange.query.get("sort_dir") === "asc";
  if (key === "created_at") return ascending ? [...servers] : servers.toReversed();
  const value = (server: Server) =>
    key === "display_name" || key === "name" ? server.name : key === "uuid" ? server.id : server.vmState;
  return [...servers].sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * (ascending ? 1 : -1));
}

function matches(server: Server, query: URLSearchParams, admin: boolean): boolean {
  const is = (name: string, test: (value: string) => boolean) =>
    query.get(name) === null || test(query.get(name) ?? "");
  const owner = (value: string) => !admin || server.projectId === value;
  return (
    is("status", (value) => statusOf(server) === value.toUpperCase()) &&
    is("name", (value) => new RegExp(value).test(server.name)) &&
    is("project_id", owner) &&
    is("tenant_id", owner) &&
    is("user_id", (value) => !admin || server.userId === value) &&
    is("host", (value) => !admin || value === "aio") &&
    is("tags", (value) => value.split(",").every((tag) => server.tags.includes(tag))) &&
    is("changes-since", (value) => server.updatedAtMs >= Date.parse(value))
  );
}

function startAfter(servers: readonly Server[], marker: string | null): number {
  if (marker === null) return 0;
  const found = servers.findIndex((server) => server.id === marker);
  if (found < 0) throw fault(400, `marker [${marker}] not found`);
  return found + 1;
}
