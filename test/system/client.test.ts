import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { CloudAuth, CloudParameters } from "../../src/domain/connection.ts";
import { directIo } from "../../src/domain/io.ts";
import { silentLogger } from "../../src/domain/log.ts";
import type { ProjectCloud } from "../../src/openstack/cloud.ts";
import {
  AllTenantsRefused,
  AuthenticationFailed,
  CloudError,
  NoProjectAccess,
  SingleProjectMode,
} from "../../src/openstack/errors.ts";
import { openClouds, type CloudOptions, type Clouds } from "../../src/openstack/open.ts";
import { Cloud } from "./support/cloud.ts";
import { makeReader, makeWriter } from "./support/credentials.ts";
import { backups, servers, volumes } from "./support/judge.ts";
import type { Login } from "./support/session.ts";
import { until } from "./support/wait.ts";
import { removeWorld, seed, type World } from "./support/world.ts";

const signal = AbortSignal.timeout(300_000);

const rejection = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => assert.fail("it was expected to fail"),
    (error: unknown) => error,
  );

describe("the client on a real cloud", () => {
  const prefix = "client";
  let cloud: Cloud;
  let world: World;
  let clouds: Clouds;
  let reader: CloudParameters;
  let writer: CloudParameters;
  let writerId: string;
  let projectId: string;
  let project: ProjectCloud;

  const parameters = (auth: CloudAuth): CloudParameters => ({
    authUrl: cloud.authUrl,
    auth,
    region: cloud.region,
    interface: "public",
    verify: true,
    timeoutMs: 60_000,
  });
  const authOf = (login: Login, projectName?: string): CloudAuth => {
    const domain = { name: "Default" };
    if (login.kind === "appcred") {
      return { kind: "application_credential", credential: { id: login.id }, secret: login.secret };
    }
    return {
      kind: "password",
      user: { name: login.user, domain },
      password: login.password,
      ...(projectName === undefined ? {} : { project: { name: projectName, domain } }),
    };
  };
  const open = (roles: Pick<CloudOptions, "reader" | "writer" | "pageSize">): Promise<Clouds> =>
    openClouds(
      { pageSize: 5, ...roles },
      {
        io: directIo,
        log: silentLogger,
        random: Math.random,
        clock: {
          now: () => new Date(),
          monotonicMs: () => performance.now(),
          sleep: (ms, abort) => delay(ms, undefined, abort && { signal: abort }),
        },
      },
    );
  /** Waits until a backup has left `creating` or `deleting`; `null` when it is gone. */
  const settled = async (id: string) => {
    const found = await until(`backup ${id} is done`, async () => {
      const seen = await clouds.reader.backup(id, signal);
      return seen !== null && /ing$/.test(seen.status) ? undefined : { seen };
    });
    return found.seen;
  };

  before(async () => {
    cloud = await Cloud.open();
    await removeWorld(cloud, prefix);
    // Untagged: a conductor of another suite has no business with them.
    world = await seed(cloud, { prefix, servers: 3, volumesEach: 2, projects: 2, share: 0 });
    const [readerCredential, writerCredential] = [await makeReader(cloud, prefix), await makeWriter(cloud, prefix)];
    reader = parameters(authOf(readerCredential.login));
    writer = parameters(authOf(writerCredential.login));
    writerId = writerCredential.userId;
    clouds = await open({ reader, writer });
    projectId = world.servers[0]!.project;
    project = clouds.writer.forProject(projectId);
  });

  after(async () => {
    clouds.close();
    await removeWorld(cloud, prefix);
  });

  it("lists servers and volumes as they are, in pages, with the access rules we ship", async () => {
    const own = new Set(Object.values(world.projects));
    const seenServers = (await Array.fromAsync(clouds.reader.listServers(signal))).filter((s) => own.has(s.projectId));
    const rows = (await servers(cloud.admin)).filter((s) => own.has(s.tenant_id));
    assert.equal(rows.length, 3);
    assert.deepEqual(
      new Map(seenServers.map((s) => [s.id, s])),
      new Map(
        rows.map((s) => [
          s.id,
          {
            id: s.id,
            name: s.name,
            projectId: s.tenant_id,
            status: "ACTIVE",
            locked: false,
            metadata: s.metadata,
            tags: [],
            availabilityZone: "nova",
            volumeIds: s["os-extended-volumes:volumes_attached"].map((v) => v.id),
          },
        ]),
      ),
    );
    const seenVolumes = (await Array.fromAsync(clouds.reader.listVolumes(signal))).filter((v) => own.has(v.projectId));
    assert.equal(seenVolumes.length, 6);
    assert.deepEqual(
      new Map(seenVolumes.map((v) => [v.id, v])),
      new Map(
        (await volumes(cloud.admin))
          .filter((v) => own.has(v["os-vol-tenant-attr:tenant_id"]))
          .map((v) => [
            v.id,
            {
              id: v.id,
              name: v.name ?? "",
              projectId: v["os-vol-tenant-attr:tenant_id"],
              status: "in-use",
              sizeGiB: 1,
              volumeType: "fast",
              bootable: false,
              multiattach: false,
              encrypted: false,
              availabilityZone: "nova",
              snapshotId: null,
              metadata: v.metadata,
              serverIds: v.attachments.map((a) => a.server_id),
              pool: v["os-vol-host-attr:host"],
            },
          ]),
      ),
    );
  });

  it("goes on with a listing whose marker is deleted between two pages", async (t) => {
    const small = await open({ reader, writer, pageSize: 2 });
    t.after(() => small.close());
    const [name] = Object.entries(world.projects).find(([, id]) => id === projectId)!;
    const tenant = await cloud.tenant(name);
    const made: string[] = [];
    for (let i = 0; i < 5; i += 1) {
      const volume = { size: 1, name: `${prefix}-marker-${i}` };
      made.unshift(
        (await tenant.call<{ volume: { id: string } }>("POST", "volumev3", "/volumes", { volume })).volume.id,
      );
    }
    await until("the volumes are there", async () =>
      (await volumes(tenant)).filter((v) => made.includes(v.id)).every((v) => v.status === "available"),
    );
    const read: string[] = [];
    for await (const volume of small.reader.listVolumes(signal)) {
      if (made.includes(volume.id)) read.push(volume.id);
      // With pages of two, each of these is or was the marker of a next page, sooner or later.
      if (made.slice(0, 3).includes(volume.id)) {
        await tenant.call("DELETE", "volumev3", `/volumes/${volume.id}`);
        await until(
          "it is gone",
          async () => (await tenant.raw("GET", "volumev3", `/volumes/${volume.id}`)).status === 404,
        );
      }
    }
    assert.deepEqual(new Set(read), new Set(made));
    assert.equal(read.length, made.length);
  });

  it("makes a full and an incremental in the owner's project, finds the child, and deletes them newest first", async () => {
    const [volumeId] = world.servers[0]!.volumes;
    const request = { volumeId: volumeId!, name: `${prefix}-full`, metadata: { k: "v" }, incremental: false };
    const full = await project.createBackup({ ...request, description: "made by a test" }, signal);
    assert.match(full.requestId ?? "", /^req-/);
    const made = await settled(full.id);
    assert.deepEqual(
      made && [
        made.status,
        made.projectId,
        made.userId,
        made.metadata,
        made.isIncremental,
        made.sizeGiB,
        made.volumeId,
      ],
      ["available", projectId, writerId, { k: "v" }, false, 1, volumeId],
    );
    assert.ok(Math.abs(Number(made?.createdAt) - Date.now()) < 120_000);
    const child = await project.createBackup({ ...request, name: `${prefix}-inc`, incremental: true }, signal);
    assert.equal((await settled(child.id))?.isIncremental, true);
    assert.deepEqual(
      (await clouds.reader.childrenOf(full.id, signal)).map((b) => b.id),
      [child.id],
    );
    assert.deepEqual((await project.quota(signal)).backups.inUse, 2);
    await project.replaceBackupMetadata(full.id, { other: "x" }, signal);
    assert.deepEqual((await project.backup(full.id, signal))?.metadata, { other: "x" });
    assert.equal((await backups(cloud.admin)).find((b) => b.id === full.id)?.metadata["other"], "x");

    const refused = await rejection(project.deleteBackup(full.id, signal));
    assert.ok(refused instanceof CloudError);
    assert.deepEqual(
      [refused.status, refused.reached, refused.detail],
      [400, "yes", "Invalid backup: Incremental backups exist for this backup."],
    );
    for (const { id } of [child, full]) {
      await project.deleteBackup(id, signal);
      assert.equal(await settled(id), null);
    }
    assert.deepEqual(await clouds.reader.messages(full.id, signal), []);
  });

  it("marks a server, and reads services, projects and the service's clock", async () => {
    const { id } = world.servers[0]!;
    await project.setServerMetadata(id, { "last-backup-time": "2026-01-01T00:00:00Z" }, signal);
    assert.equal(
      (await servers(cloud.admin)).find((s) => s.id === id)?.metadata["last-backup-time"],
      "2026-01-01T00:00:00Z",
    );
    const services = await clouds.reader.backupServices(signal);
    assert.ok(services.some((s) => s.binary === "cinder-backup" && s.state === "up" && s.status === "enabled"));
    const known = new Map((await clouds.reader.projects(signal)).map((p) => [p.name, p.id]));
    for (const [name, id] of Object.entries(world.projects)) assert.equal(known.get(name), id);
    const skewMs = Number(clouds.reader.serviceDate("block-storage")) - Date.now();
    assert.ok(Math.abs(skewMs) < 5_000, `${skewMs} ms`);
  });

  it("knows every way of being refused", async (t) => {
    const none = "00000000-0000-0000-0000-000000000000";
    assert.equal(await clouds.reader.backup(none, signal), null);
    const request = { volumeId: none, name: "x", metadata: {}, incremental: false };
    const missing = await rejection(project.createBackup(request, signal));
    assert.ok(missing instanceof CloudError);
    assert.deepEqual([missing.status, missing.reached], [404, "yes"]);

    // A member of one project, who asks for another, and for all.
    const [name, other] = Object.entries(world.projects).find(([, id]) => id !== projectId)!;
    const member = parameters(authOf({ kind: "password", user: name, password: cloud.password }, name));
    const members = await open({ reader: member, writer: member });
    t.after(() => members.close());
    assert.equal((await members.writer.forProject(other).quota(signal)).backups.inUse, 0);
    assert.ok((await rejection(members.writer.forProject(projectId).quota(signal))) instanceof NoProjectAccess);
    assert.ok((await rejection(Array.fromAsync(members.reader.listServers(signal)))) instanceof AllTenantsRefused);

    // The reader's application credential: one project, and GET only; what its rules refuse is a 401, also after a new login.
    const single = await open({ reader, writer: reader });
    t.after(() => single.close());
    assert.ok((await rejection(single.writer.forProject(projectId).quota(signal))) instanceof SingleProjectMode);
    const own = (await clouds.reader.projects(signal)).find((p) => p.name === `${prefix}-reader`)!;
    const write = await rejection(single.writer.forProject(own.id).createBackup(request, signal));
    assert.ok(write instanceof CloudError);
    assert.deepEqual([write.status, write.reached, write.service], [401, "yes", "block-storage"]);

    const wrong = await open({
      reader: parameters(authOf({ kind: "password", user: name, password: "not-the-password" }, name)),
      writer,
    });
    t.after(() => wrong.close());
    const failed = await rejection(wrong.reader.userId(signal));
    assert.ok(failed instanceof AuthenticationFailed);
    assert.ok(!String(failed.stack).includes('wrong"'));
  });
});
