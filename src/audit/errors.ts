/**
 * Why an audit could not be made. `auth`: the login or the rights were refused; `unreachable`: no answer in time;
 * `refused`: an answer that is not a listing; `malformed`: an answer or a file that cannot be understood; `usage`: a
 * parameter that makes no sense.
 */
export type AuditErrorKind = "auth" | "unreachable" | "refused" | "malformed" | "usage";

/** The audit itself failed; what it found wrong in the cloud is a {@link Finding} and never an error. */
export class AuditError extends Error {
  readonly kind: AuditErrorKind;
  override get name(): string {
    return "AuditError";
  }
  constructor(kind: AuditErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** An answer of the cloud other than the expected one. */
export class AuditHttpError extends AuditError {
  readonly status: number;
  constructor(what: string, status: number, details: { readonly requestId?: string; readonly message?: string } = {}) {
    const because = details.message === undefined ? "" : `: ${details.message}`;
    const request = details.requestId === undefined ? "" : ` (request ${details.requestId})`;
    super(status === 401 || status === 403 ? "auth" : "refused", `${what} answered ${status}${because}${request}`);
    this.status = status;
  }
}
