import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CycleResult } from "../../src/conductor/cycle.ts";
import { auditNight, dayMs, startNight } from "./support/night.ts";

/** What projects are told: name of the project, lines as volume and reason, notices. */
const told = ({ reports }: CycleResult) =>
  reports.map(({ lines, notices, projectName }) => ({
    projectName,
    lines: lines.map(({ outcome, reason, volumeName }) => `${volumeName}: ${outcome}, ${reason}`),
    notices: notices.map(({ message, reason }) => `${reason}: ${message ?? ""}`),
  }));

describe("a project for which nothing is made", () => {
  it("is told once a slot why none of its volumes is backed up", async (t) => {
    const night = await startNight();
    t.after(() => night.close());
    const cloud = night.simulator.seedCloud({ projects: 1, servers: 1, volumesPerServer: 1, tagged: () => true });
    const [project, volume] = [cloud.projects[0]!, cloud.volumes[0]!];
    night.simulator.state.volumes.get(volume.id)!.metadata["skip-volume-backup"] = "true";
    const expected = {
      projectName: project.name,
      lines: [`${volume.name}: skipped, skip_requested`],
      notices: [],
    };
    assert.deepEqual(told(await night.once()), [expected]);
    assert.deepEqual(told(await night.once()), []);
    night.clock.advance(dayMs);
    assert.deepEqual(told(await night.once()), [expected]);
  });

  it("is told in the same night that the tag is gone, once, and keeps what it has", async (t) => {
    const night = await startNight();
    t.after(() => night.close());
    const cloud = night.simulator.seedCloud({ projects: 1, servers: 1, volumesPerServer: 1, tagged: () => true });
    const [project, server, volume] = [cloud.projects[0]!, cloud.servers[0]!, cloud.volumes[0]!];
    assert.equal((await night.once()).outcome, "ok");
    const seen = await auditNight(night);
    delete night.simulator.state.servers.get(server.id)!.metadata["backup"];
    assert.deepEqual(told(await night.once()), [], "the slot is done");
    night.clock.advance(dayMs);
    const ended = `protection_ended: ${volume.name} of ${server.name}`;
    assert.deepEqual(told(await night.once()), [{ projectName: project.name, lines: [], notices: [ended] }]);
    for (let i = 0; i < 5; i++) {
      assert.deepEqual(told(await night.once()), []);
      night.clock.advance(dayMs);
    }
    assert.equal(night.simulator.state.backups.size, 1);
    await auditNight(night, seen);
  });
});
