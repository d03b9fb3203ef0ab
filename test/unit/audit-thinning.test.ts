import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { keptBy, readRule } from "../../src/audit/retention-rule.ts";
import { formatRule } from "../../src/domain/thinning-text.ts";
import { keepSet } from "../../src/domain/thinning.ts";
import { countedHistories, rules } from "./support/thinning.ts";

/** `npm run soak` asks for a million. */
const numRuns = Number(process.env["THINNING_RUNS"] ?? 5000);

describe("rules of thinning", () => {
  it("keep the same by the rotation's code and by the audit's, which reads them from the mark", () => {
    fc.assert(
      fc.property(countedHistories, rules, (history, rule) => {
        const points = history.map((point, index) => ({ ...point, kind: "good" as const, id: String(index) }));
        const read = readRule(formatRule(rule));
        assert.ok(read, formatRule(rule));
        const set = keepSet(points, rule);
        assert.deepEqual(
          keptBy(read, points.map(({ id, calendarMs }) => ({ id, calendarMs, isGood: true })).toReversed()),
          new Set(points.filter((_, index) => set[index]!.keptAs.length > 0).map(({ id }) => id)),
        );
      }),
      { numRuns },
    );
  });
});
