import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { Volume } from "../../src/simulator/records.ts";
import { openCommandCloud, type CommandCloud } from "./support/command-cloud.ts";

const dayMs = 24 * 60 * 60 * 1000;

/** The built-in policy, and Cinder alone to remember what was done. */
void describe("dirigent run without configuration and database", () => {
  let cloud: CommandCloud;
  let volume: Volume;
  beforeEach(async () => {
    cloud = await openCommandCloud("2026-03-02T01:00:00Z");
    const { projects, volumes } = cloud.simulator.seedCloud({ projects: 1, servers: 1, volumesPerServer: 1 });
    assert.equal(projects.length, 1);
    [volume] = volumes as [Volume];
  });
  afterEach(() => cloud.close());

  const backups = () =>
    [...cloud.simulator.state.backups.values()].map(({ volumeId, status }) => ({ volumeId, status }));
  const one = () => [{ volumeId: volume.id, status: "available" }];

  void it("creates what is due, and twice is as once", async () => {
    const first = await cloud.run("run", "--json");
    assert.equal(first.exitCode, 0, first.stderr);
    assert.match(first.stderr, /^No configuration and no database/);
    assert.deepEqual(backups(), one());
    const second = await cloud.run("run");
    assert.equal(second.exitCode, 0, second.stderr);
    assert.deepEqual(backups(), one());
    assert.match(second.stdout, / succeeded {2}full +1 +\S+ +made before, and found again by its key\n/);
  });

  void it("creates and deletes nothing with --only create, the other way round with --only expire", async () => {
    const startedAt = Number(cloud.clock.now());
    for (let night = 0; night < 25; night++) {
      const made = await cloud.run("create-snapshots");
      assert.equal(made.exitCode, 0, made.stderr);
      // At the same hour each night, however long the one before took.
      cloud.clock.advance(startedAt + (night + 1) * dayMs - Number(cloud.clock.now()));
    }
    assert.equal(backups().length, 25);
    cloud.clock.advance(12 * 60 * 60 * 1000);
    const shown = await cloud.run("expire-snapshots", "--dry-run", "--json");
    assert.equal(shown.exitCode, 0, shown.stderr);
    const { create, rotation } = JSON.parse(shown.stdout) as { create: unknown[]; rotation: unknown[] };
    assert.deepEqual([create, rotation.length, backups().length], [[], 1, 25]);
    const expired = await cloud.run("run", "--only", "expire");
    assert.equal(expired.exitCode, 0, expired.stderr);
    assert.match(expired.stdout, /^Project \S+\n {2}rotation: 8 deleted, 17 kept\n( {4}\d+ [^\n]+\n)+\nOutcome: ok\n$/);
    // Chains are two long, as nothing remembers real parents; four of them have gone. Nothing was made, although a slot was due.
    assert.equal(backups().length, 17);
    const again = await cloud.run("run", "--only", "create");
    assert.equal(again.exitCode, 0, again.stderr);
    assert.equal(backups().length, 18);
  });

  void it("is stopped by --timeout as by a signal", async () => {
    const ran = await cloud.run("run", "--timeout", "1");
    assert.equal(ran.exitCode, 130, ran.stderr);
  });
});

void describe("dirigent run with a configuration", () => {
  void it("keeps its state where the configuration says", async () => {
    const cloud = await openCommandCloud("2026-03-02T01:00:00Z", {
      "/etc/dirigent/dirigent.yaml": "database: {url: 'sqlite::memory:'}",
    });
    const ran = await cloud.run("run");
    await cloud.close();
    assert.deepEqual([ran.exitCode, /No configuration/.test(ran.stderr)], [0, false], ran.stderr);
  });
});
