import { at } from "../exchange.ts";
import { fault, type Reply } from "../reply.ts";
import { checkMetadata } from "../schema.ts";
import { wholeSecond } from "../times.ts";
import { type ComputeCall, findServer, requireChangeable } from "./call.ts";

const keys = "^[a-zA-Z0-9-_:. ]{1,255}$";
const changeable = ["active", "paused", "suspended", "stopped"];
const maxItems = 128;

export const showMetadata = (call: ComputeCall): Reply => ({
  status: 200,
  body: { metadata: findServer(call).metadata },
});

/** POST: what is given is merged into what there is. */
export const mergeMetadata = (call: ComputeCall): Reply => write(call, false);

/** PUT of the collection: what is given takes the place of everything. */
export const replaceMetadata = (call: ComputeCall): Reply => write(call, true);

function write(call: ComputeCall, replace: boolean): Reply {
  const given = at(call.exchange.json(), "metadata");
  if (given === undefined) throw fault(400, "'metadata' is a required property");
  const metadata = checkMetadata("metadata", given, keys);
  const server = findServer(call);
  requireChangeable(call, server, "update metadata", changeable);
  const merged = replace ? { ...metadata } : { ...server.metadata, ...metadata };
  if (Object.keys(merged).length > maxItems) throw fault(403, "Maximum number of metadata items exceeds 128");
  server.metadata = merged;
  server.updatedAtMs = wholeSecond(call.exchange.nowMs);
  return { status: 200, body: { metadata: merged } };
}

export function putItem(call: ComputeCall): Reply {
  const key = call.params.key ?? "";
  const meta = checkMetadata("meta", at(call.exchange.json(), "meta"), keys);
  const server = findServer(call);
  if (meta[key] === undefined) throw fault(400, "Request body and URI mismatch");
  requireChangeable(call, server, "update metadata", changeable);
  server.metadata = { ...server.metadata, ...meta };
  server.updatedAtMs = wholeSecond(call.exchange.nowMs);
  return { status: 200, body: { meta } };
}

export function deleteItem(call: ComputeCall): Reply {
  const key = call.params.key ?? "";
  const server = findServer(call);
  if (server.metadata[key] === undefined) throw fault(404, "Metadata item was not found");
  requireChangeable(call, server, "delete metadata", changeable);
  server.metadata = Object.fromEntries(Object.entries(server.metadata).filter(([name]) => name !== key));
  server.updatedAtMs = wholeSecond(call.exchange.nowMs);
  return { status: 204 };
}
