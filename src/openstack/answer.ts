import {
  CloudError,
  QuotaExceeded,
  type CloudErrorFields,
  type FailureKind,
  type Reached,
  type ServiceName,
} from "./errors.ts";
import { MalformedAnswer, Row } from "./wire.ts";

export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** What errors say of a request. */
export interface RequestInfo {
  readonly service: ServiceName;
  readonly method: Method;
  readonly route: string;
  readonly sentRequestId: string;
  /** A step on the way to what the caller asked for (a login, a version document): if it fails, the caller's own request was not sent. */
  readonly preparing: boolean;
  /** Texts that no message may repeat, whatever the other side echoes. */
  readonly secrets: readonly string[];
}

/** An HTTP answer of any status, its body read to the end. */
export interface Answer {
  readonly status: number;
  /** Lower-case names; of repeated headers, the first. */
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
  readonly requestId: string | null;
}

const messageLimit = 1000;

/** Fit for one line of a log: no control characters, no secrets, an end. */
export function tidy(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) if (secret !== "") clean = clean.replaceAll(secret, "***");
  clean = clean.replace(/[\p{Cc}\s]+/gu, " ").trim();
  return clean.length > messageLimit ? `${clean.slice(0, messageLimit)}...` : clean;
}

const readJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const objectValues = (value: unknown): unknown[] =>
  typeof value === "object" && value !== null ? Object.values(value) : [];

const messageIn = (value: unknown): string | null =>
  typeof value === "object" && value !== null && "message" in value && typeof value.message === "string"
    ? value.message
    : null;

/** The service's own words: `{"badRequest": {"message": ...}}` and its likes, or the text of a proxy's page. */
export function messageOf(text: string, secrets: readonly string[]): string {
  const json = readJson(text);
  if (json !== undefined) {
    for (const candidate of [json, ...objectValues(json)]) {
      const message = messageIn(candidate);
      if (message !== null && message !== "") return tidy(message, secrets);
    }
    return "no message";
  }
  const visible = text.replace(/<(script|style|head)\b[\s\S]*?<\/\1\s*>/gi, " ").replace(/<[^>]*>/g, " ");
  const words = tidy(visible, secrets);
  return words === "" ? "no message" : words;
}

/** The failure of a request that got no (whole) answer, or one that cannot be used. */
export function failure(
  info: RequestInfo,
  detail: string,
  fields: { kind: FailureKind; reached: Reached; answer?: Answer; cause?: unknown },
): CloudError {
  const { cause } = fields;
  return new CloudError(
    tidy(detail, info.secrets),
    errorFields(info, { ...fields, reached: info.preparing ? "no" : fields.reached }),
    cause === undefined ? undefined : { cause },
  );
}

export const errorFields = (
  info: RequestInfo,
  { kind, reached, answer }: { kind: FailureKind; reached: Reached; answer?: Answer },
): CloudErrorFields => ({
  kind,
  service: info.service,
  method: info.method,
  route: info.route,
  status: answer?.status ?? null,
  requestId: answer?.requestId ?? null,
  sentRequestId: info.sentRequestId,
  reached,
});

/** The error for an answer whose status is not the one that was expected. */
export function refusal(info: RequestInfo, answer: Answer): CloudError {
  const { status } = answer;
  if (status === 413 && (answer.headers.get("retry-after") === "0" || hasKey(readJson(answer.text), "overLimit"))) {
    return new QuotaExceeded(
      messageOf(answer.text, info.secrets),
      errorFields(info, { kind: "answer", reached: "yes", answer }),
    );
  }
  const detail =
    status >= 300 && status < 400
      ? "redirects are not followed; the catalogue or the settings name a wrong address"
      : messageOf(answer.text, info.secrets);
  // Who else answers 404 on the way (a proxy, a wrong address) has not looked for the object.
  const kind = status === 404 && !hasKey(readJson(answer.text), "itemNotFound") ? "malformed" : "answer";
  return failure(info, detail, { kind, reached: reachedBy(info.method, status), answer });
}

/**
 * A 5xx to a write tells nothing: a proxy gave up waiting, or the service failed after it had begun. An unexpected 2xx means that somebody
 * took it.
 */
const reachedBy = (method: Method, status: number): Reached =>
  method !== "GET" && (status >= 500 || status < 300) ? "maybe" : "yes";

const hasKey = (value: unknown, key: string): boolean => typeof value === "object" && value !== null && key in value;

/**
 * Reads the body of an answer.
 * @throws CloudError of kind `malformed`; after a write it is unknown what was done
 */
export function readBody<T>(info: RequestInfo, answer: Answer, read: (body: Row) => T): T {
  const reached = info.method === "GET" ? "yes" : "maybe";
  const json = readJson(answer.text);
  if (json === undefined) {
    const detail = `the answer is not JSON: ${tidy(answer.text, info.secrets).slice(0, 200)}`;
    throw failure(info, detail, { kind: "malformed", reached, answer });
  }
  try {
    return read(new Row(json, "answer"));
  } catch (error) {
    if (!(error instanceof MalformedAnswer)) throw error;
    throw failure(info, error.message, { kind: "malformed", reached, answer });
  }
}
