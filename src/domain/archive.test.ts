import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { aBackup, anIncremental, at, pointsOf } from "../../test/unit/support/builders.ts";
import { chooseFull, isArchive, type FullChoice } from "./archive.ts";
import type { Backup } from "./inventory.ts";
import { mark, readMarks } from "./marks.ts";
import type { ArchiveRule } from "./policy.ts";
import type { Slot } from "./slots.ts";

const dayMs = 86_400_000;
const ruleOf = (which: ArchiveRule["which"]): ArchiveRule => ({
  which,
  container: "vault",
  retentionMs: 365 * dayMs,
  availabilityZone: null,
});
const slotAt = (time: string, id = time): Slot => ({
  id,
  startsAt: at(time),
  windowEndsAt: at(time),
  endsAt: at(time),
});

const archived = { container: "vault", marks: { [mark.archive]: "True" } };
const choose = (
  backups: readonly Backup[],
  which: ArchiveRule["which"] | null,
  slot = slotAt("2026-11-20T23:00:00Z"),
): FullChoice =>
  chooseFull(pointsOf(backups).get("v1"), {
    projectId: "p1",
    rule: which === null ? null : ruleOf(which),
    slot,
    timeZone: "Europe/Berlin",
  });

const toArchive: FullChoice = { isArchive: true, number: null };
const usual = (number: number | null = null): FullChoice => ({ isArchive: false, number });
const numbered = (id: string, createdAt: string, number: number): Backup =>
  aBackup(id, createdAt, { marks: { [mark.fullNumber]: String(number) } });

describe("the first full of a month or year", () => {
  const month = { firstOf: "month" } as const;
  const year = { firstOf: "year" } as const;
  const cases: [string, FullChoice, FullChoice][] = [
    ["no rule", choose([], null), usual()],
    ["a volume's very first full", choose([], month), toArchive],
    [
      "no archive this month",
      choose([aBackup("a", "2026-10-30T00:00:00Z", archived), aBackup("f", "2026-11-10T00:00:00Z")], month),
      toArchive,
    ],
    [
      "one this month",
      choose([aBackup("a", "2026-11-02T00:00:00Z", archived), aBackup("f", "2026-11-03T00:00:00Z")], month),
      usual(),
    ],
    [
      "one this year",
      choose([aBackup("a", "2026-01-02T00:00:00Z", archived), aBackup("f", "2026-01-03T00:00:00Z")], year),
      usual(),
    ],
    [
      "one last year",
      choose([aBackup("a", "2025-12-02T00:00:00Z", archived), aBackup("f", "2026-01-03T00:00:00Z")], year),
      toArchive,
    ],
    [
      "one this month that lost its mark",
      choose(
        [aBackup("a", "2026-11-02T00:00:00Z", { container: "vault" }), aBackup("f", "2026-11-03T00:00:00Z")],
        month,
      ),
      usual(),
    ],
    [
      "one that is being restored from",
      choose(
        [
          aBackup("a", "2026-11-02T00:00:00Z", { ...archived, status: "restoring" }),
          aBackup("f", "2026-11-03T00:00:00Z"),
        ],
        month,
      ),
      usual(),
    ],
    [
      "one in another project",
      choose([aBackup("a", "2026-11-02T00:00:00Z", { ...archived, projectId: "p2" })], month),
      toArchive,
    ],
    [
      "a forged one",
      choose([aBackup("a", "2026-11-02T00:00:00Z", { ...archived, userId: "user-tenant" })], month),
      toArchive,
    ],
    [
      "one that failed was the last: the usual backups go on",
      choose([aBackup("a", "2026-11-02T00:00:00Z", { ...archived, status: "error" })], month),
      usual(),
    ],
    [
      "one that failed, and a usual full since: tried again",
      choose(
        [aBackup("a", "2026-11-02T00:00:00Z", { ...archived, status: "error" }), aBackup("f", "2026-11-03T00:00:00Z")],
        month,
      ),
      toArchive,
    ],
    ["last month's was the last of all", choose([aBackup("a", "2026-10-30T00:00:00Z", archived)], month), usual()],
    [
      "last month's was the last of ours, and a user's came after it",
      choose(
        [
          aBackup("a", "2026-10-30T00:00:00Z", archived),
          aBackup("u", "2026-10-31T00:00:00Z", { userId: "user-tenant", metadata: {} }),
        ],
        month,
      ),
      usual(),
    ],
    // The month is the zone's: 23:00 UTC on 31 October is 1 November in Berlin.
    [
      "made for the month before, by the zone",
      choose([aBackup("a", "2026-10-31T22:59:59Z", archived), aBackup("f", "2026-11-03T00:00:00Z")], month),
      toArchive,
    ],
    [
      "made for this month, by the zone",
      choose([aBackup("a", "2026-10-31T23:00:00Z", archived), aBackup("f", "2026-11-03T00:00:00Z")], month),
      usual(),
    ],
    [
      "made after midnight for a slot of the month before",
      choose(
        [
          aBackup("a", "2026-11-01T01:00:00Z", {
            ...archived,
            marks: { ...archived.marks, [mark.slot]: "2026-10-30T23:00:00Z" },
          }),
          aBackup("f", "2026-11-03T00:00:00Z"),
        ],
        month,
      ),
      toArchive,
    ],
    ["a manual run", choose([], month, slotAt("2026-11-20T23:00:00Z", "manual:1")), usual()],
  ];
  for (const [name, actual, expected] of cases) it(name, () => assert.deepEqual(actual, expected));
});

describe("every Nth full", () => {
  const third = { every: 3 } as const;
  const cases: [string, FullChoice, FullChoice][] = [
    ["the first", choose([], third), usual(1)],
    ["the second", choose([numbered("f1", "2026-11-01T00:00:00Z", 1)], third), usual(2)],
    ["the third", choose([numbered("f2", "2026-11-01T00:00:00Z", 2)], third), toArchive],
    [
      "the third, when the first has no number",
      choose([aBackup("f1", "2026-11-01T00:00:00Z"), aBackup("f2", "2026-11-02T00:00:00Z")], third),
      toArchive,
    ],
    [
      "after an archive",
      choose([numbered("f2", "2026-11-01T00:00:00Z", 2), aBackup("a", "2026-11-02T00:00:00Z", archived)], third),
      usual(1),
    ],
    [
      "the second after an archive",
      choose(
        [
          numbered("f2", "2026-11-01T00:00:00Z", 2),
          aBackup("a", "2026-11-02T00:00:00Z", archived),
          numbered("f1", "2026-11-03T00:00:00Z", 1),
        ],
        third,
      ),
      usual(2),
    ],
    [
      "after an archive that failed",
      choose(
        [
          numbered("f2", "2026-11-01T00:00:00Z", 2),
          aBackup("a", "2026-11-02T00:00:00Z", { ...archived, status: "error" }),
        ],
        third,
      ),
      usual(3),
    ],
    [
      "after that one",
      choose(
        [
          aBackup("a", "2026-11-02T00:00:00Z", { ...archived, status: "error" }),
          numbered("f3", "2026-11-03T00:00:00Z", 3),
        ],
        third,
      ),
      toArchive,
    ],
    [
      "a failed full does not count",
      choose(
        [numbered("f1", "2026-11-01T00:00:00Z", 1), aBackup("f2", "2026-11-02T00:00:00Z", { status: "error" })],
        third,
      ),
      usual(2),
    ],
    [
      "nor does an incremental",
      choose([numbered("f1", "2026-11-01T00:00:00Z", 1), anIncremental("i", "2026-11-02T00:00:00Z", "f1")], third),
      usual(2),
    ],
    [
      "a number that is none",
      choose([aBackup("f", "2026-11-01T00:00:00Z", { marks: { [mark.fullNumber]: "-5" } })], third),
      usual(2),
    ],
  ];
  for (const [name, actual, expected] of cases) it(name, () => assert.deepEqual(actual, expected));

  it("is each Nth, whatever of the older ones rotation has removed and whatever the database has lost", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 1, max: 4 }), (every, kept) => {
        const fulls: Backup[] = [];
        const archives: number[] = [];
        for (let i = 0; i < 30; i += 1) {
          const time = new Date(Date.UTC(2026, 0, 1 + i)).toISOString();
          const { isArchive: toVault, number } = choose(fulls.slice(-kept), { every }, slotAt(time));
          if (toVault) archives.push(i);
          const own = toVault ? archived : { marks: { [mark.fullNumber]: String(number) } };
          fulls.push(aBackup(`f${i}`, time, own));
        }
        assert.deepEqual(
          archives,
          Array.from({ length: Math.floor(30 / every) }, (_, i) => (i + 1) * every - 1),
        );
      }),
    );
  });
});

describe("an archive", () => {
  const rule = ruleOf({ firstOf: "year" });
  const is = (fields: Parameters<typeof aBackup>[2], by: ArchiveRule | null = rule): boolean => {
    const backup = aBackup("b", "2026-11-01T00:00:00Z", fields);
    return isArchive({ backup, marks: readMarks(backup.metadata) }, by);
  };
  it("is known by its mark or by its container", () => {
    assert.deepEqual(
      [
        is(archived),
        is({ marks: { [mark.archive]: "" } }),
        is({ container: "vault" }),
        is({ container: "daily" }),
        is({}),
      ],
      [true, true, true, false, false],
    );
    assert.deepEqual([is({ container: "vault" }, null), is(archived, null)], [false, true]);
  });
  it("is a full always", () => assert.equal(is({ ...archived, isIncremental: true }), false));
});
