import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { leftUntried } from "../../src/conductor/temporary-clean.ts";
import { readPolicyBook } from "../../src/config/policies/read-book.ts";
import type { Io } from "../../src/domain/io.ts";
import type { Server, Volume } from "../../src/simulator/records.ts";
import { watchedIo } from "./support/crash-plan.ts";
import { auditNight, dayMs, hourMs, settings, startNight, type Night } from "./support/night.ts";

/** Backups of a server's volumes from snapshots of one moment, by the production conductor on a simulated cloud. */

const policies = `
policies:
  together: {schedule: {daily: "00:00"}, consistency: set, retention: {last: 4}, full_every: 3, catch_up: once}
rules:
  - {name: all, match: {}, policies: together}
`;

interface Rig extends Night {
  readonly server: Server;
  readonly volumes: readonly Volume[];
}

/** A server with three volumes, whose snapshots take 2 s and whose backups a minute. */
async function start(
  t: TestContext,
  {
    types = ["fast"],
    third = "fast",
    cephBackups = false,
    io,
  }: { types?: readonly string[]; third?: string; cephBackups?: boolean; io?: Io } = {},
): Promise<Rig> {
  const night = await startNight({
    settings: { fromSnapshotTypes: types },
    ...(io === undefined ? {} : { io }),
    simulator: { cephBackups, durations: { snapshotMs: () => 2_000, backupMs: () => 60_000 } },
  });
  t.after(() => night.close());
  const book = readPolicyBook(
    { policies: { path: "/policies.yaml", text: policies }, rules: null },
    { builtIn: settings.policy, timeZone: "UTC", container: null },
  );
  const { seed } = night.simulator;
  const projectId = night.accounts.adminProject.id;
  const server = seed.server({ projectId, name: "vm" });
  const volumes = ["a", "b", "c"].map((name) =>
    seed.volume({ projectId, name, serverId: server.id, typeName: name === "c" ? third : "fast" }),
  );
  return { ...night, server, volumes, once: (change) => night.once({ policyBook: () => book, ...change }) };
}

/** Every backup as `volume mode from`, oldest first. */
const made = ({ simulator }: Rig): string[] =>
  [...simulator.state.backups.values()]
    .sort((x, y) => x.createdAtMs - y.createdAtMs || (x.name ?? "").localeCompare(y.name ?? ""))
    .map(
      ({ volumeId, parentId, snapshotId, status }) =>
        `${simulator.state.volumes.get(volumeId)?.name ?? ""} ${parentId === null ? "full" : "incremental"}` +
        `${snapshotId === null ? "" : " from snapshot"}${status === "available" ? "" : ` ${status}`}`,
    );
const snapshots = ({ simulator }: Rig): string[] => [...simulator.state.snapshots.values()].map(({ id }) => id);
const sets = async ({ repository }: Rig): Promise<string[]> =>
  (await repository.operations({ kinds: ["set"] })).map(({ reason, message }) => `${reason}: ${message ?? ""}`);
const notices = async ({ repository }: Rig): Promise<string[]> =>
  (await repository.operations({ kinds: ["notice"] })).map(({ reason }) => reason);

describe("backups from temporary snapshots", () => {
  it("are of one moment from the second night on, and no snapshot is left", async (t) => {
    const night = await start(t);
    let before;
    for (let day = 0; day < 3; day += 1) {
      assert.equal((await night.once()).outcome, "ok");
      assert.deepEqual(snapshots(night), []);
      before = await auditNight(night, before);
      night.clock.advance(dayMs);
    }
    // The first chain of a volume is shortened.
    assert.deepEqual(made(night).slice(0, 6), [
      "a full",
      "b full",
      "c full",
      "a full from snapshot",
      "b incremental from snapshot",
      "c full from snapshot",
    ]);
    assert.deepEqual(made(night).slice(6), [
      "a incremental from snapshot",
      "b incremental from snapshot",
      "c incremental from snapshot",
    ]);
    assert.deepEqual(await sets(night), [
      "set_partial: crash-volume, 0 of 3 volumes from temporary snapshots",
      "set_complete: crash-set, 3 of 3 volumes from temporary snapshots, skew 0 ms",
      "set_complete: crash-set, 3 of 3 volumes from temporary snapshots, skew 0 ms",
    ]);
    assert.deepEqual(await notices(night), Array<string>(3).fill("ordinary_no_evidence"));
    const [report] = await night.repository.reports({ limit: 1 });
    assert.deepEqual(
      report?.sets.map(({ complete, made: of, volumes, skewMs }) => [complete, of, volumes, skewMs]),
      [[true, 3, 3, 0]],
    );
    // No report and no catalogue has heard of them.
    assert.deepEqual(new Set(report.lines.map(({ mechanism }) => mechanism)), new Set(["backup"]));
    assert.equal(report.snapshots, null);
    assert.deepEqual(
      new Set((await night.repository.catalogue({ includeGone: true })).map(({ mechanism }) => mechanism)),
      new Set(["backup"]),
    );
  });

  /** A first night, in which all is ordinary. */
  const secondNight = async (t: TestContext, options: Parameters<typeof start>[1] = {}): Promise<Rig> => {
    const night = await start(t, options);
    assert.equal((await night.once()).outcome, "ok");
    await auditNight(night);
    night.clock.advance(dayMs);
    return night;
  };
  const posts = ({ simulator }: Rig, what: string): number =>
    simulator.log.entries.filter(({ method, route }) => method === "POST" && route === what).length;
  const ends = async ({ repository, volumes }: Rig): Promise<string[]> => {
    const newest = new Map(
      (await repository.jobs({}))
        .sort((x, y) => Number(x.plannedAt) - Number(y.plannedAt))
        .map((job) => [job.volumeId, job]),
    );
    return volumes.map(({ id }) => `${newest.get(id)?.state ?? ""} ${newest.get(id)?.temporary ?? ""}`);
  };

  it("are requested together before any backup of the set, and each backup when its own is ready", async (t) => {
    const night = await secondNight(t);
    const from = night.simulator.log.entries.length;
    await night.once();
    const sent = night.simulator.log.entries
      .slice(from)
      .filter(({ method }) => method === "POST" || method === "DELETE")
      .map(({ method, route }) => `${method} ${route}`)
      .filter((what) => /snapshots|backups/.test(what));
    assert.deepEqual(sent, [
      ...Array<string>(3).fill("POST snapshots"),
      ...Array<string>(3).fill("POST backups"),
      ...Array<string>(3).fill("DELETE snapshots/{id}"),
    ]);
    const deletions = await night.repository.operations({ kinds: ["delete", "delete_verified"] });
    assert.deepEqual(new Set(deletions.map(({ reason }) => reason)), new Set(["temporary"]));
    assert.equal(deletions.length, 6);
  });

  it("leave out volumes of types that are not named, and the set says so", async (t) => {
    const night = await secondNight(t, { third: "nfs" });
    assert.equal((await night.once()).outcome, "ok");
    assert.deepEqual(await ends(night), ["succeeded ready", "succeeded ready", "succeeded refused"]);
    assert.match(
      (await sets(night)).at(-1) ?? "",
      /^set_partial: crash-volume, 2 of 3 volumes from temporary snapshots/,
    );
    assert.deepEqual((await notices(night)).filter((reason) => reason === "ordinary_type").length, 2);
    assert.deepEqual(snapshots(night), []);
  });

  it("are never made where the driver counts no chunks, as Ceph's does not", async (t) => {
    const night = await start(t, { cephBackups: true });
    for (let day = 0; day < 5; day += 1) {
      assert.equal((await night.once()).outcome, "ok");
      await auditNight(night);
      night.clock.advance(dayMs);
    }
    assert.equal(posts(night, "snapshots"), 0);
    assert.ok(made(night).every((backup) => !backup.includes("snapshot")));
    assert.deepEqual(new Set(await notices(night)), new Set(["ordinary_no_evidence", "ordinary_ceph"]));
  });

  it("make way for ordinary fulls when the type leaves the list", async (t) => {
    const night = await secondNight(t);
    await night.once();
    night.clock.advance(dayMs);
    const listed = made(night).length;
    await night.once({ settings: { ...night.conductor.settings, fromSnapshotTypes: [] } });
    assert.deepEqual(made(night).slice(listed), ["a full", "b full", "c full"]);
    const jobs = await night.repository.jobs({});
    assert.equal(jobs.filter(({ modeReason }) => modeReason === "full_snapshot_backup").length, 3);
  });

  it("that are refused or fail cost the set its name, and no volume its backup", async (t) => {
    const night = await secondNight(t);
    const [a, b] = night.volumes;
    night.simulator.faults.addSnapshotRule({ match: (s) => s.volumeId === a!.id, during: "create", outcome: "error" });
    night.simulator.faults.addSnapshotRule({ match: (s) => s.volumeId === b!.id, during: "create", outcome: "vanish" });
    assert.equal((await night.once()).outcome, "ok");
    assert.deepEqual(await ends(night), ["succeeded abandoned", "succeeded abandoned", "succeeded ready"]);
    assert.match(
      (await sets(night)).at(-1) ?? "",
      /^set_partial: crash-volume, 1 of 3 volumes from temporary snapshots/,
    );
    assert.deepEqual(snapshots(night), []);
    assert.equal((await notices(night)).filter((reason) => reason === "temporary_failed").length, 2);
  });

  it("for which the quota has no room leave the volumes their ordinary backups", async (t) => {
    const night = await secondNight(t);
    night.simulator.state.setQuota(night.accounts.adminProject.id, { snapshots: 1 });
    assert.equal((await night.once()).outcome, "ok");
    assert.deepEqual((await ends(night)).sort(), ["succeeded abandoned", "succeeded abandoned", "succeeded ready"]);
    assert.deepEqual(snapshots(night), []);
  });

  it("whose answers are lost are found by their keys and not sent again; the skew is unknown", async (t) => {
    const night = await secondNight(t);
    night.simulator.faults.add({ method: "POST", path: /snapshots$/, times: 2, action: { kind: "drop-after" } });
    assert.equal((await night.once()).outcome, "ok");
    assert.equal(posts(night, "snapshots"), 3);
    assert.deepEqual(await ends(night), Array<string>(3).fill("succeeded ready"));
    assert.deepEqual(
      (await sets(night)).at(-1),
      "set_complete: crash-set, 3 of 3 volumes from temporary snapshots, skew unknown",
    );
    assert.deepEqual(snapshots(night), []);
  });

  it("whose requests never arrived are not sent again: the backup is an ordinary one", async (t) => {
    const night = await secondNight(t);
    night.simulator.faults.add({ method: "POST", path: /snapshots$/, times: 1, action: { kind: "drop-before" } });
    assert.equal((await night.once()).outcome, "ok");
    assert.equal(posts(night, "snapshots"), 2);
    assert.deepEqual((await ends(night)).sort(), ["succeeded abandoned", "succeeded ready", "succeeded ready"]);
  });

  it("go when their backup failed, and the next backup is an ordinary full", async (t) => {
    const night = await secondNight(t);
    const [a] = night.volumes;
    const undo = night.simulator.faults.addBackupRule({
      match: (backup) => backup.volumeId === a!.id,
      outcome: { kind: "error", reason: "a bad day" },
    });
    assert.equal((await night.once()).outcome, "partial");
    assert.deepEqual(snapshots(night), []);
    undo();
    night.clock.advance(dayMs);
    assert.equal((await night.once()).outcome, "ok");
    assert.deepEqual(await ends(night), ["succeeded refused", "succeeded ready", "succeeded ready"]);
    assert.equal((await notices(night)).at(-1), "ordinary_doubt");
  });

  it("that cannot be deleted are told, and tried again in the next night", async (t) => {
    const night = await secondNight(t);
    const undo = night.simulator.faults.addSnapshotRule({ match: () => true, during: "delete", outcome: "error" });
    await night.once();
    assert.equal(snapshots(night).length, 3);
    undo();
    const failures = await night.repository.operations({ kinds: ["fail"] });
    assert.deepEqual(new Set(failures.map(({ reason }) => reason)), new Set(["delete_failed"]));
    await night.once();
    assert.equal((await night.repository.operations({ kinds: ["fail"] })).length, 3, "told once");
    assert.equal(await leftUntried(night), false, "nobody is kept awake by them");
    for (const row of night.simulator.state.snapshots.values()) row.status = "available";
    night.clock.advance(dayMs);
    await night.once();
    assert.deepEqual(snapshots(night), []);
  });

  it("of a lost database are nobody's: told, and left alone, whatever their marks say", async (t) => {
    const night = await secondNight(t);
    const [a] = night.volumes;
    const orphan = night.simulator.seed.snapshot({
      volumeId: a!.id,
      userId: night.accounts.writer.id,
      metadata: { "dirigent:temporary": "True", "dirigent:key": `${a!.id}/together/2026-11-21T00:00:00Z/temporary` },
    });
    await night.once();
    assert.deepEqual(snapshots(night), [orphan.id]);
    const told = await night.repository.operations({ kinds: ["notice"] });
    assert.deepEqual(
      told.filter(({ reason }) => reason === "temporary_left").map(({ message }) => message),
      [`snapshot of volume ${a!.id}`],
    );
  });

  /** Dies in the second night at the nth passage of a kind of point, and goes on an hour later with a new process. */
  const die = async (t: TestContext, kind: string, nth: number): Promise<void> => {
    const death = { at: null as string | null, passed: 0, dead: false };
    const io = watchedIo((passing) => {
      // Nobody could catch it there.
      if (passing.endsWith(" sent")) return;
      if (passing === death.at) death.passed += 1;
      death.dead ||= passing === death.at && death.passed === nth;
      if (death.dead) throw new Error("the process is dead");
    });
    const night = await secondNight(t, { io });
    death.at = kind;
    await night.once().catch(() => undefined);
    assert.equal(death.dead, true, `${kind} is passed ${nth} times`);
    Object.assign(death, { at: null, dead: false });
    night.clock.advance(hourMs);
    await night.once();
    night.clock.advance(dayMs);
    await night.once();
    const what = `${kind} ${nth}`;
    assert.deepEqual(snapshots(night), [], what);
    assert.equal(night.simulator.state.backups.values().length, 9, what);
    assert.equal(
      new Set([...night.simulator.state.backups.values()].map(({ metadata }) => metadata["dirigent:key"])).size,
      9,
      what,
    );
    await auditNight(night);
  };

  for (const [kind, nth] of [
    ["http POST block-storage/snapshots before", 2],
    ["http POST block-storage/snapshots after", 1],
    ["http POST block-storage/snapshots after", 3],
    ["http POST block-storage/backups after", 2],
    ["http DELETE block-storage/snapshots/{id} before", 1],
    ["http DELETE block-storage/snapshots/{id} after", 2],
    ...[1, 4, 7, 10, 13, 16].flatMap((at) => [["db moveJob before", at] as const, ["db moveJob after", at] as const]),
  ] as const) {
    it(`survive the death of the process at ${kind} ${nth}: one backup a slot, no snapshot left after the next night`, (t) =>
      die(t, kind, nth));
  }
});
