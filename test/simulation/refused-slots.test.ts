import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { openCommandCloud, type CommandCloud } from "./support/command-cloud.ts";

const hourMs = 3_600_000;

/** Three volumes of a server under a monthly policy of snapshots, and no quota for any on its first day. */
async function start(t: TestContext): Promise<
  CommandCloud & {
    readonly projectId: string;
    readonly cycle: () => Promise<{
      readonly exitCode: number;
      readonly idle: boolean;
      readonly outcomes: readonly string[];
    }>;
    readonly slots: () => readonly (string | undefined)[];
  }
> {
  const directory = await mkdtemp(join(tmpdir(), "dirigent-refused-"));
  const cloud = await openCommandCloud("2026-03-01T03:00:00Z", {
    "/etc/dirigent/dirigent.yaml": JSON.stringify({
      database: { url: `sqlite:${join(directory, "state.db")}` },
      policies: { file: "/policies.yaml" },
    }),
    "/policies.yaml": `
policies:
  monthly: {mechanism: snapshot, schedule: {monthly: {day: 1, at: "02:00"}}, retention: {monthly: 12}}
rules:
  - {name: all, match: {}, policies: [monthly]}
`,
  });
  t.after(async () => {
    await cloud.close();
    await rm(directory, { recursive: true });
  });
  const { projects } = cloud.simulator.seedCloud({ projects: 1, servers: 1, volumesPerServer: 3, tagged: () => false });
  const projectId = projects[0]!.id;
  cloud.simulator.state.setQuota(projectId, { snapshots: 1 });
  return {
    ...cloud,
    projectId,
    async cycle() {
      const { exitCode, stderr, stdout } = await cloud.run("run", "--only", "create", "--json");
      const { idle, projects: reports } = JSON.parse(stdout) as {
        readonly idle: boolean;
        readonly projects: readonly {
          readonly lines: readonly { readonly outcome: string; readonly reason: string }[];
        }[];
      };
      assert.ok([0, 1, 3].includes(exitCode), stderr);
      return {
        exitCode,
        idle,
        outcomes: reports.flatMap(({ lines }) => lines).map(({ outcome, reason }) => `${outcome} ${reason}`),
      };
    },
    slots: () => [...cloud.simulator.state.snapshots.values()].map(({ metadata }) => metadata["dirigent:slot"]),
  };
}

const full = "failed over_quota";
const made = "succeeded succeeded";
const slot = "2026-03-01T02:00:00Z";

void describe("a long slot whose requests were refused", () => {
  void it("is tried again each day until there is room, once, and told each time", async (t) => {
    const { clock, cycle, projectId, run, simulator, slots } = await start(t);
    assert.deepEqual(await cycle(), { exitCode: 3, idle: false, outcomes: [full, full, made] });
    clock.advance(2 * hourMs);
    assert.deepEqual(await cycle(), { exitCode: 0, idle: true, outcomes: [] });
    clock.advance(23 * hourMs);
    assert.deepEqual(await cycle(), { exitCode: 1, idle: false, outcomes: [full, full] });
    simulator.state.setQuota(projectId, { snapshots: 10 });
    clock.advance(hourMs);
    assert.deepEqual(await cycle(), { exitCode: 0, idle: true, outcomes: [] });
    clock.advance(24 * hourMs);
    assert.deepEqual(await cycle(), { exitCode: 0, idle: false, outcomes: [made, made] });
    assert.deepEqual(slots(), [slot, slot, slot]);
    for (let day = 0; day < 3; day += 1) {
      clock.advance(25 * hourMs);
      assert.deepEqual(await cycle(), { exitCode: 0, idle: true, outcomes: [] });
    }
    assert.equal(slots().length, 3);
    const audit = await run("audit");
    assert.equal(audit.exitCode, 0, audit.stdout);
  });

  void it("is not tried again when its next slot has begun, and never twice", async (t) => {
    const { clock, cycle, projectId, simulator, slots } = await start(t);
    await cycle();
    simulator.state.setQuota(projectId, { snapshots: 10 });
    clock.advance(31 * 24 * hourMs);
    assert.deepEqual((await cycle()).outcomes, [made, made, made]);
    assert.deepEqual(slots().toSorted(), [slot, ...Array<string>(3).fill("2026-04-01T02:00:00Z")]);
  });

  void it("is tried again at once when an operator asks for it", async (t) => {
    const { clock, cycle, projectId, run, simulator, slots } = await start(t);
    await cycle();
    simulator.state.setQuota(projectId, { snapshots: 10 });
    clock.advance(hourMs);
    const [server] = [...simulator.state.servers.values()];
    const ordered = await run("protect", server!.id, "--policy", "monthly", "--for-schedule");
    assert.equal(ordered.exitCode, 3, ordered.stdout + ordered.stderr);
    assert.match(ordered.stdout, /done for this slot/);
    assert.deepEqual(slots(), [slot, slot, slot]);
    clock.advance(25 * hourMs);
    assert.equal((await cycle()).idle, true);
  });
});
