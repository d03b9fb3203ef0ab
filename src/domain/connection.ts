/**
 * How to reach a cloud and as whom. Made by the configuration from clouds.yaml or `OS_*`, used by the OpenStack clients. Holds secrets:
 * never log it whole.
 */

/** Names something in Keystone by id (preferred where both are set) or by name. */
export type ByIdOrName = { readonly id: string } | { readonly name: string };

/** A project; by name it needs its domain. */
export type ProjectRef = { readonly id: string } | { readonly name: string; readonly domain: ByIdOrName };

/** A user; by name it needs its domain. */
export type UserRef = { readonly id: string } | { readonly name: string; readonly domain: ByIdOrName };

export interface PasswordAuth {
  readonly kind: "password";
  readonly user: UserRef;
  readonly password: string;
  /** The project that tokens are scoped to when nothing else is asked for; without one, Keystone takes the user's default project. */
  readonly project?: ProjectRef;
}

/** Bound to the project it was made in: Keystone refuses a scope beside it. */
export interface ApplicationCredentialAuth {
  readonly kind: "application_credential";
  /** By name it needs its owner. */
  readonly credential: { readonly id: string } | { readonly name: string; readonly user: UserRef };
  readonly secret: string;
}

export type CloudAuth = PasswordAuth | ApplicationCredentialAuth;

export type EndpointInterface = "public" | "internal" | "admin";

export interface CloudParameters {
  /** Keystone's URL, with or without `/v3`. */
  readonly authUrl: string;
  readonly auth: CloudAuth;
  /** Absent: the catalogue's only region; where it has several, that is an error. */
  readonly region?: string;
  readonly interface: EndpointInterface;
  /** PEM file with the authorities to trust instead of the system's. */
  readonly caFile?: string;
  /** False accepts any certificate. */
  readonly verify: boolean;
  /** Of one attempt of one request, from sending to the last byte of the answer. */
  readonly timeoutMs: number;
}
