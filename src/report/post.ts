import { createHmac } from "node:crypto";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import axios from "axios";
import { accepted, failed, type Outcome } from "./outcome.ts";

export interface HttpTarget {
  readonly url: string;
  readonly timeoutMs: number;
}

export interface WebhookTarget extends HttpTarget {
  /** Key of the signature; null: it is not signed. */
  readonly secret: string | null;
}

/** What is signed: the time first, so that an old message cannot be played again. */
export const signatureOf = (secret: string, timestamp: string, body: string): string =>
  `sha256=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`;

async function call(
  { timeoutMs, url }: HttpTarget,
  request: { method: "GET" | "POST"; body?: string; headers?: Readonly<Record<string, string>> },
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    const { status } = await axios.request<unknown>({
      url,
      method: request.method,
      data: request.body,
      headers: { "User-Agent": "dirigent", ...request.headers },
      // A redirect could lead anywhere: what is configured is where it goes.
      maxRedirects: 0,
      proxy: false,
      httpAgent: new HttpAgent({ keepAlive: false }),
      httpsAgent: new HttpsAgent({ keepAlive: false }),
      timeout: timeoutMs,
      signal: AbortSignal.any([signal, AbortSignal.timeout(2 * timeoutMs)]),
      validateStatus: null,
      responseType: "text",
      maxContentLength: 65_536,
    });
    if (status >= 200 && status < 300) return accepted;
    const error = `answered ${status}${status >= 300 && status < 400 ? ", a redirect, which is not followed" : ""}`;
    // Its own fault: the same message will not do later. Too many requests and a timeout are not.
    const isRefusal = status >= 400 && status < 500 && status !== 429 && status !== 408;
    return failed(isRefusal ? "refused" : "down", error);
  } catch (error) {
    // axios' own message; the error itself holds the URL, which may be a secret.
    return failed("down", axios.isAxiosError(error) ? (error.code ?? "failed") : String(error));
  }
}

/** Posts JSON to the configured URL. Never rejects. */
export async function postWebhook(
  target: WebhookTarget,
  message: { readonly id: string; readonly body: string; readonly at: Date },
  signal: AbortSignal,
): Promise<Outcome> {
  const timestamp = String(Math.floor(message.at.getTime() / 1000));
  const headers = {
    "Content-Type": "application/json",
    "X-Dirigent-Delivery": message.id,
    "X-Dirigent-Timestamp": timestamp,
    ...(target.secret === null ? {} : { "X-Dirigent-Signature": signatureOf(target.secret, timestamp, message.body) }),
  };
  return await call(target, { method: "POST", body: message.body, headers }, signal);
}

/** Tells a dead-man's switch that a run is complete. Never rejects. */
export const ping = (target: HttpTarget, signal: AbortSignal): Promise<Outcome> =>
  call(target, { method: "GET" }, signal);
