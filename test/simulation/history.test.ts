import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { auditNight, dayMs, startNight, type Night } from "./support/night.ts";

const keepHistoryMs = 30 * dayMs;

describe("what happened long ago", () => {
  const afterTwoNights = async (): Promise<Night> => {
    const night = await startNight({ settings: { keepHistoryMs } });
    night.simulator.seedCloud({ projects: 1, servers: 2, volumesPerServer: 1, tagged: () => true });
    await night.once();
    night.clock.advance(dayMs);
    await night.once();
    return night;
  };
  const slotsKnown = async ({ repository }: Night): Promise<string[]> =>
    [...new Set((await repository.jobs({})).map((job) => job.slot))].sort();
  const startsOfRuns = async ({ repository }: Night): Promise<string[]> =>
    (await repository.runs({ limit: 9 })).map((run) => run.startedAt.toISOString().slice(0, 10));

  it("is forgotten by the next whole cycle, and what still exists is not", async (t) => {
    const night = await afterTwoNights();
    t.after(() => night.close());
    const seen = await auditNight(night);
    night.clock.advance(keepHistoryMs - dayMs / 2);
    const existed = new Set((await night.repository.catalogue()).map((entry) => entry.backupId));
    await night.once();
    assert.deepEqual(await startsOfRuns(night), ["2026-12-21", "2026-11-22"]);
    assert.deepEqual(await slotsKnown(night), ["2026-11-22T00:00:00Z", "2026-12-21T00:00:00Z"]);
    const known = new Set((await night.repository.catalogue({ includeGone: true })).map((entry) => entry.backupId));
    assert.deepEqual(
      [...existed].filter((id) => !known.has(id)),
      [],
    );
    await auditNight(night, seen);
  });

  it("stays while the clock cannot be trusted", async (t) => {
    const night = await afterTwoNights();
    t.after(() => night.close());
    const seen = await auditNight(night);
    const clock = { ...night.clock, now: () => new Date(Number(night.clock.now()) + 2 * keepHistoryMs) };
    await night.once({ clock });
    assert.deepEqual(await startsOfRuns(night), ["2027-01-21", "2026-11-22", "2026-11-21"]);
    await auditNight(night, seen);
  });
});
