import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SCRIPTS, STATE } from "./cloud.ts";
import type { Cloud } from "./cloud.ts";
import { backups, servers, snapshots, volumes } from "./judge.ts";
import { mustRun } from "./processes.ts";
import type { Session } from "./session.ts";
import { mapLimited, until } from "./wait.ts";

export interface SeededServer {
  readonly id: string;
  readonly name: string;
  /** The id of its project. */
  readonly project: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
}

export interface World {
  readonly prefix: string;
  readonly servers: readonly SeededServer[];
  /** By name: `<prefix>-p0` and so on; each has a member of the same name (`Cloud.tenant`). */
  readonly projects: Readonly<Record<string, string>>;
}

/**
 * Makes servers with attached volumes (1 GiB each) through test/openstack/seed.
 * @param options.share of the servers that get the metadata backup=yes (default 0.3)
 * @param options.type the volume type: `fast` (default), `nfs` or, with Ceph, `rbd`
 */
export async function seed(
  cloud: Cloud,
  options: {
    readonly prefix: string;
    readonly servers: number;
    readonly volumesEach: number;
    readonly projects?: number;
    readonly share?: number;
    readonly type?: string;
  },
): Promise<World> {
  const { prefix, projects = 2, share = 0.3, type = "fast" } = options;
  await mustRun(join(SCRIPTS, "seed"), [String(options.servers), String(options.volumesEach), String(projects)], {
    env: { ...process.env, SEED_PREFIX: prefix, SEED_SHARE: String(share), SEED_TYPE: type },
    timeoutMs: 300_000,
  });
  const made = JSON.parse(await readFile(join(STATE, `${prefix}.json`), "utf8")) as SeededServer[];
  return {
    prefix,
    servers: made,
    projects: Object.fromEntries((await ownProjects(cloud, prefix)).map((p) => [p.name, p.id])),
  };
}

interface NamedRow {
  readonly id: string;
  readonly name: string;
}

async function ownProjects(cloud: Cloud, prefix: string): Promise<NamedRow[]> {
  const { projects } = await cloud.admin.call<{ projects: NamedRow[] }>("GET", "identity", "/projects");
  return projects.filter((p) => p.name.startsWith(`${prefix}-`));
}

/**
 * Removes all whose name starts with `<prefix>-`: projects with their servers, backups, snapshots and volumes, and users.
 * Works on half-made worlds and on none at all.
 * @throws when something cannot be removed within two minutes
 */
export async function removeWorld(cloud: Cloud, prefix: string): Promise<void> {
  const { admin } = cloud;
  const projects = await ownProjects(cloud, prefix);
  const isOwn = (id: string) => projects.some((p) => p.id === id);
  const ownServers = async () => (await servers(admin)).filter((s) => isOwn(s.tenant_id));
  const ownSnapshots = async () =>
    (await snapshots(admin)).filter((s) => isOwn(s["os-extended-snapshot-attributes:project_id"]));
  const ownVolumes = async () => (await volumes(admin)).filter((v) => isOwn(v["os-vol-tenant-attr:tenant_id"]));
  const gone = async (what: string, list: () => Promise<readonly unknown[]>) =>
    until(`${what} of ${prefix} are gone`, async () => (await list()).length === 0, { timeoutMs: 120_000 });

  if (projects.length > 0) {
    await mapLimited(await ownServers(), 8, (s) => admin.raw("DELETE", "compute", `/servers/${s.id}`));
    await removeBackups(cloud, projects);
    await gone("servers", ownServers);
    const force = { body: { "os-force_delete": {} } };
    await mapLimited(await ownSnapshots(), 8, (s) => admin.raw("POST", "volumev3", `/snapshots/${s.id}/action`, force));
    await gone("snapshots", ownSnapshots);
    await mapLimited(await ownVolumes(), 8, (v) => admin.raw("POST", "volumev3", `/volumes/${v.id}/action`, force));
    await gone("volumes", ownVolumes);
  }
  const { users } = await admin.call<{ users: NamedRow[] }>("GET", "identity", "/users");
  const ownUsers = users.filter((u) => u.name.startsWith(`${prefix}-`));
  await mapLimited(ownUsers, 4, (u) => admin.call("DELETE", "identity", `/users/${u.id}`));
  await mapLimited(projects, 4, (p) => admin.call("DELETE", "identity", `/projects/${p.id}`));
}

/** Leaves first: Cinder refuses a parent, but sees only the children in the project of the token. */
async function removeBackups(cloud: Cloud, projects: readonly NamedRow[]): Promise<void> {
  const { admin } = cloud;
  const list = async () =>
    (await backups(admin)).filter((b) => projects.some((p) => p.id === b["os-backup-project-attr:project_id"]));
  const sessions = new Map<string, Session>();
  for (const projectId of new Set((await list()).map((b) => b["os-backup-project-attr:project_id"]))) {
    const { roles } = await admin.call<{ roles: NamedRow[] }>("GET", "identity", "/roles?name=admin");
    await admin.call("PUT", "identity", `/projects/${projectId}/users/${admin.userId}/roles/${roles[0]!.id}`);
    const entry = cloud.entries["admin"]!;
    const login = { kind: "password", user: entry.auth["username"] ?? "", password: cloud.password } as const;
    sessions.set(projectId, await cloud.login(login, { projectId }));
  }
  let passes = 0;
  const pass = async () => {
    const rows = (await list()).sort((a, b) => b.created_at.localeCompare(a.created_at));
    passes += 1;
    await mapLimited(rows, 4, async (b) => {
      const session = sessions.get(b["os-backup-project-attr:project_id"]) ?? admin;
      const path = `/backups/${b.id}`;
      if (b.status === "available" || b.status === "error") await session.raw("DELETE", "volumev3", path);
      else if (passes > 30) {
        const reset = { body: { "os-reset_status": { status: "error" } } };
        await session.raw("POST", "volumev3", `${path}/action`, reset);
      }
    });
    return rows.length === 0;
  };
  await until("backups are gone", pass, { timeoutMs: 120_000, everyMs: 500 });
}
