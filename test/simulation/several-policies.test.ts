import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { readPolicyBook } from "../../src/config/policies/read-book.ts";
import { readMarks } from "../../src/domain/marks.ts";
import type { PolicyBook } from "../../src/domain/policy-book.ts";
import type { Volume } from "../../src/simulator/records.ts";
import { auditNight, dayMs, settings, startNight, type Night } from "./support/night.ts";

/** Nights under several policies on a simulated cloud, by the production conductor. */

const bookOf = (text: string, rules: string | null = null): PolicyBook =>
  readPolicyBook(
    {
      policies: { path: "/policies.yaml", text },
      rules: rules === null ? null : { path: "/rules.json", text: rules },
    },
    { builtIn: settings.policy, timeZone: "UTC", container: null },
  );

async function start(t: TestContext, text: string, rules: string | null = null): Promise<Night> {
  const book = bookOf(text, rules);
  const night = await startNight();
  t.after(() => night.close());
  return { ...night, once: (change) => night.once({ policyBook: () => book, ...change }) };
}

/** Policy, mechanism and volume of every restore point that exists, with how many there are. */
function counts(night: Night): Record<string, number> {
  const { backups, snapshots } = night.simulator.state;
  const found: Record<string, number> = {};
  const count = (mechanism: string, rows: Iterable<{ volumeId: string; metadata: Record<string, string> }>): void => {
    for (const { metadata, volumeId } of rows) {
      const name = night.simulator.state.volumes.get(volumeId)?.name ?? volumeId;
      const what = `${readMarks(metadata).policy ?? "none"} ${mechanism} ${name}`;
      found[what] = (found[what] ?? 0) + 1;
    }
  };
  count("backup", backups.values());
  count("snapshot", snapshots.values());
  return found;
}

const named = (night: Night, name: string, fields: Partial<Volume> & { serverId?: string } = {}): Volume =>
  night.simulator.seed.volume({ projectId: night.accounts.adminProject.id, name, ...fields });

describe("nights under several policies", () => {
  it("each makes its own points by its own mechanism, for tagged servers, by rules, and for volumes without a server", async (t) => {
    const night = await start(
      t,
      `
policies:
  quick: {mechanism: snapshot, schedule: {every: 12h}, retention: {last: 3}, catch_up: once}
  both: {mechanism: both, schedule: {daily: "00:00"}, retention: {last: 2}, catch_up: once, full_every: 1}
rules:
  - {name: nothing of lab, priority: 1, match: {volume: {name: {prefix: lab-}}}, exclude: true}
  - {name: quick ones, priority: 2, match: {volume: {name: {prefix: db-}}}, policies: quick, continue: true}
  - {name: the rest, priority: 9, match: {volume: {name: {prefix: alone-}}}, policies: both}
`,
    );
    const { seed } = night.simulator;
    const projectId = night.accounts.adminProject.id;
    const server = seed.server({ projectId, name: "vm", metadata: { backup: "yes" } });
    named(night, "db-1", { serverId: server.id });
    named(night, "lab-1", { serverId: server.id });
    named(night, "alone-1");
    let before;
    for (let half = 0; half < 10; half += 1) {
      const { outcome } = await night.once();
      assert.equal(outcome, "ok");
      before = await auditNight(night, before);
      night.clock.advance(dayMs / 2);
    }
    assert.deepEqual(counts(night), {
      // Three days of retention, and full every third: whole chains stay.
      "default backup db-1": 4,
      "quick snapshot db-1": 3,
      "both backup alone-1": 2,
      "both snapshot alone-1": 2,
    });
    const told = await night.repository.operations({ kinds: ["skip"] });
    assert.deepEqual(
      new Set(told.map(({ reason, message }) => `${reason}: ${message}`)),
      new Set(["excluded: rule nothing of lab"]),
    );
  });

  it("two backups of one volume in one slot are worked one after the other, the second built on the first", async (t) => {
    const night = await start(
      t,
      `
policies:
  monthly: {schedule: {monthly: {day: 21, at: "00:00"}}, retention: {monthly: 12}, catch_up: once, priority: 200}
rules:
  - {name: all, match: {}, policies: monthly}
`,
    );
    const projectId = night.accounts.adminProject.id;
    const server = night.simulator.seed.server({ projectId, name: "vm", metadata: { backup: "yes" } });
    named(night, "v", { serverId: server.id });
    assert.equal((await night.once()).outcome, "ok");
    const backups = [...night.simulator.state.backups.values()];
    const [first, second] = ["default", "monthly"].map((policy) =>
      backups.find(({ metadata }) => readMarks(metadata).policy === policy),
    );
    assert.deepEqual(
      [first?.parentId, second?.parentId, readMarks(second?.metadata ?? {}).parentId],
      [null, first?.id, first?.id],
    );
    assert.equal(readMarks(second?.metadata ?? {}).retention, "monthly=12,min=1,tz=UTC");
    await auditNight(night);
    const notices = await night.repository.operations({ kinds: ["notice"] });
    assert.deepEqual(notices, []);
  });

  it("the seeds' two rules, as they are written: the lab is left out, all others have three policies", async (t) => {
    const rules = JSON.stringify([
      {
        name: "Exclude lab / playground tenants",
        priority: 10,
        match: { tenant_name: ["lab", "playground"] },
        policies: [],
        auto_snapshot: false,
      },
      {
        name: "Prod tenants - daily + 1st + 15th",
        priority: 20,
        match: {},
        policies: ["daily_5", "monthly_1st", "monthly_15th"],
        auto_snapshot: true,
        retention: { daily_5: 5, monthly_1st: 1, monthly_15th: 1 },
      },
    ]);
    const night = await start(t, "", rules);
    const { seed } = night.simulator;
    for (const name of ["lab", "shop"]) seed.volume({ projectId: seed.project({ name }).id, name: `${name}-1` });
    let before;
    for (let day = 0; day < 8; day += 1) {
      assert.equal((await night.once()).outcome, "ok");
      before = await auditNight(night, before);
      night.clock.advance(dayMs);
    }
    assert.deepEqual(counts(night), {
      "daily_5 snapshot shop-1": 5,
      "monthly_1st snapshot shop-1": 1,
      "monthly_15th snapshot shop-1": 1,
    });
  });

  for (const [onQuota, expected] of [
    ["block", { outcome: "failed", reason: "over_quota", newest: 2 }],
    ["prune", { outcome: "ok", reason: null, newest: 3 }],
  ] as const) {
    it(`at its quota a project with on_quota ${onQuota} ${onQuota === "block" ? "is told" : "lets go of what the new point pushes out"}`, async (t) => {
      const night = await start(
        t,
        `
policies:
  tight: {mechanism: snapshot, schedule: {daily: "00:00"}, retention: {last: 2}, minimum_retention: 1h, catch_up: once, on_quota: ${onQuota}}
rules: [{name: all, match: {}, policies: tight}]
`,
      );
      const { id: projectId } = night.simulator.seed.project({ name: "small" });
      night.simulator.seed.volume({ projectId, name: "v" });
      night.simulator.state.setQuota(projectId, { snapshots: 2 });
      for (let day = 0; day < 2; day += 1) {
        assert.equal((await night.once()).outcome, "ok");
        night.clock.advance(dayMs);
      }
      const { outcome } = await night.once();
      const slots = night.simulator.state.snapshots.values().map(({ metadata }) => readMarks(metadata).slot);
      const newest = [...slots].sort().at(-1);
      assert.deepEqual(
        [outcome, newest, counts(night)],
        [expected.outcome, `2026-11-${20 + expected.newest}T00:00:00Z`, { "tight snapshot v": 2 }],
      );
      const failed = await night.repository.operations({ kinds: ["fail"] });
      assert.deepEqual(
        failed.map(({ reason }) => reason),
        expected.reason === null ? [] : [expected.reason],
      );
    });
  }
});
