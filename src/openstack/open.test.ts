import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { connect, never, passwordParameters } from "../../test/client/connect.ts";
import { FakeCloud } from "../../test/client/fake-cloud.ts";
import { backupRow, serverRow, snapshotRow, volumeRow } from "../../test/client/rows.ts";

const backup = {
  mechanism: "backup",
  id: "b1",
  name: "name-b1",
  volumeId: "v1",
  projectId: "p1",
  userId: "u1",
  status: "available",
  sizeGiB: 10,
  isIncremental: false,
  hasDependents: false,
  snapshotId: null,
  dataTimestamp: new Date("2026-11-21T04:06:16Z"),
  createdAt: new Date("2026-11-21T04:06:15Z"),
  updatedAt: null,
  failReason: null,
  container: "c",
  availabilityZone: null,
  objectCount: null,
  metadata: {},
};

describe("the reader", () => {
  let cloud: FakeCloud;
  before(async () => {
    cloud = await FakeCloud.start();
  });
  beforeEach(() => cloud.reset());
  after(() => cloud.stop());

  it("reads servers, also those of a cell that is down", async () => {
    const lost = { id: "s2", status: "UNKNOWN", tenant_id: "p1", created: "2026-11-21T04:06:16Z", links: [] };
    cloud.reply("GET /compute/v2.1/servers/detail", {
      status: 200,
      body: {
        servers: [
          serverRow("s1"),
          lost,
          serverRow("s3", {
            status: "UNKNOWN",
            locked: true,
            metadata: {},
            tags: undefined, // before 2.26
            "OS-EXT-AZ:availability_zone": "", // not placed yet
          }),
        ],
      },
    });
    const { reader } = await connect(cloud);
    const common = { projectId: "p1", volumeIds: ["v1", "v2"], tags: ["gold"], availabilityZone: "nova" };
    assert.deepEqual(await Array.fromAsync(reader.listServers(never)), [
      { ...common, id: "s1", name: "name-s1", status: "ACTIVE", locked: false, metadata: { backup: "yes" } },
      {
        id: "s2",
        name: "",
        projectId: "p1",
        status: "UNKNOWN",
        locked: false,
        metadata: {},
        tags: [],
        availabilityZone: null,
        volumeIds: [],
      },
      {
        ...common,
        id: "s3",
        name: "name-s3",
        status: "UNKNOWN",
        locked: true,
        metadata: {},
        tags: [],
        availabilityZone: null,
      },
    ]);
    assert.equal(cloud.seen.at(-1)?.headers["openstack-api-version"], "compute 2.93");
  });

  it("reads volumes", async () => {
    const bare = {
      name: null,
      volume_type: null,
      bootable: "true",
      multiattach: true,
      encrypted: true,
      availability_zone: null,
      snapshot_id: "sn1",
      attachments: [],
      "os-vol-host-attr:host": undefined,
    };
    cloud.reply("GET /volume/v3/own/volumes/detail", {
      status: 200,
      body: { volumes: [volumeRow("v1"), volumeRow("v2", bare)] },
    });
    const { reader } = await connect(cloud);
    const common = { projectId: "p1", status: "in-use", sizeGiB: 10, metadata: { a: "b" } };
    assert.deepEqual(await Array.fromAsync(reader.listVolumes(never)), [
      {
        ...common,
        id: "v1",
        name: "name-v1",
        volumeType: "fast",
        bootable: false,
        multiattach: false,
        encrypted: false,
        availabilityZone: "nova",
        snapshotId: null,
        serverIds: ["s1"],
        pool: "aio@fast#fast",
      },
      {
        ...common,
        id: "v2",
        name: "",
        volumeType: null,
        bootable: true,
        multiattach: true,
        encrypted: true,
        availabilityZone: null,
        snapshotId: "sn1",
        serverIds: [],
        pool: null,
      },
    ]);
  });

  it("reads backups, of an admin and of a member, done and not", async () => {
    const unfinished = {
      name: null,
      status: "creating",
      data_timestamp: null,
      container: null,
      availability_zone: "far",
      updated_at: "2026-11-21T04:06:17.000000",
      is_incremental: true,
      snapshot_id: "sn1",
      fail_reason: "why",
      user_id: undefined,
      "os-backup-project-attr:project_id": undefined,
    };
    cloud.reply("GET /volume/v3/own/backups/detail", {
      status: 200,
      body: { backups: [backupRow("b1"), backupRow("b1", { ...unfinished, id: "b2" })] },
    });
    const { reader } = await connect(cloud);
    assert.deepEqual(await Array.fromAsync(reader.listBackups({}, never)), [
      backup,
      {
        ...backup,
        id: "b2",
        name: "",
        projectId: null,
        userId: null,
        status: "creating",
        dataTimestamp: null,
        container: null,
        availabilityZone: "far",
        updatedAt: new Date("2026-11-21T04:06:17Z"),
        isIncremental: true,
        snapshotId: "sn1",
        failReason: "why",
      },
    ]);
  });

  it("knows a missing backup from a missing answer", async () => {
    const { reader } = await connect(cloud);
    assert.equal(await reader.backup("b9", never), null);
    cloud.reply("GET /volume/v3/own/backups/b9", { status: 404, body: "<html>no such backend</html>" });
    await assert.rejects(reader.backup("b9", never), { name: "CloudError", status: 404, kind: "malformed" });
    cloud.reply("GET /volume/v3/own/backups/b9", { status: 200, body: { backup: backupRow("b1") } });
    assert.deepEqual(await reader.backup("b9", never), backup);
  });

  it("reads services, messages and projects", async () => {
    cloud.reply("GET /volume/v3/own/os-services", {
      status: 200,
      body: { services: [{ binary: "cinder-backup", host: "aio", state: "up", status: "enabled", zone: "nova" }] },
    });
    cloud.reply("GET /volume/v3/own/messages", {
      status: 200,
      body: { messages: [{ id: "m1", user_message: "backup service is down" }] },
    });
    cloud.reply("GET /v3/projects", {
      status: 200,
      body: {
        projects: [
          { id: "p1", name: "demo", domain_id: "d1", enabled: false, tags: ["gold"] },
          { id: "p2", name: "other", domain_id: "d2", enabled: true, tags: [] },
        ],
        links: { next: null },
      },
    });
    cloud.reply("GET /v3/domains", {
      status: 200,
      body: { domains: [{ id: "d1", name: "Default" }], links: { next: null } },
    });
    const { reader } = await connect(cloud);
    assert.deepEqual(await reader.backupServices(never), [
      { binary: "cinder-backup", host: "aio", state: "up", status: "enabled" },
    ]);
    assert.deepEqual(await reader.messages("b1", never), ["backup service is down"]);
    const projects = [
      { id: "p1", name: "demo", domainId: "d1", domainName: "Default", enabled: false, tags: ["gold"] },
      { id: "p2", name: "other", domainId: "d2", domainName: null, enabled: true, tags: [] },
    ];
    assert.deepEqual(await reader.projects(never), projects);
    assert.equal(await reader.userId(never), "user-1");
    assert.deepEqual(
      cloud.seen.slice(-4).map((seen) => [seen.path, Object.fromEntries(seen.query)]),
      [
        ["/volume/v3/own/os-services", { binary: "cinder-backup" }],
        ["/volume/v3/own/messages", { resource_uuid: "b1" }],
        ["/v3/domains", {}],
        ["/v3/projects", {}],
      ],
    );
    assert.ok(reader.serviceDate("block-storage") instanceof Date);
    cloud.reply("GET /v3/domains", { status: 403, body: { error: { message: "not you" } } });
    assert.deepEqual(
      await reader.projects(never),
      projects.map((project) => ({ ...project, domainName: null })),
    );
    cloud.reply("GET /v3/domains", { status: 500, body: {} });
    await assert.rejects(reader.projects(never), { name: "CloudError", status: 500 });
  });
});

describe("the writer", () => {
  let cloud: FakeCloud;
  before(async () => {
    cloud = await FakeCloud.start();
  });
  beforeEach(() => cloud.reset());
  after(() => cloud.stop());

  it("creates, changes and deletes in the object's own project, and keeps the request ids", async () => {
    const asked = "req-answered";
    const headers = { "x-openstack-request-id": asked };
    cloud.reply("POST /volume/v3/p1/backups", { status: 202, headers, body: { backup: { id: "b1", name: "n" } } });
    cloud.reply("PUT /volume/v3/p1/backups/b1", { status: 200, headers, body: { backup: { id: "b1" } } });
    cloud.reply("DELETE /volume/v3/p1/backups/b1", { status: 202, headers });
    cloud.reply("POST /compute/v2.1/servers/s1/metadata", { status: 200, headers, body: { metadata: {} } });
    const { writer } = await connect(cloud);
    const project = writer.forProject("p1");
    const request = { volumeId: "v1", name: "n", metadata: { k: "v" }, incremental: true };
    assert.deepEqual(await project.createBackup(request, never), { id: "b1", requestId: asked });
    await project.createBackup(
      { ...request, incremental: false, container: "c", availabilityZone: "far", description: "d" },
      never,
    );
    assert.deepEqual(await project.replaceBackupMetadata("b1", { a: "b" }, never), { requestId: asked });
    assert.deepEqual(await project.deleteBackup("b1", never), { requestId: asked });
    assert.deepEqual(await project.setServerMetadata("s1", { "last-backup-time": "t" }, never), { requestId: asked });
    const common = { volume_id: "v1", name: "n", metadata: { k: "v" }, force: true };
    assert.deepEqual(
      cloud.seen.filter((seen) => seen.method !== "GET" && !seen.path.includes("auth")).map((s) => [s.line, s.body]),
      [
        ["POST /volume/v3/p1/backups", { backup: { ...common, incremental: true } }],
        [
          "POST /volume/v3/p1/backups",
          { backup: { ...common, incremental: false, container: "c", availability_zone: "far", description: "d" } },
        ],
        ["PUT /volume/v3/p1/backups/b1", { backup: { metadata: { a: "b" } } }],
        ["DELETE /volume/v3/p1/backups/b1", undefined],
        ["POST /compute/v2.1/servers/s1/metadata", { metadata: { "last-backup-time": "t" } }],
      ],
    );
    assert.equal(cloud.logins.length, 1);
  });

  it("reads the quota and a backup of the project", async () => {
    const use = { limit: 10, in_use: 3, reserved: 1 };
    cloud.reply("GET /volume/v3/p1/os-quota-sets/p1", {
      status: 200,
      body: {
        quota_set: {
          id: "p1",
          backups: use,
          backup_gigabytes: { ...use, limit: -1 },
          snapshots: { ...use, limit: 20 },
          gigabytes: { ...use, limit: 30 },
          "snapshots_a type": { ...use, limit: 4 },
          "gigabytes_a type": { ...use, limit: -1 },
        },
      },
    });
    cloud.reply("GET /volume/v3/p1/backups/b1", { status: 200, body: { backup: backupRow("b1") } });
    const { writer } = await connect(cloud);
    const project = writer.forProject("p1");
    assert.deepEqual(await project.quota(never), {
      backups: { limit: 10, inUse: 3, reserved: 1 },
      backupGiB: { limit: -1, inUse: 3, reserved: 1 },
      snapshots: { limit: 20, inUse: 3, reserved: 1 },
      gigabytes: { limit: 30, inUse: 3, reserved: 1 },
      ofType: new Map([
        ["a type", { snapshots: { limit: 4, inUse: 3, reserved: 1 }, gigabytes: { limit: -1, inUse: 3, reserved: 1 } }],
      ]),
    });
    assert.equal(cloud.seen.at(-1)?.query.toString(), "usage=true");
    assert.deepEqual(await project.backup("b1", never), backup);
    assert.equal(await project.backup("b2", never), null);
  });

  it("creates, marks and deletes snapshots, and changes the metadata of volumes", async () => {
    const headers = { "x-openstack-request-id": "req-answered" };
    const requestId = "req-answered";
    cloud.reply("POST /volume/v3/p1/snapshots", { status: 202, headers, body: { snapshot: { id: "sn1" } } });
    cloud.reply("PUT /volume/v3/p1/snapshots/sn1/metadata", { status: 200, headers, body: { metadata: {} } });
    cloud.reply("DELETE /volume/v3/p1/snapshots/sn1", { status: 202, headers });
    cloud.reply("GET /volume/v3/p1/snapshots/sn1", { status: 200, body: { snapshot: snapshotRow("sn1") } });
    cloud.reply("POST /volume/v3/p1/volumes/v1/metadata", { status: 200, headers, body: { metadata: {} } });
    cloud.reply("DELETE /volume/v3/p1/volumes/v1/metadata/dirigent%3Aold", { status: 200 });
    const { writer } = await connect(cloud);
    const project = writer.forProject("p1");
    const request = { volumeId: "v1", name: "n", metadata: { k: "v" } };
    assert.deepEqual(await project.createSnapshot(request, never), { id: "sn1", requestId });
    await project.createSnapshot({ ...request, description: "d" }, never);
    assert.deepEqual(await project.replaceSnapshotMetadata("sn1", { a: "b" }, never), { requestId });
    assert.deepEqual(await project.deleteSnapshot("sn1", never), { requestId });
    assert.equal((await project.snapshot("sn1", never))?.id, "sn1");
    assert.equal(await project.snapshot("sn2", never), null);
    assert.deepEqual(await project.setVolumeMetadata("v1", { k: "v" }, never), { requestId });
    // The second key is not there.
    await project.removeVolumeMetadata("v1", ["dirigent:old", "other"], never);
    const common = { volume_id: "v1", name: "n", metadata: { k: "v" }, force: true };
    assert.deepEqual(
      cloud.seen.filter((seen) => seen.method !== "GET" && !seen.path.includes("auth")).map((s) => [s.line, s.body]),
      [
        ["POST /volume/v3/p1/snapshots", { snapshot: common }],
        ["POST /volume/v3/p1/snapshots", { snapshot: { ...common, description: "d" } }],
        ["PUT /volume/v3/p1/snapshots/sn1/metadata", { metadata: { a: "b" } }],
        ["DELETE /volume/v3/p1/snapshots/sn1", undefined],
        ["POST /volume/v3/p1/volumes/v1/metadata", { metadata: { k: "v" } }],
        ["DELETE /volume/v3/p1/volumes/v1/metadata/dirigent%3Aold", undefined],
        ["DELETE /volume/v3/p1/volumes/v1/metadata/other", undefined],
      ],
    );
  });

  it("shares its login with the reader when both are one credential, and has its own when not", async () => {
    const one = await connect(cloud);
    await one.reader.userId(never);
    await one.writer.userId(never);
    assert.equal(cloud.logins.length, 1);
    const two = await connect(cloud, { writer: passwordParameters(cloud) });
    await two.reader.userId(never);
    await two.writer.userId(never);
    assert.equal(cloud.logins.length, 3);
  });
});
