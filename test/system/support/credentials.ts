import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Cloud, CloudEntry } from "./cloud.ts";
import type { Login } from "./session.ts";

/** An account made for a suite: how to log in with it, raw and in a clouds.yaml. */
export interface Credential {
  readonly userId: string;
  readonly login: Login;
  readonly entry: CloudEntry;
}

/** One rule of etc/access-rules.json, as Keystone takes it. */
export interface AccessRule {
  readonly service: string;
  readonly method: string;
  readonly path: string;
}

/** The rules we ship for the reader. */
export const accessRules = async (): Promise<AccessRule[]> =>
  JSON.parse(
    await readFile(join(import.meta.dirname, "..", "..", "..", "etc", "access-rules.json"), "utf8"),
  ) as AccessRule[];

async function makeUser(cloud: Cloud, name: string): Promise<string> {
  const user = { name, domain_id: "default", password: cloud.password };
  return (await cloud.admin.call<{ user: { id: string } }>("POST", "identity", "/users", { user })).user.id;
}

/** The id of a role, which is made when there is none of this name. */
async function roleId(cloud: Cloud, name: string): Promise<string> {
  const { roles } = await cloud.admin.call<{ roles: { id: string }[] }>("GET", "identity", `/roles?name=${name}`);
  if (roles[0] !== undefined) return roles[0].id;
  const made = await cloud.admin.call<{ role: { id: string } }>("POST", "identity", "/roles", { role: { name } });
  return made.role.id;
}

/** What docs/privileges.md tells operators to give the reader. */
export const READER_ROLES = ["admin", "backup-reader"] as const;

/**
 * The reader: user `<prefix>-reader` with roles on a project of its own (same name), and of that user an application
 * credential with access rules.
 * @param options.rules other rules than those we ship; null for none at all (then it may do anything an admin may)
 * @param options.roles other roles, for "what if the reader lacks its rights"
 */
export async function makeReader(
  cloud: Cloud,
  prefix: string,
  options: { readonly rules?: readonly AccessRule[] | null; readonly roles?: readonly string[] } = {},
): Promise<Credential & { readonly projectId: string }> {
  const { roles = READER_ROLES } = options;
  const rules = options.rules === undefined ? await accessRules() : options.rules;
  const name = `${prefix}-reader`;
  const userId = await makeUser(cloud, name);
  const project = { name, domain_id: "default" };
  const made = await cloud.admin.call<{ project: { id: string } }>("POST", "identity", "/projects", { project });
  const projectId = made.project.id;
  for (const role of roles) {
    const grant = `/projects/${projectId}/users/${userId}/roles/${await roleId(cloud, role)}`;
    await cloud.admin.call("PUT", "identity", grant);
  }
  // Keystone lets nobody make an application credential for another user, not even an admin.
  const self = await cloud.login({ kind: "password", user: name, password: cloud.password }, { projectId });
  const { application_credential: cred } = await self.call<{ application_credential: { id: string; secret: string } }>(
    "POST",
    "identity",
    `/users/${userId}/application_credentials`,
    {
      application_credential: {
        name,
        roles: roles.map((role) => ({ name: role })),
        ...(rules === null ? {} : { access_rules: rules }),
      },
    },
  );
  return {
    userId,
    projectId,
    login: { kind: "appcred", id: cred.id, secret: cred.secret },
    entry: {
      auth_type: "v3applicationcredential",
      auth: { auth_url: cloud.authUrl, application_credential_id: cred.id, application_credential_secret: cred.secret },
      region_name: cloud.region,
    },
  };
}

/**
 * The writer: user `<prefix>-writer` with a password and the role member, inherited on the domain Default: member in every
 * project of it, also in those made later. Ask for a scope: `cloud.login(writer.login, { projectId })`.
 */
export async function makeWriter(cloud: Cloud, prefix: string): Promise<Credential> {
  const user = `${prefix}-writer`;
  const userId = await makeUser(cloud, user);
  const grant = `/OS-INHERIT/domains/default/users/${userId}/roles/${await roleId(cloud, "member")}/inherited_to_projects`;
  await cloud.admin.call("PUT", "identity", grant);
  return {
    userId,
    login: { kind: "password", user, password: cloud.password },
    entry: {
      auth: { auth_url: cloud.authUrl, username: user, password: cloud.password, user_domain_name: "Default" },
      region_name: cloud.region,
    },
  };
}

/** Writes `<dir>/clouds.yaml` (JSON, mode 0600) with one cloud per credential, and returns its path. */
export async function writeClouds(dir: string, credentials: Readonly<Record<string, Credential>>): Promise<string> {
  const file = join(dir, "clouds.yaml");
  const clouds = Object.fromEntries(Object.entries(credentials).map(([name, c]) => [name, c.entry]));
  await writeFile(file, JSON.stringify({ clouds }, null, 2), { mode: 0o600 });
  return file;
}
