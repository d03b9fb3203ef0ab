import { readFile } from "node:fs/promises";
import { Agent } from "node:https";
import axios from "axios";
import type { AxiosInstance, AxiosResponse } from "axios";
import { Checked } from "./check.ts";
import { AuditError, AuditHttpError } from "./errors.ts";

/** Who logs in. An application credential brings its project with it, so it has none to name. */
export type AuditCredential =
  | {
      readonly kind: "password";
      readonly user: { readonly id: string } | { readonly name: string; readonly domain: AuditDomain };
      readonly password: string;
      readonly project: { readonly id: string } | { readonly name: string; readonly domain: AuditDomain };
    }
  | { readonly kind: "application-credential"; readonly id: string; readonly secret: string };

export type AuditDomain = { readonly id: string } | { readonly name: string };

/** How to reach the cloud. */
export interface CloudAccess {
  /** With or without the closing `/v3`. */
  readonly authUrl: string;
  readonly credential: AuditCredential;
  /** Needed only where the catalogue has several regions. */
  readonly region?: string;
  /** Default `public`. */
  readonly interface?: "public" | "internal" | "admin";
  /** PEM file of the authorities to trust instead of the system's. */
  readonly caFile?: string;
  /** Accept any certificate. */
  readonly insecure?: boolean;
  /** For one whole request, answer included; default one minute. */
  readonly timeoutMs?: number;
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
  const send = sender(http, access.timeoutMs ?? 60_000, signal);
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
  const wanted = access.interface ?? "public";
  const services = token.at("catalog").list();
  for (const type of serviceTypes) {
    for (const service of services.filter((each) => each.at("type").string() === type)) {
      const endpoint = service
        .at("endpoints")
        .list()
        .find(
          (each) =>
            each.at("interface").string() === wanted &&
            (access.region === undefined || each.at("region_id").stringOrNull() === access.region),
        );
      if (endpoint) return endpoint.at("url").string().replace(/\/+$/, "");
    }
  }
  const where = access.region === undefined ? "" : ` in region ${access.region}`;
  throw new AuditError("refused", `the catalogue has no ${wanted} endpoint of block storage${where}`);
}

function loginBody({ credential }: CloudAccess): unknown {
  if (credential.kind === "application-credential") {
    const { id, secret } = credential;
    return {
      auth: { identity: { methods: ["application_credential"], application_credential: { id, secret } } },
    };
  }
  const { user, password, project } = credential;
  return {
    auth: { identity: { methods: ["password"], password: { user: { ...user, password } } }, scope: { project } },
  };
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
    httpsAgent: new Agent({ ...(ca && { ca }), rejectUnauthorized: access.insecure !== true }),
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
