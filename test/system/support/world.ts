import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SCRIPTS, STATE } from "./cloud.ts";
import type { Cloud } from "./cloud.ts";
import { backups, servers, snapshots, volumes } from "./judge.ts";
import { mustRun } from "./processes.ts";
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
  const projects = new Set((await ownProjects(cloud, prefix)).map((p) => p.id));
  if (projects.size > 0) {
    const ownServers = async () => (await servers(admin)).filter((s) => projects.has(s.tenant_id));
    const ownBackups = async () =>
      (await backups(admin)).filter((b) => projects.has(b["os-backup-project-attr:project_id"]));
    const ownSnapshots = async () =>
      (await snapshots(admin)).filter((s) => projects.has(s["os-extended-snapshot-attributes:project_id"]));
    const ownVolumes = async () =>
      (await volumes(admin)).filter((v) => projects.has(v["os-vol-tenant-attr:tenant_id"]));
    const gone = async (what: string, list: () => Promise<NamedRow[] | { id: string }[]>) =>
      until(`${what} of ${prefix} are gone`, async () => (await list()).length === 0, { timeoutMs: 120_000 });

    await mapLimited(await ownServers(), 8, (s) => admin.raw("DELETE", "compute", `/servers/${s.id}`));
    // A forced deletion asks for neither state nor children; chunked drivers only, and all of the world goes anyway.
    const force = { body: { "os-force_delete": {} } };
    await mapLimited(await ownBackups(), 8, async (b) => {
      const plain = await admin.raw("DELETE", "volumev3", `/backups/${b.id}`);
      if (plain.status >= 400) await admin.raw("POST", "volumev3", `/backups/${b.id}/action`, force);
    });
    await gone("backups", ownBackups);
    await gone("servers", ownServers);
    await mapLimited(await ownSnapshots(), 8, (s) => admin.raw("POST", "volumev3", `/snapshots/${s.id}/action`, force));
    await gone("snapshots", ownSnapshots);
    await mapLimited(await ownVolumes(), 8, (v) => admin.raw("POST", "volumev3", `/volumes/${v.id}/action`, force));
    await gone("volumes", ownVolumes);
  }
  const { users } = await admin.call<{ users: NamedRow[] }>("GET", "identity", "/users");
  const ownUsers = users.filter((u) => u.name.startsWith(`${prefix}-`));
  await mapLimited(ownUsers, 4, (u) => admin.call("DELETE", "identity", `/users/${u.id}`));
  await mapLimited([...projects], 4, (id) => admin.call("DELETE", "identity", `/projects/${id}`));
}
