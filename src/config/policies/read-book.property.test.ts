import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { defaultPolicy } from "../../domain/policy.ts";
import type { PolicyBook } from "../../domain/policy-book.ts";
import { ConfigError } from "../errors.ts";
import { readPolicyBook } from "./read-book.ts";

const defaults = { timeZone: "UTC", container: null, builtIn: defaultPolicy };

/** What the files say, or the problems. */
function read(text: string, rules: { path: string; text: string } | null): PolicyBook | readonly string[] {
  try {
    return readPolicyBook({ policies: { path: "/p.yaml", text }, rules }, defaults);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
}

const words = fc.constantFrom(
  ...[
    "policies",
    "rules",
    "exclusions",
    "gold",
    "schedule",
    "retention",
    "age",
    "last",
    "daily",
    "weekly",
    "day",
    "at",
  ],
  ...[
    "name",
    "match",
    "volume",
    "project",
    "metadata",
    "size",
    "min",
    "max",
    "any",
    "all",
    "not",
    "exclude",
    "continue",
  ],
  ...["metadata_equals", "size_gb", "auto_snapshot", "tenant_name", "__proto__", "constructor", "30d", "02:00", ""],
);
const junk = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    words,
    fc.constantFrom(null, true, false, 0, -1, 5, 1.5),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(words, tie("value"), { maxKeys: 5 }),
  ),
})).value;

describe("whatever is in the files", () => {
  it("they are read, or told wrong with a place each", () => {
    const whole = fc.oneof(junk, fc.record({ policies: junk, rules: junk, exclusions: junk }));
    fc.assert(
      fc.property(whole, junk, fc.boolean(), (policies, rules, isJson) => {
        const said = read(JSON.stringify(policies), {
          path: isJson ? "/r.json" : "/r.yaml",
          text: JSON.stringify(rules),
        });
        if (!("policies" in said)) {
          assert.ok(said.length > 0);
          for (const problem of said) assert.match(problem, /^\/(p\.yaml|r\.json|r\.yaml):\d+:\d+: \S/);
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("a text cut short, or with a character more, does no harm either", () => {
    const good =
      "policies:\n  gold: {schedule: {daily: '02:00'}, retention: {age: 30d}}\nrules:\n  - {name: a, match: {volume: {name: x}}, policies: gold}\n";
    fc.assert(
      fc.property(
        fc.nat(good.length),
        fc.constantFrom("", ":", "{", "]", "&", "*", "'", "\t", "!", "\u0000"),
        (at, extra) => {
          const said = read(good.slice(0, at) + extra, null);
          assert.ok("policies" in said || said.length > 0);
          const inserted = read(good.slice(0, at) + extra + good.slice(at), null);
          assert.ok("policies" in inserted || inserted.length > 0);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
