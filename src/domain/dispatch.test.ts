import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { aJob } from "../../test/unit/support/builders.ts";
import type { Job } from "./catalogue.ts";
import { pickJobs, type DispatchInput } from "./dispatch.ts";

const wide = { global: 100, perProject: 100, perPool: 100, perBackupService: 100 };

/** A job named by project and number, e.g. `a1`. */
const job = (name: string, fields: Partial<Job> = {}): Job =>
  aJob(name, { projectId: name.slice(0, 1), pool: null, ...fields });

const picked = (input: Partial<DispatchInput>): string[] =>
  pickJobs({ planned: [], inFlight: [], limits: wide, backupServicesUp: null, ...input }).map((j) => j.volumeId);

describe("pickJobs", () => {
  const planned = ["a1", "a2", "a3", "b1", "b2", "c1"].map((name) => job(name));

  it("goes round the projects, fewest in flight first", () => {
    assert.deepEqual(picked({ planned }), ["a1", "b1", "c1", "a2", "b2", "a3"]);
    const inFlight = [job("a8"), job("a9"), job("b9")];
    assert.deepEqual(picked({ planned, inFlight }), ["c1", "b1", "a1", "b2", "a2", "a3"]);
  });

  it("picks nothing where there is nothing", () => assert.deepEqual(picked({}), []));

  it("stops at the global limit, which what is in flight counts for", () => {
    const limits = { ...wide, global: 4 };
    assert.deepEqual(picked({ planned, limits }), ["a1", "b1", "c1", "a2"]);
    assert.deepEqual(picked({ planned, limits, inFlight: [job("c9")] }), ["a1", "b1", "a2"]);
    assert.deepEqual(picked({ planned, limits: { ...wide, global: 1 }, inFlight: [job("c8"), job("c9")] }), []);
  });

  it("stops at so many for each backup service that is up", () => {
    const limits = { ...wide, perBackupService: 2 };
    assert.deepEqual(picked({ planned, limits, backupServicesUp: 2 }), ["a1", "b1", "c1", "a2"]);
    assert.deepEqual(picked({ planned, limits, backupServicesUp: 2, inFlight: [job("d1")] }), ["a1", "b1", "c1"]);
    assert.deepEqual(picked({ planned, limits, backupServicesUp: 0 }), []);
    assert.deepEqual(picked({ planned, limits, backupServicesUp: null }).length, 6);
  });

  it("limits each project", () => {
    const limits = { ...wide, perProject: 2 };
    assert.deepEqual(picked({ planned, limits }), ["a1", "b1", "c1", "a2", "b2"]);
    assert.deepEqual(picked({ planned, limits, inFlight: [job("a9"), job("b8"), job("b9")] }), ["c1", "a1"]);
  });

  it("limits each pool, passing over what must wait for it", () => {
    const pools = [
      job("a1", { pool: "slow" }),
      job("a2", { pool: "slow" }),
      job("a3", { pool: "fast" }),
      job("b1", { pool: "slow" }),
      job("b2", { pool: null }),
    ];
    const limits = { ...wide, perPool: 1 };
    assert.deepEqual(picked({ planned: pools, limits }), ["a1", "b2", "a3"]);
    assert.deepEqual(picked({ planned: pools, limits, inFlight: [job("c1", { pool: "slow" })] }), ["a3", "b2"]);
    assert.deepEqual(picked({ planned: pools, limits: { ...wide, perPool: 2 } }), ["a1", "b1", "a3", "b2"]);
  });

  it("works the volumes of several servers one at a time", () => {
    const shared = [job("a1", { shared: true }), job("a2", { shared: true }), job("b1", { shared: true }), job("b2")];
    assert.deepEqual(picked({ planned: shared }), ["a1", "b2"]);
    assert.deepEqual(picked({ planned: shared, inFlight: [job("c1", { shared: true })] }), ["b2"]);
  });

  it("keeps every limit, leaves nothing that could start, and never starves a project", () => {
    const drawn = fc.array(
      fc.record({
        project: fc.constantFrom("a", "b", "c"),
        pool: fc.constantFrom("x", "y", null),
        shared: fc.boolean(),
      }),
      { maxLength: 15 },
    );
    const limit = fc.integer({ min: 1, max: 6 });
    const limitsDrawn = fc.record({ global: limit, perProject: limit, perPool: limit, perBackupService: limit });
    const services = fc.option(fc.nat({ max: 3 }));
    fc.assert(
      fc.property(drawn, fc.nat({ max: 5 }), limitsDrawn, services, (rows, split, limits, backupServicesUp) => {
        const jobs = rows.map(({ project, pool, shared }, i) => job(`${project}${i}`, { pool, shared }));
        const inFlight = jobs.slice(0, split);
        const waiting = jobs.slice(split);
        const chosen = pickJobs({ planned: waiting, inFlight, limits, backupServicesUp });
        assert.equal(new Set(chosen).size, chosen.length);

        /** Whether one more job may be in flight beside these. */
        const hasRoom = (next: Job, beside: readonly Job[]): boolean =>
          beside.length < limits.global &&
          (backupServicesUp === null || beside.length < limits.perBackupService * backupServicesUp) &&
          beside.filter((j) => j.projectId === next.projectId).length < limits.perProject &&
          (next.pool === null || beside.filter((j) => j.pool === next.pool).length < limits.perPool) &&
          !(next.shared && beside.some((j) => j.shared));
        const countOf = (projectId: string, beside: readonly Job[]): number =>
          beside.filter((j) => j.projectId === projectId).length;
        for (const [i, next] of chosen.entries()) {
          const beside = [...inFlight, ...chosen.slice(0, i)];
          assert.ok(hasRoom(next, beside));
          const others = waiting.filter((j) => !chosen.slice(0, i).includes(j) && hasRoom(j, beside));
          for (const other of others) {
            assert.ok(countOf(next.projectId, beside) <= countOf(other.projectId, beside));
          }
        }
        const left = waiting.filter((j) => !chosen.includes(j));
        assert.deepEqual(
          left.filter((j) => hasRoom(j, [...inFlight, ...chosen])),
          [],
        );
      }),
    );
  });
});

describe("pickJobs of snapshots", () => {
  const snapshot = (name: string, set: string, fields: Partial<Job> = {}): Job =>
    job(name, { mechanism: "snapshot", setId: set, key: `${name}/snapshot`, ...fields });
  const planned = ["a1", "a2", "a3"].map((name) => snapshot(name, "A"));

  it("starts a set together or not at all", () => {
    const limits = { ...wide, perProject: 3 };
    assert.deepEqual(picked({ planned, limits }), ["a1", "a2", "a3"]);
    assert.deepEqual(picked({ planned, limits, inFlight: [snapshot("a9", "B")] }), []);
    assert.deepEqual(picked({ planned, limits: { ...wide, global: 3 }, inFlight: [snapshot("b9", "B")] }), []);
    const onePool = planned.map((each) => ({ ...each, pool: "p" }));
    assert.deepEqual(picked({ planned: onePool, limits: { ...wide, perPool: 3 } }).length, 3);
  });

  it("starts what the limits allow of a set that they have no room for ever", () => {
    assert.deepEqual(picked({ planned, limits: { ...wide, perProject: 2 } }), ["a1", "a2"]);
    const perPolicy = new Map([["default", 1]]);
    assert.deepEqual(picked({ planned, limits: { ...wide, perPolicy } }), ["a1"]);
  });

  it("waits neither for cinder-backup services nor for the places of backups, which come after", () => {
    const limits = { global: 3, perProject: 3, perPool: 3, perBackupService: 1 };
    const backups = [job("a4"), job("a5")];
    assert.deepEqual(picked({ planned: [...backups, ...planned], limits, backupServicesUp: 1 }), [
      "a1",
      "a2",
      "a3",
      "a4",
    ]);
    const inFlight = ["a7", "a8", "a9"].map((name) => job(name));
    assert.deepEqual(picked({ planned, limits, backupServicesUp: 0, inFlight }), ["a1", "a2", "a3"]);
  });

  it("leaves the one whose volume is busy to follow alone, and a backup of a volume that is being snapshotted", () => {
    assert.deepEqual(picked({ planned, inFlight: [job("a2")] }), ["a1", "a3"]);
    assert.deepEqual(picked({ planned: [job("a1"), ...planned] }), ["a1", "a2", "a3"]);
  });

  it("does not make shared volumes wait for each other", () => {
    const shared = planned.map((each) => ({ ...each, shared: true }));
    assert.deepEqual(picked({ planned: shared, inFlight: [job("b1", { shared: true })] }), ["a1", "a2", "a3"]);
  });

  it("holds a policy's own limit over both mechanisms", () => {
    const perPolicy = new Map([["gold", 2]]);
    const gold = [job("b1", { policy: "gold" }), job("b2", { policy: "gold" }), job("b3")];
    const limits = { ...wide, perPolicy };
    assert.deepEqual(picked({ planned: gold, limits, inFlight: [snapshot("c1", "C", { policy: "gold" })] }), [
      "b1",
      "b3",
    ]);
  });
});
