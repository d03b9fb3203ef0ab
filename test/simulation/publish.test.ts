import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { openCommandCloud } from "./support/command-cloud.ts";

const rules = `
policies: {}
rules:
  - name: databases
    match: { volume: { name: { prefix: vm-1 } } }
    policies: [daily_5, monthly_1st]
`;

void describe("policies.publish_assignment", () => {
  void it("writes Platform9's keys on volumes, merged and once, and takes them for no request", async (t) => {
    const cloud = await openCommandCloud("2026-11-21T12:00:00Z", {
      "/etc/dirigent/dirigent.yaml": JSON.stringify({
        database: { url: "sqlite::memory:" },
        policies: { file: "/etc/dirigent/policies.yaml", publish_assignment: true },
      }),
      "/etc/dirigent/policies.yaml": rules,
    });
    t.after(() => cloud.close());
    const { volumes } = cloud.simulator.seedCloud({
      projects: 1,
      servers: 2,
      volumesPerServer: 1,
      tagged: () => false,
    });
    const [ruled, free] = volumes.map(({ id }) => id) as [string, string];
    const metadataOf = (id: string) => cloud.simulator.state.volumes.get(id)?.metadata;
    Object.assign(metadataOf(ruled) ?? {}, { mine: "stays", retention_daily_5: "9" });
    Object.assign(metadataOf(free) ?? {}, { auto_snapshot: "true", snapshot_policies: "daily_5" });
    const first = await cloud.run("run");
    assert.equal(first.exitCode, 0, first.stderr);
    assert.deepEqual(metadataOf(ruled), {
      mine: "stays",
      auto_snapshot: "true",
      snapshot_policies: "daily_5,monthly_1st",
      retention_daily_5: "5",
      retention_monthly_1st: "1",
    });
    assert.deepEqual(metadataOf(free), { auto_snapshot: "false", snapshot_policies: "daily_5" });
    const made = [...cloud.simulator.state.snapshots.values()];
    assert.deepEqual(new Set(made.map(({ volumeId }) => volumeId)), new Set([ruled]));
    cloud.simulator.log.clear();
    assert.equal((await cloud.run("run")).exitCode, 0);
    const writes = cloud.simulator.log.entries.filter(
      ({ method, path }) => method !== "GET" && path.includes("/metadata"),
    );
    assert.deepEqual(writes, []);
  });

  void it("tries no other volume of a project in which the writer has no role", async (t) => {
    const cloud = await openCommandCloud("2026-11-21T12:00:00Z", {
      "/etc/dirigent/dirigent.yaml": JSON.stringify({
        database: { url: "sqlite::memory:" },
        policies: { publish_assignment: true },
      }),
    });
    t.after(() => cloud.close());
    const { volumes } = cloud.simulator.seedCloud({
      projects: 1,
      servers: 3,
      volumesPerServer: 2,
      tagged: () => false,
    });
    // Nothing protects them any more.
    for (const { id } of volumes)
      Object.assign(cloud.simulator.state.volumes.get(id)?.metadata ?? {}, { auto_snapshot: "true" });
    cloud.simulator.seed.removeRole(cloud.accounts.admin.id, "member", { domainId: "default" });
    const { stderr } = await cloud.run("run", "--only", "create");
    const logins = cloud.simulator.log.entries.filter(
      ({ path, status }) => path === "/v3/auth/tokens" && status === 401,
    );
    assert.deepEqual(
      {
        refused: logins.length,
        warnings: stderr.split("what protects a volume could not be written on it").length - 1,
      },
      { refused: 1, warnings: 1 },
    );
  });
});
