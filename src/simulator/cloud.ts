import type { Project, Server, User, Volume } from "./records.ts";
import type { Seeder } from "./seeding.ts";
import type { World } from "./world.ts";

export interface CloudPlan {
  readonly projects: number;
  readonly servers: number;
  readonly volumesPerServer: number;
  readonly backupsPerVolume?: number;
  /** Which servers carry the tag `backup: yes`; all by default. */
  readonly tagged?: (index: number) => boolean;
  readonly sizeGiB?: (index: number) => number;
  /** The user the seeded backups belong to. */
  readonly backupUserId?: string;
  readonly backupEveryMs?: number;
  readonly backupMetadata?: (volume: Volume, index: number) => Record<string, string>;
  readonly namePrefix?: string;
}

export interface SeededCloud {
  readonly projects: readonly Project[];
  readonly servers: readonly Server[];
  readonly volumes: readonly Volume[];
}

/** Fills the cloud: servers spread over the projects, volumes attached to them, backups reaching back in time. */
export function seedCloud(world: World, seed: Seeder, plan: CloudPlan): SeededCloud {
  const {
    namePrefix = "p",
    backupsPerVolume = 0,
    backupEveryMs = 24 * 3600_000,
    tagged = () => true,
    sizeGiB = () => 1,
  } = plan;
  const projects = Array.from({ length: plan.projects }, (_, i) => seed.project({ name: `${namePrefix}${i + 1}` }));
  const servers: Server[] = [];
  const volumes: Volume[] = [];
  for (let i = 0; i < plan.servers; i++) {
    const projectId = projects[i % projects.length]?.id ?? "";
    const server = seed.server({ projectId, name: `vm-${i + 1}`, metadata: tagged(i) ? { backup: "yes" } : {} });
    servers.push(server);
    for (let v = 0; v < plan.volumesPerServer; v++) {
      const index = volumes.length;
      volumes.push(
        seed.volume({
          projectId,
          name: `${server.name}-v${v + 1}`,
          sizeGiB: sizeGiB(index),
          serverId: server.id,
          content: `content-${index}`,
        }),
      );
    }
  }
  const nowMs = world.now();
  for (let age = backupsPerVolume; age > 0; age--) {
    for (const volume of volumes) {
      const metadata = plan.backupMetadata?.(volume, age) ?? {};
      seed.backup({
        volumeId: volume.id,
        createdAtMs: nowMs - age * backupEveryMs,
        metadata,
        ...(plan.backupUserId === undefined ? {} : { userId: plan.backupUserId }),
      });
    }
  }
  return { projects, servers, volumes };
}

export interface Accounts {
  readonly adminProject: Project;
  readonly admin: User;
  /** Member of every project of the domain, also of those made later. */
  readonly writer: User;
}

/** An administrator in a project `admin`, and a writer who is member wherever there is a project. */
export function seedAccounts(seed: Seeder): Accounts {
  const adminProject = seed.project({ name: "admin" });
  const admin = seed.user({ name: "admin", password: "openstack" });
  seed.setRole(admin.id, "admin", { projectId: adminProject.id });
  const writer = seed.user({ name: "dirigent", password: "writer" });
  seed.setRole(writer.id, "member", { domainId: "default" });
  return { adminProject, admin, writer };
}
