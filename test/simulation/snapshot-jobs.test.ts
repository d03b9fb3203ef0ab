import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { checkBeforeDelete, deletePoint } from "../../src/conductor/delete.ts";
import { ourUserIds, scanPoints } from "../../src/conductor/scan.ts";
import { syncCatalogue } from "../../src/conductor/sync.ts";
import type { Job } from "../../src/domain/catalogue.ts";
import { directIo, type Io } from "../../src/domain/io.ts";
import { readPoints, type Point } from "../../src/domain/points.ts";
import type { SeededCloud } from "../../src/simulator/cloud.ts";
import type { SimulatorOptions } from "../../src/simulator/simulator.ts";
import { leaseOf, snapshotJobs, work } from "./support/snapshot-jobs.ts";
import { hourMs, startNight, type Night } from "./support/night.ts";

type Rig = Night & { readonly cloud: SeededCloud };

/** Two projects with a server of three volumes each, in a cloud whose snapshots take 2 s. */
async function start(t: TestContext, simulator: Partial<SimulatorOptions> = {}, io: Io = directIo): Promise<Rig> {
  const night = await startNight({ io, simulator: { durations: { snapshotMs: () => 2_000 }, ...simulator } });
  t.after(() => night.close());
  return { ...night, cloud: night.simulator.seedCloud({ projects: 2, servers: 2, volumesPerServer: 3 }) };
}

const never = new AbortController().signal;
const shown = (night: Night): string[] =>
  night.simulator.state.snapshots.values().map(({ volumeId, status }) => `${volumeId} ${status}`);
/** Every job as `state reason`, in the cloud's order of volumes. */
async function ends(night: Rig): Promise<string[]> {
  const jobs = new Map((await night.repository.jobs({})).map((job) => [job.volumeId, job]));
  return night.cloud.volumes.map(({ id }) => {
    const job = jobs.get(id);
    return `${job?.state ?? "none"} ${job?.reason ?? ""}`;
  });
}
const setRows = async (night: Night): Promise<(string | null)[][]> =>
  (await night.repository.operations({ kinds: ["set"] })).map(({ reason, message }) => [reason, message]);
const requests = (night: Night): number =>
  night.simulator.log.entries.filter((entry) => entry.method === "POST" && /snapshots$/.test(entry.path)).length;
const good = "succeeded succeeded";

describe("snapshot jobs", () => {
  it("make a marked snapshot of each volume in its owner's project, also in use, and tell what each set is worth", async (t) => {
    const night = await start(t);
    const jobs = snapshotJobs(night);
    await work(night, jobs);
    assert.deepEqual(await ends(night), Array<string>(6).fill(good));
    const [volume] = night.cloud.volumes;
    const [snapshot] = night.simulator.state.snapshots.filter(({ volumeId }) => volumeId === volume!.id);
    const [job] = jobs;
    assert.deepEqual(
      [volume!.status, snapshot?.projectId, snapshot?.userId, snapshot?.name, snapshot?.description],
      [
        "in-use",
        volume!.projectId,
        night.accounts.writer.id,
        `${volume!.name ?? ""}-snap`,
        `snapshot of ${volume!.name ?? ""}`,
      ],
    );
    assert.deepEqual(snapshot?.metadata, {
      __automated_backup: "True",
      "dirigent:key": `${volume!.id}/snaps/2026-11-21T00:00:00Z/snapshot`,
      "dirigent:policy": "snaps",
      "dirigent:slot": "2026-11-21T00:00:00Z",
      "dirigent:server": job!.serverId,
      "dirigent:set": job!.setId,
      "dirigent:keep-until": "2026-11-22T00:00:00Z",
      "dirigent:volume-type": "fast",
      "dirigent:retention": "last=5,min=1,tz=UTC",
    });
    const complete = ["set_complete", "crash-set, 3 of 3 volumes, skew 0 ms"];
    assert.deepEqual(await setRows(night), [complete, complete]);
    const entry = (await night.repository.catalogue()).find(({ backupId }) => backupId === snapshot.id);
    assert.deepEqual(
      [entry?.mechanism, entry?.retention, entry?.key, entry?.isIncremental],
      ["snapshot", "last=5,min=1,tz=UTC", job!.key, false],
    );
  });

  it("of a set are all requested before any is looked at, and its skew is that of the requests", async (t) => {
    const rig: { night?: Rig } = {};
    const sent: string[] = [];
    const io: Io = {
      run: async (step, run) => {
        const answer = await directIo.run(step, run);
        sent.push(step.name);
        // Each answer takes 100 ms.
        if (step.name === "POST block-storage/snapshots") rig.night?.clock.advance(100);
        return answer;
      },
    };
    const night = (rig.night = await start(t, {}, io));
    await work(night, snapshotJobs(night, {}, night.cloud.volumes.slice(0, 1).concat(night.cloud.volumes.slice(2, 5))));
    const ofSnapshots = sent.filter(
      (name) => name.startsWith("POST block-storage/snap") || name.includes("snapshots/"),
    );
    assert.deepEqual(ofSnapshots.slice(0, 4), Array<string>(4).fill("POST block-storage/snapshots"));
    for (const [, message] of await setRows(night)) {
      const [, skew] = /skew (\d+) ms$/.exec(message ?? "") ?? [];
      assert.ok(Number(skew) >= 100 && Number(skew) <= 400, `${message}`);
    }
  });

  it("ask for no cinder-backup service, and look at Cinder once a round", async (t) => {
    const night = await start(t);
    await work(night, snapshotJobs(night));
    const routes = night.simulator.log.entries.map(({ method, route }) => `${method} ${route}`);
    assert.ok(!routes.includes("GET os-services"));
    assert.ok(!routes.includes("GET backups/detail"));
    const looks = routes.filter((route) => route === "GET snapshots/detail").length;
    assert.ok(looks <= 6, `${looks} listings`);
    assert.equal(routes.filter((route) => route === "GET snapshots/{id}").length, 6);
  });

  it("that are refused, end in error or vanish make their set partial and touch no other", async (t) => {
    const night = await start(t);
    const [a, , c, d, e] = night.cloud.volumes;
    night.simulator.faults.addSnapshotRule({ match: (s) => s.volumeId === a!.id, during: "create", outcome: "error" });
    night.simulator.faults.addSnapshotRule({ match: (s) => s.volumeId === d!.id, during: "create", outcome: "vanish" });
    c!.status = "maintenance";
    e!.status = "error";
    await work(night, snapshotJobs(night));
    assert.deepEqual(await ends(night), [
      "failed ended_in_error",
      good,
      "failed refused",
      "failed vanished",
      "failed refused",
      good,
    ]);
    const partial = ["set_partial", "crash-volume, 1 of 3 volumes"];
    assert.deepEqual(await setRows(night), [partial, partial]);
    const [failed] = (await night.repository.jobs({})).filter(({ volumeId }) => volumeId === a!.id);
    assert.match(failed?.message ?? "", /Snapshot failed to create/);
  });

  it("over the quota of the type fail with Cinder's words", async (t) => {
    const night = await start(t);
    const [project] = night.cloud.projects;
    night.simulator.state.setQuota(project!.id, { snapshots_fast: 1 });
    await work(night, snapshotJobs(night));
    const jobs = (await night.repository.jobs({})).filter(({ projectId }) => projectId === project!.id);
    assert.deepEqual(jobs.map(({ reason }) => reason).sort(), ["over_quota", "over_quota", "succeeded"]);
    assert.match(jobs.find(({ reason }) => reason === "over_quota")?.message ?? "", /SnapshotLimitExceeded/);
  });

  it("whose answers are lost are found by their keys and not sent again; the skew is unknown", async (t) => {
    const night = await start(t);
    night.simulator.faults.add({ method: "POST", path: /snapshots$/, times: 2, action: { kind: "drop-after" } });
    await work(night, snapshotJobs(night, {}, night.cloud.volumes.slice(0, 1).concat(night.cloud.volumes.slice(2, 3))));
    assert.equal(requests(night), 2);
    assert.deepEqual(
      (await night.repository.jobs({})).map(({ state, reason }) => [state, reason]),
      Array<string[]>(2).fill(["succeeded", "succeeded"]),
    );
    assert.equal((await night.repository.operations({ kinds: ["adopt"] })).length, 2);
    for (const [, message] of await setRows(night))
      assert.match(message ?? "", /crash-set, 2 of 2 volumes, skew unknown/);
  });

  it("whose requests never arrived are sent again after settle_time", async (t) => {
    const night = await start(t);
    night.simulator.faults.add({ method: "POST", path: /snapshots$/, times: 1, action: { kind: "drop-before" } });
    await work(night, snapshotJobs(night, {}, night.cloud.volumes.slice(0, 1)));
    assert.equal(requests(night), 2);
    assert.equal(shown(night).length, 1);
    assert.deepEqual((await ends(night)).slice(0, 1), [good]);
  });

  it("that stay creating are reported as stuck after their deadline, whatever their size, and the others end", async (t) => {
    const night = await start(t);
    const [stuck] = night.cloud.volumes;
    stuck!.sizeGiB = 10_000;
    const undo = night.simulator.faults.addSnapshotRule({
      match: (s) => s.volumeId === stuck!.id,
      during: "create",
      outcome: "hang",
    });
    const before = night.clock.now();
    await work(night, snapshotJobs(night));
    undo();
    assert.deepEqual((await ends(night)).sort(), ["running stuck", ...Array<string>(5).fill(good)]);
    assert.ok(Number(night.clock.now()) - Number(before) < 2 * hourMs);
    assert.equal((await night.repository.operations({ kinds: ["report_stuck"] })).length, 1);
    assert.equal((await setRows(night)).length, 1, "one set has not ended");
    // Somebody ends it; the set follows.
    const [row] = night.simulator.state.snapshots.filter(({ volumeId }) => volumeId === stuck!.id);
    row!.status = "error";
    await work(night);
    assert.deepEqual((await setRows(night)).map(([reason]) => reason).sort(), ["set_complete", "set_partial"]);
  });

  it("start together in a round even where the limits let only one project's set in at a time", async (t) => {
    const night = await start(t);
    const limits = { ...night.conductor.settings.limits, global: 3, perBackupService: 0 };
    await work(night, snapshotJobs(night), { settings: { ...night.conductor.settings, limits } });
    const posts = night.simulator.log.entries.filter(({ method, route }) => method === "POST" && route === "snapshots");
    assert.deepEqual(
      posts.map(({ projectId }) => projectId),
      night.cloud.projects.flatMap(({ id }) => [id, id, id]),
    );
    assert.ok((await setRows(night)).every(([reason]) => reason === "set_complete"));
  });
});

describe("snapshots of ours", () => {
  const made = async (t: TestContext, simulator: Partial<SimulatorOptions> = {}) => {
    const night = await start(t, simulator);
    const jobs: readonly Job[] = snapshotJobs(night, {}, night.cloud.volumes.slice(0, 1));
    await work(night, jobs);
    const userIds = await ourUserIds(night.conductor, never);
    const read = async (): Promise<Point> => {
      const { points } = await scanPoints(night.conductor, "snapshot", never);
      const catalogue = new Map((await night.repository.catalogue()).map((entry) => [entry.backupId, entry]));
      const [volume] = readPoints({ backups: points, catalogue, userIds }).values();
      return volume!.points[0]!;
    };
    const point = await read();
    const check = () =>
      checkBeforeDelete(
        night.conductor,
        { userIds, projectId: point.projectId ?? "", point, wantedBecause: () => null },
        never,
      );
    const remove = async () =>
      await deletePoint(night.conductor, await leaseOf(night.conductor), {
        runId: jobs[0]!.runId,
        point,
        reason: "expired",
        signal: never,
      });
    return { night, point, check, remove, userIds };
  };

  it("are good, stand alone, and are deleted until they are gone", async (t) => {
    const { night, point, check, remove } = await made(t);
    assert.deepEqual(
      [point.good, point.kind, point.rootId, point.parentVerified],
      [true, "ours", point.backup.id, true],
    );
    assert.equal(await check(), null);
    assert.equal(await remove(), null);
    assert.deepEqual(shown(night), []);
    assert.deepEqual(await night.repository.catalogue(), []);
    assert.equal(await check(), "gone");
  });

  it("stay while a volume made from them exists", async (t) => {
    const { night, point, check } = await made(t);
    night.simulator.seed.volume({ projectId: night.cloud.projects[1]!.id, snapshotId: point.backup.id });
    assert.equal(await check(), "keep_has_volumes");
  });

  it("that a backend puts back are a failure that says so", async (t) => {
    const { night, point, remove } = await made(t, { clonesHoldSnapshots: true });
    night.simulator.seed.volume({ projectId: point.projectId ?? "", snapshotId: point.backup.id });
    const failure = await remove();
    assert.match(
      failure?.message ?? "",
      /^Cinder began to delete the snapshot and put it back to available: it is busy/,
    );
    assert.equal(shown(night).length, 1);
  });

  it("whose deletion fails are told, with their status", async (t) => {
    const { night, remove } = await made(t);
    night.simulator.faults.addSnapshotRule({ match: () => true, during: "delete", outcome: "error" });
    assert.match((await remove())?.message ?? "", /it is error_deleting after its DELETE/);
  });

  it("are neither gone nor vanished for the catalogue while only backups were listed", async (t) => {
    const { night, userIds } = await made(t);
    night.clock.advance(hourMs);
    const sync = async (mechanisms: ReadonlySet<"backup" | "snapshot">, backups: Point["backup"][]) =>
      await syncCatalogue(night.conductor, "run", { backups, mechanisms, userIds, takenAt: night.clock.now() });
    await sync(new Set(["backup"]), []);
    assert.equal((await night.repository.catalogue()).length, 1);
    await sync(new Set(["backup", "snapshot"]), []);
    assert.deepEqual(await night.repository.catalogue(), []);
    const { points } = await scanPoints(night.conductor, "snapshot", never);
    await sync(new Set(["snapshot"]), [...points]);
    assert.deepEqual(
      (await night.repository.catalogue()).map(({ mechanism }) => mechanism),
      ["snapshot"],
    );
  });

  it("prove the reader by what only admins may ask, since members see the projects of snapshots, too", async (t) => {
    const { night } = await made(t);
    assert.equal((await scanPoints(night.conductor, "snapshot", never)).proven, true);
    const { accounts, simulator } = night;
    simulator.seed.setRole(accounts.admin.id, "member", { projectId: accounts.adminProject.id });
    simulator.seed.removeRole(accounts.admin.id, "admin", { projectId: accounts.adminProject.id });
    assert.deepEqual(await scanPoints(night.conductor, "snapshot", never), { points: [], proven: false });
  });
});
