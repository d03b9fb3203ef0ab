import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aBackup, anIncremental, at, dailyPolicy, pointsOf } from "../../test/unit/support/builders.ts";
import type { Backup } from "./inventory.ts";
import { mark } from "./marks.ts";
import { planPrune, planRemoval, whyNotDisowned, type RemovalPlan } from "./removal.ts";

const day = (n: number): string => `2026-11-${String(n).padStart(2, "0")}T00:00:00Z`;

const full = aBackup("f1", day(1));
const tip = anIncremental("i1", day(2), "f1");
const newer = aBackup("f2", day(3));
const newest = anIncremental("i2", day(4), "f2");
const chains = [full, tip, newer, newest];

const shown = ({ removals, refusals }: RemovalPlan): object => ({
  delete: removals.flatMap(({ deletions }) => deletions.map(({ backup }) => backup.id)),
  keep: Object.fromEntries(
    refusals.map(({ backupId, reason, message }) => [backupId, message === null ? reason : `${reason} ${message}`]),
  ),
});

describe("what an operator may delete by name", () => {
  const of = (
    backups: readonly Backup[],
    ids: readonly string[],
    more: { unverified?: boolean; gone?: boolean } = {},
  ): RemovalPlan =>
    planRemoval({
      ids,
      volumes: [...pointsOf(backups, more).values()],
      existingVolumeIds: more.gone === true ? new Set() : new Set(["v1"]),
    });

  const cases: readonly {
    name: string;
    backups?: readonly Backup[];
    ids: readonly string[];
    gone?: boolean;
    delete?: readonly string[];
    keep?: Readonly<Record<string, string>>;
  }[] = [
    { name: "an old chain, newest first, whatever was promised", ids: ["f1", "i1"], delete: ["i1", "f1"] },
    { name: "the tip alone", ids: ["i1"], delete: ["i1"] },
    { name: "not what another one is built on", ids: ["f1"], keep: { f1: "keep_has_children i1" } },
    {
      name: "nothing of the newest good chain",
      ids: ["i2", "f2"],
      keep: { i2: "keep_newest_good", f2: "keep_newest_good" },
    },
    {
      name: "nothing of the last chain of a volume that is gone",
      ids: ["i2", "i1"],
      gone: true,
      delete: ["i1"],
      keep: { i2: "keep_last_of_gone" },
    },
    {
      name: "not what is held, nor what it stands on",
      backups: [full, anIncremental("i1", day(2), "f1", { marks: { [mark.hold]: "x" } }), newer],
      ids: ["i1", "f1"],
      keep: { i1: "keep_held", f1: "keep_has_children i1" },
    },
    {
      name: "nothing of a volume without a good point but failed ones",
      backups: [aBackup("f1", day(1), { marks: { [mark.verdict]: "bad" } }), aBackup("e", day(2), { status: "error" })],
      ids: ["f1", "e"],
      delete: ["e"],
      keep: { f1: "keep_no_good" },
    },
    {
      name: "not what is being made, or going",
      backups: [
        aBackup("c", day(1), { status: "creating" }),
        aBackup("d", day(1), { status: "deleting" }),
        aBackup("x", day(1), { status: "error_deleting" }),
        newer,
      ],
      ids: ["c", "d", "x"],
      keep: { c: "keep_running", d: "keep_running", x: "delete_failed" },
    },
    {
      name: "not what is not ours, or not there",
      backups: [
        aBackup("forged", day(1), { userId: "tenant" }),
        aBackup("unmarked", day(1), { marks: { __automated_backup: undefined } }),
        aBackup("theirs", day(1), { userId: "tenant", metadata: {} }),
        newer,
      ],
      ids: ["forged", "unmarked", "theirs", "nothing"],
      keep: { forged: "forged", unmarked: "unmarked", theirs: "not_ours", nothing: "no_such_backup" },
    },
    {
      name: "not a failed one that shares its image with a user's own (Ceph)",
      backups: [
        aBackup("failed", day(1), { status: "error", snapshotId: "s" }),
        aBackup("theirs", day(1), { userId: "tenant", snapshotId: "s", metadata: {} }),
        newer,
      ],
      ids: ["failed"],
      keep: { failed: "keep_shared_image" },
    },
  ];
  for (const { name, backups = chains, ids, gone = false, ...want } of cases) {
    it(name, () => {
      assert.deepEqual(shown(of(backups, ids, { gone })), { delete: want.delete ?? [], keep: want.keep ?? {} });
    });
  }

  it("asks for the children of all that would go, and for whatever the newest good one may lean on", () => {
    assert.deepEqual([...of(chains, ["i1"], { unverified: true }).unverified].sort(), ["f1", "f2", "i1"]);
    assert.deepEqual(of(chains, ["i2"], { unverified: true }).unverified, [], "nothing to go, nothing to ask");
  });
});

describe("what of a volume that is gone may be pruned", () => {
  const of = (backups: readonly Backup[], now = "2026-12-31T00:00:00Z", exists = false): RemovalPlan =>
    planPrune({
      now: at(now),
      volumes: [...pointsOf(backups).values()],
      existingVolumeIds: new Set(exists ? ["v1"] : []),
      policyOf: () => null,
      inForceOf: (_, { retentionMs, thinning }) => ({ retentionMs, thinning }),
      policy: dailyPolicy,
    });

  it("also what counts would keep, since no newer point will ever take its place, but not before its date", () => {
    const rule = { [mark.retention]: "last=5,min=2,tz=UTC" };
    const counted = (keepUntil: string): Backup[] => [
      aBackup("f1", day(1), { marks: { ...rule, [mark.keepUntil]: day(2) } }),
      aBackup("f2", day(2), { marks: { ...rule, [mark.keepUntil]: keepUntil } }),
    ];
    assert.deepEqual(shown(of(counted(day(3)), "2026-11-30T00:00:00Z")), { delete: ["f1", "f2"], keep: {} });
    const kept = shown(of(counted("2026-12-24T00:00:00Z"), "2026-11-30T00:00:00Z")) as { delete: string[] };
    assert.deepEqual(kept.delete, ["f1"]);
  });

  it("all chains from which nothing is wanted any more, the last one included", () => {
    assert.deepEqual(shown(of(chains)), { delete: ["i1", "f1", "i2", "f2"], keep: {} });
  });
  it("nothing while it exists", () => {
    assert.deepEqual(shown(of(chains, undefined, true)), { delete: [], keep: {} });
  });
  it("not what is younger than its retention, and nothing else of its chain", () => {
    assert.deepEqual(shown(of(chains, "2026-11-17T12:00:00Z")), {
      delete: ["i1", "f1"],
      keep: { i2: "keep_age", f2: "keep_chain" },
    });
  });
  it("not what was promised for longer, or is held", () => {
    const promised = anIncremental("i2", day(4), "f2", { marks: { [mark.keepUntil]: "2027-06-01T00:00:00Z" } });
    const held = aBackup("f1", day(1), { marks: { [mark.hold]: "x" } });
    assert.deepEqual(shown(of([held, newer, promised])), {
      delete: [],
      keep: { f1: "keep_held", f2: "keep_chain", i2: "keep_promised until 2027-06-01T00:00:00.000Z" },
    });
  });
  it("not what a backup of somebody else is built on", () => {
    const theirs = { ...anIncremental("t", day(5), "f2"), userId: "tenant" };
    assert.deepEqual(shown(of([newer, theirs])), { delete: [], keep: { f2: "keep_has_children" } });
  });
  it("failed ones, too: no good one will follow, so that only their promise counts", () => {
    const failed = (keepUntil: string): Backup =>
      aBackup("e", day(9), { status: "error", marks: { [mark.keepUntil]: keepUntil } });
    assert.deepEqual(shown(of([failed(day(10))])), { delete: ["e"], keep: {} });
    assert.deepEqual(shown(of([failed("2027-06-01T00:00:00Z")])), {
      delete: [],
      keep: { e: "keep_failed until 2027-06-01T00:00:00.000Z" },
    });
  });
});

describe("what may be disowned", () => {
  const volume = pointsOf(chains).get("v1")!;
  const why = (id: string, ...named: string[]): string | null =>
    whyNotDisowned(id, volume, new Set([id, ...named]))?.reason ?? null;

  it("an old chain from its tip, or whole", () => {
    assert.deepEqual([why("i1"), why("f1"), why("f1", "i1")], [null, "keep_has_children", null]);
  });
  it("of the newest good chain only with everything else", () => {
    assert.deepEqual(
      [why("i2"), why("f2", "i2"), why("f2", "i2", "f1", "i1")],
      ["keep_newest_good", "keep_newest_good", null],
    );
  });
});
