import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { testCertificate, testKey } from "./certificate.ts";

/** A request as the fake cloud got it. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
  /** `POST /volume/v3/p1/backups`. */
  readonly line: string;
}

export interface Reply {
  readonly status: number;
  /** A text goes out as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What to answer; or `drop`: reset the connection; or `stall`: never answer. */
export type Reaction = Reply | "drop" | "stall";
export type Handler = (seen: Seen, response: ServerResponse) => Reaction | null | Promise<Reaction | null>;

/**
 * The least of a cloud: Keystone gives tokens (`token-1`, `token-2`, ...) for a project, version documents are there, and everything else is what a test
 * says. Handlers are asked from the newest to the oldest; the first that does not return `null` answers.
 */
export class FakeCloud {
  readonly seen: Seen[] = [];
  /** Tokens that services accept; Keystone adds each new one. */
  readonly valid = new Set<string>();
  /** What the token's catalogue lists. */
  catalogue: readonly object[];
  tokenLifetimeMs = 3_600_000;
  readonly url: string;
  readonly #server: Server;
  readonly #handlers: Handler[] = [];
  #logins = 0;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
    this.catalogue = [
      { type: "compute", endpoints: [{ interface: "public", region_id: "R1", url: `${url}/compute/v2.1` }] },
      { type: "volumev3", endpoints: [{ interface: "public", region_id: "R1", url: `${url}/volume/v3/PROJECT` }] },
    ];
  }

  static async start({ tls = false }: { tls?: boolean } = {}): Promise<FakeCloud> {
    let cloud: FakeCloud | null = null;
    const listener: RequestListener = (request, response) => void cloud?.answer(request, response);
    const server = tls ? createTlsServer({ key: testKey, cert: testCertificate }, listener) : createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    cloud = new FakeCloud(server, `${tls ? "https" : "http"}://127.0.0.1:${port}`);
    return cloud;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Forgets what tests have said and sent. */
  reset(): void {
    this.#handlers.length = 0;
    this.seen.length = 0;
    this.valid.clear();
    this.#logins = 0;
  }

  on(handler: Handler): void {
    this.#handlers.unshift(handler);
  }

  /** Answers `line` (method and path) with `reactions` in turn; the last one stays. */
  reply(line: string, ...reactions: Reaction[]): void {
    let at = 0;
    this.on((seen) => {
      if (seen.line !== line) return null;
      const reaction = reactions[Math.min(at, reactions.length - 1)] ?? null;
      at += 1;
      return reaction;
    });
  }

  /** The requests with this method and path. */
  lines(line: string): Seen[] {
    return this.seen.filter((seen) => seen.line === line);
  }

  get logins(): Seen[] {
    return this.lines("POST /v3/auth/tokens");
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.url);
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString("utf8");
    const method = request.method ?? "";
    const seen: Seen = {
      method,
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: text === "" ? undefined : JSON.parse(text),
      line: `${method} ${url.pathname}`,
    };
    this.seen.push(seen);
    let reaction: Reaction | null = null;
    for (const handler of this.#handlers) {
      reaction = await handler(seen, response);
      if (reaction !== null) break;
    }
    reaction ??= this.#usual(seen);
    if (reaction === "stall") return;
    if (reaction === "drop") {
      request.socket.resetAndDestroy();
      return;
    }
    const { status, body = "", headers = {} } = reaction;
    response.writeHead(status, {
      "content-type": "application/json",
      "x-openstack-request-id": `req-answer-${this.seen.length}`,
      ...headers,
    });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  }

  #usual(seen: Seen): Reply {
    if (seen.line === "POST /v3/auth/tokens") return this.token(projectOf(seen.body));
    if (seen.line === "GET /compute/") {
      return { status: 200, body: { versions: [{ id: "v2.1", version: "2.93", min_version: "2.1" }] } };
    }
    if (seen.line === "GET /volume/") {
      return { status: 300, body: { versions: [{ id: "v3.0", version: "3.70", min_version: "3.0" }] } };
    }
    if (!this.valid.has(String(seen.headers["x-auth-token"]))) {
      return {
        status: 401,
        body: { error: { code: 401, message: "The request you have made requires authentication." } },
      };
    }
    return { status: 404, body: { itemNotFound: { code: 404, message: `${seen.path} could not be found.` } } };
  }

  /** Keystone's answer to a successful login. */
  token(projectId: string): Reply {
    this.#logins += 1;
    const value = `token-${this.#logins}`;
    this.valid.add(value);
    const issued = Date.parse("2026-01-01T00:00:00Z"); // Keystone's clock need not be ours
    return {
      status: 201,
      headers: { "x-subject-token": value },
      body: {
        token: {
          user: { id: "user-1" },
          project: { id: projectId },
          issued_at: new Date(issued).toISOString(),
          expires_at: new Date(issued + this.tokenLifetimeMs).toISOString(),
          catalog: JSON.parse(JSON.stringify(this.catalogue).replaceAll("PROJECT", projectId)) as unknown,
        },
      },
    };
  }

  /** The answer with which services refuse a token. */
  readonly refusesToken = (seen: Seen): boolean => !this.valid.has(String(seen.headers["x-auth-token"]));
}

interface LoginWire {
  readonly auth: { readonly scope?: { readonly project: { readonly id?: string } } };
}

const projectOf = (body: unknown): string => (body as LoginWire).auth.scope?.project.id ?? "own";
