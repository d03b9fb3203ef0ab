import type { CloudParameters } from "../domain/connection.ts";
import { errorFields, failure, type RequestInfo } from "./answer.ts";
import { newRequestId, type CloudDeps } from "./deps.ts";
import { AuthenticationFailed, CloudError, NoProjectAccess, SingleProjectMode } from "./errors.ts";
import type { Http } from "./http.ts";
import { waitFor } from "./limiter.ts";
import { loginBody, readToken, secretsOf, type Scope, type Token } from "./login.ts";

/** A token is replaced this long before its end, or at nine tenths of a short life. */
const marginMs = 120_000;

interface Held {
  readonly login: Promise<Token>;
  /** Set once the login has succeeded. */
  token: Token | null;
  /** By the monotonic clock. */
  staleAtMs: number;
}

/** One credential: its tokens, one per project, each asked for once however many callers want it. */
export class Session {
  readonly parameters: CloudParameters;
  readonly #http: Http;
  readonly #deps: CloudDeps;
  readonly #held = new Map<string, Held>();

  constructor(parameters: CloudParameters, http: Http, deps: CloudDeps) {
    this.parameters = parameters;
    this.#http = http;
    this.#deps = deps;
  }

  /** Keystone's address with `/v3`, no trailing slash. */
  get identityUrl(): string {
    const url = this.parameters.authUrl.replace(/\/+$/, "");
    return /\/v3$/.test(url) ? url : `${url}/v3`;
  }

  /**
   * A token for a project, or with `null` for the credential's own.
   * @param rejected a token that a service has answered 401 to: it is not given again. Callers that come with the same one share one login.
   * @throws AuthenticationFailed, NoProjectAccess, SingleProjectMode, CloudError; except for refusals with `reached: "no"`
   */
  async token(
    projectId: string | null,
    options: { rejected?: string; signal?: AbortSignal | undefined },
  ): Promise<Token> {
    if (projectId === null || this.parameters.auth.kind === "password") return this.#tokenFor(projectId, options);
    const own = await this.#tokenFor(null, options);
    if (own.projectId === projectId) return own;
    const detail = `the writer is an application credential of project ${own.projectId ?? "none"}: single-project mode`;
    throw new SingleProjectMode(projectId, detail, errorFields(this.#info(), { kind: "unfit", reached: "yes" }));
  }

  async #tokenFor(
    projectId: string | null,
    { rejected, signal }: { rejected?: string; signal?: AbortSignal | undefined },
  ): Promise<Token> {
    const key = projectId ?? "";
    const held = this.#held.get(key);
    const usable =
      held !== undefined && (held.token === null || (held.token.value !== rejected && this.#isFresh(held)));
    const { login } = usable ? held : this.#startLogin(key, projectId);
    try {
      return await waitFor(login, signal);
    } catch (error) {
      if (error instanceof CloudError || signal?.aborted !== true) throw error;
      throw failure(this.#info(), "the caller gave up", { kind: "aborted", reached: "no" });
    }
  }

  /** The login belongs to nobody: no caller's signal can end it for the others. It has a timeout. */
  #startLogin(key: string, projectId: string | null): Held {
    for (const [other, held] of this.#held) if (!this.#isFresh(held)) this.#held.delete(other);
    const started: Held = { login: this.#login(projectId), token: null, staleAtMs: 0 };
    this.#held.set(key, started);
    started.login.then(
      (token) => {
        started.token = token;
        started.staleAtMs =
          this.#deps.clock.monotonicMs() + Math.max(token.lifetimeMs - marginMs, token.lifetimeMs * 0.9);
      },
      () => {
        if (this.#held.get(key) === started) this.#held.delete(key);
      },
    );
    return started;
  }

  #isFresh(held: Held): boolean {
    return held.token === null || this.#deps.clock.monotonicMs() < held.staleAtMs;
  }

  async #login(projectId: string | null): Promise<Token> {
    const { auth } = this.parameters;
    const scope: Scope = projectId !== null ? { id: projectId } : (auth.kind === "password" && auth.project) || "none";
    try {
      return await this.#request(scope);
    } catch (error) {
      if (!(error instanceof CloudError) || error.status !== 401) throw error;
      // Keystone says 401 both for a wrong password and for a project without a role; only a login without a project tells which it was. The
      // credential's own project is not worth it: each failed login counts towards a lockout.
      if (projectId !== null && (await this.#isAccepted())) {
        const detail = "no role in the project, or it is disabled or gone";
        throw new NoProjectAccess(projectId, detail, { ...fieldsOf(error), reached: "yes" });
      }
      const own = projectId === null && scope !== "none" ? ", or gives it no role in its own project" : "";
      throw new AuthenticationFailed(`Keystone does not accept the credential${own}`, fieldsOf(error));
    }
  }

  async #isAccepted(): Promise<boolean> {
    try {
      await this.#request("none");
      return true;
    } catch (error) {
      if (error instanceof CloudError && error.status === 401) return false;
      throw error;
    }
  }

  async #request(scope: Scope): Promise<Token> {
    const info = this.#info();
    const answer = await this.#http.send({
      ...info,
      url: `${this.identityUrl}/${info.route}`,
      headers: {},
      body: loginBody(this.parameters.auth, scope),
    });
    return readToken(info, answer);
  }

  #info(): RequestInfo {
    return {
      service: "identity",
      method: "POST",
      route: "auth/tokens",
      sentRequestId: newRequestId(this.#deps.random),
      preparing: true,
      secrets: secretsOf(this.parameters.auth),
    };
  }
}

const fieldsOf = ({ kind, service, method, route, status, requestId, sentRequestId, reached }: CloudError) => ({
  kind,
  service,
  method,
  route,
  status,
  requestId,
  sentRequestId,
  reached,
});
