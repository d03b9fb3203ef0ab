import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aBackup, anIncremental } from "../../test/unit/support/builders.ts";
import { ourUser } from "../../test/unit/support/clouds.ts";
import { entryOf } from "../../test/unit/support/rhythm.ts";
import type { CatalogueEntry } from "./catalogue.ts";
import type { Backup } from "./inventory.ts";
import { mark } from "./marks.ts";
import { withoutCycles, type Parent } from "./parents.ts";
import { readPoints } from "./points.ts";

const day = (n: number): string => `2026-11-${String(n).padStart(2, "0")}T00:10:00Z`;

interface Evidence {
  readonly memory?: Partial<CatalogueEntry>;
  readonly children?: Record<string, string[]>;
  readonly others?: readonly Backup[];
}

/** What is read as the parent of `child`, beside the fulls `a` (day 1), `b` (day 2) and `late` (day 9). */
function parentOf(child: Backup, { memory, children = {}, others = [] }: Evidence = {}): (string | boolean | null)[] {
  const fulls = [aBackup("a", day(1)), aBackup("b", day(2)), aBackup("late", day(9))];
  const points = readPoints({
    backups: [...fulls, ...others, child],
    catalogue: new Map(memory ? [[child.id, entryOf(child, memory)]] : []),
    userIds: new Set([ourUser]),
    children: new Map(Object.entries(children)),
  });
  const volume = points.get(child.volumeId)!;
  const point = [...volume.points, ...volume.others].find(({ backup }) => backup.id === child.id)!;
  return [point.parentId, point.parentVerified];
}

const child = anIncremental("i", day(3), "a");
const claimless = anIncremental("i", day(3), "a", { marks: { [mark.parent]: undefined } });

describe("the parent of an incremental", () => {
  const cases: { name: string; backup?: Backup; evidence?: Evidence; parent: [string | null, boolean] }[] = [
    { name: "claimed by its mark", parent: ["a", false] },
    { name: "unknown without any claim", backup: claimless, parent: [null, false] },
    {
      name: "remembered, not verified",
      backup: claimless,
      evidence: { memory: { parentId: "b", parentVerified: false } },
      parent: ["b", false],
    },
    {
      name: "the mark goes before an unverified memory",
      evidence: { memory: { parentId: "b" } },
      parent: ["a", false],
    },
    {
      name: "a verified memory goes before the mark",
      evidence: { memory: { parentId: "b", parentVerified: true } },
      parent: ["b", true],
    },
    {
      name: "remembered to be gone",
      evidence: { memory: { parentId: null, parentVerified: true } },
      parent: [null, true],
    },
    {
      name: "what the reader saw goes before everything",
      evidence: { memory: { parentId: "a", parentVerified: true }, children: { b: ["i"] } },
      parent: ["b", true],
    },
    { name: "seen on a backup that is not listed", evidence: { children: { gone: ["i"] } }, parent: ["gone", true] },
    { name: "a claim that its parent disowns", evidence: { children: { a: [] } }, parent: [null, false] },
    {
      name: "a memory that its parent disowns",
      evidence: { memory: { parentId: "a", parentVerified: true }, children: { a: [] } },
      parent: [null, false],
    },
    {
      name: "a memory that its parent disowns, and a claim of another",
      evidence: { memory: { parentId: "b", parentVerified: true }, children: { b: [] } },
      parent: ["a", false],
    },
    { name: "disowned by all that could be it: gone", evidence: { children: { a: [], b: [] } }, parent: [null, true] },
    {
      name: "disowned by all, one made in the same second among them",
      evidence: { others: [aBackup("same", day(3))], children: { a: [], b: [] } },
      parent: [null, false],
    },
    {
      name: "a claim of a backup that is not listed",
      backup: anIncremental("i", day(3), "gone"),
      parent: [null, false],
    },
    { name: "a claim of a younger one", backup: anIncremental("i", day(3), "late"), parent: [null, false] },
    { name: "a claim of itself", backup: anIncremental("i", day(3), "i"), parent: [null, false] },
    {
      name: "a claim of one made in the same second",
      backup: anIncremental("i", day(3), "same"),
      evidence: { others: [aBackup("same", day(3))] },
      parent: ["same", false],
    },
    {
      name: "a claim of another volume's",
      backup: anIncremental("i", day(3), "v2-full"),
      evidence: { others: [aBackup("v2-full", day(1), { volumeId: "v2" })] },
      parent: [null, false],
    },
    {
      name: "a claim in the marks of somebody else's",
      backup: anIncremental("i", day(3), "a", { userId: "tenant" }),
      parent: [null, false],
    },
    {
      name: "somebody else's, as the reader saw it",
      backup: anIncremental("i", day(3), "a", { userId: "tenant" }),
      evidence: { children: { a: ["i"] } },
      parent: ["a", true],
    },
    {
      name: "of a full: none, whatever its mark says",
      backup: aBackup("i", day(3), { marks: { [mark.parent]: "a" } }),
      parent: [null, true],
    },
  ];
  for (const { name, backup = child, evidence, parent } of cases) {
    it(name, () => assert.deepEqual(parentOf(backup, evidence), parent));
  }

  it("of one with nothing older left: gone", () => {
    const points = readPoints({ backups: [claimless], catalogue: new Map(), userIds: new Set([ourUser]) });
    const [point] = points.get("v1")!.points;
    assert.deepEqual([point?.parentId, point?.parentVerified], [null, true]);
  });
});

describe("withoutCycles", () => {
  const claim = (id: string | null): Parent => ({ id, verified: true });
  const cut = (parents: Record<string, string | null>): Record<string, [string | null, boolean]> => {
    const entries = Object.entries(parents).map(([id, parentId]): [string, Parent] => [id, claim(parentId)]);
    return Object.fromEntries([...withoutCycles(new Map(entries))].map(([id, p]) => [id, [p.id, p.verified]]));
  };

  it("leaves a tree alone", () => {
    assert.deepEqual(cut({ a: null, b: "a", c: "a", d: "c", e: "gone" }), {
      a: [null, true],
      b: ["a", true],
      c: ["a", true],
      d: ["c", true],
      e: ["gone", true],
    });
  });

  it("cuts those on a cycle loose, and none that only leads to it", () => {
    assert.deepEqual(cut({ tail: "a", a: "b", b: "c", c: "a", other: null, end: "tail" }), {
      tail: ["a", true],
      a: [null, false],
      b: [null, false],
      c: [null, false],
      other: [null, true],
      end: ["tail", true],
    });
  });

  it("cuts one that is its own parent", () => {
    assert.deepEqual(cut({ a: "a", b: "a" }), { a: [null, false], b: ["a", true] });
  });
});
