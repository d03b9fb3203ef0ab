import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openCommandCloud } from "./support/command-cloud.ts";

void describe("dirigent release", () => {
  void it("writes the request on the volume, in its project, and takes it back", async (t) => {
    const cloud = await openCommandCloud("2026-11-21T12:00:00Z");
    t.after(() => cloud.close());
    const project = cloud.simulator.seed.project({ name: "tenant" });
    const volume = cloud.simulator.seed.volume({ projectId: project.id, metadata: { mine: "stays" } });
    const metadata = () => cloud.simulator.state.volumes.get(volume.id)?.metadata;
    const asked = await cloud.run("release", "--volume", volume.id, "--json");
    assert.equal(asked.exitCode, 0, asked.stderr);
    assert.deepEqual(JSON.parse(asked.stdout), {
      key: "release-snapshots",
      released: true,
      delayMs: 7 * 24 * 3600 * 1000,
      volumes: [{ id: volume.id, projectId: project.id, error: null }],
    });
    assert.deepEqual(metadata(), { mine: "stays", "release-snapshots": "yes" });
    const taken = await cloud.run("release", "--volume", volume.id, "--cancel");
    assert.equal(taken.exitCode, 0, taken.stderr);
    assert.deepEqual(metadata(), { mine: "stays" });
  });
});
