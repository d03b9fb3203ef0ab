import type { ByIdOrName, CloudAuth, ProjectRef, UserRef } from "../domain/connection.ts";
import { failure, readBody, refusal, type Answer, type RequestInfo } from "./answer.ts";
import { readCatalogue, type Catalogue } from "./catalogue.ts";
import type { Row } from "./wire.ts";

/** What a token is asked for: a project, or `none` for whatever Keystone gives without being asked. */
export type Scope = ProjectRef | "none";

export interface Token {
  readonly value: string;
  readonly userId: string;
  /** `null` when Keystone gave a token without a project. */
  readonly projectId: string | null;
  /** Names. */
  readonly roles: readonly string[];
  readonly catalogue: Catalogue;
  readonly lifetimeMs: number;
}

/** The body of `POST /v3/auth/tokens`. Keystone refuses an application credential that asks for a scope. */
export function loginBody(auth: CloudAuth, scope: Scope): object {
  if (auth.kind === "application_credential") {
    const { credential, secret } = auth;
    const named =
      "id" in credential ? { id: credential.id } : { name: credential.name, user: userWire(credential.user) };
    return {
      auth: { identity: { methods: ["application_credential"], application_credential: { ...named, secret } } },
    };
  }
  const identity = { methods: ["password"], password: { user: { ...userWire(auth.user), password: auth.password } } };
  return { auth: { identity, ...(scope === "none" ? {} : { scope: { project: projectWire(scope) } }) } };
}

const plain = (ref: ByIdOrName): object => ("id" in ref ? { id: ref.id } : { name: ref.name });
const userWire = (user: UserRef): object =>
  "id" in user ? { id: user.id } : { name: user.name, domain: plain(user.domain) };
const projectWire = (project: ProjectRef): object =>
  "id" in project ? { id: project.id } : { name: project.name, domain: plain(project.domain) };

/** The texts that no message may repeat. */
export const secretsOf = (auth: CloudAuth): string[] => [auth.kind === "password" ? auth.password : auth.secret];

/** @throws CloudError for any answer but a token */
export function readToken(info: RequestInfo, answer: Answer): Token {
  if (answer.status !== 201) throw refusal(info, answer);
  const value = answer.headers.get("x-subject-token");
  if (value === undefined || value === "") {
    throw failure(info, "Keystone sent no X-Subject-Token", { kind: "malformed", reached: "no", answer });
  }
  return readBody(info, answer, (body) => tokenOf(value, body.row("token")));
}

const tokenOf = (value: string, token: Row): Token => ({
  value,
  userId: token.row("user").text("id"),
  projectId: token.rowOrNull("project")?.text("id") ?? null,
  roles: token.rowsOrNone("roles").map((role) => role.text("name")),
  catalogue: readCatalogue(token.rowsOrNone("catalog")),
  // Both by Keystone's clock, so that ours need not be right.
  lifetimeMs: token.time("expires_at").getTime() - token.time("issued_at").getTime(),
});
