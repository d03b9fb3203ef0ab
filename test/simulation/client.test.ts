import assert from "node:assert/strict";
import { beforeEach, describe, it, type TestContext } from "node:test";
import { AllTenantsRefused, CloudError, NoProjectAccess, QuotaExceeded } from "../../src/openstack/errors.ts";
import { openClouds, type Clouds } from "../../src/openstack/open.ts";
import { directIo, type Io } from "../../src/domain/io.ts";
import { silentLogger } from "../../src/domain/log.ts";
import type { Accounts, SeededCloud } from "../../src/simulator/cloud.ts";
import { startSimulator, type Simulator } from "../../src/simulator/simulator.ts";
import { never, rejection } from "../client/connect.ts";
import { credentials, hourMs } from "./support/night.ts";
import { seededRandom } from "./support/random.ts";
import { virtualClock, type VirtualClock } from "./support/virtual-clock.ts";

/** The client against the simulator: what its own tests say with hand-made answers, here with a whole cloud behind. */
describe("the client on a simulated cloud", () => {
  let clock: VirtualClock;
  let simulator: Simulator;
  let accounts: Accounts;
  let seeded: SeededCloud;
  let clouds: Clouds;
  /** How often each I/O step was taken. */
  let steps: Record<string, number>;

  beforeEach(async (t) => {
    clock = virtualClock("2026-11-21T00:00:00Z");
    const random = seededRandom(1);
    simulator = await startSimulator({ now: () => Number(clock.now()), random, tokenLifetimeMs: hourMs });
    accounts = simulator.seedAccounts();
    seeded = simulator.seedCloud({ projects: 2, servers: 5, volumesPerServer: 2, backupsPerVolume: 1 });
    steps = {};
    const counting: Io = {
      run: (step, work) => {
        steps[step.name] = (steps[step.name] ?? 0) + 1;
        return directIo.run(step, work);
      },
    };
    clouds = await openClouds(
      {
        reader: credentials(simulator, accounts.admin, accounts.adminProject.id),
        writer: credentials(simulator, accounts.writer),
        pageSize: 3,
      },
      { clock, io: counting, random, log: silentLogger },
    );
    (t as TestContext).after(async () => {
      clouds.close();
      await simulator.close();
    });
  });

  const create = (volume: { id: string; projectId: string }) =>
    clouds.writer
      .forProject(volume.projectId)
      .createBackup({ volumeId: volume.id, name: "n", metadata: { k: "v" }, incremental: false }, never);

  it("lists everything of all projects in pages, with two version documents and one login", async () => {
    const { reader } = clouds;
    const byId = (rows: readonly { readonly id: string }[]): string[] => rows.map((row) => row.id).sort();
    assert.deepEqual(byId(await Array.fromAsync(reader.listServers(never))), byId(seeded.servers));
    assert.deepEqual(byId(await Array.fromAsync(reader.listVolumes(never))), byId(seeded.volumes));
    assert.deepEqual(
      byId(await Array.fromAsync(reader.listBackups({}, never))),
      byId([...simulator.state.backups.values()]),
    );
    assert.deepEqual(byId(await reader.projects(never)), byId([...seeded.projects, accounts.adminProject]));
    assert.deepEqual(steps, {
      "GET block-storage/backups/detail": 4,
      "GET block-storage/versions": 1,
      "GET block-storage/volumes/detail": 4,
      "GET compute/servers/detail": 2,
      "GET compute/versions": 1,
      "GET identity/domains": 1,
      "GET identity/projects": 1,
      "POST identity/auth/tokens": 1,
    });
    assert.ok(simulator.log.entries.every((entry) => /^req-[0-9a-f-]{36}$/.test(entry.globalRequestId ?? "")));
    assert.deepEqual(reader.serviceDate("block-storage"), new Date("2026-11-21T00:00:00Z"));
  });

  it("makes, marks and deletes a backup in its owner's project, and marks the server", async () => {
    const [volume] = seeded.volumes;
    const [server] = seeded.servers;
    const project = clouds.writer.forProject(volume!.projectId);
    const { id } = await create(volume!);
    assert.deepEqual(
      [(await project.backup(id, never))?.status, (await project.quota(never)).backups.inUse],
      ["creating", 7],
    );
    clock.advance(hourMs);
    const made = await clouds.reader.backup(id, never);
    assert.deepEqual(
      [made?.status, made?.projectId, made?.userId, made?.metadata],
      ["available", volume!.projectId, accounts.writer.id, { k: "v" }],
    );
    assert.equal(await clouds.writer.userId(never), accounts.writer.id);
    await project.replaceBackupMetadata(id, { other: "x" }, never);
    assert.deepEqual((await clouds.reader.backup(id, never))?.metadata, { other: "x" });
    await project.setServerMetadata(server!.id, { "last-backup-time": "t" }, never);
    assert.deepEqual(simulator.state.servers.get(server!.id)?.metadata, { backup: "yes", "last-backup-time": "t" });
    await project.deleteBackup(id, never);
    clock.advance(hourMs);
    assert.equal(await clouds.reader.backup(id, never), null);
  });

  it("finds the children of a backup in all projects", async () => {
    const [parent] = [...simulator.state.backups.values()];
    const child = simulator.seed.backup({
      volumeId: parent!.volumeId,
      parentId: parent!.id,
      projectId: accounts.adminProject.id,
    });
    assert.deepEqual(
      (await clouds.reader.childrenOf(parent!.id, never)).map((b) => b.id),
      [child.id],
    );
    assert.deepEqual(await clouds.reader.childrenOf(child.id, never), []);
  });

  it("leaves a lost answer open: the backup is there, and the POST was sent once", async () => {
    simulator.faults.add({ method: "POST", path: /backups$/, times: 1, action: { kind: "drop-after" } });
    const [volume] = seeded.volumes;
    const error = await rejection(create(volume!));
    assert.ok(error instanceof CloudError);
    assert.deepEqual([error.kind, error.reached], ["network", "maybe"]);
    const found = await Array.fromAsync(clouds.reader.listBackups({ status: "creating" }, never));
    assert.deepEqual(
      found.map((b) => [b.volumeId, b.metadata]),
      [[volume!.id, { k: "v" }]],
    );
    assert.equal(steps["POST block-storage/backups"], 1);
  });

  it("goes on through Cinder's outage for a GET, and says so to a POST", async () => {
    simulator.faults.setOutage("block-storage", "unavailable");
    const [volume] = seeded.volumes;
    const error = await rejection(create(volume!));
    assert.ok(error instanceof CloudError);
    assert.deepEqual([error.status, error.reached], [503, "no"]); // the version document was not to be had
    simulator.faults.clear();
    simulator.faults.add({ service: "block-storage", method: "GET", times: 3, action: { kind: "drop-before" } });
    assert.equal((await Array.fromAsync(clouds.reader.listVolumes(never))).length, 10);
  });

  it("takes tokens that were revoked or have run out for what they are", async () => {
    const [volume] = seeded.volumes;
    await create(volume!);
    clock.advance(hourMs - 1);
    await Array.fromAsync(clouds.reader.listVolumes(never));
    simulator.state.identity.tokens.clear();
    await Promise.all([
      ...Array.from({ length: 6 }, () => Array.fromAsync(clouds.reader.listVolumes(never))),
      create(seeded.volumes[1]!),
    ]);
    // Reader: two. Writer: one for the project, one after the loss.
    assert.equal(steps["POST identity/auth/tokens"], 4);
  });

  it("knows the writer without a role, the reader without its rights, and the quota", async () => {
    const [volume] = seeded.volumes;
    simulator.state.setQuota(volume!.projectId, { backups: 0 });
    assert.ok((await rejection(create(volume!))) instanceof QuotaExceeded);
    simulator.seed.removeRole(accounts.writer.id, "member", { domainId: "default" });
    const refused = await rejection(clouds.writer.forProject(seeded.projects[1]!.id).quota(never));
    assert.ok(refused instanceof NoProjectAccess);
    assert.equal(refused.projectId, seeded.projects[1]!.id);
    simulator.seed.setRole(accounts.admin.id, "member", { projectId: accounts.adminProject.id });
    await clouds.reader.userId(never);
    simulator.seed.removeRole(accounts.admin.id, "admin", { projectId: accounts.adminProject.id });
    assert.ok((await rejection(Array.fromAsync(clouds.reader.listServers(never)))) instanceof AllTenantsRefused);
    assert.deepEqual(await Array.fromAsync(clouds.reader.listVolumes(never)), []);
  });
});
