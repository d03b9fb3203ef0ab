import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { countedHistories, rules } from "../../test/unit/support/thinning.ts";
import { keepSet } from "./thinning.ts";
import { keepSetOfAnyPeriod } from "./unknown-period.ts";

describe("keepSetOfAnyPeriod", () => {
  it("lets go of nothing that would be kept with some period, and of nothing earlier", () => {
    const periods = fc.oneof(fc.integer({ min: 0, max: 9 * 3_600_000 }), fc.constant(Infinity));
    fc.assert(
      fc.property(countedHistories, rules, periods, (points, rule, periodMs) => {
        const known = points.map((point) =>
          point.madeMs - point.calendarMs > periodMs ? { ...point, calendarMs: point.madeMs } : point,
        );
        const any = keepSetOfAnyPeriod(points, rule);
        const earlier = keepSet(known, rule).filter(({ outMs }, index) => !((any[index]?.outMs ?? NaN) >= outMs));
        assert.deepEqual(earlier, []);
      }),
      { numRuns: 1000 },
    );
  });

  it("lets go of what is kept with none", () => {
    const dayMs = 86_400_000;
    const rule = { last: 0, hourly: 0, daily: 1, weekly: 0, monthly: 0, yearly: 0, minimumKeep: 1 } as const;
    const late = [1, 2, 3].map((n) => ({ madeMs: n * dayMs + 1, calendarMs: n * dayMs, kind: "good" as const }));
    const said = keepSetOfAnyPeriod(late, { ...rule, countFrom: "newest", timeZone: "UTC" });
    assert.deepEqual(
      said.map(({ outMs }) => outMs),
      [2 * dayMs + 1, 3 * dayMs + 1, Infinity],
    );
  });
});
