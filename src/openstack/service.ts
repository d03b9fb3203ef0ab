import { errorFields, failure, readBody, refusal, type Answer, type Method, type RequestInfo } from "./answer.ts";
import { findEndpoint, splitVersion, type CatalogueService, type Found } from "./catalogue.ts";
import { newRequestId, type CloudDeps } from "./deps.ts";
import { CloudError, CloudUnfit, type ServiceName } from "./errors.ts";
import type { Http } from "./http.ts";
import { secretsOf, type Token } from "./login.ts";
import { requirements } from "./microversion.ts";
import { isTransient, retryDelayMs, type RetryPolicy } from "./retry.ts";
import type { Session } from "./session.ts";
import type { Versions } from "./versions.ts";
import type { Row } from "./wire.ts";

export interface Call {
  readonly method: Method;
  /** Below the endpoint, e.g. `backups/{id}`: errors, logs and I/O steps show it like this. */
  readonly route: string;
  /** What goes into the placeholders of {@link route}. */
  readonly ids?: Readonly<Record<string, string>>;
  readonly query?: URLSearchParams;
  readonly body?: unknown;
  /** The one status that means success. */
  readonly expect: number;
  /** Sends the token once more as `X-Service-Token`: only to find out whether a service falls for it. */
  readonly asService?: boolean;
  readonly signal: AbortSignal;
}

export interface Read<T> {
  readonly value: T;
  readonly requestId: string | null;
  /** The error for an answer that turns out to make no sense later on. */
  readonly malformed: (detail: string) => CloudError;
}

/** What all service clients of one cloud share. */
export interface Wiring {
  readonly http: Http;
  readonly session: Session;
  readonly versions: Versions;
  readonly retries: RetryPolicy;
  readonly deps: CloudDeps;
}

/** Where a request goes, and the headers that take it there. */
interface Route {
  readonly base: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly forgetVersion: () => void;
}

/**
 * Talks to one service with the tokens of one project: endpoint, microversion, one login more after a 401, and, for GET only, retries. What changes
 * something is sent once; after a 401 once more, since a service refuses it before any work.
 */
export class ServiceClient {
  readonly #service: ServiceName;
  readonly #projectId: string | null;
  readonly #wiring: Wiring;

  /** @param projectId scope of the tokens; `null` is the credential's own */
  constructor(service: ServiceName, projectId: string | null, wiring: Wiring) {
    this.#service = service;
    this.#projectId = projectId;
    this.#wiring = wiring;
  }

  /** What `read` takes from the answer's body. @throws CloudError */
  async read<T>(call: Call, read: (body: Row) => T): Promise<Read<T>> {
    const { info, answer } = await this.#request(call);
    const value = readBody(info, answer, read);
    const malformed = (detail: string): CloudError =>
      failure(info, detail, { kind: "malformed", reached: "yes", answer });
    return { value, requestId: answer.requestId, malformed };
  }

  /** For calls whose answer has nothing to say but its status. @throws CloudError */
  async send(call: Call): Promise<{ requestId: string | null }> {
    const { answer } = await this.#request(call);
    return { requestId: answer.requestId };
  }

  /** The status that one call is answered with, whatever it is. Nothing is tried again except after a 401. @throws CloudError without an answer */
  async status(call: Call): Promise<number> {
    const tried = await this.#try(call, newRequestId(this.#wiring.deps.random));
    if (tried.error === null) return tried.answer.status;
    if (tried.error.status === null) throw tried.error;
    return tried.error.status;
  }

  /** The microversion in use. @throws CloudError, CloudUnfit */
  async microversion(signal: AbortSignal): Promise<string> {
    const info = this.#info({ method: "GET", route: "versions" }, newRequestId(this.#wiring.deps.random));
    const token = await this.#wiring.session.token(this.#projectId, { signal });
    const { headers } = await this.#route(info, token, signal);
    return headers["openstack-api-version"]?.split(" ").at(-1) ?? "";
  }

  async #request(call: Call): Promise<{ info: RequestInfo; answer: Answer }> {
    const { deps, retries } = this.#wiring;
    const sentRequestId = newRequestId(deps.random);
    for (let tries = 1; ; tries += 1) {
      const tried = await this.#try(call, sentRequestId);
      if (tried.error === null) return tried;
      const { answer, error } = tried;
      const failed = {
        kind: error.kind,
        status: error.status,
        retryAfter: answer?.headers.get("retry-after") ?? null,
        date: answer?.headers.get("date") ?? null,
      };
      const waitMs =
        call.method === "GET"
          ? retryDelayMs(failed, tries, { policy: retries, now: deps.clock.now(), random: deps.random })
          : null;
      if (waitMs === null) throw error;
      deps.log.debug({ service: this.#service, route: call.route, tries, waitMs, error: error.message }, "retrying");
      await this.#pause(waitMs, call, sentRequestId);
    }
  }

  async #pause(waitMs: number, call: Call, sentRequestId: string): Promise<void> {
    try {
      await this.#wiring.deps.clock.sleep(waitMs, call.signal);
    } catch (error) {
      if (!call.signal.aborted) throw error;
      throw failure(this.#info(call, sentRequestId), "the caller gave up", { kind: "aborted", reached: "no" });
    }
  }

  /** One try: token and endpoint, the request, and after a 401 both once more. */
  async #try(
    call: Call,
    sentRequestId: string,
  ): Promise<{ info: RequestInfo; answer: Answer; error: null } | { answer?: Answer; error: CloudError }> {
    const { signal } = call;
    const { session } = this.#wiring;
    try {
      let token = await session.token(this.#projectId, { signal });
      let sent = await this.#sendOnce(call, token, sentRequestId);
      if (sent.answer.status === 401) {
        token = await session.token(this.#projectId, { rejected: token.value, signal });
        sent = await this.#sendOnce(call, token, sentRequestId);
      }
      const { info, answer, route } = sent;
      if (answer.status === 406) route.forgetVersion(); // replaced by an older or newer service: ask again next time
      if (answer.status === call.expect) return { info, answer, error: null };
      return { answer, error: refusal(info, answer) };
    } catch (error) {
      if (error instanceof CloudError && isTransient(error)) return { error };
      throw error;
    }
  }

  async #sendOnce(
    call: Call,
    token: Token,
    sentRequestId: string,
  ): Promise<{ info: RequestInfo; answer: Answer; route: Route }> {
    const info = this.#info(call, sentRequestId, token);
    const route = await this.#route(info, token, call.signal);
    const path = call.route.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(call.ids?.[name] ?? ""));
    const query = call.query === undefined ? "" : `?${call.query.toString()}`;
    const answer = await this.#wiring.http.send({
      ...info,
      url: `${route.base}/${path}${query}`,
      headers: {
        ...route.headers,
        "x-auth-token": token.value,
        ...(call.asService === true ? { "x-service-token": token.value } : {}),
      },
      ...(call.body === undefined ? {} : { body: call.body }),
      signal: call.signal,
    });
    return { info, answer, route };
  }

  async #route(info: RequestInfo, token: Token, signal: AbortSignal): Promise<Route> {
    const { session, versions } = this.#wiring;
    if (this.#service === "identity") return { base: session.identityUrl, headers: {}, forgetVersion: () => undefined };
    const service: CatalogueService = this.#service;
    const found: Found =
      token.projectId === null
        ? { problem: "the credential has no project, and so Keystone sends no catalogue: name one" }
        : findEndpoint(token.catalogue, service, session.parameters);
    if ("problem" in found) throw new CloudUnfit(found.problem, errorFields(info, { kind: "unfit", reached: "no" }));
    const { header, api } = requirements[service];
    const endpoint = splitVersion(found.url, api);
    const microversion = await versions.use(service, endpoint, { token: token.value, signal });
    return {
      base: endpoint.base,
      headers: { "openstack-api-version": `${header} ${microversion}` },
      forgetVersion: () => versions.forget(service, endpoint),
    };
  }

  #info({ method, route }: Pick<Call, "method" | "route">, sentRequestId: string, token?: Token): RequestInfo {
    const secrets = secretsOf(this.#wiring.session.parameters.auth);
    if (token !== undefined) secrets.push(token.value);
    return { service: this.#service, method, route, sentRequestId, preparing: false, secrets };
  }
}
