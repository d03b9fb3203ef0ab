import { errorFields, failure, messageOf, readBody, refusal, type Answer, type RequestInfo } from "./answer.ts";
import type { CatalogueService, VersionedEndpoint } from "./catalogue.ts";
import { newRequestId, type CloudDeps } from "./deps.ts";
import { CloudError, CloudUnfit } from "./errors.ts";
import type { Http } from "./http.ts";
import { waitFor } from "./limiter.ts";
import { negotiate, offerFor, readOffers, type Offer } from "./microversion.ts";
import { isTransient } from "./retry.ts";

/** The microversions in use, asked for once per endpoint and process. */
export class Versions {
  readonly #http: Http;
  readonly #deps: CloudDeps;
  readonly #chosen = new Map<string, Promise<string>>();

  constructor(http: Http, deps: CloudDeps) {
    this.#http = http;
    this.#deps = deps;
  }

  /** @throws CloudUnfit below the minimum; CloudError, always with `reached: "no"` */
  async use(
    service: CatalogueService,
    endpoint: VersionedEndpoint,
    { token, signal }: { token: string; signal: AbortSignal },
  ): Promise<string> {
    const key = keyOf(service, endpoint);
    let chosen = this.#chosen.get(key);
    if (chosen === undefined) {
      chosen = this.#negotiate(service, endpoint, token);
      this.#chosen.set(key, chosen);
      chosen.catch(() => this.forget(service, endpoint));
    }
    try {
      return await waitFor(chosen, signal);
    } catch (error) {
      if (error instanceof CloudError || !signal.aborted) throw error;
      throw failure(this.#info(service), "the caller gave up", { kind: "aborted", reached: "no" });
    }
  }

  forget(service: CatalogueService, endpoint: VersionedEndpoint): void {
    this.#chosen.delete(keyOf(service, endpoint));
  }

  async #negotiate(service: CatalogueService, endpoint: VersionedEndpoint, token: string): Promise<string> {
    const info = this.#info(service);
    const offer = await this.#offer(info, endpoint, token);
    const result = negotiate(service, offer);
    if ("problem" in result) throw new CloudUnfit(result.problem, errorFields(info, { kind: "unfit", reached: "no" }));
    return result.version;
  }

  /**
   * The root needs no token, which suits readers whose access rules name only what they read. Where a proxy shows only what is below the
   * version, that is asked with the token.
   */
  async #offer(info: RequestInfo, { root, version }: VersionedEndpoint, token: string): Promise<Offer> {
    const bare = await this.#http.send({ ...info, url: root, headers: {} });
    const offered = this.#read(info, bare, version);
    if (offered !== undefined) return offered;
    const below = await this.#http.send({
      ...info,
      url: `${root}${version}/`,
      headers: { "x-auth-token": token },
      secrets: [token],
    });
    const offer = this.#read(info, below, version);
    if (offer !== undefined) return offer;
    const detail = `no version document for ${version}, neither at ${root} (${bare.status}) nor below it (${below.status}: ${messageOf(below.text, [token])})`;
    throw new CloudUnfit(detail, errorFields(info, { kind: "unfit", reached: "no", answer: below }));
  }

  #read(info: RequestInfo, answer: Answer, version: string): Offer | undefined {
    const { status } = answer;
    if (isTransient({ kind: "answer", status })) throw refusal(info, answer);
    // 300 Multiple Choices is how Cinder shows its list.
    if (status !== 200 && status !== 300) return undefined;
    try {
      return offerFor(readBody(info, answer, readOffers), version);
    } catch (error) {
      if (error instanceof CloudError) return undefined;
      throw error;
    }
  }

  #info(service: CatalogueService): RequestInfo {
    return {
      service,
      method: "GET",
      route: "versions",
      sentRequestId: newRequestId(this.#deps.random),
      preparing: true,
      secrets: [],
    };
  }
}

const keyOf = (service: CatalogueService, { root, version }: VersionedEndpoint): string =>
  `${service} ${root} ${version}`;
