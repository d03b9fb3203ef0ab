import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { Volume } from "../../src/simulator/records.ts";
import { openCommandCloud, type CommandCloud } from "./support/command-cloud.ts";

const dayMs = 24 * 60 * 60 * 1000;

interface Stage extends CommandCloud {
  readonly volume: Volume;
  /** Snapshots of the volume, oldest first. */
  readonly snapshots: () => readonly { readonly id: string; readonly createdAtMs: number }[];
  /** A night's cycle. */
  readonly night: () => Promise<string>;
}

async function start(t: TestContext, { volumesPerServer = 1, policy = {} } = {}): Promise<Stage> {
  const directory = await mkdtemp(join(tmpdir(), "dirigent-release-"));
  const cloud = await openCommandCloud("2026-11-01T12:00:00Z", {
    "/etc/dirigent/dirigent.yaml": JSON.stringify({
      database: { url: `sqlite:${join(directory, "state.db")}` },
      policy,
    }),
  });
  t.after(async () => {
    await cloud.close();
    await rm(directory, { recursive: true });
  });
  // A tagged server: it has backups, too.
  const { volumes } = cloud.simulator.seedCloud({ projects: 1, servers: 1, volumesPerServer });
  const [volume] = volumes as [Volume];
  const subscribed = await cloud.run("subscribe", "daily", "--retention", "30", "--volume-id", volume.id);
  assert.equal(subscribed.exitCode, 0, subscribed.stderr);
  return {
    ...cloud,
    volume,
    snapshots: () =>
      [...cloud.simulator.state.snapshots.values()]
        .filter(({ volumeId }) => volumeId === volume.id)
        .sort((a, b) => a.createdAtMs - b.createdAtMs),
    night: async () => {
      const ran = await cloud.run("run", "--json");
      assert.equal(ran.exitCode, 0, ran.stderr);
      cloud.clock.advance(dayMs);
      return ran.stdout;
    },
  };
}

/** What `dirigent plan` says that would be deleted, and why. */
async function deletedBy(run: CommandCloud["run"]): Promise<readonly unknown[]> {
  const { exitCode, stderr, stdout } = await run("plan", "--json");
  assert.equal(exitCode, 0, stderr);
  const { rotation } = JSON.parse(stdout) as {
    readonly rotation: readonly { readonly decisions: readonly Record<string, unknown>[] }[];
  };
  return rotation
    .flatMap(({ decisions }) => decisions)
    .filter(({ action }) => action === "delete")
    .map(({ backupId, reason }) => [backupId, reason]);
}

void describe("an owner's release", () => {
  void it("ends new snapshots at once and removes those there are after the delay, the newest good one included; backups and holds stay", async (t) => {
    const { night, run, simulator, snapshots, volume } = await start(t);
    for (let i = 0; i < 3; i++) await night();
    assert.equal(snapshots().length, 3);
    const held = snapshots()[1]!.id;
    assert.equal((await run("hold", held)).exitCode, 0);
    assert.equal((await run("release", "--volume", volume.id)).exitCode, 0);
    await night();
    // Seven days from the night that saw it.
    for (let i = 0; i < 6; i++) await night();
    assert.equal(snapshots().length, 3);
    await night();
    assert.deepEqual(
      snapshots().map(({ id }) => id),
      [held],
    );
    assert.equal([...simulator.state.backups.values()].length, 11);
    const audit = await run("audit");
    assert.equal(audit.exitCode, 0, audit.stdout);
  });

  void it("begins anew when it was taken back, and then snapshots are made again", async (t) => {
    const { night, run, snapshots, volume } = await start(t);
    await night();
    assert.equal((await run("release", "--volume", volume.id)).exitCode, 0);
    for (let i = 0; i < 5; i++) await night();
    assert.equal(snapshots().length, 1);
    assert.equal((await run("release", "--volume", volume.id, "--cancel")).exitCode, 0);
    await night();
    assert.equal(snapshots().length, 2);
    assert.equal((await run("release", "--volume", volume.id)).exitCode, 0);
    for (let i = 0; i < 6; i++) await night();
    assert.equal(snapshots().length, 2);
  });

  void it("is told by plan and explain: no new ones, until when those there are stay, and which go then", async (t) => {
    const { clock, night, run, snapshots, volume } = await start(t);
    for (let i = 0; i < 2; i++) await night();
    const [first, second] = snapshots().map(({ id }) => id);
    assert.equal((await run("hold", first!)).exitCode, 0);
    assert.equal((await run("release", "--volume", volume.id)).exitCode, 0);
    await night();
    interface Explained {
      readonly releasedAt: string | null;
      readonly policies: readonly { readonly policy: string; readonly current: readonly Record<string, unknown>[] }[];
      readonly points: readonly Record<string, unknown>[];
    }
    const explain = async (): Promise<object> => {
      const { exitCode, stderr, stdout } = await run("explain", volume.id, "--json");
      assert.equal(exitCode, 0, stderr);
      const [said] = (JSON.parse(stdout) as { readonly volumes: readonly Explained[] }).volumes;
      return {
        at: said!.releasedAt,
        current: said!.policies.flatMap(({ policy, current }) =>
          current.map(({ state, reason }) => [policy, state, reason]),
        ),
        snapshots: said!.points
          .filter(({ mechanism }) => mechanism === "snapshot")
          .map(({ id, action, because, keptUntil }) => ({ id, action, because, keptUntil })),
      };
    };
    const current = [
      ["default", "due", null],
      ["snapsentry-daily", "skipped", "release_requested"],
    ];
    const held = { id: first, action: "keep", because: ["keep_held"], keptUntil: null };
    const waiting = (await explain()) as {
      readonly at: string;
      readonly snapshots: readonly Record<string, unknown>[];
    };
    // Seven days from the night that saw it.
    assert.match(waiting.at, /^2026-11-10T/);
    assert.deepEqual(waiting, {
      at: waiting.at,
      current,
      snapshots: [held, { id: second, action: "keep", because: ["keep_age"], keptUntil: waiting.at }],
    });
    const words = (await run("explain", volume.id)).stdout;
    assert.match(
      words,
      / {2}Released by its owner: no new snapshots; those that nothing holds go on 2026-11-10 \d\d:\d\d \(UTC\)\n/,
    );
    assert.match(words, /snapshot {2}slot .* skipped: the owner releases the volume's automated snapshots\n/);

    assert.deepEqual(await deletedBy(run), []);
    clock.advance(7 * dayMs);
    assert.deepEqual(await deletedBy(run), [[second, "released"]]);
    assert.deepEqual(await explain(), {
      at: waiting.at,
      current,
      snapshots: [held, { id: second, action: "delete", because: ["released"], keptUntil: null }],
    });
  });

  void it("is carried out while the brake holds back what has expired, and plan says both", async (t) => {
    const policy = { full_every: 1, retention: "3d", minimum_retention: "1d" };
    const { clock, night, run, snapshots, volume } = await start(t, { volumesPerServer: 6, policy });
    for (let i = 0; i < 3; i++) await night();
    assert.equal((await run("release", "--volume", volume.id)).exitCode, 0);
    await night();
    clock.advance(40 * dayMs);
    const released = snapshots().map(({ id }) => [id, "released"]);
    assert.equal(released.length, 3);
    assert.deepEqual(await deletedBy(run), released);
    assert.match(
      (await run("plan")).stdout,
      /: delete 3, keep 18\n {2}nothing else would be deleted: more would be deleted than a normal night explains\n/,
    );
    await night();
    assert.deepEqual(snapshots(), []);
  });
});
