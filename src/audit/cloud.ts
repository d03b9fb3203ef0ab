import { readFile } from "node:fs/promises";
import { Agent } from "node:https";
import axios from "axios";
import type { AxiosInstance, AxiosResponse } from "axios";
import { Checked } from "./check.ts";
import { AuditError, AuditHttpError } from "./errors.ts";

/** Something in Keystone, by id or by name. */
export type AuditName = { readonly id: string } | { readonly name: string };
/** A user or project; a name needs its domain. */
export type AuditDomainMember = { readonly id: string } | { readonly name: string; readonly domain: AuditName };

/** Who logs in. An application credential brings its project with it, so it has none to name. */
export type AuditAuth =
  | {
      readonly kind: "password";
      readonly user: AuditDomainMember;
      readonly password: string;
      /** Default: the user's default project. */
      readonly project?: AuditDomainMember;
    }
  | {
      readonly kind: "application_credential";
      readonly credential: { readonly id: string } | { readonly name: string; readonly user: AuditDomainMember };
      readonly secret: string;
    };

/** How to reach the cloud. The same shape as the configuration's connection parameters, so those can be passed as they are. */
export interface CloudAccess {
  /** With or without the closing `/v3`. */
  readonly authUrl: string;
  readonly auth: AuditAuth;
  /** Needed only where the catalogue has several regions. */
  readonly region?: string;
  readonly interface: "public" | "internal" | "admin";
  /** PEM file of the authorities to trust instead of the system's. */
  readonly caFile?: string;
  /** False accepts any certificate. */
  readonly verify: boolean;
  /** For one whole request, answer included. */
  readonly timeoutMs: number;
}

/** The only thing the audit can do to a cloud: read block storage. */
export interface BlockStorageReader {
  /**
   * GET below the block storage endpoint, logging in again once if the token is refused.
   * @throws AuditHttpError for every answer but 200; AuditError when there is none
   */
  get(path: string, query: Readonly<Record<string, string>>): Promise<unknown>;
}

// user_id of a backup is shown since 3.56, its metadata since 3.43, its project since 3.18.
const microversion = "volume 3.56";
const serviceTypes = ["block-storage", "block-store", "volumev3"];

/**
 * Logs in and finds block storage in the catalogue.
 * @throws AuditHttpError when the login is refused; AuditError when the cloud is unreachable or lacks block storage
 */
export async function openBlockStorage(access: CloudAccess, signal?: AbortSignal): Promise<BlockStorageReader> {
  const http = await httpClient(access);
  const send = sender(http, access.timeoutMs, signal);
  const logIn = async () => openSession(access, await send("POST", tokensUrl(access.authUrl), loginBody(access)));

  let session = await logIn();
  // Concurrent requests refused with the same old token share one new login.
  let renewal: { readonly of: string; readonly login: Promise<void> } | undefined;
  const renew = (refused: string): Promise<void> => {
    if (session.token !== refused) return Promise.resolve();
    if (renewal?.of !== refused) renewal = { of: refused, login: logIn().then((fresh) => void (session = fresh)) };
    return renewal.login;
  };

  return {
    async get(path, query) {
      const ask = () => {
        const url = `${session.endpoint}/${path}?${new URLSearchParams(query).toString()}`;
        return send("GET", url, undefined, { "X-Auth-Token": session.token, "OpenStack-API-Version": microversion });
      };
      const first = session.token;
      let answer = await ask();
      if (answer.status === 401) {
        await renew(first);
        answer = await ask();
      }
      if (answer.status !== 200) throw httpError(`GET ${path}`, answer);
      return answer.data;
    },
  };
}

/**
 * Logs in to learn who that is: `conductor.user_ids` may leave out the conductor's own user.
 * @throws AuditHttpError, AuditError
 */
export async function findUserId(access: CloudAccess, signal?: AbortSignal): Promise<string> {
  const send = sender(await httpClient(access), access.timeoutMs, signal);
  const answer = await send("POST", tokensUrl(access.authUrl), loginBody(access));
  if (answer.status !== 201) throw httpError("the login", answer);
  return new Checked(answer.data, "login").at("token").at("user").at("id").string();
}

interface Session {
  readonly token: string;
  readonly endpoint: string;
}

function openSession(access: CloudAccess, answer: AxiosResponse<unknown>): Session {
  if (answer.status !== 201) throw httpError("the login", answer);
  const token: unknown = answer.headers["x-subject-token"];
  if (typeof token !== "string" || token === "") throw new AuditError("malformed", "the login's answer has no token");
  return { token, endpoint: findEndpoint(access, new Checked(answer.data, "login").at("token")) };
}

function findEndpoint(access: CloudAccess, token: Checked): string {
  const services = token.at("catalog").list();
  for (const type of serviceTypes) {
    const endpoints = services
      .filter((service) => service.at("type").string() === type)
      .flatMap((service) => service.at("endpoints").list())
      .filter((each) => each.at("interface").string() === access.interface)
      .map((each) => ({ region: each.at("region_id").stringOrNull(), url: each.at("url").string() }))
      .filter((each) => access.region === undefined || each.region === access.region);
    const [first] = endpoints;
    if (first && endpoints.some((each) => each.region !== first.region)) {
      const regions = [...new Set(endpoints.map((each) => each.region))].join(", ");
      throw new AuditError("usage", `block storage is in several regions (${regions}): say which`);
    }
    if (first) return first.url.replace(/\/+$/, "");
  }
  const where = access.region === undefined ? "" : ` in region ${access.region}`;
  throw new AuditError("refused", `the catalogue has no ${access.interface} endpoint of block storage${where}`);
}

function loginBody({ auth }: CloudAccess): unknown {
  if (auth.kind === "application_credential") {
    const application_credential = { ...auth.credential, secret: auth.secret };
    return { auth: { identity: { methods: ["application_credential"], application_credential } } };
  }
  const identity = { methods: ["password"], password: { user: { ...auth.user, password: auth.password } } };
  return { auth: { identity, ...(auth.project && { scope: { project: auth.project } }) } };
}

function tokensUrl(authUrl: string): string {
  const base = authUrl.replace(/\/+$/, "");
  return `${base.endsWith("/v3") ? base : `${base}/v3`}/auth/tokens`;
}

async function httpClient(access: CloudAccess): Promise<AxiosInstance> {
  const ca = access.caFile === undefined ? undefined : await readFile(access.caFile);
  return axios.create({
    // Nothing but what the caller named: no proxy from the environment, no token sent after a redirect.
    proxy: false,
    maxRedirects: 0,
    validateStatus: () => true,
    httpsAgent: new Agent({ ...(ca && { ca }), rejectUnauthorized: access.verify }),
  });
}

type Send = (
  method: "GET" | "POST",
  url: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<AxiosResponse<unknown>>;

function sender(http: AxiosInstance, timeoutMs: number, signal?: AbortSignal): Send {
  return async (method, url, body, headers) => {
    // axios's own timeout starts anew with every byte; this one is for the whole request.
    const deadline = AbortSignal.timeout(timeoutMs);
    const either = signal ? AbortSignal.any([signal, deadline]) : deadline;
    try {
      return await http.request({ method, url, data: body, headers: { ...headers }, signal: either });
    } catch (error) {
      signal?.throwIfAborted();
      // Without the cause: axios keeps the request in it, password and token included.
      const what = `${method} ${new URL(url).origin}${new URL(url).pathname}`;
      if (deadline.aborted) throw new AuditError("unreachable", `${what}: no answer within ${timeoutMs} ms`);
      const code = axios.isAxiosError(error) ? (error.code ?? error.message) : "failed";
      throw new AuditError("unreachable", `${what}: ${code}`);
    }
  };
}

function httpError(what: string, answer: AxiosResponse<unknown>): AuditHttpError {
  const requestId: unknown = answer.headers["x-openstack-request-id"];
  const message = messageOf(answer.data);
  return new AuditHttpError(what, answer.status, {
    ...(typeof requestId === "string" && { requestId }),
    ...(message !== undefined && { message }),
  });
}

/** OpenStack wraps its reason in one object whose name depends on the kind of error. */
function messageOf(body: unknown): string | undefined {
  if (typeof body !== "object" || body === null) return undefined;
  for (const inner of Object.values(body) as unknown[]) {
    if (typeof inner === "object" && inner !== null && "message" in inner && typeof inner.message === "string") {
      return inner.message;
    }
  }
  return undefined;
}
