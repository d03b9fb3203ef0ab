import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  BadCatalogueFile,
  CatalogueFileParser,
  fileFooter,
  fileHeader,
  fileLine,
  type GuardedPoint,
} from "./catalogue-file.ts";

const writtenAt = new Date("2026-11-21T00:00:00Z");
const points: readonly GuardedPoint[] = [
  { kind: "backup", id: "b1", volumeId: "v1", held: false },
  { kind: "snapshot", id: "s-1", volumeId: "v_2", held: true },
];
const textOf = (all: readonly GuardedPoint[]): string =>
  fileHeader(writtenAt) + all.map(fileLine).join("") + fileFooter(all.length);

function parse(...pieces: string[]): { points: GuardedPoint[]; writtenAt: Date } {
  const found: GuardedPoint[] = [];
  const parser = new CatalogueFileParser((point) => found.push(point));
  for (const piece of pieces) parser.push(piece);
  return { writtenAt: parser.end(), points: found };
}

const bad = (...pieces: string[]) => assert.throws(() => parse(...pieces), BadCatalogueFile);

describe("the catalogue file", () => {
  it("is lines of text", () => {
    assert.equal(
      textOf(points),
      "dirigent-catalogue 1 2026-11-21T00:00:00.000Z\nbackup b1 v1 -\nsnapshot s-1 v_2 held\nend 2\n",
    );
  });

  it("is read as it was written, however it is cut into pieces", () => {
    const anyPoint: fc.Arbitrary<GuardedPoint> = fc.record(
      { kind: fc.constantFrom("backup", "snapshot"), id: fc.uuid(), volumeId: fc.uuid(), held: fc.boolean() },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(fc.array(anyPoint), fc.integer({ min: 1, max: 200 }), (all, length) => {
        const pieces = textOf(all).match(new RegExp(`[^]{1,${length}}`, "g")) ?? [];
        assert.deepEqual(parse(...pieces), { writtenAt, points: all });
      }),
    );
  });

  it("that was cut off anywhere is refused, and so is one that goes on", () => {
    const text = textOf(points);
    for (let length = 0; length < text.length; length += 1) bad(text.slice(0, length));
    bad(`${text}x`);
    bad(text, "\n");
    bad(text, "backup b3 v3 -\n");
  });

  it("that is none, or another version, is refused", () => {
    bad("");
    bad("backup b1 v1 -\nend 1\n");
    bad(textOf(points).replace("catalogue 1", "catalogue 2"));
    bad(textOf(points).replace("2026-11-21T00:00:00.000Z", "yesterday"));
    bad(textOf(points).replace("held", "perhaps"));
    bad(textOf(points).replace("end 2", "end 3"));
    bad(`dirigent-catalogue 1 ${"x".repeat(2000)}`);
  });
});
