import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { judgeTogether } from "./support/judged.ts";
import { live, takeAway } from "./support/five-rules/live.ts";
import { scenarios } from "./support/five-rules/scenario.ts";

/** The five rules of docs/design.md, in small worlds. `npm run soak` asks for a million. */
const property = judgeTogether(scenarios, "FIVE_RULES_RUNS");

describe("the five rules", () => {
  const counts = new Map<string, number>();
  property("hold for any inventory, history, policy, clock and order of events", (scenario) => {
    for (const each of live(scenario)) counts.set(each, (counts.get(each) ?? 0) + 1);
  });

  property("make that a tag or a policy which is taken away deletes nothing by itself", (scenario) => {
    if (takeAway(scenario)) counts.set("something was dead", (counts.get("something was dead") ?? 0) + 1);
  });

  it("were tried by all that can happen", (test) => {
    for (const [trait, count] of [...counts].sort(([, a], [, b]) => b - a)) test.diagnostic(`${count} ${trait}`);
    const wanted = [
      "job: incremental",
      "job: full_first",
      "job: full_foreign_parent",
      "job: full_unknown_parent",
      "job: snapshot",
      "skip: not_due",
      "skip: still_running",
      "skip: skip_requested",
      "skip: foreign_volume",
      "skip: shared_volume",
      "skip: window_missed",
      "delete: expired",
      "delete: thinned",
      "delete: failed_superseded",
      "keep: keep_newest_good",
      "keep: keep_last_of_gone",
      "keep: keep_held",
      "keep: keep_promised",
      "keep: keep_has_children",
      "keep: keep_pace",
      "blocked: brake",
      "blocked: clock_jump",
      "blocked: partial_scan",
      "blocked: unproven_reader",
      "compared all: something dead",
      "compared tonight: something dead",
      "compared with an empty database",
      "tenants have changed their minds",
      "something was dead",
    ];
    assert.deepEqual(
      wanted.filter((trait) => !counts.has(trait)),
      [],
    );
  });
});
