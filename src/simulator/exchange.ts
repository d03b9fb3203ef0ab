import type { IncomingHttpHeaders } from "node:http";
import type { ServiceName } from "./records.ts";
import { fault } from "./reply.ts";

/** One request on its way through a service. */
export class Exchange {
  readonly service: ServiceName;
  readonly method: string;
  /** Below the service's base path, without the query: `/v3/backups/detail`. */
  readonly path: string;
  readonly segments: readonly string[];
  readonly search: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawBody: string;
  readonly nowMs: number;
  readonly requestId: string;
  /** The service's base URL as the client called it, without a version. */
  readonly base: string;
  /** Filled in for the request log once the router has found it. */
  route = "unknown";
  userId: string | undefined;
  projectId: string | undefined;
  #query: URLSearchParams | undefined;

  constructor(
    init: Pick<
      Exchange,
      "service" | "method" | "path" | "search" | "headers" | "rawBody" | "nowMs" | "requestId" | "base"
    >,
  ) {
    this.service = init.service;
    this.method = init.method;
    this.path = init.path;
    this.search = init.search;
    this.headers = init.headers;
    this.rawBody = init.rawBody;
    this.nowMs = init.nowMs;
    this.requestId = init.requestId;
    this.base = init.base;
    this.segments = init.path.split("/").filter((part) => part !== "");
  }

  get query(): URLSearchParams {
    return (this.#query ??= new URLSearchParams(this.search));
  }

  header(name: string): string | undefined {
    const value = this.headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  /** @throws {Refusal} 400 when the body is not JSON. */
  json(): unknown {
    if (this.rawBody === "") return undefined;
    try {
      return JSON.parse(this.rawBody);
    } catch {
      throw fault(400, "Malformed request body");
    }
  }
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The value below a path of keys, or undefined. */
export function at(value: unknown, ...keys: readonly string[]): unknown {
  let here = value;
  for (const key of keys) {
    if (!isRecord(here)) return undefined;
    here = here[key];
  }
  return here;
}

export const textAt = (value: unknown, ...keys: readonly string[]): string | undefined => {
  const found = at(value, ...keys);
  return typeof found === "string" ? found : undefined;
};
