import type { Ids } from "../ids.ts";
import type { ApplicationCredential, Assignment, Project, Role, Token, User } from "../records.ts";
import { wholeSecond } from "../times.ts";

/** Who stands behind a token at this moment. */
export interface Auth {
  readonly token: Token;
  readonly user: User;
  readonly project: Project | undefined;
  readonly roles: readonly Role[];
  readonly isAdmin: boolean;
}

const implied: Readonly<Record<string, readonly string[]>> = {
  admin: ["admin", "member", "reader"],
  member: ["member", "reader"],
};

/** Keystone's records, with the rules that decide what a user may have a token for. */
export class IdentityState {
  readonly projects = new Map<string, Project>();
  readonly users = new Map<string, User>();
  readonly roles = new Map<string, Role>();
  readonly applicationCredentials = new Map<string, ApplicationCredential>();
  readonly tokens = new Map<string, Token>();
  readonly tokenLifetimeMs: number;
  assignments: Assignment[] = [];
  readonly #ids: Ids;
  readonly #now: () => number;

  constructor(ids: Ids, options: { readonly now: () => number; readonly tokenLifetimeMs: number }) {
    this.#ids = ids;
    this.#now = options.now;
    this.tokenLifetimeMs = options.tokenLifetimeMs;
    for (const name of ["reader", "member", "admin"]) {
      const role = { id: ids.hex(), name };
      this.roles.set(role.id, role);
    }
  }

  roleByName(name: string): Role | undefined {
    return this.roles.values().find((role) => role.name === name);
  }

  projectByName(name: string, domainId: string): Project | undefined {
    return this.projects.values().find((project) => project.name === name && project.domainId === domainId);
  }

  userByName(name: string, domainId: string): User | undefined {
    return this.users.values().find((user) => user.name === name && user.domainId === domainId);
  }

  /** With what the roles imply: admin is also member, and member also reader. */
  rolesOf(userId: string, project: Project): Role[] {
    const names = new Set<string>();
    for (const a of this.assignments) {
      if (a.userId !== userId) continue;
      if (a.projectId !== project.id && !(a.inherited && a.domainId === project.domainId)) continue;
      const role = this.roles.get(a.roleId);
      if (role !== undefined) for (const name of implied[role.name] ?? [role.name]) names.add(name);
    }
    return [...this.roles.values()].filter((role) => names.has(role.name));
  }

  issue(token: Omit<Token, "id" | "auditId" | "issuedAtMs" | "expiresAtMs">): Token {
    const issuedAtMs = wholeSecond(this.#now());
    const issued = {
      id: this.#ids.token(),
      auditId: this.#ids.hex().slice(0, 22),
      issuedAtMs,
      expiresAtMs: issuedAtMs + this.tokenLifetimeMs,
      ...token,
    };
    this.tokens.set(issued.id, issued);
    return issued;
  }

  /** undefined: unknown, expired, revoked, or nothing is left of what it stood for. */
  validate(tokenId: string | undefined): Auth | undefined {
    const token = tokenId === undefined ? undefined : this.tokens.get(tokenId);
    if (token === undefined || token.expiresAtMs <= this.#now()) return undefined;
    const user = this.users.get(token.userId);
    if (user?.enabled !== true) return undefined;
    if (token.projectId === null) return { token, user, project: undefined, roles: [], isAdmin: false };
    const project = this.projects.get(token.projectId);
    if (project?.enabled !== true) return undefined;
    let roles = this.rolesOf(user.id, project);
    if (token.applicationCredentialId !== null) {
      const credential = this.applicationCredentials.get(token.applicationCredentialId);
      if (credential === undefined) return undefined;
      roles = roles.filter((role) => credential.roleIds.includes(role.id));
    }
    if (roles.length === 0) return undefined;
    return { token, user, project, roles, isAdmin: roles.some((role) => role.name === "admin") };
  }

  grant(assignment: Assignment): void {
    if (!this.#isGranted(assignment)) this.assignments.push(assignment);
  }

  /** Tokens and application credentials stay, and are worth what roles are left: nothing, if none is. */
  revoke(assignment: Assignment): boolean {
    if (!this.#isGranted(assignment)) return false;
    this.assignments = this.assignments.filter((a) => !sameAssignment(a, assignment));
    return true;
  }

  revokeTokensOf(userId: string): void {
    for (const token of this.tokens.values()) if (token.userId === userId) this.tokens.delete(token.id);
  }

  #isGranted(assignment: Assignment): boolean {
    return this.assignments.some((a) => sameAssignment(a, assignment));
  }
}

const sameAssignment = (a: Assignment, b: Assignment): boolean =>
  a.userId === b.userId &&
  a.roleId === b.roleId &&
  a.projectId === b.projectId &&
  a.domainId === b.domainId &&
  a.inherited === b.inherited;
