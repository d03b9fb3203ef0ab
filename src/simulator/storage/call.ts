import { type Exchange, isRecord } from "../exchange.ts";
import type { Auth } from "../identity/state.ts";
import type { Project } from "../records.ts";
import { fault, type Reply } from "../reply.ts";
import type { Params } from "../router.ts";
import type { World } from "../world.ts";

/** What a handler of Cinder is given. */
export interface StorageCall {
  readonly world: World;
  readonly exchange: Exchange;
  readonly params: Params;
  readonly auth: Auth;
  /** The project of the token; Cinder acts in no other. */
  readonly project: Project;
  /** The 70 of 3.70. */
  readonly minor: number;
  /** Where links point: with the project id when the request's URL had it. */
  readonly linkBase: string;
  readonly bookmarkBase: string;
}

export type StorageHandler = (call: StorageCall) => Reply;

export const forbidden = (rule: string) => fault(403, `Policy doesn't allow ${rule} to be performed.`);

export function requireAdmin(call: StorageCall, rule: string): void {
  if (!call.auth.isAdmin) throw forbidden(rule);
}

interface Owned {
  readonly projectId: string;
}

/** What belongs to other projects does not exist, except for an admin. */
export function visible<T extends Owned>(call: StorageCall, item: T | undefined): item is T {
  return item !== undefined && (call.auth.isAdmin || item.projectId === call.project.id);
}

export const notFound = (kind: "Backup" | "Volume" | "Snapshot", id: string) =>
  fault(404, `${kind} ${id} could not be found.`);

export const linksOf = (call: StorageCall, collection: string, id: string) => [
  { rel: "self", href: `${call.linkBase}/${collection}/${id}` },
  { rel: "bookmark", href: `${call.bookmarkBase}/${collection}/${id}` },
];

export const metadataKeys = "^[a-zA-Z0-9-_:. /]{1,255}$";

/** A body whose key names no action of the object. */
export function noSuchAction(body: unknown) {
  const [name = "None"] = isRecord(body) ? Object.keys(body) : [];
  return fault(400, `There is no such action: ${name}. Verify the request body and Content-Type header and try again.`);
}
