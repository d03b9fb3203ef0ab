import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Cloud } from "./support/cloud.ts";
import { makeWriter } from "./support/credentials.ts";
import type { Credential } from "./support/credentials.ts";
import { backups, servers } from "./support/judge.ts";
import { RefusedError } from "./support/session.ts";
import type { Session } from "./support/session.ts";
import { until } from "./support/wait.ts";
import { removeWorld, seed } from "./support/world.ts";
import type { SeededServer, World } from "./support/world.ts";

describe("the writer's role, member inherited on the domain, on a real cloud", () => {
  const prefix = "writer";
  let cloud: Cloud;
  let writer: Credential;
  let world: World;
  let server: SeededServer;
  let session: Session;

  before(async () => {
    cloud = await Cloud.open();
    await removeWorld(cloud, prefix);
    // The grant comes first: it holds for projects made later too.
    writer = await makeWriter(cloud, prefix);
    world = await seed(cloud, { prefix, servers: 2, volumesEach: 1, projects: 2, share: 1 });
    server = world.servers[0]!;
    session = await cloud.login(writer.login, { projectId: server.project });
  });

  after(async () => removeWorld(cloud, prefix));

  it("gives a token of each project, which makes no admin", async () => {
    for (const [name, projectId] of Object.entries(world.projects)) {
      const token = await cloud.login(writer.login, { projectId });
      assert.deepEqual(
        [token.projectId, token.roles.includes("admin"), token.roles.includes("member")],
        [projectId, false, true],
        name,
      );
    }
  });

  it("puts a backup of a tenant's volume into the tenant's project, reads it there and deletes it", async () => {
    const wanted = { backup: { volume_id: server.volumes[0], name: `${prefix}-1`, force: true, metadata: { a: "b" } } };
    const { backup } = await session.call<{ backup: { id: string } }>("POST", "volumev3", "/backups", wanted);
    const row = await until("the backup is available", async () =>
      (await backups(cloud.admin)).find((b) => b.id === backup.id && b.status === "available"),
    );
    assert.deepEqual(
      { project: row["os-backup-project-attr:project_id"], user: row.user_id, metadata: row.metadata },
      { project: server.project, user: writer.userId, metadata: { a: "b" } },
    );
    const tenant = await cloud.tenant(Object.entries(world.projects).find(([, id]) => id === server.project)![0]);
    assert.equal((await tenant.raw("GET", "volumev3", `/backups/${backup.id}`)).status, 200);

    const marked = { backup: { metadata: { a: "b", "dirigent:hold": "1" } } };
    await session.call("PUT", "volumev3", `/backups/${backup.id}`, marked);
    const again = (await backups(cloud.admin)).find((b) => b.id === backup.id);
    assert.deepEqual(again?.metadata, marked.backup.metadata);

    await session.call("DELETE", "volumev3", `/backups/${backup.id}`);
    await until("the backup is gone", async () => (await backups(cloud.admin)).every((b) => b.id !== backup.id));
  });

  it("writes last-backup-time on a server of another user of the project, and keeps its other metadata", async () => {
    const at = "2026-01-02T03:04:05Z";
    await session.call("POST", "compute", `/servers/${server.id}/metadata`, { metadata: { "last-backup-time": at } });
    const seen = (await servers(cloud.admin)).find((s) => s.id === server.id);
    assert.notEqual(seen?.user_id, writer.userId);
    assert.deepEqual(seen?.metadata, { ...server.metadata, "last-backup-time": at });
  });

  it("reads the project's quota with its usage, and that of no other", async () => {
    interface Quota {
      readonly quota_set: Record<string, { readonly limit: number; readonly in_use: number }>;
    }
    const own = await session.call<Quota>("GET", "volumev3", `/os-quota-sets/${server.project}?usage=true`);
    assert.deepEqual(
      [own.quota_set["volumes"]?.in_use, typeof own.quota_set["backup_gigabytes"]?.limit],
      [1, "number"],
    );
    const other = Object.values(world.projects).find((id) => id !== server.project)!;
    assert.equal((await session.raw("GET", "volumev3", `/os-quota-sets/${other}?usage=true`)).status, 403);
  });

  it("reaches nothing of another project with the token of this one", async () => {
    const other = world.servers.find((s) => s.project !== server.project)!;
    const force = { body: { backup: { volume_id: other.volumes[0], force: true } } };
    const seen = {
      server: (
        await session.raw("POST", "compute", `/servers/${other.id}/metadata`, { body: { metadata: { a: "b" } } })
      ).status,
      volume: (await session.raw("GET", "volumev3", `/volumes/${other.volumes[0]!}`)).status,
      backup: (await session.raw("POST", "volumev3", "/backups", force)).status,
      url: (await session.raw("GET", "block-storage", `/${other.project}/volumes/detail`)).status,
    };
    assert.deepEqual(seen, { server: 404, volume: 404, backup: 404, url: 400 });
  });

  it("cannot be had as an application credential: that brings its own project and takes no other", async () => {
    const { application_credential: made } = await session.call<{
      application_credential: { id: string; secret: string };
    }>("POST", "identity", `/users/${writer.userId}/application_credentials`, {
      application_credential: { name: prefix },
    });
    const login = { kind: "appcred", id: made.id, secret: made.secret } as const;
    assert.equal((await cloud.login(login)).projectId, server.project);
    const other = Object.values(world.projects).find((id) => id !== server.project)!;
    await assert.rejects(
      cloud.login(login, { projectId: other }),
      (error: unknown) => error instanceof RefusedError && error.reply.status === 401,
    );
  });
});
