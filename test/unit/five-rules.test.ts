import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { live } from "./support/five-rules/live.ts";
import { scenarios } from "./support/five-rules/scenario.ts";

/** The five rules of docs/design.md. `npm run soak` asks for a million worlds. */
const numRuns = Number(process.env["FIVE_RULES_RUNS"] ?? 5000);

describe("the five rules", () => {
  it("hold for any inventory, history, policy, clock and order of events", (test) => {
    const counts = new Map<string, number>();
    fc.assert(
      fc.property(scenarios, (scenario) => {
        for (const each of live(scenario)) counts.set(each, (counts.get(each) ?? 0) + 1);
      }),
      { numRuns },
    );
    for (const [trait, count] of [...counts].sort(([, a], [, b]) => b - a)) test.diagnostic(`${count} ${trait}`);
    assert.ok(counts.size > 0);
  });
});
