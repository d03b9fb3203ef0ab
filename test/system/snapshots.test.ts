import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { systemClock } from "../../src/cli/system-clock.ts";
import type { Conductor } from "../../src/conductor/context.ts";
import { checkBeforeDelete, deletePoint } from "../../src/conductor/delete.ts";
import { runOnce } from "../../src/conductor/once.ts";
import { forceDelete, planForceDelete } from "../../src/conductor/orders/force-delete.ts";
import { ourUserIds, scanPoints } from "../../src/conductor/scan.ts";
import type { Job } from "../../src/domain/catalogue.ts";
import type { CloudParameters } from "../../src/domain/connection.ts";
import { directIo } from "../../src/domain/io.ts";
import { silentLogger } from "../../src/domain/log.ts";
import { readPoints, type Point } from "../../src/domain/points.ts";
import { fitLimits } from "../../src/domain/quota.ts";
import { openSnapshotAdmin } from "../../src/openstack/admin.ts";
import type { Clouds } from "../../src/openstack/open.ts";
import { openStore } from "../../src/store/open.ts";
import type { Repository } from "../../src/store/repository.ts";
import { settings } from "../simulation/support/night.ts";
import { leaseOf, snapshotJob, work } from "../simulation/support/snapshot-jobs.ts";
import { Cloud } from "./support/cloud.ts";
import { makeReader, makeWriter, type Credential } from "./support/credentials.ts";
import { backups, snapshots, volumes, type SnapshotRow } from "./support/judge.ts";
import { openProductClouds, parametersOf } from "./support/product.ts";
import { openSetStage, type SetStage } from "./support/sets.ts";
import { until } from "./support/wait.ts";
import { removeWorld, seed, type World } from "./support/world.ts";

const signal = AbortSignal.timeout(10 * 60_000);

describe("snapshots as restore points on a real cloud", () => {
  const prefix = "snaps";
  let cloud: Cloud;
  let world: World;
  let writer: Credential;
  let clouds: Clouds;
  let repository: Repository;
  let conductor: Conductor;

  before(async () => {
    cloud = await Cloud.open();
    await removeWorld(cloud, prefix);
    world = await seed(cloud, { prefix, servers: 2, volumesEach: 3, projects: 2, share: 1 });
    writer = await makeWriter(cloud, prefix);
    clouds = await openProductClouds(cloud, await makeReader(cloud, prefix), writer);
    repository = await openStore("sqlite::memory:", { io: directIo });
    conductor = {
      settings: { ...settings, pollMs: 1000 },
      reader: clouds.reader,
      writer: clouds.writer,
      repository,
      clock: systemClock,
      log: silentLogger,
      newId: randomUUID,
    };
  });

  after(async () => {
    clouds.close();
    await repository.close();
    await removeWorld(cloud, prefix);
  });

  async function jobsOf(slot: string): Promise<Job[]> {
    const rows = new Map((await volumes(cloud.admin)).map((row) => [row.id, row]));
    return world.servers.flatMap((server) =>
      server.volumes.map((volumeId) => {
        const row = rows.get(volumeId)!;
        const facts = {
          projectId: server.project,
          volumeId,
          volumeName: row.name ?? "",
          serverId: server.id,
          serverName: server.name,
          sizeGiB: row.size,
          volumeType: row.volume_type,
          pool: row["os-vol-host-attr:host"],
        };
        const windowEndsAt = new Date(Date.now() + 3_600_000);
        return snapshotJob(facts, new Date(), { slot, windowEndsAt });
      }),
    );
  }

  const ours = async (): Promise<SnapshotRow[]> => {
    const own = new Set(world.servers.map((server) => server.project));
    return (await snapshots(cloud.admin)).filter((row) => own.has(row["os-extended-snapshot-attributes:project_id"]));
  };

  const points = async (): Promise<Point[]> => {
    const scan = await scanPoints(conductor, "snapshot", signal);
    assert.equal(scan.proven, true);
    const catalogue = new Map((await repository.catalogue()).map((entry) => [entry.backupId, entry]));
    const read = readPoints({ backups: scan.points, catalogue, userIds: await ourUserIds(conductor, signal) });
    return [...read.values()].flatMap((volume) => volume.points);
  };

  const check = async (point: Point) =>
    await checkBeforeDelete(
      conductor,
      {
        userIds: await ourUserIds(conductor, signal),
        projectId: point.projectId ?? "",
        point,
        wantedBecause: () => null,
      },
      signal,
    );

  it("are made of all volumes of a server together, in use, in their owner's project, with the skew recorded", async () => {
    await work({ conductor }, await jobsOf("2026-01-01T00:00:00Z"));
    const made = await ours();
    assert.deepEqual(
      made.map((row) => [row.volume_id, row["os-extended-snapshot-attributes:project_id"], row.status]).sort(),
      world.servers.flatMap((server) => server.volumes.map((id) => [id, server.project, "available"])).sort(),
    );
    assert.ok(
      (await volumes(cloud.admin)).every(
        (row) => !world.servers[0]!.volumes.includes(row.id) || row.status === "in-use",
      ),
    );
    const rows = await repository.operations({ kinds: ["set"] });
    assert.deepEqual(
      rows.map(({ reason }) => reason),
      ["set_complete", "set_complete"],
    );
    for (const { message } of rows) {
      const [, skewMs] = /^crash-set, 3 of 3 volumes, skew (\d+) ms$/.exec(message ?? "") ?? [];
      assert.ok(Number(skewMs) > 0 && Number(skewMs) < 60_000, message ?? "");
    }
    assert.deepEqual(
      (await points()).map(({ good, kind, marks }) => [good, kind, marks.retention]),
      Array<unknown[]>(6).fill([true, "ours", "last=5,min=1,tz=UTC"]),
    );
  });

  it("are deleted until they are gone, but not while a volume made from them exists", async () => {
    const [first, second] = await points();
    const project = Object.entries(world.projects).find(([, id]) => id === first!.projectId)![0];
    const tenant = await cloud.tenant(project);
    const wanted = { volume: { size: 1, name: `${prefix}-child`, snapshot_id: first!.backup.id } };
    const child = await tenant.call<{ volume: { id: string } }>("POST", "volumev3", "/volumes", wanted);
    await until("the child is available", async () =>
      (await volumes(cloud.admin)).find((row) => row.id === child.volume.id && row.status === "available"),
    );
    assert.equal(await check(first!), "keep_has_volumes");
    assert.equal(await check(second!), null);
    const failure = await deletePoint(conductor, await leaseOf(conductor), {
      runId: "run-2026-01-01T00:00:00Z",
      point: second!,
      reason: "expired",
      signal,
    });
    assert.equal(failure, null);
    assert.ok((await ours()).every((row) => row.id !== second!.backup.id));
    await tenant.call("DELETE", "volumev3", `/volumes/${child.volume.id}`);
    await until(
      "the child is gone",
      async () => !(await volumes(cloud.admin)).some((row) => row.id === child.volume.id),
    );
    assert.equal(await check(first!), null);
  });

  it("fit the quota of their volume type, and Cinder's refusal is recorded where that changed in between", async () => {
    const [server] = world.servers;
    const jobs = (await jobsOf("2026-01-02T00:00:00Z")).filter((job) => job.projectId === server!.project);
    const quotaPath = `/os-quota-sets/${server!.project}`;
    const inUse = (await ours()).filter(
      (row) => row["os-extended-snapshot-attributes:project_id"] === server!.project,
    ).length;
    await cloud.admin.call("PUT", "volumev3", quotaPath, { quota_set: { snapshots_fast: inUse + 1 } });
    try {
      const quota = await clouds.writer.forProject(server!.project).quota(signal);
      const fitted = fitLimits({
        jobs,
        openJobs: [],
        quotas: new Map([[server!.project, quota]]),
        volumesPerProject: null,
        attemptedThisSlot: new Map(),
      });
      assert.equal(fitted.accepted.length, 1);
      assert.match(fitted.refused[0]?.message ?? "", /^snapshots of type fast: \d+ of \d+ in use or reserved$/);
      await work({ conductor }, jobs);
      const ended = await repository.jobs({ slot: "2026-01-02T00:00:00Z" });
      assert.equal(ended.filter((job) => job.state === "succeeded").length, 1);
      for (const job of ended.filter((each) => each.state !== "succeeded")) {
        assert.deepEqual([job.state, job.reason], ["failed", "over_quota"]);
        assert.match(job.message ?? "", /SnapshotLimitExceeded/);
      }
      const rows = await repository.operations({ kinds: ["set"] });
      assert.deepEqual([rows.at(-1)?.reason, rows.at(-1)?.message], ["set_partial", "crash-volume, 1 of 3 volumes"]);
    } finally {
      await cloud.admin.call("DELETE", "volumev3", quotaPath);
    }
  });

  it("that are stuck go by force with an admin's credential only", async () => {
    const [point] = await points();
    const id = point!.backup.id;
    await cloud.admin.call("POST", "volumev3", `/snapshots/${id}/action`, {
      "os-reset_status": { status: "error_deleting" },
    });
    const deps = { clock: systemClock, io: directIo, random: Math.random, log: silentLogger };
    const { username: name = "", password = "", project_name: projectName = "" } = cloud.entries["admin"]!.auth;
    const inDefault = { id: "default" };
    const parameters = parametersOf(cloud, writer);
    const asAdmin: CloudParameters = {
      ...parameters,
      auth: {
        kind: "password",
        user: { name, domain: inDefault },
        password,
        project: { name: projectName, domain: inDefault },
      },
    };
    const asWriter: CloudParameters = {
      ...parameters,
      auth: { ...parameters.auth, project: { id: point!.projectId ?? "" } } as CloudParameters["auth"],
    };
    const forced = async (as: CloudParameters): Promise<string> => {
      const admin = await openSnapshotAdmin(as, deps);
      try {
        const plans = await planForceDelete(conductor, [id], signal);
        const { lines } = await forceDelete(conductor, admin, plans, signal);
        return `${lines[0]?.outcome} ${lines[0]?.reason}`;
      } finally {
        admin.close();
      }
    };
    assert.equal(await forced(asWriter), "failed delete_failed");
    assert.equal(await forced(asAdmin), "done forced");
    assert.ok((await ours()).every((row) => row.id !== id));
    assert.equal(await forced(asAdmin), "refused no_such_snapshot");
  });
});

describe("backups from temporary snapshots on a real cloud", () => {
  const prefix = "moments";
  let cloud: Cloud;
  let stage: SetStage;

  before(async () => {
    cloud = await Cloud.open();
    stage = await openSetStage(cloud, { prefix, volumes: 3, from: ["fast"] });
  });

  after(() => stage.close());

  it("are of one moment as soon as Cinder shows that the driver writes in chunks; they restore, and no snapshot is left", async () => {
    const { conductor, nextSlot, server } = stage;
    const { reader, repository } = conductor;
    const own = async () => (await backups(cloud.admin)).filter((row) => server.volumes.includes(row.volume_id));
    const once = async () => {
      const seen = new Set((await own()).map(({ id }) => id));
      const { outcome, run } = await runOnce(conductor, true, { drain: signal, cut: signal });
      assert.equal(outcome, "ok", JSON.stringify(await repository.jobs({ runId: run.id })));
      assert.deepEqual(
        (await snapshots(cloud.admin)).filter((row) => server.volumes.includes(row.volume_id)),
        [],
      );
      return (await own()).filter(({ id }) => !seen.has(id));
    };
    const shown = async ({ id }: { id: string }) => await reader.backup(id, signal);
    const sets = async () => (await repository.operations({ kinds: ["set"] })).map(({ message }) => message ?? "");

    await nextSlot(signal);
    const first = await once();
    assert.deepEqual(
      first.map((row) => [row.status, row.snapshot_id]),
      Array(3).fill(["available", null]),
    );
    for (const row of first) assert.ok(((await shown(row))?.objectCount ?? 0) > 0);
    assert.deepEqual(await sets(), ["crash-volume, 0 of 3 volumes from temporary snapshots"]);

    await nextSlot(signal);
    const second = await once();
    assert.equal(second.length, 3);
    const jobs = await repository.jobs({ keys: second.map((row) => row.metadata["dirigent:key"] ?? "") });
    for (const row of second) {
      const job = jobs.find(({ volumeId }) => volumeId === row.volume_id);
      assert.deepEqual(
        [row.status, row.snapshot_id, job?.mode === "incremental"],
        ["available", job?.temporaryId, row.is_incremental],
      );
      const at = (await shown(row))?.dataTimestamp;
      assert.ok(
        at !== null && at !== undefined && at <= new Date(Number(job?.temporaryAnsweredAt) + 1000),
        "of its snapshot's time",
      );
    }
    const [, message = ""] = await sets();
    assert.match(message, /^crash-set, 3 of 3 volumes from temporary snapshots, skew \d+ ms$/);
    assert.ok(second.some(({ is_incremental: incremental }) => incremental));

    const tenant = await cloud.tenant(`${prefix}-p0`);
    const wanted = second.find(({ is_incremental: incremental }) => incremental)!;
    const { restore } = await tenant.call<{ restore: { volume_id: string } }>(
      "POST",
      "volumev3",
      `/backups/${wanted.id}/restore`,
      { restore: { name: `${prefix}-restored` } },
    );
    await until("the restored volume is available", async () =>
      (await volumes(cloud.admin)).some(({ id, status }) => id === restore.volume_id && status === "available"),
    );
  });
});
