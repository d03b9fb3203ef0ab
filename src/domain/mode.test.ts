import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aBackup, anIncremental, aVolume, pointsOf } from "../../test/unit/support/builders.ts";
import { ourUser } from "../../test/unit/support/histories.ts";
import { entryOf } from "../../test/unit/support/rhythm.ts";
import type { Backup, Volume } from "./inventory.ts";
import { mark } from "./marks.ts";
import type { ArchiveRule } from "./policy.ts";
import { aheadOf, chooseMode, chooseModeAfter, type ModeChoice } from "./mode.ts";
import { readPoints, type VolumePoints } from "./points.ts";
import type { Reason } from "./reasons.ts";

const full = (reason: Reason): ModeChoice => ({ mode: "full", reason, parentId: null });
const incremental = (parentId: string): ModeChoice => ({ mode: "incremental", reason: "incremental", parentId });

const mode = (
  volume: Volume,
  points: VolumePoints | undefined,
  policy: { fullEvery: number; archive: ArchiveRule | null; maximumChainAgeMs?: number | null },
): ModeChoice =>
  chooseMode(volume, points, { maximumChainAgeMs: null, ...policy }, { now: new Date("2026-11-30T00:00:00Z") });

const choose = (
  backups: readonly Backup[],
  {
    volume = {},
    fullEvery = 100,
    archive = null,
    unverified = false,
  }: { volume?: Partial<Volume>; fullEvery?: number; archive?: ArchiveRule | null; unverified?: boolean } = {},
): ModeChoice => mode(aVolume("v1", volume), pointsOf(backups, { unverified }).get("v1"), { fullEvery, archive });

const weekly = { fullEvery: 7, archive: null };
const day = (n: number): string => `2026-11-${String(n).padStart(2, "0")}T00:00:00Z`;
const first = aBackup("b1", day(1));
const second = anIncremental("b2", day(2), "b1");

/** `count` members: a full and incrementals on each other, from the given day on. */
const chainOf = (count: number, prefix = "b", from = 1): Backup[] =>
  Array.from({ length: count }, (_, i) =>
    i === 0 ? aBackup(`${prefix}0`, day(from)) : anIncremental(`${prefix}${i}`, day(from + i), `${prefix}${i - 1}`),
  );

describe("chooseMode", () => {
  const cases: [name: string, ModeChoice, ModeChoice][] = [
    ["no backup at all", choose([]), full("full_first")],
    ["only backups of another project", choose([aBackup("b1", day(1), { projectId: "p2" })]), full("full_first")],
    ["a full of ours", choose([first]), incremental("b1")],
    ["an incremental of ours", choose([first, second]), incremental("b2")],
    [
      "two of ours as new as each other, whose chains Cinder may take either of",
      choose([first, second, aBackup("b3", day(2))]),
      full("full_unknown_parent"),
    ],
    [
      "a newer backup in another project",
      choose([first, aBackup("b9", day(9), { projectId: "p2", userId: "user-tenant" })]),
      incremental("b1"),
    ],
    [
      "a newer one of a user",
      choose([first, aBackup("b2", day(2), { userId: "user-tenant", metadata: {} })]),
      full("full_foreign_parent"),
    ],
    [
      "an older one of a user",
      choose([aBackup("b0", day(1), { userId: "user-tenant", metadata: {} }), aBackup("b1", day(2))]),
      incremental("b1"),
    ],
    [
      "a newer forged one",
      choose([first, aBackup("b2", day(2), { userId: "user-tenant" })]),
      full("full_foreign_parent"),
    ],
    [
      "a newer one of ours without the mark",
      choose([first, aBackup("b2", day(2), { metadata: {} })]),
      full("full_foreign_parent"),
    ],
    [
      "a newest of ours that builds on a user's",
      choose([aBackup("b1", day(1), { userId: "user-tenant" }), second]),
      full("full_foreign_parent"),
    ],
    [
      "a newest with a parent that nobody looked up",
      choose([first, second], { unverified: true }),
      full("full_unknown_parent"),
    ],
    [
      "a newest whose grandparent nobody looked up",
      mode(
        aVolume("v1"),
        pointsOf([first, second, anIncremental("b3", day(3), "b2")], { unverified: true }).get("v1"),
        { fullEvery: 100, archive: null },
      ),
      full("full_unknown_parent"),
    ],
    [
      "a newest without any known parent",
      choose([first, aBackup("b2", day(2), { isIncremental: true })]),
      full("full_unknown_parent"),
    ],
    ["a newest whose parent is gone", choose([second]), full("full_parent_not_good")],
    ["a failed newest", choose([first, aBackup("b2", day(2), { status: "error" })]), full("full_parent_not_good")],
    [
      "a failed newest incremental that nobody looked up",
      choose([first, anIncremental("b2", day(2), "b1", { status: "error" })], { unverified: true }),
      full("full_parent_not_good"),
    ],
    [
      "a newest that is being restored",
      choose([aBackup("b1", day(1), { status: "restoring" })]),
      full("full_parent_not_good"),
    ],
    [
      "a newest with a bad verdict",
      choose([aBackup("b1", day(1), { marks: { [mark.verdict]: "bad" } })]),
      full("full_parent_not_good"),
    ],
    [
      "a newest on a parent that is not good",
      choose([aBackup("b1", day(1), { status: "error" }), second]),
      full("full_parent_not_good"),
    ],
    [
      "a failed one that a good one followed",
      choose([aBackup("b0", day(1), { status: "error" }), aBackup("b1", day(2))]),
      incremental("b1"),
    ],
    ["a volume that grew", choose([first], { volume: { sizeGiB: 11 } }), full("full_resized")],
    ["a volume of another type now", choose([first], { volume: { volumeType: "slow" } }), full("full_retyped")],
    ["a volume without a type now", choose([first], { volume: { volumeType: null } }), full("full_retyped")],
    [
      "a type that is not known any more",
      choose([aBackup("b1", day(1), { marks: { [mark.volumeType]: undefined } })]),
      full("full_retyped"),
    ],
    [
      "no types in the cloud",
      choose([aBackup("b1", day(1), { marks: { [mark.volumeType]: "" } })], { volume: { volumeType: null } }),
      incremental("b1"),
    ],
    [
      "a backup of ours made from a snapshot",
      choose([aBackup("b0", day(1), { snapshotId: "snap" }), aBackup("b1", day(2))]),
      full("full_snapshot_backup"),
    ],
    [
      "a user's backup made from a snapshot",
      choose([
        aBackup("b0", day(1), { snapshotId: "snap", userId: "user-tenant", metadata: {} }),
        aBackup("b1", day(2)),
      ]),
      full("full_snapshot_backup"),
    ],
    [
      "one made from a snapshot in another project",
      choose([first, aBackup("b0", day(1), { snapshotId: "snap", projectId: "p2" })]),
      incremental("b1"),
    ],
    [
      "one made from a snapshot in an unknown project",
      choose([first, aBackup("b0", day(1), { snapshotId: "snap", projectId: null })]),
      full("full_snapshot_backup"),
    ],
  ];
  for (const [name, actual, expected] of cases) it(name, () => assert.deepEqual(actual, expected));

  it("takes the volume type from the database where the mark is lost", () => {
    const points = pointsOf([aBackup("b1", day(1), { marks: { [mark.volumeType]: undefined } })]).get("v1");
    const [point] = points?.points ?? [];
    assert.ok(points !== undefined && point !== undefined);
    const entry = { volumeType: "fast" } as NonNullable<typeof point.entry>;
    const remembered = { ...point, entry };
    const chains = points.chains.map((chain) => ({ ...chain, members: [remembered] }));
    assert.deepEqual(
      mode(
        aVolume("v1"),
        { ...points, points: [remembered], newest: remembered, chains },
        { fullEvery: 100, archive: null },
      ),
      incremental("b1"),
    );
  });

  it("makes every Nth a full one", () => {
    // Not the first chain: an older good one is there.
    const older = aBackup("a0", day(1));
    for (const count of [1, 2, 3]) {
      assert.equal(choose([older, ...chainOf(count, "b", 2)], { fullEvery: 4 }).mode, "incremental", `after ${count}`);
    }
    assert.deepEqual(choose([older, ...chainOf(4, "b", 2)], { fullEvery: 4 }), full("full_chain_limit"));
    assert.deepEqual(choose([older, ...chainOf(5, "b", 2)], { fullEvery: 4 }), full("full_chain_limit"));
    assert.deepEqual(choose([older, ...chainOf(1, "b", 2)], { fullEvery: 1 }), full("full_chain_limit"));
  });

  it("shortens a volume's first chain to a length that differs between volumes", () => {
    const lengths = new Map<number, number>();
    for (let n = 0; n < 400; n += 1) {
      const id = `volume-${n}`;
      const members = chainOf(7).map((b) => ({ ...b, volumeId: id }));
      const length = members.findIndex(
        (_, i) => mode(aVolume(id), pointsOf(members.slice(0, i + 1)).get(id), weekly).mode === "full",
      );
      lengths.set(length + 1, (lengths.get(length + 1) ?? 0) + 1);
    }
    assert.deepEqual([...lengths.keys()].sort(), [1, 2, 3, 4, 5, 6, 7]);
    for (const count of lengths.values()) assert.ok(count > 30, `about 57 volumes each, not ${count}`);
  });

  it("shortens it also when it follows a failed first attempt, and only then", () => {
    // Find a volume id whose first chain has two members of seven.
    const id = Array.from({ length: 100 }, (_, n) => `volume-${n}`).find(
      (candidate) =>
        mode(
          aVolume(candidate),
          pointsOf(chainOf(2).map((b) => ({ ...b, volumeId: candidate }))).get(candidate),
          weekly,
        ).mode === "full",
    );
    assert.ok(id !== undefined);
    const of = (backups: readonly Backup[]): ModeChoice =>
      mode(aVolume(id), pointsOf(backups.map((b) => ({ ...b, volumeId: id }))).get(id), weekly);
    const failed = aBackup("a0", day(1), { status: "error" });
    assert.deepEqual(of([failed, ...chainOf(2, "b", 2)]), full("full_chain_limit"));
    assert.deepEqual(of([aBackup("a0", day(1)), ...chainOf(2, "b", 2)]), incremental("b1"));
    // What has outgrown it (an older chain was there then, and is gone now) goes on to the usual length.
    assert.deepEqual(of(chainOf(3)), incremental("b2"));
  });

  describe("never builds on what was adopted", () => {
    /** `rows` by others, adopted by an operator, before or beside ours. */
    const choosing = (adopted: readonly Backup[], own: readonly Backup[], policy = weekly): ModeChoice => {
      const theirs = adopted.map((row) => ({
        ...row,
        userId: "user-tenant",
        metadata: { ...row.metadata, [mark.adopted]: day(20) },
      }));
      const all = [...theirs, ...own];
      const entries = theirs.map((row) => entryOf(row, { adopted: true, parentVerified: true }));
      const catalogue = new Map(entries.map((entry) => [entry.backupId, entry]));
      const children = new Map([...theirs, ...own].map(({ id }) => [id, childrenIn(all, id)]));
      const points = readPoints({ backups: all, catalogue, userIds: new Set([ourUser]), children }).get("v1");
      return mode(aVolume("v1"), points, policy);
    };
    const childrenIn = (rows: readonly Backup[], id: string): string[] =>
      rows.flatMap((row) => (row.metadata[mark.parent] === id ? [row.id] : []));

    it("while it is the newest", () => {
      assert.deepEqual(choosing(chainOf(2, "a"), []), full("full_after_adopted"));
    });
    it("nor on what was built on it by an accident", () => {
      const accident = anIncremental("b0", day(3), "a1");
      assert.deepEqual(choosing(chainOf(2, "a"), [accident]), full("full_after_adopted"));
    });
    it("when one of ours is as new", () => {
      assert.deepEqual(choosing([aBackup("a0", day(1))], [aBackup("b0", day(1))]), full("full_after_adopted"));
    });
    it("but on a full of ours after it, whose chain is still the volume's first", () => {
      const adopted = [...chainOf(2, "a"), ...chainOf(2, "z", 3)];
      const lengthOf = (theirs: readonly Backup[]): number => {
        const own = chainOf(7, "b", 10);
        return own.findIndex((_, i) => choosing(theirs, own.slice(0, i + 1)).mode === "full");
      };
      assert.equal(choosing(adopted, chainOf(1, "b", 10), { ...weekly, fullEvery: 100 }).mode, "incremental");
      assert.equal(lengthOf(adopted), lengthOf([]));
    });
  });

  describe("never builds on an archive", () => {
    const archive: ArchiveRule = {
      which: { firstOf: "month" },
      container: "vault",
      retentionMs: 1,
      availabilityZone: null,
    };
    const marked = { marks: { [mark.archive]: "True" } };
    const cases: [name: string, Backup[], Reason][] = [
      ["by its mark, also without a rule any more", [first, aBackup("b2", day(2), marked)], "full_after_archive"],
      ["that has lost its mark", [first, aBackup("b2", day(2), { container: "vault" })], "full_after_archive"],
      ["that is as new as a usual one", [aBackup("b1", day(1), marked), aBackup("b2", day(1))], "full_after_archive"],
      [
        "nor on an incremental that was built on one",
        [aBackup("b1", day(1), marked), anIncremental("b2", day(2), "b1")],
        "full_after_archive",
      ],
      ["that failed", [first, aBackup("b2", day(2), { ...marked, status: "error" })], "full_parent_not_good"],
    ];
    for (const [name, backups, reason] of cases) {
      it(name, () => assert.deepEqual(choose(backups, { archive }), full(reason)));
    }
    it("but on the full after it", () => {
      const backups = [aBackup("b1", day(1), marked), aBackup("b2", day(2))];
      assert.deepEqual(choose(backups, { archive }), incremental("b2"));
    });
    it("takes an incremental in the archive's container for none", () => {
      const backups = [first, anIncremental("b2", day(2), "b1", { container: "vault" })];
      assert.deepEqual(choose(backups, { archive }), incremental("b2"));
    });
    it("and shortens the first usual chain, though an archive came before it", () => {
      const ids = Array.from({ length: 20 }, (_, i) => `volume-${i}`);
      const lengthOf = (volumeId: string): number => {
        const usual = chainOf(7, "b", 2).map((b) => ({ ...b, volumeId }));
        const before = { ...aBackup("a", day(1), marked), volumeId };
        return usual.findIndex(
          (_, i) =>
            mode(aVolume(volumeId), pointsOf([before, ...usual.slice(0, i + 1)]).get(volumeId), weekly).mode === "full",
        );
      };
      assert.ok(new Set(ids.map(lengthOf)).size > 3);
    });
  });
});

describe("the mode of a backup after one that another policy makes first", () => {
  const now = new Date("2026-11-30T00:00:00Z");
  const policy = { fullEvery: 4, archive: null, maximumChainAgeMs: null };
  const made = (mode: "full" | "incremental", fields: { parentId?: string; archiveContainer?: string } = {}) => ({
    mode,
    parentId: null,
    archiveContainer: null,
    plannedAt: now,
    ...fields,
  });
  const points = pointsOf([aBackup("b1", day(1)), anIncremental("b2", day(2), "b1")]).get("v1");
  const onIt: ModeChoice = { mode: "incremental", reason: "incremental", parentId: null };

  it("is incremental on it, as long as the chain has room for both", () => {
    const onFull = aheadOf(made("full"), points, undefined);
    assert.deepEqual(chooseModeAfter(onFull, policy, now), onIt);
    assert.deepEqual(chooseModeAfter(onFull, { ...policy, fullEvery: 1 }, now), full("full_chain_limit"));
    const third = aheadOf(made("incremental", { parentId: "b2" }), points, undefined);
    assert.equal(third.chainLength, 3);
    assert.deepEqual(chooseModeAfter(third, policy, now), onIt);
    const fourth = aheadOf(made("incremental"), points, third);
    assert.deepEqual(chooseModeAfter(fourth, policy, now), full("full_chain_limit"));
  });

  it("is full after an archive, and where the chain is too old", () => {
    const archived = aheadOf(made("full", { archiveContainer: "vault" }), points, undefined);
    assert.deepEqual(chooseModeAfter(archived, policy, now), full("full_after_archive"));
    const old = aheadOf(made("incremental", { parentId: "b2" }), points, undefined);
    const aged = { ...policy, maximumChainAgeMs: 24 * 60 * 60 * 1000 };
    assert.deepEqual(chooseModeAfter(old, aged, now), full("full_chain_age"));
  });
});
