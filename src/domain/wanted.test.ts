import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aBackup, anIncremental, at, dailyPolicy } from "../../test/unit/support/builders.ts";
import { dayMs } from "../../test/unit/support/clouds.ts";
import { day, dead, fresh, held, now, outcome, tenants, until, type Setting } from "../../test/unit/support/planned.ts";
import type { Backup } from "./inventory.ts";
import { automatedMark, mark, markTime } from "./marks.ts";
import type { Policy } from "./policy.ts";

/** What its server asked for when it was made. */
const asked = { [mark.asked]: "server=1d@2026-11-01T00:00:00Z" };
const noon = (n: number): string => day(n).replace("T00", "T12");

describe("what becomes of a point", () => {
  const cases: { name: string; backups: Backup[]; setting?: Setting; outcome: Record<string, string> }[] = [
    {
      name: "expired, and a newer good one is there",
      backups: [dead, fresh],
      outcome: { old: "delete: expired", new: "keep_age" },
    },
    {
      name: "expired, but the newest good one",
      backups: [aBackup("older", day(1)), aBackup("old", day(2))],
      outcome: { older: "delete: expired", old: "keep_newest_good" },
    },
    {
      name: "of two that are equally new always the same stays, whoever builds on which",
      backups: [
        aBackup("a", day(2)),
        aBackup("b", day(2)),
        anIncremental("0", day(2), "b", { ...tenants, isIncremental: true }),
      ],
      setting: { children: { b: ["0"] } },
      outcome: { a: "delete: expired", b: "keep_newest_good" },
    },
    {
      name: "the last chain of a volume that is gone",
      backups: [aBackup("older", day(1)), aBackup("f", day(2)), anIncremental("i", day(3), "f")],
      setting: { existingVolumeIds: new Set(["v2"]) },
      outcome: { older: "delete: expired", f: "keep_last_of_gone", i: "keep_last_of_gone" },
    },
    {
      name: "whether its volume exists is not known",
      backups: [dead],
      setting: { existingVolumeIds: null },
      outcome: { old: "keep_newest_good" },
    },
    {
      name: "expires at this instant",
      backups: [aBackup("old", day(16)), fresh],
      outcome: { old: "delete: expired", new: "keep_age" },
    },
    {
      name: "expires a millisecond later",
      backups: [aBackup("old", "2026-11-16T00:00:00.001Z"), fresh],
      outcome: { old: "keep_age", new: "keep_age" },
    },
    {
      name: "promised for longer than the retention in force",
      backups: [
        aBackup("old", day(1), until(30)),
        aBackup("older", day(1), { marks: { [mark.keepUntil]: markTime(new Date(+now + 1000)) } }),
        fresh,
      ],
      outcome: { old: "delete: expired", older: "keep_promised", new: "keep_age" },
    },
    {
      name: "made late in its slot, from which its date counts",
      backups: [
        aBackup("old", "2026-11-20T18:00:00Z", {
          marks: { ...asked, [mark.slot]: day(20), [mark.keepUntil]: day(29) },
        }),
        aBackup("late", "2026-11-20T18:00:00Z", {
          marks: { ...asked, [mark.slot]: day(20), [mark.keepUntil]: noon(29) },
        }),
        aBackup("manual", "2026-11-20T18:00:00Z", {
          marks: { ...asked, [mark.slot]: "manual:1", [mark.keepUntil]: noon(29) },
        }),
        aBackup("adopted", "2026-11-20T18:00:00Z", {
          marks: { ...asked, [mark.slot]: day(20), [mark.keepUntil]: noon(29), [mark.adopted]: "" },
        }),
        fresh,
      ],
      setting: { retentionMs: 1 },
      outcome: {
        old: "delete: expired",
        late: "keep_promised",
        manual: "delete: expired",
        adopted: "delete: expired",
        new: "keep_age",
      },
    },
    {
      name: "promised for longer, as only the catalogue knows",
      backups: [dead, fresh],
      setting: { memory: { old: { keepUntil: at("2026-12-01T00:00:00Z") } } },
      outcome: { old: "keep_promised", new: "keep_age" },
    },
    {
      name: "promised for less than the retention in force",
      backups: [aBackup("old", day(20), until(21)), fresh],
      outcome: { old: "keep_age", new: "keep_age" },
    },
    {
      name: "its promise cannot be read",
      backups: [aBackup("old", day(1), { marks: { [mark.keepUntil]: "soon" } }), fresh],
      outcome: { old: "delete: expired", new: "keep_age" },
    },
    {
      name: "a longer retention in force works at once",
      backups: [dead, fresh],
      setting: { retentionMs: 29 * dayMs + 1 },
      outcome: { old: "keep_age", new: "keep_age" },
    },
    {
      name: "no retention in force is below the policy's minimum",
      backups: [aBackup("old", day(28), until(28, asked)), aBackup("older", day(27), until(27, asked)), fresh],
      setting: { retentionMs: 1 },
      outcome: { old: "keep_age", older: "delete: expired", new: "keep_age" },
    },
    {
      name: "made while nobody asked, a request for less takes nothing of what its policy says since",
      backups: [aBackup("old", day(17), until(18)), aBackup("older", day(16), until(17)), fresh],
      setting: { retentionMs: 1 },
      outcome: { old: "keep_age", older: "delete: expired", new: "keep_age" },
    },
    {
      name: "made while something was asked for, what is asked for now counts in the policy's place",
      backups: [
        aBackup("old", day(17), until(18, asked)),
        aBackup("older", day(16), { marks: { ...asked, [mark.keepUntil]: "2026-12-01T00:00:00Z" } }),
        fresh,
      ],
      setting: { retentionMs: 1 },
      outcome: { old: "delete: expired", older: "keep_promised", new: "keep_age" },
    },
    {
      name: "without a promise that can be read, a request for less takes nothing from it",
      backups: [aBackup("old", day(17), { marks: asked }), aBackup("older", day(16), { marks: asked }), fresh],
      setting: { retentionMs: 1 },
      outcome: { old: "keep_age", older: "delete: expired", new: "keep_age" },
    },
    {
      name: "a member of its chain is wanted",
      backups: [aBackup("f", day(15)), anIncremental("i", day(16), "f"), anIncremental("j", day(17), "i"), fresh],
      outcome: { f: "keep_chain", i: "keep_chain", j: "keep_age", new: "keep_age" },
    },
    {
      name: "all of its chain has expired",
      backups: [aBackup("f", day(1)), anIncremental("i", day(2), "f"), fresh],
      outcome: { f: "delete: expired", i: "delete: expired", new: "keep_age" },
    },
    {
      name: "held",
      backups: [aBackup("f", day(1), held), anIncremental("i", day(2), "f"), fresh],
      outcome: { f: "keep_held", i: "keep_chain", new: "keep_age" },
    },
    {
      name: "held, as only the catalogue knows",
      backups: [dead, fresh],
      setting: { memory: { old: { held: true } } },
      outcome: { old: "keep_held", new: "keep_age" },
    },
    ...["creating", "restoring", "a new word"].map((status) => ({
      name: `a member of its chain is ${status}`,
      backups: [aBackup("f", day(1)), anIncremental("i", day(2), "f", { status }), fresh],
      outcome: { f: "keep_chain", i: "keep_running", new: "keep_age" },
    })),
    {
      name: "a newer member is still being deleted",
      backups: [aBackup("f", day(1)), anIncremental("i", day(2), "f", { status: "deleting" }), fresh],
      outcome: { f: "keep_pace", i: "keep_running", new: "keep_age" },
    },
    {
      name: "the deletion of a newer member has failed for good",
      backups: [aBackup("f", day(1)), anIncremental("i", day(2), "f", { status: "error_deleting" }), fresh],
      outcome: { f: "keep_pace", i: "delete_failed", new: "keep_age" },
    },
    {
      name: "gone, says the listing",
      backups: [aBackup("f", day(1)), anIncremental("i", day(2), "f", { status: "deleted" }), fresh],
      outcome: { f: "keep_pace", i: "keep_running", new: "keep_age" },
    },
    {
      name: "held while it is being deleted",
      backups: [aBackup("f", day(1), { ...held, status: "deleting" }), fresh],
      outcome: { f: "keep_held", new: "keep_age" },
    },
    {
      name: "failed, and a good one has followed",
      backups: [aBackup("failed", day(28), { status: "error" }), fresh],
      outcome: { failed: "delete: failed_superseded", new: "keep_age" },
    },
    {
      name: "failed, and no good one has followed",
      backups: [aBackup("good", day(28)), aBackup("failed", day(29), { status: "error" })],
      outcome: { good: "keep_age", failed: "keep_failed" },
    },
    {
      name: "failed at the same time as a good one was made",
      backups: [aBackup("failed", day(29), { status: "error" }), fresh],
      outcome: { failed: "keep_failed", new: "keep_age" },
    },
    {
      name: "failed, its chain is wanted",
      backups: [aBackup("f", day(27)), anIncremental("failed", day(28), "f", { status: "error" }), fresh],
      outcome: { f: "keep_age", failed: "keep_chain", new: "keep_age" },
    },
    {
      name: "its deletion has failed: tried again",
      backups: [aBackup("old", day(1), { status: "error" }), fresh],
      setting: { memory: { old: { deleteSentAt: at(day(29)) } } },
      outcome: { old: "delete: expired", new: "keep_age" },
    },
    {
      name: "its deletion has failed, and the newer good ones are gone since: kept as a failed one",
      backups: [aBackup("good", day(1)), aBackup("old", day(2), { status: "error" })],
      setting: { memory: { old: { deleteSentAt: at(day(29)) } } },
      outcome: { good: "keep_newest_good", old: "keep_failed" },
    },
    {
      name: "a volume that only ever fails: the newest stays, the others as long as a good one would",
      backups: [
        aBackup("a", day(1), { ...until(15), status: "error" }),
        aBackup("b", day(20), { ...until(22), status: "error" }),
        aBackup("c", day(21), { ...until(22), status: "error" }),
        aBackup("d", day(2), { status: "error" }),
      ],
      outcome: { a: "delete: failed_superseded", b: "keep_failed", c: "keep_failed", d: "keep_failed" },
    },
    {
      name: "the only failed one of a volume, long ago",
      backups: [aBackup("a", day(1), { ...until(15), status: "error" })],
      outcome: { a: "keep_failed" },
    },
    {
      name: "a volume with nothing good, but something that may be",
      backups: [
        aBackup("a", day(1), { failReason: "?" }),
        aBackup("b", day(2), { ...until(3), status: "error" }),
        aBackup("c", day(3), { status: "error" }),
      ],
      outcome: { a: "keep_no_good", b: "delete: failed_superseded", c: "keep_failed" },
    },
    {
      name: "what the catalogue doubts protects, and so does what it does not know",
      backups: [aBackup("a", day(1)), aBackup("b", day(2)), aBackup("c", day(3))],
      setting: { memory: { c: { deleteSentAt: at(day(29)) } } },
      outcome: { a: "delete: expired", b: "keep_newest_good", c: "keep_newest_good" },
    },
    {
      name: "a volume with nothing good by the catalogue",
      backups: [aBackup("a", day(1)), aBackup("b", day(2))],
      setting: { memory: { a: { sizeGiB: 11 }, b: { sizeGiB: 11 } } },
      outcome: { a: "keep_no_good", b: "keep_no_good" },
    },
    {
      name: "judged bad: the older good one stays, too",
      backups: [aBackup("a", day(1)), aBackup("b", day(2)), aBackup("c", day(3), { marks: { [mark.verdict]: "bad" } })],
      outcome: { a: "delete: expired", b: "keep_newest_good", c: "delete: expired" },
    },
    {
      name: "nothing good, one good by nothing but its parents, in a chain with failed ones",
      backups: [
        aBackup("f", day(1), { failReason: "?" }),
        anIncremental("i", day(2), "f", { ...until(3), status: "error" }),
        aBackup("c", day(3), { status: "error" }),
      ],
      outcome: { f: "keep_no_good", i: "keep_no_good", c: "keep_failed" },
    },
    {
      name: "the newest failed one stays, also when something doubtful is newer",
      backups: [aBackup("a", day(1), { ...until(15), status: "error" }), aBackup("b", day(2), { failReason: "?" })],
      outcome: { a: "keep_failed", b: "keep_no_good" },
    },
    {
      name: "one of many failures, its time just over",
      backups: [
        aBackup("a", day(1), { ...until(30), status: "error" }),
        aBackup("b", day(20), { ...until(22), status: "error" }),
      ],
      outcome: { a: "delete: failed_superseded", b: "keep_failed" },
    },
    {
      name: "with nothing but the marks",
      backups: [
        aBackup("old", day(1)),
        aBackup("failed", day(2), { status: "error" }),
        aBackup("held", day(1), held),
        fresh,
      ],
      setting: { memory: null },
      outcome: { old: "delete: expired", failed: "delete: failed_superseded", held: "keep_held", new: "keep_age" },
    },
    {
      name: "two made at the same time: one is the newest",
      backups: [aBackup("a", day(1)), aBackup("b", day(1))],
      outcome: { a: "delete: expired", b: "keep_newest_good" },
    },
    {
      name: "the newest is the one whose data are",
      backups: [
        aBackup("f", day(5)),
        anIncremental("i", day(6), "f", { dataTimestamp: at(day(2)) }),
        aBackup("g", day(4)),
      ],
      outcome: { f: "keep_newest_good", i: "keep_newest_good", g: "delete: expired" },
    },
    {
      name: "a child that lost its mark, as only the catalogue remembers",
      backups: [
        aBackup("e", day(1)),
        aBackup("f", day(2)),
        anIncremental("i", day(3), "f"),
        aBackup("u", day(4), { isIncremental: true, marks: { [automatedMark]: undefined } }),
        fresh,
      ],
      setting: { memory: { u: { parentId: "f", parentVerified: true } } },
      outcome: { e: "delete: expired", f: "keep_has_children", i: "keep_has_children", new: "keep_age" },
    },
    {
      name: "a child of one member that was asked, the other not",
      backups: [aBackup("f", day(1)), anIncremental("i", day(2), "f"), fresh],
      setting: { children: { i: ["just made"] } },
      outcome: { f: "keep_has_children", i: "keep_has_children", new: "keep_age" },
    },
    {
      name: "hangs on the second member of a chain through somebody else's",
      backups: [
        aBackup("e", day(1)),
        aBackup("f", day(2)),
        anIncremental("g", day(3), "f", held),
        aBackup("u", day(4), { ...tenants, isIncremental: true }),
        anIncremental("i", day(5), "u"),
        fresh,
      ],
      setting: { children: { g: ["u"] } },
      outcome: { e: "delete: expired", f: "keep_chain", g: "keep_held", i: "keep_chain", new: "keep_age" },
    },
    {
      name: "failed, made from a snapshot, at the end of a chain",
      backups: [
        aBackup("f", day(1)),
        anIncremental("i", day(2), "f", { status: "error", snapshotId: "s1" }),
        aBackup("u", day(2), { ...tenants, snapshotId: "s2" }),
        aBackup("w", day(3), tenants),
        fresh,
      ],
      outcome: { f: "keep_shared_image", i: "keep_shared_image", new: "keep_age" },
    },
    {
      name: "a child of somebody else's keeps the whole chain",
      backups: [
        aBackup("f", day(1)),
        anIncremental("i", day(2), "f"),
        aBackup("u", day(3), { ...tenants, isIncremental: true }),
        fresh,
      ],
      setting: { children: { f: ["i", "u"], i: [] } },
      outcome: { f: "keep_has_children", i: "keep_has_children", new: "keep_age" },
    },
    {
      name: "a child that the listing does not show keeps it, too",
      backups: [aBackup("f", day(1)), fresh],
      setting: { children: { f: ["just made"] } },
      outcome: { f: "keep_has_children", new: "keep_age" },
    },
    {
      name: "a child in another project",
      backups: [aBackup("f", day(1)), anIncremental("i", day(2), "f", { projectId: "p2" }), fresh],
      outcome: { f: "keep_has_children", new: "keep_age" },
    },
    {
      name: "hangs on ours through somebody else's: belongs to the same chain",
      backups: [
        aBackup("f", day(1), held),
        aBackup("u", day(2), { ...tenants, isIncremental: true }),
        anIncremental("i", day(3), "u"),
        fresh,
      ],
      setting: { children: { f: ["u"] } },
      outcome: { f: "keep_held", i: "keep_chain", new: "keep_age" },
    },
    {
      name: "hangs on somebody else's, whose chain has expired: goes first",
      backups: [
        aBackup("f", day(1)),
        aBackup("u", day(2), { ...tenants, isIncremental: true }),
        anIncremental("i", day(3), "u"),
        fresh,
      ],
      setting: { children: { f: ["u"] } },
      outcome: { f: "keep_has_children", i: "delete: expired", new: "keep_age" },
    },
    {
      name: "failed, made from a snapshot, and another of somebody else's is there",
      backups: [
        aBackup("failed", day(1), { status: "error", snapshotId: "s1" }),
        aBackup("u", day(2), { ...tenants, snapshotId: "s2" }),
        fresh,
      ],
      outcome: { failed: "keep_shared_image", new: "keep_age" },
    },
    {
      name: "failed, made from a snapshot, and another good one of ours is there",
      backups: [
        aBackup("failed", day(1), { status: "error", snapshotId: "s1" }),
        aBackup("good", day(2), { snapshotId: "s2" }),
        fresh,
      ],
      outcome: { failed: "keep_shared_image", good: "delete: expired", new: "keep_age" },
    },
    {
      name: "failed, made from a snapshot, and another of ours is there, of which nobody knows what it builds on",
      backups: [
        aBackup("failed", day(1), { status: "error", snapshotId: "s1" }),
        anIncremental("i", day(2), "elsewhere", { snapshotId: "s2" }),
        fresh,
      ],
      setting: { memory: { i: { parentId: "elsewhere", parentVerified: true } } },
      outcome: { failed: "keep_shared_image", i: "delete: expired", new: "keep_age" },
    },
    {
      name: "failed, made from a snapshot, and others failed, too, are leaving, or not from snapshots",
      backups: [
        aBackup("failed", day(1), { status: "error", snapshotId: "s1" }),
        aBackup("bad", day(2), { snapshotId: "s2", status: "error" }),
        aBackup("leaving", day(2), { snapshotId: "s3", status: "deleting" }),
        aBackup("u", day(2), tenants),
        fresh,
      ],
      outcome: {
        failed: "delete: failed_superseded",
        bad: "delete: failed_superseded",
        leaving: "keep_running",
        new: "keep_age",
      },
    },
    {
      name: "good and made from a snapshot, and another is there",
      backups: [aBackup("a", day(1), { snapshotId: "s1" }), aBackup("b", day(2), { snapshotId: "s2" }), fresh],
      outcome: { a: "delete: expired", b: "delete: expired", new: "keep_age" },
    },
    {
      name: "nobody else's is touched, or counts as good",
      backups: [
        dead,
        aBackup("forged", day(28), { userId: "tenant" }),
        aBackup("unmarked", day(29), { marks: { [automatedMark]: undefined } }),
        aBackup("u", day(29), tenants),
      ],
      outcome: { old: "keep_newest_good" },
    },
    {
      name: "each project has its own newest good chain of a volume",
      backups: [aBackup("a", day(1)), aBackup("b", day(2)), aBackup("c", day(3), { projectId: "p2" })],
      outcome: { a: "delete: expired", b: "keep_newest_good" },
    },
  ];
  for (const { name, backups, setting, outcome: expected } of cases) {
    it(name, () => assert.deepEqual(outcome(backups, setting), expected));
  }

  for (const retentionMs of [NaN, Infinity]) {
    it(`a retention of ${retentionMs} ms keeps everything`, () => {
      assert.deepEqual(outcome([dead, fresh], { retentionMs }), { old: "keep_age", new: "keep_age" });
    });
  }

  it("a retention of nothing at all keeps everything", () => {
    const policy: Policy = { ...dailyPolicy, minimumRetentionMs: 0 };
    assert.deepEqual(outcome([dead, fresh], { retentionMs: 0, policy }), { old: "keep_age", new: "keep_age" });
  });
});
