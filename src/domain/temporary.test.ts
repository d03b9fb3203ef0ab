import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { aBackup, aJob, anIncremental, aVolume, pointsOf } from "../../test/unit/support/builders.ts";
import type { Job } from "./catalogue.ts";
import { isOfSet, consistencyOf } from "./consistency.ts";
import type { Backup } from "./inventory.ts";
import { mark } from "./marks.ts";
import { chooseMode } from "./mode.ts";
import { defaultPolicy } from "./policy.ts";
import type { Reason } from "./reasons.ts";
import { asSnapshot, mayBeSent, planTemporary, wantedTemporaries, whyOrdinary } from "./temporary.ts";

const day = (n: number): string => `2026-11-${String(n).padStart(2, "0")}T00:00:00Z`;
const tenant = { userId: "user-tenant", metadata: {} };
const why = (backups: readonly Backup[], types: readonly string[] = ["fast"], type: string | null = "fast") =>
  whyOrdinary(type, pointsOf(backups).get("v1"), types);
const first = aBackup("b1", day(1));
const fromSnapshot = anIncremental("b2", day(2), "b1", { snapshotId: "s2" });

describe("whyOrdinary", () => {
  const cases: [name: string, Reason | null, Reason | null][] = [
    ["a type that the operator names, and a full in chunks", why([first]), null],
    ["another type", why([first], ["nfs"]), "ordinary_type"],
    ["no list", why([first], []), "ordinary_type"],
    ["a cloud without types", why([first], ["fast"], null), "ordinary_type"],
    ["no backup", why([]), "ordinary_no_evidence"],
    [
      "a full of which Cinder does not say",
      why([aBackup("b1", day(1), { objectCount: null })]),
      "ordinary_no_evidence",
    ],
    ["a full without chunks", why([aBackup("b1", day(1), { objectCount: 0 })]), "ordinary_ceph"],
    ["one among others", why([aBackup("b0", day(1), { objectCount: 0 }), aBackup("b1", day(2))]), "ordinary_ceph"],
    ["one of a user", why([first, aBackup("b0", day(2), { ...tenant, objectCount: 0 })]), "ordinary_ceph"],
    [
      "one in another project",
      why([first, aBackup("b0", day(2), { projectId: "p2", objectCount: 0 })]),
      "ordinary_ceph",
    ],
    [
      "one that is being restored",
      why([first, aBackup("b0", day(2), { status: "restoring", objectCount: 0 })]),
      "ordinary_ceph",
    ],
    [
      "an incremental in which nothing changed",
      why([first, anIncremental("b2", day(2), "b1", { objectCount: 0 })]),
      null,
    ],
    [
      "a newest full that failed",
      why([first, aBackup("b2", day(2), { status: "error", objectCount: 0 })]),
      "ordinary_no_evidence",
    ],
    [
      "a failure that speaks of Ceph",
      why([
        aBackup("b0", day(1), { status: "error", failReason: "[errno 17] RBD image already exists" }),
        aBackup("b1", day(2)),
      ]),
      "ordinary_ceph",
    ],
    ["only a user's full", why([aBackup("b1", day(1), tenant)]), "ordinary_no_evidence"],
    ["one of ours made from a snapshot", why([first, fromSnapshot]), null],
    ["a failed one made from a snapshot", why([first, { ...fromSnapshot, status: "error" }]), "ordinary_doubt"],
    [
      "a user's made from a snapshot",
      why([first, aBackup("b2", day(2), { ...tenant, snapshotId: "s" })]),
      "ordinary_doubt",
    ],
    [
      "a forged one made from a snapshot",
      why([first, aBackup("b2", day(2), { userId: "user-tenant", snapshotId: "s" })]),
      "ordinary_doubt",
    ],
  ];
  for (const [name, found, wanted] of cases) {
    it(`${wanted ?? "from a snapshot"}: ${name}`, () => assert.equal(found, wanted));
  }
});

describe("any history", () => {
  const backup = fc.record({
    status: fc.constantFrom("available", "available", "available", "error", "creating", "restoring"),
    objectCount: fc.constantFrom(null, 0, 1, 9),
    snapshotId: fc.constantFrom(null, null, "s"),
    userId: fc.constantFrom("ours", "ours", "user-tenant"),
    projectId: fc.constantFrom("p1", "p1", "p1", "p2"),
    isIncremental: fc.boolean(),
    marked: fc.constantFrom(true, true, true, false),
  });

  it("is built on or snapshotted only where every witness says so", () => {
    fc.assert(
      fc.property(fc.array(backup, { maxLength: 6 }), fc.boolean(), (drawn, named) => {
        const rows = drawn.map(({ marked, userId, ...fields }, i) => {
          const who = userId === "ours" ? {} : { userId };
          const parent = fields.isIncremental && i > 0 ? { marks: { [mark.parent]: `b${i - 1}` } } : {};
          const row = aBackup(`b${i}`, day(i + 1), { ...fields, ...who, ...parent });
          return marked ? row : { ...row, metadata: {} };
        });
        const points = pointsOf(rows).get("v1");
        const types = named ? ["fast"] : [];
        const reason = whyOrdinary("fast", points, types);
        const made = [...(points?.points ?? []), ...(points?.others ?? [])].filter((p) => p.backup.snapshotId !== null);
        if (reason === null) {
          const full = points?.points.findLast((p) => !p.backup.isIncremental);
          assert.ok(named && full?.good === true && (full.backup.objectCount ?? 0) > 0);
          assert.ok(made.every((p) => p.kind === "ours" && p.good));
          assert.ok(
            rows.every(
              (r) => r.isIncremental || r.objectCount !== 0 || r.status === "creating" || r.status === "error",
            ),
          );
        }
        const policy = { fullEvery: 100, archive: null, maximumChainAgeMs: null };
        const choice = chooseMode(aVolume("v1"), points, policy, {
          now: new Date(day(20)),
          onSnapshotBackups: reason === null,
        });
        const own = made.filter((p) => p.projectId === "p1");
        if (choice.mode === "incremental" && own.length > 0) assert.equal(reason, null);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("planTemporary", () => {
  const policy = { ...defaultPolicy, consistency: "set" } as const;
  const points = new Map(
    ["v1", "v2", "v3"].map((id) => [id, pointsOf([aBackup(`b-${id}`, day(1), { volumeId: id })]).get(id)!]),
  );
  const input = { policy, mechanism: "backup", ahead: new Map(), points, fromSnapshotTypes: ["fast"] } as const;
  const jobs = [aJob("v1"), aJob("v2"), aJob("v3", { volumeType: "nfs" })];
  const planned = (of: readonly Job[], change: Partial<Parameters<typeof planTemporary>[1]> = {}) =>
    planTemporary(of, { ...input, ...change }).map(({ temporary, temporaryReason }) => [temporary, temporaryReason]);

  it("says of each backup of a set whether it is made from a temporary snapshot, or why not", () => {
    assert.deepEqual(planned(jobs), [
      ["wanted", null],
      ["wanted", null],
      ["refused", "ordinary_type"],
    ]);
    const ahead = new Map([["v2", { chainLength: 1, chainBegunAt: new Date(day(2)), isArchive: false }]]);
    assert.deepEqual(planned(jobs, { ahead })[1], ["refused", "ordinary_behind"]);
    assert.deepEqual(planned(jobs, { points: new Map() })[0], ["refused", "ordinary_no_evidence"]);
  });

  it("leaves alone what has no set, other policies, and snapshots", () => {
    assert.deepEqual(planned(jobs.slice(0, 1)), [[null, null]]);
    assert.deepEqual(planned(jobs.slice(0, 2), { policy: defaultPolicy }), Array(2).fill([null, null]));
    assert.deepEqual(planned(jobs.slice(0, 2), { mechanism: "snapshot" }), Array(2).fill([null, null]));
  });
});

describe("what waits for its temporary snapshot", () => {
  const waiting = (volumeId: string, fields: Partial<Job> = {}): Job =>
    aJob(volumeId, { temporary: "wanted", ...fields });
  const limits = { global: 10, perProject: 2 };
  const ready = ["r1", "r2"].map((id) =>
    waiting(id, { temporary: "ready", setId: "before", temporarySentAt: new Date(0) }),
  );

  it("is not sent before, and its snapshot is one of a set to dispatch", () => {
    const states = ["refused", "wanted", "requesting", "creating", "ready", "abandoned", null] as const;
    assert.deepEqual(
      states.filter((temporary) => mayBeSent({ temporary })),
      ["refused", "ready", "abandoned", null],
    );
    const { key, mechanism, policy, setId } = asSnapshot(waiting("v1"));
    assert.deepEqual(
      [key, mechanism, policy, setId],
      [`${waiting("v1").key}/temporary`, "snapshot", "default/temporary", waiting("v1").setId],
    );
  });

  it("waits while as many are ready as may be in flight, unless its set has begun", () => {
    const two = [waiting("v1"), waiting("v2")];
    assert.equal(wantedTemporaries(two, limits).length, 2);
    assert.equal(wantedTemporaries([...two, ...ready.slice(1)], limits).length, 2);
    assert.equal(wantedTemporaries([...two, ...ready], limits).length, 0);
    assert.equal(wantedTemporaries([...two, ...ready], { ...limits, perProject: 9 }).length, 2);
    const [, other] = two;
    const begun = waiting("v1", { temporary: "creating", temporarySentAt: new Date(0) });
    assert.deepEqual(wantedTemporaries([begun, other!, ...ready], limits), [other]);
  });
});

describe("the consistency of a set of backups", () => {
  const done = (volumeId: string, fields: Partial<Job> = {}): Job =>
    aJob(volumeId, {
      state: "succeeded",
      temporary: "ready",
      temporarySentAt: new Date(1_000),
      temporaryAnsweredAt: new Date(1_300),
      ...fields,
    });
  const message = (jobs: readonly Job[]): [boolean, string] => {
    const { complete, message } = consistencyOf(jobs, []);
    return [complete, message];
  };

  it("is crash-set with its skew only when all were made from their snapshots", () => {
    const late = done("v2", { temporarySentAt: new Date(1_100), temporaryAnsweredAt: new Date(1_812) });
    const set = [done("v1"), late];
    assert.deepEqual(message(set), [true, "crash-set, 2 of 2 volumes from temporary snapshots, skew 812 ms"]);
    const lost = done("v3", { temporaryAnsweredAt: null });
    assert.deepEqual(message([...set, lost]), [
      true,
      "crash-set, 3 of 3 volumes from temporary snapshots, skew unknown",
    ]);
    for (const other of [
      done("v3", { temporary: "abandoned" }),
      done("v3", { temporary: "refused" }),
      done("v3", { temporary: null }),
      done("v3", { state: "failed" }),
    ]) {
      assert.deepEqual(message([...set, other]), [
        false,
        "crash-volume, 2 of 3 volumes from temporary snapshots, skew 812 ms",
      ]);
    }
  });

  it("is asked of what belongs to one", () => {
    assert.deepEqual(
      [aJob("v1"), done("v1"), aJob("v1", { temporary: "refused" }), aJob("v1", { mechanism: "snapshot" })].map(
        isOfSet,
      ),
      [false, true, true, true],
    );
  });
});
