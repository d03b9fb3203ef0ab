import { attachVolume } from "./compute/servers.ts";
import type { AccessRule, ApplicationCredential, Backup, Project, Server, Snapshot, User, Volume } from "./records.ts";
import { wholeSecond } from "./times.ts";
import type { World } from "./world.ts";

/** What must be said; everything else has a default and may be said. */
type Wanted<T, K extends keyof T> = Pick<T, K> & Partial<T>;

export interface Scope {
  readonly projectId?: string;
  readonly domainId?: string;
}

/** Brings records into the cloud without HTTP, also such as HTTP could not make. */
export class Seeder {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  project(wanted: Wanted<Project, "name">): Project {
    const project = { id: this.#world.ids.hex(), domainId: "default", enabled: true, tags: [], ...wanted };
    this.#world.identity.projects.set(project.id, project);
    return project;
  }

  user(wanted: Wanted<User, "name">): User {
    const user = { id: this.#world.ids.hex(), domainId: "default", enabled: true, password: "secret", ...wanted };
    this.#world.identity.users.set(user.id, user);
    return user;
  }

  /** A role in a project, or inherited by all projects of a domain. An unknown role is made. */
  setRole(userId: string, roleName: string, scope: Scope): void {
    const { identity, ids } = this.#world;
    let role = identity.roleByName(roleName);
    if (role === undefined) identity.roles.set((role = { id: ids.hex(), name: roleName }).id, role);
    identity.grant(assignment(userId, role.id, scope));
  }

  /** Tokens that live on this role are worth less, or nothing, from now on. */
  removeRole(userId: string, roleName: string, scope: Scope): void {
    const role = this.#world.identity.roleByName(roleName);
    if (role === undefined || !this.#world.identity.revoke(assignment(userId, role.id, scope)))
      throw new Error(`${userId} has no role ${roleName} there`);
  }

  applicationCredential(wanted: {
    userId: string;
    projectId: string;
    name?: string;
    secret?: string;
    roles: readonly string[];
    accessRules?: readonly Omit<AccessRule, "id">[];
  }): ApplicationCredential {
    const { ids, identity } = this.#world;
    const credential: ApplicationCredential = {
      id: ids.hex(),
      name: wanted.name ?? "seeded",
      description: null,
      secret: wanted.secret ?? "secret",
      userId: wanted.userId,
      projectId: wanted.projectId,
      roleIds: wanted.roles.map((name) => identity.roleByName(name)?.id ?? ""),
      unrestricted: false,
      accessRules: wanted.accessRules?.map((rule) => ({ id: ids.hex(), ...rule })) ?? null,
      expiresAtMs: null,
    };
    identity.applicationCredentials.set(credential.id, credential);
    return credential;
  }

  server(wanted: Wanted<Server, "projectId" | "name">): Server {
    const nowMs = wholeSecond(this.#world.now());
    return this.#world.servers.add({
      id: this.#world.ids.uuid(),
      userId: "seeder",
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
      vmState: "active",
      taskState: null,
      locked: false,
      lockedByAdmin: false,
      lockedReason: null,
      imageId: null,
      metadata: {},
      tags: [],
      availabilityZone: "nova",
      volumes: [],
      ...wanted,
    });
  }

  /** An available volume; with `serverId` attached to that server. */
  volume({ serverId, ...wanted }: Wanted<Volume, "projectId"> & { readonly serverId?: string }): Volume {
    const nowMs = wholeSecond(this.#world.now());
    const typeName = wanted.typeName ?? "fast";
    const volume = this.#world.volumes.add({
      id: this.#world.ids.uuid(),
      userId: "seeder",
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
      name: null,
      description: null,
      status: "available",
      previousStatus: null,
      sizeGiB: 1,
      typeName,
      bootable: false,
      multiattach: false,
      encrypted: false,
      availabilityZone: "nova",
      host: `aio@${typeName}#pool`,
      snapshotId: null,
      sourceVolumeId: null,
      metadata: {},
      attachments: [],
      content: "",
      ...wanted,
    });
    if (serverId !== undefined) this.attach(serverId, volume.id);
    return volume;
  }

  attach(serverId: string, volumeId: string): void {
    const server = this.#world.servers.get(serverId);
    if (server === undefined) throw new Error(`no server ${serverId}`);
    attachVolume(this.#world, server, volumeId);
  }

  snapshot(wanted: Wanted<Snapshot, "volumeId">): Snapshot {
    const volume = this.#world.volumes.get(wanted.volumeId);
    const nowMs = wholeSecond(this.#world.now());
    return this.#world.snapshots.add({
      id: this.#world.ids.uuid(),
      projectId: volume?.projectId ?? "",
      userId: "seeder",
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
      name: null,
      description: null,
      status: "available",
      sizeGiB: volume?.sizeGiB ?? 1,
      metadata: {},
      content: volume?.content ?? "",
      ...wanted,
    });
  }

  /** An available full backup of the volume in its project, unless told otherwise. A parent's counter goes up. */
  backup(wanted: Wanted<Backup, "volumeId">): Backup {
    const volume = this.#world.volumes.get(wanted.volumeId);
    const createdAtMs = wholeSecond(wanted.createdAtMs ?? this.#world.now());
    const id = wanted.id ?? this.#world.ids.uuid();
    const status = wanted.status ?? "available";
    const backup: Backup = {
      projectId: volume?.projectId ?? "",
      userId: "seeder",
      snapshotId: null,
      parentId: null,
      name: null,
      description: null,
      sizeGiB: volume?.sizeGiB ?? 1,
      metadata: {},
      dataTimestampMs: createdAtMs,
      updatedAtMs: createdAtMs,
      failReason: null,
      container: `${id.slice(0, 2)}/${id.slice(2, 4)}/${id}`,
      availabilityZone: null,
      objectCount: 1,
      dependentCount: 0,
      host: "aio",
      content: volume?.content ?? "",
      ...wanted,
      id,
      status,
      createdAtMs,
    };
    const parent = backup.parentId === null ? undefined : this.#world.backups.get(backup.parentId);
    if (parent !== undefined && status === "available") parent.dependentCount += 1;
    return this.#world.backups.add(backup);
  }
}

const assignment = (userId: string, roleId: string, { projectId, domainId }: Scope) =>
  projectId !== undefined
    ? { userId, roleId, projectId, inherited: false }
    : { userId, roleId, domainId: domainId ?? "default", inherited: true };
