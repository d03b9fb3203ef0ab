import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { forceDelete, planForceDelete } from "../../src/conductor/orders/force-delete.ts";
import { directIo } from "../../src/domain/io.ts";
import { silentLogger } from "../../src/domain/log.ts";
import { openSnapshotAdmin } from "../../src/openstack/admin.ts";
import type { Snapshot } from "../../src/simulator/records.ts";
import type { SeededCloud } from "../../src/simulator/cloud.ts";
import { snapshotJobs, work } from "./support/snapshot-jobs.ts";
import { credentials, hourMs, startNight, type Night } from "./support/night.ts";
import { seededRandom } from "./support/random.ts";

const never = new AbortController().signal;

/** Five snapshots of ours, made hours ago. */
async function start(t: TestContext): Promise<{ night: Night & { cloud: SeededCloud }; made: readonly Snapshot[] }> {
  const base = await startNight({ simulator: { durations: { snapshotMs: () => 1_000 } } });
  t.after(() => base.close());
  const night = { ...base, cloud: base.simulator.seedCloud({ projects: 1, servers: 1, volumesPerServer: 5 }) };
  await work(night, snapshotJobs(night));
  night.clock.advance(12 * hourMs);
  return { night, made: [...night.simulator.state.snapshots.values()] };
}

async function force(night: Night, ids: readonly string[], user = night.accounts.admin, project?: string) {
  const deps = { clock: night.clock, io: directIo, random: seededRandom(3), log: silentLogger };
  const admin = await openSnapshotAdmin(
    credentials(night.simulator, user, project ?? night.accounts.adminProject.id),
    deps,
  );
  try {
    const plans = await planForceDelete(night.conductor, ids, never);
    return await forceDelete(night.conductor, admin, plans, never);
  } finally {
    admin.close();
  }
}

const rowsOf = async (night: Night) =>
  (await night.repository.operations({}))
    .filter(({ message, reason }) => reason === "forced" || message !== null)
    .filter(({ kind }) => kind !== "set")
    .map(({ kind, reason }) => [kind, reason]);

describe("stuck snapshots", () => {
  it("are deleted by force, and nothing else is", async (t) => {
    const { night, made } = await start(t);
    const [good, failed, creating, undeletable, held] = made;
    failed!.status = "error";
    creating!.status = "creating";
    undeletable!.status = "error_deleting";
    held!.status = "error_deleting";
    held!.metadata["dirigent:hold"] = "2026-11-21T00:00:00Z";
    const own = night.simulator.seed.snapshot({ volumeId: good!.volumeId, status: "error_deleting" });
    const young = night.simulator.seed.snapshot({
      volumeId: good!.volumeId,
      userId: night.accounts.writer.id,
      status: "creating",
      metadata: { __automated_backup: "True" },
    });
    const none = "00000000-0000-0000-0000-000000000000";
    const ids = [good, failed, creating, undeletable, held, own, young].map((row) => row!.id).concat(none);
    const { lines, outcome } = await force(night, ids);
    assert.equal(outcome, "partial");
    assert.deepEqual(
      lines.map((line) => [line.outcome, line.reason]),
      [
        ["refused", "not_stuck"],
        ["refused", "not_stuck"],
        ["done", "forced"],
        ["done", "forced"],
        ["refused", "keep_held"],
        ["refused", "not_ours"],
        ["refused", "not_stuck"],
        ["refused", "no_such_snapshot"],
      ],
    );
    assert.match(lines[6]?.message ?? "", /^it is creating, and counts as stuck after 2026-11-21T1/);
    assert.deepEqual(
      [creating, undeletable].map((row) => night.simulator.state.snapshots.has(row!.id)),
      [false, false],
    );
    assert.equal(night.simulator.state.snapshots.size, 5);
    assert.equal((await night.repository.catalogue()).length, 3);
    const [run] = await night.repository.runs({ limit: 1 });
    assert.deepEqual([run?.kind, run?.outcome, run?.message], ["manual", "partial", "force_delete_snapshots"]);
    assert.deepEqual(
      (await rowsOf(night)).filter(([, reason]) => reason === "forced"),
      [
        ["delete", "forced"],
        ["delete_verified", "forced"],
        ["delete", "forced"],
        ["delete_verified", "forced"],
      ],
    );
  });

  it("with a volume made from them are left to their owners", async (t) => {
    const { night, made } = await start(t);
    const [stuck] = made;
    stuck!.status = "error_deleting";
    const child = night.simulator.seed.volume({ projectId: stuck!.projectId, snapshotId: stuck!.id });
    const { lines } = await force(night, [stuck!.id]);
    assert.deepEqual([lines[0]?.reason, lines[0]?.message], ["keep_has_volumes", child.id]);
  });

  it("stay where the credential is no admin's, or the storage does not do it, and that is told", async (t) => {
    const { night, made } = await start(t);
    const [stuck] = made;
    stuck!.status = "error_deleting";
    const refused = await force(night, [stuck!.id], night.accounts.writer, stuck!.projectId);
    assert.deepEqual([refused.outcome, refused.lines[0]?.reason], ["failed", "delete_failed"]);
    assert.match(refused.lines[0]?.message ?? "", /403/);
    night.simulator.faults.addSnapshotRule({ match: () => true, during: "delete", outcome: "hang" });
    const hung = await force(night, [stuck!.id]);
    assert.deepEqual(hung.lines[0]?.message, "it is still deleting; is its cinder-volume service up?");
    assert.deepEqual(await rowsOf(night), [
      ["delete", "forced"],
      ["fail", "delete_failed"],
      ["delete", "forced"],
      ["fail", "delete_failed"],
    ]);
  });
});
