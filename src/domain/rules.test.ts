import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { aVolume } from "../../test/unit/support/builders.ts";
import type { Match, Subject } from "./match.ts";
import { assignByRules, inOrder, needs, type RetentionOverride, type Rule } from "./rules.ts";

const everything: Match = { kind: "all", of: [] };
const nothing: Match = { kind: "not", of: everything };
const inProject = (name: string): Match => ({
  kind: "text",
  field: "project.name",
  test: { by: "equals", anyOf: [name] },
});

const exclude = (name: string, priority: number, match: Match = everything): Rule => ({
  name,
  priority,
  match,
  effect: { kind: "exclude" },
});

const attach = (
  name: string,
  priority: number,
  policies: readonly string[],
  rest: { match?: Match; continue?: boolean; retention?: Readonly<Record<string, RetentionOverride>> } = {},
): Rule => ({
  name,
  priority,
  match: rest.match ?? everything,
  effect: {
    kind: "attach",
    policies,
    retention: new Map(Object.entries(rest.retention ?? {})),
    continue: rest.continue ?? false,
  },
});

const inTenant = (name: string): Subject => ({
  volume: aVolume("v1"),
  server: null,
  project: { id: "p1", name, domainId: "d1", domainName: null, tags: [] },
});

describe("assignByRules", () => {
  it("excludes before a catch-all, wherever in the file the rules are", () => {
    const rules = [attach("all", 20, ["daily"]), exclude("no labs", 10, inProject("lab"))];
    assert.deepEqual(assignByRules(rules, inTenant("lab")), {
      excludedBy: "no labs",
      policies: [],
      retention: new Map(),
      matched: ["no labs"],
    });
    assert.deepEqual(assignByRules(rules, inTenant("shop")), {
      excludedBy: null,
      policies: [{ policy: "daily", rule: "all" }],
      retention: new Map(),
      matched: ["all"],
    });
    assert.deepEqual(assignByRules([], inTenant("shop")).policies, []);
  });

  it("stops at the first that attaches, unless that says to go on", () => {
    const rules = [
      attach("first", 1, ["a", "b"], { continue: true }),
      attach("other tenant", 2, ["x"], { match: inProject("x") }),
      attach("second", 3, ["b", "c"]),
      attach("third", 4, ["d"]),
    ];
    assert.deepEqual(assignByRules(rules, inTenant("shop")), {
      excludedBy: null,
      policies: [
        { policy: "a", rule: "first" },
        { policy: "b", rule: "first" },
        { policy: "c", rule: "second" },
      ],
      retention: new Map(),
      matched: ["first", "second"],
    });
  });

  it("lets the first that sets a policy's retention win", () => {
    const rules = [
      attach("long", 1, [], { continue: true, retention: { a: { last: 9 } } }),
      attach("all", 2, ["a", "b"], { retention: { a: { last: 1 }, b: { retentionMs: 5 } } }),
    ];
    assert.deepEqual(
      assignByRules(rules, inTenant("shop")).retention,
      new Map([
        ["a", { override: { last: 9 }, rule: "long" }],
        ["b", { override: { retentionMs: 5 }, rule: "all" }],
      ]),
    );
  });

  it("lets an exclude that is reached take back what rules before it attached", () => {
    const rules = [attach("all", 1, ["a"], { continue: true }), exclude("no labs", 2, inProject("lab"))];
    assert.deepEqual(assignByRules(rules, inTenant("lab")), {
      excludedBy: "no labs",
      policies: [],
      retention: new Map(),
      matched: ["all", "no labs"],
    });
    assert.equal(assignByRules([attach("all", 1, ["a"]), ...rules], inTenant("lab")).excludedBy, null);
  });

  it("takes rules of one priority in the order of the file", () => {
    const rules = [attach("b", 5, ["b"]), attach("a", 5, ["a"]), attach("c", 4, ["c"], { match: nothing })];
    assert.deepEqual(assignByRules(rules, inTenant("x")).policies, [{ policy: "b", rule: "b" }]);
    assert.deepEqual(
      inOrder(rules).map(({ name }) => name),
      ["c", "b", "a"],
    );
  });

  it("says what the rules need to be asked", () => {
    assert.deepEqual(needs([exclude("a", 1, inProject("x")), attach("b", 2, ["a"])]), {
      servers: false,
      projects: true,
      domains: false,
    });
  });

  describe("whatever the rules are", () => {
    const effects = fc.oneof(
      fc.constant({ kind: "exclude" as const }),
      fc.record({
        kind: fc.constant("attach" as const),
        policies: fc.uniqueArray(fc.constantFrom("a", "b", "c"), { maxLength: 3 }),
        retention: fc
          .dictionary(fc.constantFrom("a", "b", "c"), fc.record({ last: fc.integer({ min: 1, max: 9 }) }))
          .map((overrides) => new Map(Object.entries(overrides))),
        continue: fc.boolean(),
      }),
    );
    const ruleLists = fc
      .array(fc.record({ priority: fc.integer({ min: 0, max: 3 }), matches: fc.boolean(), effect: effects }), {
        maxLength: 8,
      })
      .map((rules) =>
        rules.map(({ priority, matches, effect }, i): Rule => ({
          name: `r${i}`,
          priority,
          match: matches ? everything : nothing,
          effect,
        })),
      );
    const runs = { numRuns: 2000 };

    it("one that does not match changes nothing, and neither does one after the end", () => {
      fc.assert(
        fc.property(ruleLists, (rules) => {
          const whole = assignByRules(rules, inTenant("x"));
          const last = whole.matched.at(-1);
          const matching = rules.filter(({ match }) => match === everything);
          assert.deepEqual(assignByRules(matching, inTenant("x")), whole);
          const upToEnd = inOrder(matching).slice(0, whole.matched.length);
          assert.equal(upToEnd.at(-1)?.name, last);
          assert.deepEqual(assignByRules(upToEnd, inTenant("x")), whole);
        }),
        runs,
      );
    });

    it("the order of the file counts within one priority only", () => {
      fc.assert(
        fc.property(ruleLists, (rules) => {
          const reordered = [...Map.groupBy(rules, ({ priority }) => priority)]
            .sort(([a], [b]) => b - a)
            .flatMap(([, same]) => same);
          assert.deepEqual(assignByRules(reordered, inTenant("x")), assignByRules(rules, inTenant("x")));
        }),
        runs,
      );
    });

    it("an exclude in front leaves nothing, an attach in front only what it says", () => {
      fc.assert(
        fc.property(ruleLists, (rules) => {
          const excluded = assignByRules([exclude("front", -1), ...rules], inTenant("x"));
          assert.deepEqual([excluded.excludedBy, excluded.policies], ["front", []]);
          const attached = assignByRules([attach("front", -1, ["z"]), ...rules], inTenant("x"));
          assert.deepEqual(attached.policies, [{ policy: "z", rule: "front" }]);
        }),
        runs,
      );
    });
  });
});
