import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { aJob } from "../../test/unit/support/builders.ts";
import type { BackupQuota } from "./inventory.ts";
import { fitLimits, type LimitsInput } from "./quota.ts";

const quota = (backups: [limit: number, inUse?: number, reserved?: number], gigabytes = backups): BackupQuota => ({
  backups: { limit: backups[0], inUse: backups[1] ?? 0, reserved: backups[2] ?? 0 },
  backupGiB: { limit: gigabytes[0], inUse: gigabytes[1] ?? 0, reserved: gigabytes[2] ?? 0 },
  snapshots: { limit: -1, inUse: 0, reserved: 0 },
  gigabytes: { limit: -1, inUse: 0, reserved: 0 },
  ofType: new Map(),
});

/** `accepted` by volume, and what was said of the others. */
function outcome(input: Partial<LimitsInput>): { accepted: string[]; refused: (string | null)[][] } {
  const { accepted, refused } = fitLimits({
    jobs: [],
    openJobs: [],
    quotas: new Map(),
    volumesPerProject: null,
    attemptedThisSlot: new Map(),
    ...input,
  });
  return {
    accepted: accepted.map((job) => job.volumeId),
    refused: refused.map((job) => [job.volumeId, job.reason, job.message]),
  };
}

const three = [aJob("v1", { sizeGiB: 10 }), aJob("v2", { sizeGiB: 20 }), aJob("v3", { sizeGiB: 5 })];

describe("fitLimits", () => {
  it("accepts all where nothing is limited or known", () => {
    const all = { accepted: ["v1", "v2", "v3"], refused: [] };
    assert.deepEqual(outcome({ jobs: three }), all);
    assert.deepEqual(outcome({ jobs: three, quotas: new Map([["p1", quota([-1, 99, 99])]]) }), all);
    assert.deepEqual(outcome({ jobs: three, quotas: new Map([["p2", quota([0])]]) }), all);
  });

  it("leaves accepted jobs as they are and ends refused ones", () => {
    const [job] = three;
    assert.ok(job !== undefined);
    assert.deepEqual(
      fitLimits({
        jobs: [job],
        openJobs: [],
        quotas: new Map([["p1", quota([0])]]),
        volumesPerProject: null,
        attemptedThisSlot: new Map(),
      }),
      {
        accepted: [],
        refused: [
          {
            ...job,
            state: "failed",
            reason: "over_quota",
            message: "backups: 0 of 0 in use or reserved",
            endedAt: job.plannedAt,
          },
        ],
      },
    );
    assert.equal(outcome({ jobs: [job] }).accepted.length, 1);
  });

  it("counts backups in use, reserved, open and just accepted", () => {
    const quotas = new Map([["p1", quota([6, 2, 1], [-1])]]);
    assert.deepEqual(outcome({ jobs: three, quotas, openJobs: [aJob("v9")] }), {
      accepted: ["v1", "v2"],
      refused: [["v3", "over_quota", "backups: 6 of 6 in use or reserved"]],
    });
  });

  it("counts gigabytes, and lets a smaller one follow", () => {
    const quotas = new Map([["p1", quota([-1], [30, 5, 2])]]);
    assert.deepEqual(outcome({ jobs: three, quotas, openJobs: [aJob("v9", { sizeGiB: 8 })] }), {
      accepted: ["v1", "v3"],
      refused: [["v2", "over_quota", "backup gigabytes: 25 of 30 in use or reserved, 20 needed"]],
    });
  });

  it("charges an incremental with its full size", () => {
    const jobs = three.map((job) => ({ ...job, mode: "incremental" as const }));
    assert.deepEqual(outcome({ jobs, quotas: new Map([["p1", quota([-1], [34])]]) }).accepted, ["v1", "v2"]);
    assert.deepEqual(outcome({ jobs, quotas: new Map([["p1", quota([-1], [35])]]) }).accepted, ["v1", "v2", "v3"]);
  });

  it("says what is used where a quota was lowered below it", () => {
    assert.deepEqual(outcome({ jobs: three.slice(0, 1), quotas: new Map([["p1", quota([3, 7], [-1])]]) }).refused, [
      ["v1", "over_quota", "backups: 7 of 3 in use or reserved"],
    ]);
  });

  it("limits the volumes of a project in a slot, those tried before included", () => {
    const jobs = [...three, aJob("v4", { projectId: "p2" }), aJob("v5", { projectId: "p2" })];
    assert.deepEqual(outcome({ jobs, volumesPerProject: 2, attemptedThisSlot: new Map([["p1", 1]]) }), {
      accepted: ["v1", "v4", "v5"],
      refused: [
        ["v2", "volume_limit", "at most 2 volumes in a slot"],
        ["v3", "volume_limit", "at most 2 volumes in a slot"],
      ],
    });
  });

  it("does not count a job that the quota refused against the volume limit", () => {
    const quotas = new Map([["p1", quota([-1], [15])]]);
    assert.deepEqual(outcome({ jobs: three, quotas, volumesPerProject: 2 }).accepted, ["v1", "v3"]);
  });

  it("does not count open jobs against the volume limit a second time", () => {
    assert.deepEqual(outcome({ jobs: three, volumesPerProject: 3, openJobs: [aJob("v9")] }).accepted.length, 3);
  });

  it("never exceeds a limit, loses a job, or lets one project feel another", () => {
    const jobs = fc
      .array(fc.record({ project: fc.nat({ max: 2 }), sizeGiB: fc.integer({ min: 1, max: 40 }) }), { maxLength: 12 })
      .map((all) => all.map(({ project, sizeGiB }, i) => aJob(`v${i}`, { projectId: `p${project}`, sizeGiB })));
    const amount = fc.integer({ min: -1, max: 100 });
    fc.assert(
      fc.property(jobs, amount, amount, fc.nat({ max: 20 }), (all, backups, gigabytes, inUse) => {
        const quotas = new Map([["p1", quota([backups, inUse], [gigabytes, inUse])]]);
        const input = { openJobs: [], quotas, volumesPerProject: 3, attemptedThisSlot: new Map<string, number>() };
        const { accepted, refused } = fitLimits({ ...input, jobs: all });
        assert.deepEqual([...accepted, ...refused].map((j) => j.key).sort(), all.map((j) => j.key).sort());
        for (const projectId of ["p0", "p1", "p2"]) {
          const own = (job: { projectId: string }): boolean => job.projectId === projectId;
          assert.ok(accepted.filter(own).length <= 3);
          assert.deepEqual(fitLimits({ ...input, jobs: all.filter(own) }), {
            accepted: accepted.filter(own),
            refused: refused.filter(own),
          });
        }
        const ours = accepted.filter((job) => job.projectId === "p1");
        assert.ok(ours.length === 0 || backups === -1 || ours.length + inUse <= backups);
        const sizeGiB = ours.reduce((sum, job) => sum + job.sizeGiB, 0);
        assert.ok(ours.length === 0 || gigabytes === -1 || sizeGiB + inUse <= gigabytes);
      }),
    );
  });
});

describe("fitLimits of snapshots", () => {
  const use = (limit: number, inUse = 0) => ({ limit, inUse, reserved: 0 });
  const snapshot = (id: string, fields: Partial<Parameters<typeof aJob>[1]> = {}) =>
    aJob(id, { mechanism: "snapshot", sizeGiB: 10, ...fields });
  const jobs = [
    snapshot("v1"),
    snapshot("v2", { volumeType: "slow" }),
    snapshot("v3"),
    snapshot("v4", { volumeType: null }),
    aJob("v5", { sizeGiB: 10 }),
  ];
  const of = (fields: Partial<BackupQuota>) =>
    outcome({ jobs, quotas: new Map([["p1", { ...quota([-1]), ...fields }]]) });

  it("looks at their own limits, and backups at theirs", () => {
    assert.deepEqual(of({ backups: use(0) }), {
      accepted: ["v1", "v2", "v3", "v4"],
      refused: [["v5", "over_quota", "backups: 0 of 0 in use or reserved"]],
    });
    assert.deepEqual(of({ snapshots: use(5, 3) }), {
      accepted: ["v1", "v2", "v5"],
      refused: [
        ["v3", "over_quota", "snapshots: 5 of 5 in use or reserved"],
        ["v4", "over_quota", "snapshots: 5 of 5 in use or reserved"],
      ],
    });
    assert.deepEqual(of({ gigabytes: use(100, 75) }).refused, [
      ["v3", "over_quota", "gigabytes: 95 of 100 in use or reserved, 10 needed"],
      ["v4", "over_quota", "gigabytes: 95 of 100 in use or reserved, 10 needed"],
    ]);
  });

  it("looks at the limits of the volume type, too", () => {
    const ofType = new Map([
      ["fast", { snapshots: use(1), gigabytes: use(-1) }],
      ["slow", { snapshots: use(-1), gigabytes: use(12, 5) }],
    ]);
    assert.deepEqual(of({ ofType }), {
      accepted: ["v1", "v4", "v5"],
      refused: [
        ["v2", "over_quota", "gigabytes of type slow: 5 of 12 in use or reserved, 10 needed"],
        ["v3", "over_quota", "snapshots of type fast: 1 of 1 in use or reserved"],
      ],
    });
  });

  it("counts open jobs of each mechanism apart", () => {
    const openJobs = [snapshot("o1"), aJob("o2")];
    const quotas = new Map([["p1", { ...quota([2]), snapshots: use(2) }]]);
    assert.deepEqual(outcome({ jobs: [jobs[0]!, jobs[4]!, jobs[2]!], openJobs, quotas }).refused, [
      ["v5", "over_quota", "backup gigabytes: 10 of 2 in use or reserved, 10 needed"],
      ["v3", "over_quota", "snapshots: 2 of 2 in use or reserved"],
    ]);
  });
});
