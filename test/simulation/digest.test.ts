import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { Reporting } from "../../src/conductor/context.ts";
import { deliveriesOfReport, deliveriesOfRun, type Routing } from "../../src/report/routing.ts";
import { auditNight, dayMs, hourMs, startNight, type Night } from "./support/night.ts";

const routing: Routing = {
  mail: {
    operators: ["ops@example.org"],
    receivers: [],
    projectAddress: "{PROJECT_NAME}@example.org",
    members: false,
  },
  webhook: false,
  ping: true,
  retryForMs: dayMs,
};

async function start(t: TestContext): Promise<{ night: Night; reporting: Reporting; queued: () => Promise<string[]> }> {
  const night = await startNight();
  t.after(() => night.close());
  const { clock, repository } = night;
  const reporting: Reporting = {
    ofProject: (report) => deliveriesOfReport(report, routing, clock.now()),
    ofRun: (run) => deliveriesOfRun(run, routing, clock.now()),
    wake: () => undefined,
  };
  let told = 0;
  const queued = async (): Promise<string[]> => {
    const all = (await repository.deliveries({ limit: 999 })).sort((a, b) => Number(a.createdAt) - Number(b.createdAt));
    const fresh = all.slice(told).map(({ channel, receiver }) => (receiver === "" ? channel : receiver));
    told = all.length;
    return fresh.sort();
  };
  return { night, reporting, queued };
}

describe("what a night queues", () => {
  it("one digest for each project and one for operators, once, however often the slot is looked at", async (t) => {
    const { night, queued, reporting } = await start(t);
    night.simulator.seedCloud({ projects: 2, servers: 4, volumesPerServer: 1 });
    const names = (await night.clouds.reader.projects(new AbortController().signal))
      .map(({ name }) => name)
      .filter((name) => /\d$/.test(name));
    const expected = [...names.map((name) => `${name}@example.org`), "ops@example.org", "ping"].sort();
    await night.once({ reporting });
    assert.deepEqual(await queued(), expected);
    await night.once({ reporting });
    assert.deepEqual(await queued(), []);
    night.clock.advance(dayMs);
    await night.once({ reporting });
    assert.deepEqual(await queued(), expected);
    await auditNight(night);
  });

  it("reports tell the next run, and the restore points that there are", async (t) => {
    const { night, reporting } = await start(t);
    night.simulator.seedCloud({ projects: 1, servers: 2, volumesPerServer: 1 });
    await night.once({ reporting });
    night.clock.advance(dayMs);
    const { reports, run } = await night.once({ reporting });
    const points = await night.repository.catalogue();
    const times = points.map(({ createdAt }) => Number(createdAt));
    assert.deepEqual(
      reports.map(({ lines, nextRunAt, points: summary, startedAt }) => ({
        startedAt,
        nextRunAt,
        summary,
        lastGood: lines.map(({ lastGoodAt }) => Number(lastGoodAt) > Number(run.startedAt) - 1000),
      })),
      [
        {
          startedAt: run.startedAt,
          nextRunAt: new Date("2026-11-23T00:00:00Z"),
          summary: { count: 4, oldestAt: new Date(Math.min(...times)), newestAt: new Date(Math.max(...times)) },
          lastGood: [true, true],
        },
      ],
    );
    await auditNight(night);
  });

  it("a stuck backup is told when it gets stuck, not every five minutes after, and again when it has ended", async (t) => {
    const { night, queued, reporting } = await start(t);
    night.simulator.seedCloud({ projects: 1, servers: 2, volumesPerServer: 1 });
    night.simulator.faults.addBackupRule({ match: () => true, times: 1, outcome: { kind: "hang" } });
    await night.once({ reporting });
    assert.equal((await queued()).filter((each) => each === "ops@example.org").length, 1);
    for (let n = 0; n < 3; n += 1) {
      night.clock.advance(hourMs);
      await night.once({ reporting });
      assert.deepEqual(await queued(), []);
    }
    const [stuck] = [...night.simulator.state.backups.values()].filter(({ status }) => status === "creating");
    stuck!.status = "error";
    night.clock.advance(hourMs);
    await night.once({ reporting });
    assert.equal((await queued()).filter((each) => each === "ops@example.org").length, 1);
  });

  it("a cloud that is away is told to operators once, not with every run that fails", async (t) => {
    const { night, queued, reporting } = await start(t);
    night.simulator.seedCloud({ projects: 1, servers: 1, volumesPerServer: 1 });
    night.simulator.faults.add({ method: "GET", path: /servers\/detail/, action: { kind: "answer", status: 403 } });
    for (let n = 0; n < 3; n += 1) await assert.rejects(night.once({ reporting }));
    assert.deepEqual(await queued(), ["ops@example.org"]);
  });
});
