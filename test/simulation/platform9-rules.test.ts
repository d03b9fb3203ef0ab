import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { openCommandCloud } from "./support/command-cloud.ts";

const rules = readFileSync(new URL("../unit/support/platform9-rules.json", import.meta.url), "utf8");

void describe("Platform9's two-rule file as it is written", () => {
  it("excludes the labs, and gives all others daily and monthly snapshots in their own projects, so many of each", async (t) => {
    const cloud = await openCommandCloud("2026-03-31T12:00:00Z", {
      "/etc/dirigent/dirigent.yaml": JSON.stringify({
        database: { url: "sqlite::memory:" },
        conductor: { time_zone: "Europe/Berlin" },
        policies: { rules_file: "/rules.json" },
      }),
      "/rules.json": rules,
    });
    t.after(() => cloud.close());
    const { seed, state } = cloud.simulator;
    const tenants = new Map<string, string>();
    for (const name of ["lab", "playground", "shop"]) {
      const { id: projectId } = seed.project({ name });
      tenants.set(projectId, name);
      seed.volume({ projectId });
    }
    /** Tenant, policy and the slot's day in UTC: in summer 02:00 in Berlin is midnight. */
    const made = (): readonly string[] =>
      [...state.snapshots.values()]
        .map(({ projectId, metadata }) =>
          [tenants.get(projectId), metadata["dirigent:policy"], metadata["dirigent:slot"]?.slice(0, 10)].join(" "),
        )
        .sort();
    /** At noon of these days of April, 31 of March first. */
    const runOn = async (days: readonly number[]): Promise<void> => {
      for (const day of days) {
        cloud.clock.advance(Date.UTC(2026, 3, day, 12) - Number(cloud.clock.now()));
        const { exitCode, stderr } = await cloud.run("conductor", "--once");
        assert.equal(exitCode, 0, stderr);
      }
    };
    await runOn([0]);
    // A month's slot that was missed is made up for until the next one begins.
    const first = ["shop daily_5 2026-03-31", "shop monthly_15th 2026-03-15", "shop monthly_1st 2026-03-01"];
    assert.deepEqual(made(), first);
    await runOn([0]);
    assert.deepEqual(made(), first);
    await runOn([1, 2, 3, 4, 5]);
    const dailies = (...days: readonly number[]): readonly string[] =>
      days.map((day) => `shop daily_5 2026-04-${String(day).padStart(2, "0")}`);
    assert.deepEqual(made(), [
      ...dailies(1, 2, 3, 4, 5),
      "shop monthly_15th 2026-03-15",
      "shop monthly_1st 2026-04-01",
    ]);
    await runOn([15]);
    assert.deepEqual(made(), [
      ...dailies(2, 3, 4, 5, 15),
      "shop monthly_15th 2026-04-15",
      "shop monthly_1st 2026-04-01",
    ]);
  });
});
