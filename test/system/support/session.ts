/**
 * Plain calls to the real cloud, for preparing and judging. It shares nothing with `src/openstack`: a mistake
 * there must not repeat itself in the test that should find it.
 */

/** Who logs in. Domains are always `Default`. */
export type Login =
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  | { readonly kind: "appcred"; readonly id: string; readonly secret: string };

/** What a token is for; application credentials bring their own project and ask for no scope. */
export type Scope = { readonly projectId: string } | { readonly projectName: string } | undefined;

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed JSON, or undefined where the body is none. */
  readonly body: unknown;
  readonly text: string;
}

export type Service = "identity" | "compute" | "volumev3" | "block-storage" | "image";
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD";

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

interface TokenWire {
  readonly token: {
    readonly user: { readonly id: string };
    readonly project?: { readonly id: string; readonly name: string };
    readonly roles: readonly { readonly name: string }[];
    readonly catalog?: readonly {
      readonly type: string;
      readonly endpoints: readonly { readonly interface: string; readonly url: string }[];
    }[];
  };
}

/** The newest the Zed services know. */
const MICROVERSIONS = "compute 2.93, volume 3.70";

async function send(method: Method, url: string, token: string | undefined, options: CallOptions): Promise<Reply> {
  const answer = await fetch(url, {
    method,
    redirect: "manual",
    signal: AbortSignal.timeout(60_000),
    headers: {
      accept: "application/json",
      "openstack-api-version": MICROVERSIONS,
      ...(token === undefined ? {} : { "x-auth-token": token }),
      ...(options.body === undefined ? {} : { "content-type": "application/json" }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
  });
  const text = await answer.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  return { status: answer.status, headers: answer.headers, body, text };
}

/** An answer of 400 or above where success was needed. */
export class RefusedError extends Error {
  readonly reply: Reply;
  constructor(method: string, url: string, reply: Reply) {
    super(`${method} ${url} answered ${reply.status}: ${reply.text.slice(0, 500)}`);
    this.name = "RefusedError";
    this.reply = reply;
  }
}

/** One token and what comes with it. Tokens of this cloud live an hour: log in once per suite. */
export class Session {
  readonly token: string;
  readonly userId: string;
  readonly projectId: string;
  readonly roles: readonly string[];
  readonly #urls: ReadonlyMap<string, string>;

  private constructor(token: string, wire: TokenWire) {
    this.token = token;
    this.userId = wire.token.user.id;
    this.projectId = wire.token.project?.id ?? "";
    this.roles = wire.token.roles.map((r) => r.name);
    this.#urls = new Map(
      (wire.token.catalog ?? []).map((s) => [s.type, s.endpoints.find((e) => e.interface === "public")?.url ?? ""]),
    );
  }

  /** @throws RefusedError when Keystone refuses the login or the scope */
  static async login(authUrl: string, login: Login, scope?: Scope): Promise<Session> {
    const domain = { id: "default" };
    const identity =
      login.kind === "password"
        ? { methods: ["password"], password: { user: { name: login.user, domain, password: login.password } } }
        : { methods: ["application_credential"], application_credential: { id: login.id, secret: login.secret } };
    const project =
      scope === undefined
        ? undefined
        : "projectId" in scope
          ? { id: scope.projectId }
          : { name: scope.projectName, domain };
    const url = `${authUrl}/auth/tokens`;
    const body = { auth: { identity, ...(project === undefined ? {} : { scope: { project } }) } };
    const reply = await send("POST", url, undefined, { body });
    const token = reply.headers.get("x-subject-token");
    if (reply.status !== 201 || token === null) throw new RefusedError("POST", url, reply);
    return new Session(token, reply.body as TokenWire);
  }

  /** The public endpoint from the catalogue, without a trailing slash. */
  url(service: Service): string {
    const url = this.#urls.get(service);
    if (url === undefined) throw new Error(`the catalogue has no ${service}`);
    return url.replace(/\/$/, "");
  }

  /** Any answer is returned as it is. `path` starts with `/` and follows the catalogue's URL. */
  async raw(method: Method, service: Service, path: string, options: CallOptions = {}): Promise<Reply> {
    return send(method, this.url(service) + path, this.token, options);
  }

  /** As `raw`, with a whole URL. */
  async rawUrl(method: Method, url: string, options: CallOptions = {}): Promise<Reply> {
    return send(method, url, this.token, options);
  }

  /**
   * The body of a successful answer, as the type the caller knows it has.
   * @throws RefusedError from 400 on
   */
  async call<T = unknown>(method: Method, service: Service, path: string, body?: unknown): Promise<T> {
    const reply = await this.raw(method, service, path, body === undefined ? {} : { body });
    if (reply.status >= 400) throw new RefusedError(method, this.url(service) + path, reply);
    return reply.body as T;
  }

  /** All rows of a listing, page by page. `path` may have a query; `key` is the array's name in the answer. */
  async list<T extends { readonly id: string }>(
    service: Service,
    path: string,
    key: string,
    pageSize = 500,
  ): Promise<T[]> {
    const rows: T[] = [];
    for (;;) {
      const query = new URLSearchParams({ limit: String(pageSize) });
      const last = rows.at(-1);
      if (last !== undefined) query.set("marker", last.id);
      const page = await this.call<Record<string, T[]>>(
        "GET",
        service,
        `${path}${path.includes("?") ? "&" : "?"}${query.toString()}`,
      );
      const found = page[key] ?? [];
      rows.push(...found);
      if (found.length < pageSize) return rows;
    }
  }
}
