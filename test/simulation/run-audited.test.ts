import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { openCommandCloud, type CommandCloud } from "./support/command-cloud.ts";

const hourMs = 60 * 60 * 1000;

describe("the audit around a run without a database", () => {
  let cloud: CommandCloud;
  let folder: string;
  let file: string;
  beforeEach(async () => {
    cloud = await openCommandCloud("2026-03-02T01:00:00Z");
    cloud.simulator.seedCloud({ projects: 2, servers: 2, volumesPerServer: 1 });
    folder = await mkdtemp(join(tmpdir(), "run-audited-"));
    file = join(folder, "before.json");
  });
  afterEach(async () => {
    await cloud.close();
    await rm(folder, { recursive: true });
  });

  const ok = async (...argv: string[]): Promise<void> => {
    const { exitCode, stdout, stderr } = await cloud.run(...argv);
    assert.equal(exitCode, 0, `${argv.join(" ")}\n${stdout}\n${stderr}`);
  };
  /** Codes of what an audit finds against the listing before the run. */
  const found = async (): Promise<readonly string[]> => {
    const { stdout } = await cloud.run("audit", "--before", file, "--around-run", "--json");
    return (JSON.parse(stdout) as { findings: { code: string }[] }).findings.map(({ code }) => code);
  };
  const aroundRun = async (...argv: string[]): Promise<void> => {
    await ok("audit", "--save", file);
    cloud.clock.advance(1000);
    await ok(...argv);
    cloud.clock.advance(1000);
    assert.deepEqual(await found(), []);
  };
  const backups = () => cloud.simulator.state.backups;

  it("finds nothing, run after run, twice in each slot, while old points go", async () => {
    const ids = () => [...backups().values()].map(({ id }) => id);
    const slots = () => [...backups().values()].map(({ metadata }) => metadata["dirigent:slot"]?.slice(0, 10));
    for (const days of [1, 1, 1, 20, 1, 1, 1]) {
      await aroundRun("run");
      const made = ids();
      await aroundRun("run");
      assert.deepEqual(ids(), made);
      cloud.clock.advance(days * 24 * hourMs);
    }
    assert.ok(!slots().includes("2026-03-02"), "the first night's points have gone");
    assert.ok(slots().includes("2026-03-26"));
  });

  it("finds what was made twice, and what was not the conductor's to touch", async () => {
    const { seed, state } = cloud.simulator;
    await aroundRun("run");
    const { volumeId, userId, metadata } = [...backups().values()][0]!;
    const changed = seed.backup({ volumeId, metadata: { mine: "yes" } });
    const removed = seed.snapshot({ volumeId });
    await ok("audit", "--save", file);
    cloud.clock.advance(1000);
    seed.backup({ volumeId, userId, metadata });
    changed.metadata = { mine: "yes", __automated_backup: "True" };
    state.snapshots.delete(removed.id);
    assert.deepEqual(await found(), ["foreign-removed", "foreign-changed", "duplicate-key", "forged"]);
  });
});
