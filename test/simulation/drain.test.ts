import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { runDaemon, type DaemonChange } from "../../src/conductor/daemon.ts";
import { runOnce } from "../../src/conductor/once.ts";
import { auditNight, dayMs, running, settings, startNight, type Night } from "./support/night.ts";
import { jitterOf } from "../../src/domain/jitter.ts";
import { every } from "../../src/domain/policy.ts";

/** Six tagged volumes of which two are backed up at a time, 20 s each. */
async function start(t: TestContext): Promise<Night> {
  const night = await startNight({
    settings: { limits: { ...settings.limits, global: 2 } },
    simulator: { durations: { backupMs: () => 20_000 } },
  });
  t.after(() => night.close());
  night.simulator.seedCloud({ projects: 2, servers: 6, volumesPerServer: 1 });
  return night;
}

/** Calls `then` once when `count` backups have been asked for. */
function afterPosts(night: Night, count: number, then: () => void): void {
  night.simulator.faults.add({
    method: "POST",
    path: /backups$/,
    after: count - 1,
    times: 1,
    action: { kind: "hook", run: then },
  });
}

const states = async (night: Night): Promise<string[]> =>
  (await night.repository.jobs({})).map((job) => job.state).sort();

describe("stopping and going on", () => {
  it("a drain starts nothing new, keeps what runs in the database, and the next start resumes", async (t) => {
    const night = await start(t);
    const drain = new AbortController();
    afterPosts(night, 2, () => drain.abort());
    const signals = { drain: drain.signal, cut: running().cut };
    assert.equal((await runOnce(night.conductor, true, signals)).outcome, "interrupted");
    assert.deepEqual(await states(night), ["planned", "planned", "planned", "planned", "running", "running"]);
    assert.equal(night.simulator.state.backups.size, 2);

    assert.equal((await night.once()).outcome, "ok");
    assert.deepEqual(
      await states(night),
      Array.from({ length: 6 }, () => "succeeded"),
    );
    assert.equal(night.simulator.state.backups.size, 6);
    await auditNight(night);
  });

  it("a cut gives up in the middle of a request; the answer that was lost is found by its key", async (t) => {
    const night = await start(t);
    const stop = new AbortController();
    afterPosts(night, 2, () => stop.abort());
    const signals = { drain: stop.signal, cut: stop.signal };
    const { outcome } = await runOnce(night.conductor, true, signals).catch(() => ({ outcome: "interrupted" }));
    assert.equal(outcome, "interrupted");
    assert.equal((await night.once()).outcome, "ok");
    assert.equal(night.simulator.state.backups.size, 6);
    await auditNight(night);
  });

  it("the daemon works the slot at its start, does nothing within it, and wakes for the next one", async (t) => {
    const night = await start(t);
    const drain = new AbortController();
    let wake: (wish: "create" | "rotate") => void = () => undefined;
    const counts: number[] = [];
    await runDaemon(
      night.conductor,
      {
        exclusive: true,
        wakes: (onWake) => {
          wake = onWake;
          return () => undefined;
        },
        onCycle: () => {
          counts.push(night.simulator.state.backups.size);
          if (counts.length === 2) night.clock.advance(dayMs);
          if (counts.length === 3) drain.abort();
          else wake("create");
        },
      },
      { drain: drain.signal, cut: running().cut },
    );
    assert.deepEqual(counts, [6, 6, 12]);
  });

  it("a changed configuration is in force at once: the running cycle ends, the next goes on with its backups", async (t) => {
    const night = await start(t);
    const drain = new AbortController();
    const outcomes: unknown[] = [];
    let apply: (change: DaemonChange) => void = () => undefined;
    const wakes = () => () => undefined;
    afterPosts(night, 2, () =>
      apply({ wakes, settings: { ...night.conductor.settings, limits: { ...settings.limits, global: 6 } } }),
    );
    await runDaemon(
      night.conductor,
      {
        exclusive: true,
        wakes,
        changes: (applyTo) => {
          apply = applyTo;
          return () => undefined;
        },
        onCycle: ({ outcome }) => {
          outcomes.push([outcome, night.simulator.state.backups.size]);
          if (outcomes.length === 2) drain.abort();
        },
      },
      { drain: drain.signal, cut: running().cut },
    );
    // Two at a time before, all the others at once after.
    assert.deepEqual(outcomes, [
      ["ok", 2],
      ["ok", 6],
    ]);
    const times = (await night.repository.jobs({})).map((job) => Number(job.submittedAt)).sort((a, b) => a - b);
    assert.equal(new Set(times.slice(2)).size, 1);
    await auditNight(night);
  });

  it("a backup that outlasts its slot does not keep the next slot waiting", async (t) => {
    const night = await start(t);
    night.simulator.faults.addBackupRule({ match: () => true, times: 1, outcome: { kind: "hang" } });
    const drain = new AbortController();
    let wake: (wish: "create" | "rotate") => void = () => undefined;
    const hourly = {
      ...settings.policy,
      name: "hourly",
      ...every(3_600_000),
      windowMs: 3_600_000,
      retentionMs: 7_200_000,
    };
    const slots: string[] = [];
    const conductor = {
      ...night.conductor,
      settings: {
        ...night.conductor.settings,
        policy: hourly,
        deadline: { baseMs: 10 * 3_600_000, bytesPerSecond: 2 ** 30 },
      },
      clock: {
        ...night.clock,
        sleep: async (ms: number, signal?: AbortSignal) => {
          const before = night.clock.now().getUTCHours();
          await night.clock.sleep(ms, signal);
          if (night.clock.now().getUTCHours() !== before) wake("create");
        },
      },
    };
    await runDaemon(
      conductor,
      {
        exclusive: true,
        wakes: (onWake) => {
          wake = onWake;
          return () => undefined;
        },
        onCycle: ({ run }) => {
          slots.push(run.startedAt.toISOString().slice(11, 13));
          if (slots.length === 2) drain.abort();
        },
      },
      { drain: drain.signal, cut: running().cut },
    );
    assert.deepEqual(slots, ["00", "01"]);
    const second = (await night.repository.jobs({})).filter((job) => job.slot === "2026-11-21T01:00:00Z");
    assert.equal(second.length, 5, "all but the volume that is still being backed up");
  });

  it("what begins later in its slot does not wait for a backup that runs on", async (t) => {
    const night = await start(t);
    night.simulator.faults.addBackupRule({ match: () => true, times: 1, outcome: { kind: "hang" } });
    const drain = new AbortController();
    let wake: (wish: "create" | "rotate") => void = () => undefined;
    const policy = { ...settings.policy, jitterMs: 3_600_000 };
    const deadline = { baseMs: 10 * 3_600_000, bytesPerSecond: 2 ** 30 };
    const fiveMinutes = (): number => Math.floor(Number(night.clock.now()) / 300_000);
    const conductor = {
      ...night.conductor,
      settings: { ...night.conductor.settings, policy, deadline },
      clock: {
        ...night.clock,
        sleep: async (ms: number, signal?: AbortSignal) => {
          const before = fiveMinutes();
          await night.clock.sleep(ms, signal);
          if (fiveMinutes() !== before) wake("create");
          if (night.clock.now() > new Date("2026-11-21T01:15:00Z")) drain.abort();
        },
      },
    };
    const wakes = (onWake: typeof wake) => {
      wake = onWake;
      return () => undefined;
    };
    await runDaemon(conductor, { exclusive: true, wakes }, { drain: drain.signal, cut: running().cut });
    const jobs = await night.repository.jobs({});
    assert.deepEqual(await states(night), ["running", ...Array.from({ length: 5 }, () => "succeeded")]);
    const lateMs = jobs.map(
      ({ serverId, submittedAt, slot }) => Number(submittedAt) - Date.parse(slot) - jitterOf(policy, serverId),
    );
    assert.ok(
      lateMs.every((ms) => ms >= 0 && ms < 6 * 60_000),
      `begun ${lateMs.join(", ")} ms after their time`,
    );
  });
});
