/** A bare HTTP driver for the contract suite: it knows nothing of our client and hides nothing of an answer. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed when it is JSON, else the text. */
  readonly body: unknown;
}

export interface Request {
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  /** A body as it is, said to be JSON, whether it is or not. */
  readonly raw?: string;
}

const timeoutMs = 60_000;

export async function send(method: string, url: string, request: Request = {}): Promise<Answer> {
  const headers: Record<string, string> = { Accept: "application/json", ...request.headers };
  if (request.token !== undefined) headers["X-Auth-Token"] = request.token;
  const body = request.json === undefined ? request.raw : JSON.stringify(request.json);
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const response = await fetch(url, {
    method,
    headers,
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutMs),
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: parse(text) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** The value below a path such as `backup.metadata`; undefined when a step is missing. */
export function at(value: unknown, path: string): unknown {
  let here = value;
  for (const key of path.split(".")) {
    if (!isObject(here)) return undefined;
    here = here[key];
  }
  return here;
}

/** As `at`, and the path must lead to text. */
export function text(value: unknown, path: string): string {
  const found = at(value, path);
  if (typeof found !== "string") throw new Error(`no text at ${path} in ${JSON.stringify(value).slice(0, 300)}`);
  return found;
}

/** As `at`, and the path must lead to a list. */
export function items(value: unknown, path: string): unknown[] {
  const found = at(value, path);
  if (!Array.isArray(found)) throw new Error(`no list at ${path} in ${JSON.stringify(value).slice(0, 300)}`);
  return found;
}

export const fields = (value: unknown): string[] => (isObject(value) ? Object.keys(value).sort() : []);

/** Ids differ from run to run: uuids become `<uuid>`, Keystone's 32 digits `<hex>`. */
export function withoutIds(value: unknown): unknown {
  const plain = JSON.stringify(value)
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<uuid>")
    .replaceAll(/\b[0-9a-f]{32}\b/g, "<hex>");
  return JSON.parse(plain);
}
