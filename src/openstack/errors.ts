/** The services we talk to, by the names that logs, errors and I/O steps use. */
export type ServiceName = "identity" | "compute" | "block-storage";

/**
 * Whether a failed request may have done its work.
 * - `no`: it never got through; sending it again is as if for the first time.
 * - `maybe`: it may have been carried out and only the answer was lost (also a 5xx to a write: a proxy may have said it, and a service
 *   may fail after the work). Only a look-up tells.
 * - `yes`: the service refused it; that is final.
 */
export type Reached = "no" | "maybe" | "yes";

/** What went wrong: an HTTP answer, no answer, an answer that makes no sense, the caller's own signal, or the cloud is not fit. */
export type FailureKind = "answer" | "network" | "timeout" | "malformed" | "aborted" | "unfit";

export interface CloudErrorFields {
  readonly kind: FailureKind;
  readonly service: ServiceName;
  readonly method: string;
  /** Path below the endpoint, ids replaced by placeholders, e.g. `backups/{id}`. */
  readonly route: string;
  readonly status: number | null;
  /** The id that the service gave the request; `null` without an answer. */
  readonly requestId: string | null;
  /** The id that we sent as `X-OpenStack-Request-ID`; services log it as the global request id. */
  readonly sentRequestId: string | null;
  readonly reached: Reached;
}

/**
 * Any failure of a call to the cloud. It carries nothing of the request but what is listed here: no headers, no body, no underlying client
 * error, since those hold tokens and passwords.
 */
export class CloudError extends Error implements CloudErrorFields {
  readonly kind: FailureKind;
  readonly service: ServiceName;
  readonly method: string;
  readonly route: string;
  readonly status: number | null;
  readonly requestId: string | null;
  readonly sentRequestId: string | null;
  readonly reached: Reached;
  /** The message without the words on which call it was. */
  readonly detail: string;

  override get name(): string {
    return this.constructor.name;
  }

  constructor(detail: string, fields: CloudErrorFields, options?: ErrorOptions) {
    const answered = fields.status === null ? "failed" : `answered ${fields.status}`;
    super(`${fields.method} ${fields.service}/${fields.route} ${answered}: ${detail}`, options);
    this.detail = detail;
    this.kind = fields.kind;
    this.service = fields.service;
    this.method = fields.method;
    this.route = fields.route;
    this.status = fields.status;
    this.requestId = fields.requestId;
    this.sentRequestId = fields.sentRequestId;
    this.reached = fields.reached;
  }
}

/** 413 with `overLimit`: the project's quota is used up. `Retry-After: 0` comes with it and is not an invitation to try again. */
export class QuotaExceeded extends CloudError {}

/** Keystone knows no such user, password or application credential (or the user is disabled or locked). */
export class AuthenticationFailed extends CloudError {}

/** Keystone gives the writer no token for a project: no role there, or the project is disabled or gone. */
export class NoProjectAccess extends CloudError {
  readonly projectId: string;
  constructor(projectId: string, detail: string, fields: CloudErrorFields) {
    super(detail, fields);
    this.projectId = projectId;
  }
}

/** An application credential is bound to one project and cannot ask for a token of another: it can only protect its own. */
export class SingleProjectMode extends NoProjectAccess {}

/** Nova refused `all_tenants`: the reader is not (or no longer) an admin, and what it sees is not the cloud. */
export class AllTenantsRefused extends CloudError {}

/** The cloud lacks what we need: a service, an endpoint, a region, or a microversion that is new enough. */
export class CloudUnfit extends CloudError {}

/** A setting of the connection cannot be used, e.g. a CA file that cannot be read. Nothing was sent. */
export class ConnectionError extends Error {
  override get name(): string {
    return "ConnectionError";
  }
}

/**
 * True when the service itself says that it has no such object, or none that we may see. A page of a proxy, or a 404 on the way there (Keystone, a
 * version document), says nothing of the kind.
 */
export const isNotFound = (error: unknown): error is CloudError =>
  error instanceof CloudError && error.status === 404 && error.kind === "answer" && error.reached === "yes";

/** True when the caller's own signal ended the call. */
export const isAborted = (error: unknown): boolean => error instanceof CloudError && error.kind === "aborted";
