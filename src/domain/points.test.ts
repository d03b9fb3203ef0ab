import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aBackup, anIncremental, at, pointsOf } from "../../test/unit/support/builders.ts";
import { ourUser } from "../../test/unit/support/clouds.ts";
import { entryOf } from "../../test/unit/support/rhythm.ts";
import type { CatalogueEntry } from "./catalogue.ts";
import type { Backup } from "./inventory.ts";
import { automatedMark, mark } from "./marks.ts";
import { isBadVerdict, newestIn, readPoints, type Point, type VolumePoints } from "./points.ts";

const userIds = new Set([ourUser]);
const day = (n: number): string => `2026-11-${String(n).padStart(2, "0")}T00:10:00Z`;
const unmarked = { [automatedMark]: undefined };

const volume = (points: ReadonlyMap<string, VolumePoints>, id = "v1"): VolumePoints => points.get(id)!;
const find = ({ points, others }: VolumePoints, id: string): Point =>
  [...points, ...others].find((point) => point.backup.id === id)!;
const ids = (points: readonly Point[]): string[] => points.map((point) => point.backup.id);

/** Reads with a catalogue of verified parents taken from the marks, changed by `facts`. */
function remember(backups: readonly Backup[], facts: Record<string, Partial<CatalogueEntry>>): VolumePoints {
  const entries = backups.map((backup): [string, CatalogueEntry] => {
    const parentId = backup.metadata[mark.parent] ?? null;
    return [backup.id, entryOf(backup, { parentId, parentVerified: true, ...facts[backup.id] })];
  });
  return volume(readPoints({ backups, catalogue: new Map(entries), userIds }));
}

describe("whose a backup is", () => {
  const cases: { name: string; backup: Backup; kind: string }[] = [
    { name: "created by us and marked", backup: aBackup("b", day(1)), kind: "ours" },
    { name: "created by us, without the mark", backup: aBackup("b", day(1), { marks: unmarked }), kind: "unmarked" },
    { name: "marked by somebody else", backup: aBackup("b", day(1), { userId: "tenant" }), kind: "forged" },
    {
      name: "a user's own",
      backup: aBackup("b", day(1), { userId: "tenant", marks: unmarked }),
      kind: "foreign",
    },
    { name: "marked, its creator not shown", backup: aBackup("b", day(1), { userId: null }), kind: "forged" },
    {
      name: "unmarked, its creator not shown",
      backup: aBackup("b", day(1), { userId: null, marks: unmarked }),
      kind: "foreign",
    },
  ];
  for (const { name, backup, kind } of cases) {
    it(name, () => {
      const read = volume(pointsOf([backup]));
      assert.equal(find(read, "b").kind, kind);
      assert.deepEqual([ids(read.points), ids(read.others)], kind === "ours" ? [["b"], []] : [[], ["b"]]);
      assert.equal(find(read, "b").good, kind === "ours");
      assert.equal(read.chains.length, kind === "ours" ? 1 : 0);
    });
  }
});

describe("what is good", () => {
  const cases: { name: string; fields: Parameters<typeof aBackup>[2]; good: boolean }[] = [
    { name: "available", fields: {}, good: true },
    { name: "available with an empty fail reason", fields: { failReason: "" }, good: true },
    { name: "judged good by a drill", fields: { marks: { [mark.verdict]: "good 2026-11-01" } }, good: true },
    { name: "judged bad by a drill", fields: { marks: { [mark.verdict]: "bad: 3 blocks differ" } }, good: false },
    { name: "with a fail reason", fields: { failReason: "lost the connection" }, good: false },
    ...["creating", "error", "restoring", "deleting", "error_deleting", "something new"].map((status) => ({
      name: status,
      fields: { status },
      good: false,
    })),
  ];
  for (const { name, fields, good } of cases) {
    it(name, () => {
      const point = find(volume(pointsOf([aBackup("b", day(1), fields)])), "b");
      assert.deepEqual([point.good, point.goodByMarks], [good, good]);
    });
  }

  it("a verdict that cannot be read speaks against a point", () => {
    assert.deepEqual([null, "good", "GOOD by far", "not good", "goodish", "bad", "?"].map(isBadVerdict), [
      false,
      false,
      false,
      true,
      true,
      true,
      true,
    ]);
  });

  it("an incremental is as good as its ancestors", () => {
    const read = (fields: Parameters<typeof aBackup>[2]): boolean[] => {
      const backups = [
        aBackup("f", day(1), fields),
        anIncremental("i1", day(2), "f"),
        anIncremental("i2", day(3), "i1"),
      ];
      return volume(pointsOf(backups)).points.flatMap((point) => [point.good, point.goodByMarks]);
    };
    assert.deepEqual(read({}), Array(6).fill(true));
    assert.deepEqual(read({ failReason: "broken" }), Array(6).fill(false));
  });

  it("an incremental is not good when nobody knows what it builds on", () => {
    const orphan = aBackup("i", day(2), { isIncremental: true });
    assert.deepEqual(
      volume(pointsOf([aBackup("f", day(1)), orphan])).points.map((point) => [point.good, point.goodByMarks]),
      [
        [true, true],
        [false, false],
      ],
    );
  });

  it("the catalogue may take goodness away, and the rest of the chain's with it, but not by the marks", () => {
    const backups = [aBackup("f", day(1)), anIncremental("i1", day(2), "f")];
    const goodness = (facts: Record<string, Partial<CatalogueEntry>>): [boolean, boolean][] =>
      remember(backups, facts).points.map((point) => [point.good, point.goodByMarks]);
    assert.deepEqual(goodness({}), [
      [true, true],
      [true, true],
    ]);
    assert.deepEqual(goodness({ f: { deleteSentAt: at(day(3)) } }), [
      [false, true],
      [false, true],
    ]);
    assert.deepEqual(goodness({ i1: { sizeGiB: 11 } }), [
      [true, true],
      [false, true],
    ]);
    // The volume had grown between plan and backup.
    assert.deepEqual(goodness({ i1: { sizeGiB: 9 } })[1], [true, true]);
  });
});

describe("chains", () => {
  it("a full and its incrementals, oldest first, by the age of their fulls", () => {
    const read = volume(
      pointsOf([
        anIncremental("b2", day(4), "b1"),
        aBackup("b1", day(3)),
        anIncremental("a2", day(2), "a1"),
        aBackup("a1", day(1)),
      ]),
    );
    assert.deepEqual(
      read.chains.map(({ rootId, members, good, certain }) => ({ rootId, members: ids(members), good, certain })),
      [
        { rootId: "a1", members: ["a1", "a2"], good: true, certain: true },
        { rootId: "b1", members: ["b1", "b2"], good: true, certain: true },
      ],
    );
    assert.deepEqual(
      read.points.map(({ backup, rootId, depth, parentId }) => [backup.id, rootId, depth, parentId]),
      [
        ["a1", "a1", 0, null],
        ["a2", "a1", 1, "a1"],
        ["b1", "b1", 0, null],
        ["b2", "b1", 1, "b1"],
      ],
    );
    assert.equal(read.newest?.backup.id, "b2");
  });

  it("a chain is good when any member is, and certain when every parent is verified", () => {
    const backups = [aBackup("f", day(1)), anIncremental("i", day(2), "f", { status: "error" })];
    const [chain] = volume(pointsOf(backups, { unverified: true })).chains;
    assert.deepEqual([chain?.good, chain?.certain], [true, false]);
    const [failed] = volume(pointsOf([aBackup("f", day(1), { status: "error" })])).chains;
    assert.deepEqual([failed?.good, failed?.certain], [false, true]);
  });

  it("two on one parent are one chain", () => {
    const read = volume(
      pointsOf([
        aBackup("f", day(1)),
        anIncremental("i1", day(2), "f", { status: "error" }),
        anIncremental("i2", day(3), "f"),
        anIncremental("i3", day(4), "i2"),
      ]),
    );
    assert.deepEqual(
      read.chains.map(({ members }) => ids(members)),
      [["f", "i1", "i2", "i3"]],
    );
  });

  it("a parent comes before its children, whatever their times say", () => {
    const read = volume(pointsOf([aBackup("z", day(1)), anIncremental("a", day(1), "z"), aBackup("b", day(1))]));
    assert.deepEqual(ids(read.points), ["z", "a", "b"]);
    assert.deepEqual(
      read.chains.map(({ rootId }) => rootId),
      ["z", "b"],
    );
  });

  it("an incremental on a backup of somebody else's begins a chain of its own, and is not good", () => {
    const backups = [
      aBackup("f", day(1)),
      aBackup("u", day(2), { userId: "tenant", marks: unmarked }),
      anIncremental("i", day(3), "u"),
      anIncremental("j", day(4), "i"),
    ];
    const read = remember(backups, {});
    assert.deepEqual(
      ["f", "i", "j"].map((id) => {
        const { foreignParent, rootId, depth, good } = find(read, id);
        return [id, foreignParent, rootId, depth, good];
      }),
      [
        ["f", false, "f", 0, true],
        ["i", true, null, 0, false],
        ["j", false, null, 1, false],
      ],
    );
    assert.deepEqual(
      read.chains.map(({ rootId, members }) => [rootId, ids(members)]),
      [
        ["f", ["f"]],
        ["i", ["i", "j"]],
      ],
    );
  });

  it("an incremental whose parent is gone begins a chain, and is not good", () => {
    const read = remember([anIncremental("i", day(2), "gone")], {});
    const { parentId, parentVerified, foreignParent, rootId, good } = find(read, "i");
    assert.deepEqual([parentId, parentVerified, foreignParent, rootId, good], ["gone", true, false, null, false]);
  });
});

describe("volumes", () => {
  it("are kept apart, and a row that a listing repeats is read once", () => {
    const row = aBackup("b", day(1));
    const read = pointsOf([row, row, aBackup("c", day(1), { volumeId: "v2" })]);
    assert.deepEqual(
      [...read].map(([id, { volumeId, points }]) => [id, volumeId, ids(points)]),
      [
        ["v1", "v1", ["b"]],
        ["v2", "v2", ["c"]],
      ],
    );
  });

  it("all points with one key are points", () => {
    const marks = { [mark.key]: "v1/default/2026-11-01T00:00:00Z" };
    const read = volume(pointsOf([aBackup("a", day(1), { marks }), aBackup("b", day(1), { marks })]));
    assert.deepEqual(ids(read.points), ["a", "b"]);
  });

  it("the newest is found by the time of the data, and by creation while there is none", () => {
    const newest = (...backups: Backup[]): string | undefined => volume(pointsOf(backups)).newest?.backup.id;
    const late = { dataTimestamp: at(day(5)) };
    assert.equal(newest(aBackup("a", day(1), late), aBackup("b", day(2))), "a");
    assert.equal(newest(aBackup("a", day(1)), aBackup("b", day(2), { dataTimestamp: null, status: "creating" })), "b");
    assert.equal(newest(aBackup("z", day(1)), anIncremental("a", day(1), "z")), "a");
  });

  it("of equal times of data, the one created later is newer", () => {
    const same = { dataTimestamp: at(day(1)) };
    const read = volume(pointsOf([aBackup("a", day(3), same), aBackup("b", day(2), same)]));
    assert.deepEqual(ids(read.points), ["b", "a"]);
    assert.equal(read.newest?.backup.id, "a");
  });

  it("a parent whose data are newer than its child's stays before it, and is the newest", () => {
    const child = anIncremental("i", day(6), "f", { dataTimestamp: at(day(2)) });
    const read = volume(pointsOf([child, aBackup("f", day(5))]));
    assert.deepEqual(ids(read.points), ["f", "i"]);
    assert.equal(read.newest?.backup.id, "f");
  });

  it("equally old ones are ordered by their ids", () => {
    const rows = ["c", "a", "b"].map((id) => aBackup(id, day(1)));
    assert.deepEqual(ids(volume(pointsOf(rows)).points), ["a", "b", "c"]);
    assert.deepEqual(ids(volume(pointsOf(rows.toReversed())).points), ["a", "b", "c"]);
  });

  it("newestIn sees one project only", () => {
    const read = volume(
      pointsOf([
        aBackup("a", day(1)),
        aBackup("u", day(2), { userId: "tenant", marks: unmarked }),
        aBackup("elsewhere", day(3), { projectId: "p2" }),
      ]),
    );
    assert.deepEqual(
      ["p1", "p2", "p3"].map((project) => newestIn(read, project)?.backup.id),
      ["u", "elsewhere", undefined],
    );
  });

  it("no backups, no volumes", () => {
    assert.deepEqual([...pointsOf([])], []);
  });
});
