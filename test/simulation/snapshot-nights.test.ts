import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { Listing } from "../../src/audit/listing.ts";
import { readMarks } from "../../src/domain/marks.ts";
import { defaultPolicy, type Policy } from "../../src/domain/policy.ts";
import type { SeededCloud } from "../../src/simulator/cloud.ts";
import type { Snapshot } from "../../src/simulator/records.ts";
import type { SimulatorOptions } from "../../src/simulator/simulator.ts";
import { auditNight, dayMs, hourMs, settings, startNight, type Night } from "./support/night.ts";

type Rig = Night & { readonly cloud: SeededCloud };

const snaps: Policy = {
  ...defaultPolicy,
  mechanisms: ["snapshot"],
  retentionMs: 3 * dayMs,
  minimumRetentionMs: hourMs,
};

/** Two projects with a tagged server of two volumes each, under a policy of snapshots. */
async function start(t: TestContext, policy: Policy = snaps, simulator: Partial<SimulatorOptions> = {}): Promise<Rig> {
  const durations = { snapshotMs: () => 2_000, backupMs: () => 20_000, backupDeleteMs: () => 2_000 };
  const night = await startNight({ settings: { ...settings, policy }, simulator: { durations, ...simulator } });
  t.after(() => night.close());
  return { ...night, cloud: night.simulator.seedCloud({ projects: 2, servers: 2, volumesPerServer: 2 }) };
}

/** The days of a volume's snapshots, oldest first. */
const daysOf = (night: Night, volumeId: string): string[] =>
  night.simulator.state.snapshots
    .filter((snapshot) => snapshot.volumeId === volumeId)
    .map(({ metadata, status }) => `${readMarks(metadata).slot?.slice(8, 10) ?? "none"} ${status}`);

async function nights(night: Night, count: number): Promise<string[]> {
  const outcomes: string[] = [];
  let before: Listing | undefined;
  for (let i = 0; i < count; i++) {
    if (i > 0) night.clock.advance(dayMs);
    outcomes.push((await night.once()).outcome);
    before = await auditNight(night, before);
  }
  return outcomes;
}

describe("nights of a policy of snapshots", () => {
  it("make one a slot of each volume and no backups, keep them as promised, and delete what has expired", async (t) => {
    const night = await start(t);
    assert.deepEqual(await nights(night, 6), Array<string>(6).fill("ok"));
    for (const { id } of night.cloud.volumes) {
      assert.deepEqual(daysOf(night, id), ["24 available", "25 available", "26 available"]);
    }
    assert.equal(night.simulator.state.backups.size, 0);
    const sets = await night.repository.operations({ kinds: ["set"] });
    assert.equal(sets.filter(({ reason }) => reason === "set_complete").length, 12);
    const before = night.simulator.log.entries.length;
    await night.once();
    const again = night.simulator.log.entries.slice(before).filter(({ method }) => method !== "GET");
    assert.deepEqual(
      again.filter(({ route }) => route.includes("snapshots")),
      [],
      "a second cycle does nothing",
    );
  });

  it("of both mechanisms make both, and neither stands in for the other", async (t) => {
    const night = await start(t, { ...snaps, mechanisms: ["backup", "snapshot"] });
    assert.deepEqual(await nights(night, 2), ["ok", "ok"]);
    const [volume] = night.cloud.volumes;
    assert.deepEqual(daysOf(night, volume!.id), ["21 available", "22 available"]);
    assert.equal(night.simulator.state.backups.ofVolume(volume!.id).size, 2);
    night.clock.advance(30 * dayMs);
    night.simulator.faults.add({
      method: "POST",
      path: /\/(snapshots|backups)$/,
      action: { kind: "answer", status: 400, body: {} },
    });
    await night.once();
    // Whatever has expired, the newest good one of each stays.
    assert.deepEqual(daysOf(night, volume!.id), ["22 available"]);
    assert.ok(night.simulator.state.backups.ofVolume(volume!.id).size >= 1);
  });

  it("lose neither slot nor point to lost answers, failures and a quota that is full, each for its own volume", async (t) => {
    const night = await start(t);
    const [lost, failing, full] = night.cloud.volumes;
    const { faults, state } = night.simulator;
    faults.add({
      method: "POST",
      path: /snapshots$/,
      when: ({ body }) => body.includes(lost!.id),
      action: { kind: "drop-after" },
    });
    faults.addSnapshotRule({ match: (s) => s.volumeId === failing!.id, during: "create", times: 1, outcome: "error" });
    state.setQuota(full!.projectId, { snapshots: 0 });
    assert.equal((await night.once()).outcome, "partial");
    assert.deepEqual(daysOf(night, lost!.id), ["21 available"]);
    const ends = new Map((await night.repository.jobs({})).map(({ reason, volumeId }) => [volumeId, reason]));
    assert.deepEqual(
      [lost, failing, full].map((volume) => ends.get(volume!.id)),
      ["succeeded", "ended_in_error", "over_quota"],
    );
    // The next night they are all made, and the failed one goes.
    faults.clear();
    state.setQuota(full!.projectId, { snapshots: -1 });
    night.clock.advance(dayMs);
    assert.equal((await night.once()).outcome, "ok");
    await auditNight(night);
    assert.deepEqual(daysOf(night, failing!.id), ["22 available"]);
    assert.deepEqual(
      night.cloud.volumes.map(({ id }) => daysOf(night, id).at(-1)),
      Array<string>(4).fill("22 available"),
    );
  });

  it("make nothing twice when the database is lost, and delete nothing that another one would keep", async (t) => {
    const night = await start(t);
    await nights(night, 2);
    const requests = () =>
      night.simulator.log.entries.filter(({ method, route }) => method === "POST" && route === "snapshots");
    const posts = requests().length;
    const catalogue = await night.repository.catalogue();
    const fresh = await startNight({ settings: { ...settings, policy: snaps } });
    t.after(() => fresh.close());
    // The same cloud, an empty database.
    const result = await night.once({ repository: fresh.repository });
    assert.equal(result.outcome, "ok");
    assert.equal(requests().length, posts);
    const rebuilt = await fresh.repository.catalogue();
    const comparable = (entries: typeof catalogue) =>
      entries.map(({ backupId, key, keepUntil, mechanism, policy, setId }) => ({
        backupId,
        key,
        keepUntil,
        mechanism,
        policy,
        setId,
      }));
    assert.deepEqual(comparable(rebuilt), comparable(catalogue));
  });

  it("keep a snapshot that a volume was made from, without stopping the rotation of the others", async (t) => {
    const night = await start(t, snaps, { clonesHoldSnapshots: true });
    await night.once();
    const [volume, other] = night.cloud.volumes;
    const [used] = night.simulator.state.snapshots.filter(({ volumeId }) => volumeId === volume!.id) as [Snapshot];
    night.simulator.seed.volume({ projectId: used.projectId, snapshotId: used.id });
    for (let i = 0; i < 6; i++) {
      night.clock.advance(dayMs);
      assert.equal((await night.once()).outcome, "ok");
    }
    assert.deepEqual(daysOf(night, volume!.id), ["21 available", "25 available", "26 available", "27 available"]);
    assert.deepEqual(daysOf(night, other!.id), ["25 available", "26 available", "27 available"]);
    const keeps = await night.repository.operations({ kinds: ["keep"] });
    assert.ok(keeps.some(({ backupId, reason }) => backupId === used.id && reason === "keep_has_volumes"));
    assert.ok(!(await night.repository.operations({ kinds: ["notice"] })).some(({ reason }) => reason === "brake"));
  });
});
