/** An answer before it is written to the socket. `raw` is for the bodies that are not JSON. */
export interface Reply {
  readonly status: number;
  readonly body?: unknown;
  readonly raw?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Thrown by a handler that refuses; carries the whole answer. */
export class Refusal extends Error {
  readonly reply: Reply;
  constructor(reply: Reply) {
    super(`refused with ${reply.status}`);
    this.reply = reply;
  }
}

const faultNames: Readonly<Record<number, string>> = {
  400: "badRequest",
  401: "unauthorized",
  403: "forbidden",
  404: "itemNotFound",
  405: "badMethod",
  409: "conflictingRequest",
  413: "overLimit",
  503: "serviceUnavailable",
};

/** The error body of Nova and Cinder: one key named after the kind of fault. */
export function fault(status: number, message: string, headers?: Readonly<Record<string, string>>): Refusal {
  const inner: Record<string, unknown> = { code: status, message };
  const retryAfter = headers?.["Retry-After"];
  if (retryAfter !== undefined) inner.retryAfter = retryAfter;
  const body = { [faultNames[status] ?? "computeFault"]: inner };
  return new Refusal(headers === undefined ? { status, body } : { status, body, headers });
}

const titles: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  409: "Conflict",
};

/** The error body of Keystone. */
export const identityError = (status: number, message: string): Refusal =>
  new Refusal({ status, body: { error: { code: status, message, title: titles[status] ?? "Error" } } });

export const authenticationRequired = "The request you have made requires authentication.";

/** No such path: as JSON for those who ask for it, else as text. */
export function noSuchRoute(accept: string | undefined): Refusal {
  if (accept?.includes("application/json") === true) {
    const message = "The resource could not be found.<br /><br />\n\n\n";
    return new Refusal({ status: 404, body: { message, code: "404 Not Found", title: "Not Found" } });
  }
  const raw = "404 Not Found\n\nThe resource could not be found.\n\n   ";
  return new Refusal({ status: 404, raw, headers: { "Content-Type": "text/plain; charset=UTF-8" } });
}
