import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from "node:https";
import type { Readable } from "node:stream";
import { TLSSocket } from "node:tls";
import axios, { AxiosHeaders, type AxiosInstance, type AxiosResponse } from "axios";
import { failure, type Answer, type RequestInfo } from "./answer.ts";
import { newRequestId, type CloudDeps } from "./deps.ts";
import { CloudError, type ServiceName } from "./errors.ts";
import type { Limiter } from "./limiter.ts";

export interface HttpOptions {
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca?: string;
  /** False accepts any certificate. */
  readonly verify: boolean;
  /** Of one attempt, from sending to the last byte of the answer. */
  readonly timeoutMs: number;
  /** An answer may be this long, decompressed. */
  readonly maxAnswerBytes: number;
  /** Shared by all that talk to the same cloud. */
  readonly limiters: Readonly<Record<ServiceName, Limiter>>;
}

export interface Outgoing extends Omit<RequestInfo, "sentRequestId"> {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  /** One for all attempts of a request. */
  readonly sentRequestId?: string;
}

/** How far a request got. `exposed`: there was a connection, so bytes of it may have left. */
interface Progress {
  exposed: boolean;
  cut: "timeout" | "aborted" | null;
}

/** One attempt of one HTTP request, through the I/O seam. Redirects are never followed, nothing is ever repeated here. */
export class Http {
  readonly #axios: AxiosInstance;
  readonly #options: HttpOptions;
  readonly #deps: CloudDeps;
  readonly #agents: readonly { destroy(): void }[];
  readonly #kept: { httpAgent: HttpAgent; httpsAgent: HttpsAgent };
  readonly #fresh: { httpAgent: HttpAgent; httpsAgent: HttpsAgent };
  readonly #dates = new Map<ServiceName, { date: number; seenAtMs: number }>();

  constructor(options: HttpOptions, deps: CloudDeps) {
    this.#options = options;
    this.#deps = deps;
    const tls = { rejectUnauthorized: options.verify, ...(options.ca === undefined ? {} : { ca: options.ca }) };
    const agents = (keepAlive: boolean): { httpAgent: HttpAgent; httpsAgent: HttpsAgent } => ({
      httpAgent: new HttpAgent({ keepAlive }),
      httpsAgent: new HttpsAgent({ keepAlive, ...tls }),
    });
    this.#kept = agents(true);
    // A kept connection may have been closed by the server just as we use it; then nobody knows whether a request got through. A GET is
    // simply sent again. What changes something gets a connection of its own, so that this never costs a look-up.
    this.#fresh = agents(false);
    this.#agents = [...Object.values(this.#kept), ...Object.values(this.#fresh)];
    this.#axios = axios.create({
      adapter: "http",
      proxy: false, // else axios reads the environment
      maxRedirects: 0,
      responseType: "stream",
      validateStatus: null,
      // Everything below is ours: JSON, the limit, and a deadline for the whole exchange (axios has one for silence only).
      transformRequest: [(data: unknown) => data],
      transformResponse: [(data: unknown) => data],
      maxContentLength: -1,
      maxBodyLength: -1,
      timeout: 0,
    });
  }

  /** Closes idle connections; requests in flight fail. */
  close(): void {
    for (const agent of this.#agents) agent.destroy();
  }

  /** See {@link import("./cloud.ts").ReaderCloud.serviceDate}. */
  serviceDate(service: ServiceName): Date | null {
    const seen = this.#dates.get(service);
    return seen === undefined ? null : new Date(seen.date + (this.#deps.clock.monotonicMs() - seen.seenAtMs));
  }

  /**
   * Sends one request and reads the answer, whatever its status.
   * @throws CloudError when there is no whole answer
   */
  async send(outgoing: Outgoing): Promise<Answer> {
    const info: RequestInfo = { ...outgoing, sentRequestId: outgoing.sentRequestId ?? newRequestId(this.#deps.random) };
    const { service, signal } = outgoing;
    const progress: Progress = { exposed: false, cut: null };
    try {
      return await this.#options.limiters[service].run(() => this.#logged(outgoing, info, progress), signal);
    } catch (error) {
      if (error instanceof CloudError) throw error;
      const reached = progress.exposed ? "maybe" : "no";
      if (signal?.aborted === true) throw failure(info, "the caller gave up", { kind: "aborted", reached });
      throw failure(info, "the request failed", { kind: "network", reached, cause: error });
    }
  }

  async #logged(outgoing: Outgoing, info: RequestInfo, progress: Progress): Promise<Answer> {
    const { clock, io, log } = this.#deps;
    const { service, method, route, sentRequestId } = info;
    const startedMs = clock.monotonicMs();
    const fields = { service, method, route, path: new URL(outgoing.url).pathname, sentRequestId };
    try {
      const answer = await io.run({ kind: "http", name: `${method} ${service}/${route}` }, (sent) =>
        this.#exchange(outgoing, info, progress, sent),
      );
      this.#remember(service, answer);
      const { status, requestId } = answer;
      log.debug({ ...fields, status, requestId, durationMs: clock.monotonicMs() - startedMs }, "openstack request");
      return answer;
    } catch (error) {
      const failed = error instanceof CloudError ? error.message : "failed";
      log.debug({ ...fields, failed, durationMs: clock.monotonicMs() - startedMs }, "openstack request");
      throw error;
    }
  }

  async #exchange(outgoing: Outgoing, info: RequestInfo, progress: Progress, sent: () => void): Promise<Answer> {
    const { signal } = outgoing;
    signal?.throwIfAborted();
    const cutter = new AbortController();
    const cut = (why: "timeout" | "aborted"): void => {
      progress.cut ??= why;
      cutter.abort();
    };
    const onAbort = (): void => cut("aborted");
    // Real time on purpose: how long the other side of a socket takes has nothing to do with a clock that may be simulated.
    const timer = setTimeout(() => cut("timeout"), this.#options.timeoutMs);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      const response = await this.#axios.request<Readable>({
        ...(info.method === "GET" ? this.#kept : this.#fresh),
        method: info.method,
        url: outgoing.url,
        headers: headersOf(outgoing, info.sentRequestId),
        ...(outgoing.body === undefined ? {} : { data: JSON.stringify(outgoing.body) }),
        signal: cutter.signal,
        transport: watchedTransport(progress, sent),
      });
      return answerOf(response, await this.#text(info, response.data));
    } catch (error) {
      throw this.#failed(info, progress, error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  async #text(info: RequestInfo, body: Readable): Promise<string> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > this.#options.maxAnswerBytes) {
        throw failure(info, `the answer is longer than ${this.#options.maxAnswerBytes} bytes`, {
          kind: "malformed",
          reached: info.method === "GET" ? "yes" : "maybe",
        });
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
  }

  /** Takes code and message only: axios errors hold the request with its token, Node's parser errors hold raw bytes. */
  #failed(info: RequestInfo, { cut, exposed }: Progress, error: unknown): CloudError {
    if (error instanceof CloudError) return error;
    const reached = exposed ? "maybe" : "no";
    if (cut === "aborted") return failure(info, "the caller gave up", { kind: "aborted", reached });
    if (cut === "timeout") {
      return failure(info, `no whole answer within ${this.#options.timeoutMs} ms`, { kind: "timeout", reached });
    }
    const { message, code } = error as { message?: unknown; code?: unknown };
    const words = [code, message].filter((word) => typeof word === "string" && word !== "");
    return failure(info, words.length === 0 ? "the connection failed" : words.join(": "), { kind: "network", reached });
  }

  #remember(service: ServiceName, { headers }: Answer): void {
    const date = Date.parse(headers.get("date") ?? "");
    if (!Number.isNaN(date)) this.#dates.set(service, { date, seenAtMs: this.#deps.clock.monotonicMs() });
  }
}

const headersOf = (outgoing: Outgoing, sentRequestId: string): Record<string, string> => ({
  accept: "application/json",
  "user-agent": "dirigent",
  "x-openstack-request-id": sentRequestId,
  ...(outgoing.body === undefined ? {} : { "content-type": "application/json" }),
  ...outgoing.headers,
});

/** Node's own http and https, with an eye on how far a request gets. */
const watchedTransport = (progress: Progress, sent: () => void) => ({
  request(options: RequestOptions, onAnswer: (answer: IncomingMessage) => void): ClientRequest {
    const request = (options.protocol === "https:" ? httpsRequest : httpRequest)(options, onAnswer);
    request.once("socket", (socket) => {
      const expose = (): void => {
        progress.exposed = true;
      };
      // A socket from the pool is connected already. On a new one, what is written waits for the connection (and for TLS).
      if (!socket.connecting && request.reusedSocket) expose();
      else socket.once(socket instanceof TLSSocket ? "secureConnect" : "connect", expose);
    });
    request.once("finish", () => {
      progress.exposed = true;
      sent();
    });
    return request;
  },
});

function answerOf(response: AxiosResponse, text: string): Answer {
  const headers = new Map<string, string>();
  for (const [name, value] of Object.entries(AxiosHeaders.from(response.headers as AxiosHeaders).toJSON())) {
    const first: unknown = Array.isArray(value) ? value[0] : value;
    if (typeof first === "string") headers.set(name.toLowerCase(), first);
  }
  const requestId = headers.get("x-openstack-request-id") ?? headers.get("x-compute-request-id") ?? null;
  return { status: response.status, headers, text, requestId };
}
