import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { countedHistories, rules } from "../../test/unit/support/thinning.ts";
import type { ThinningRule } from "./policy.ts";
import { keepSet, thinningSteps, type Counted } from "./thinning.ts";

/** `npm run soak` asks for a million. */
const numRuns = Number(process.env["THINNING_RUNS"] ?? 5000);

const newestRules = rules.map((rule): ThinningRule => ({ ...rule, countFrom: "newest" }));

function keptOf(points: readonly Counted[], rule: ThinningRule): Counted[] {
  const set = keepSet(points, rule);
  return points.filter((_, index) => set[index]!.keptAs.length > 0);
}

const assertSubset = (small: readonly Counted[], large: readonly Counted[]): void =>
  assert.deepEqual(
    small.filter((point) => !large.includes(point)),
    [],
  );

describe("thinning", () => {
  it("is idempotent: what it kept, it keeps, and for the same reasons", () => {
    fc.assert(
      fc.property(countedHistories, rules, (points, rule) => {
        const once = keptOf(points, rule);
        const set = keepSet(points, rule);
        assert.deepEqual(
          keepSet(once, rule).map(({ keptAs }) => keptAs),
          points.flatMap((point, index) => (once.includes(point) ? [set[index]!.keptAs] : [])),
        );
      }),
      { numRuns },
    );
  });

  it("changes nothing when some of what it does not keep is gone", () => {
    fc.assert(
      fc.property(countedHistories, rules, fc.infiniteStream(fc.boolean()), (points, rule, coins) => {
        const kept = keptOf(points, rule);
        const left = points.filter((point) => kept.includes(point) || coins.next().value);
        assert.deepEqual(keptOf(left, rule), kept);
      }),
      { numRuns },
    );
  });

  it("keeps the newest good ones, as many as are asked for", () => {
    fc.assert(
      fc.property(countedHistories, rules, (points, rule) => {
        const newest = points.filter(({ kind }) => kind === "good").slice(-rule.minimumKeep);
        assertSubset(newest, keptOf(points, rule));
      }),
      { numRuns },
    );
  });

  it("keeps no fewer with larger numbers, and all that it kept", () => {
    fc.assert(
      fc.property(
        countedHistories,
        newestRules,
        fc.constantFrom(...thinningSteps, "minimumKeep" as const),
        fc.integer({ min: 1, max: 4 }),
        (points, rule, step, more) => {
          assertSubset(keptOf(points, rule), keptOf(points, { ...rule, [step]: rule[step] + more }));
        },
      ),
      { numRuns },
    );
  });

  it("brings nothing back when newer ones are made", () => {
    fc.assert(
      fc.property(countedHistories, newestRules, fc.nat(), (points, rule, cut) => {
        const before = points.slice(0, cut % (points.length + 1));
        assertSubset(
          keptOf(points, rule).filter((point) => before.includes(point)),
          keptOf(before, rule),
        );
      }),
      { numRuns },
    );
  });

  it("loses by a newer one no more than one of each step's, and by one that is in doubt nothing", () => {
    fc.assert(
      fc.property(countedHistories, newestRules, (points, rule) => {
        const before = points.slice(0, -1);
        const added = points.at(-1);
        const lost = keptOf(before, rule).filter(
          (point) => point.kind === "good" && !keptOf(points, rule).includes(point),
        );
        const steps = thinningSteps.filter((step) => rule[step] > 0).length + 1;
        assert.ok(lost.length <= (added?.kind === "doubtful" ? 0 : steps));
      }),
      { numRuns },
    );
  });

  it("knows when each was pushed out: it was kept until the one before was made, and not since", () => {
    fc.assert(
      fc.property(countedHistories, rules, (points, rule) => {
        for (const [index, { outMs, keptAs }] of keepSet(points, rule).entries()) {
          if (keptAs.length > 0) {
            assert.equal(outMs, Infinity);
            continue;
          }
          const point = points[index]!;
          const by = points.findIndex(
            (each, at) => at > index && each.madeMs === outMs && !keptOf(points.slice(0, at + 1), rule).includes(point),
          );
          assert.ok(by > index);
          assert.ok(keptOf(points.slice(0, by), rule).includes(point));
          for (let end = by + 1; end <= points.length; end += 1)
            assert.ok(!keptOf(points.slice(0, end), rule).includes(point));
        }
      }),
      { numRuns: Math.min(numRuns, 50_000) / 5 },
    );
  });

  it("is not moved by one that is expected further than by one that is there", () => {
    fc.assert(
      fc.property(countedHistories, rules, (points, rule) => {
        const last = points.at(-1);
        if (last === undefined) return;
        const there = [...points.slice(0, -1), { ...last, kind: "good" as const }];
        const expected = [...points.slice(0, -1), { ...last, kind: "expected" as const }];
        assertSubset(
          keptOf(there, rule).filter((point) => points.includes(point)),
          keptOf(expected, rule).filter((point) => points.includes(point)),
        );
        // Nor does it make the minimum smaller.
        const newest = points
          .slice(0, -1)
          .filter(({ kind }) => kind === "good")
          .slice(-rule.minimumKeep);
        assertSubset(newest, keptOf(expected, rule));
      }),
      { numRuns },
    );
  });
});
