import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { aServer, aVolume } from "../../test/unit/support/builders.ts";
import {
  compileMatch,
  globMatches,
  needsOf,
  type Match,
  type Subject,
  type TextField,
  type TextTest,
} from "./match.ts";

const matches = (subject: Subject, match: Match): boolean => compileMatch(match)(subject);

const subject = (fields: Partial<Subject> = {}): Subject => ({
  volume: aVolume("v1", { name: "db-data", metadata: { team: "red", empty: "" }, sizeGiB: 40, bootable: true }),
  server: aServer("s1", { name: "db-1", tags: ["gold", "eu"], metadata: { class: "A" }, availabilityZone: "az1" }),
  project: { id: "p1", name: "shop", domainId: "d1", domainName: "retail", tags: ["prod"] },
  ...fields,
});

const equals = (...anyOf: string[]): TextTest => ({ by: "equals", anyOf });
const text = (field: TextField, test: TextTest): Match => ({ kind: "text", field, test });
const metadata = (of: "server" | "volume", key: string, test: TextTest): Match => ({ kind: "metadata", of, key, test });
const everything: Match = { kind: "all", of: [] };

describe("a match", () => {
  it("asks for any text of a volume, its server, its project and its domain", () => {
    const values: readonly (readonly [TextField, string])[] = [
      ["domain.id", "d1"],
      ["domain.name", "retail"],
      ["project.id", "p1"],
      ["project.name", "shop"],
      ["project.tag", "prod"],
      ["server.id", "s1"],
      ["server.name", "db-1"],
      ["server.tag", "eu"],
      ["server.availability_zone", "az1"],
      ["volume.id", "v1"],
      ["volume.name", "db-data"],
      ["volume.type", "fast"],
      ["volume.status", "in-use"],
      ["volume.availability_zone", "nova"],
    ];
    for (const [field, value] of values) {
      assert.ok(matches(subject(), text(field, equals("other", value))), field);
      assert.ok(!matches(subject(), text(field, equals("other", value.toUpperCase()))), field);
    }
  });

  it("compares texts in four ways, each with any of its texts", () => {
    const cases: readonly (readonly [TextTest, boolean])[] = [
      [equals("db-data"), true],
      [equals("db"), false],
      [{ by: "prefix", anyOf: ["x", "db-"] }, true],
      [{ by: "prefix", anyOf: ["data"] }, false],
      [{ by: "contains", anyOf: ["x", "b-d"] }, true],
      [{ by: "contains", anyOf: ["bd"] }, false],
      [{ by: "glob", anyOf: ["x*", "db-?ata"] }, true],
      [{ by: "glob", anyOf: ["db", "db.*"] }, false],
    ];
    for (const [test, want] of cases) {
      assert.equal(matches(subject(), text("volume.name", test)), want, JSON.stringify(test));
    }
  });

  it("takes what is unknown or missing for no match, whatever it is compared with", () => {
    const bare = subject({
      volume: aVolume("v1", { volumeType: null, availabilityZone: null }),
      server: null,
      project: { id: "p1", name: null, domainId: null, domainName: null, tags: [] },
    });
    const fields = ["volume.type", "volume.availability_zone", "server.name", "server.tag", "project.name"] as const;
    for (const field of [...fields, "project.tag", "domain.id", "domain.name"] as const) {
      for (const value of ["", "null", "undefined", "None"]) {
        assert.ok(!matches(bare, text(field, equals(value))), `${field} ${value}`);
      }
      assert.ok(!matches(bare, text(field, { by: "glob", anyOf: ["*"] })), field);
    }
  });

  it("asks for metadata by key: a missing one equals nothing, and no object's own names count", () => {
    const cases: readonly (readonly [Match, boolean])[] = [
      [metadata("volume", "team", equals("red")), true],
      [metadata("volume", "team", equals("blue")), false],
      [metadata("volume", "empty", equals("")), true],
      [metadata("volume", "none", equals("")), false],
      [metadata("volume", "none", equals("None", "undefined")), false],
      [metadata("volume", "none", { by: "glob", anyOf: ["*"] }), false],
      [metadata("volume", "constructor", { by: "glob", anyOf: ["*"] }), false],
      [metadata("server", "class", equals("A")), true],
      [metadata("server", "team", equals("red")), false],
    ];
    for (const [match, want] of cases) assert.equal(matches(subject(), match), want, JSON.stringify(match));
    assert.ok(!matches(subject({ server: null }), metadata("server", "class", equals("A"))));
  });

  it("asks for sizes with both ends, and for what a volume is", () => {
    const size = (minimum: number | null, maximum: number | null): Match => ({ kind: "size", minimum, maximum });
    const cases: readonly (readonly [Match, boolean])[] = [
      [size(40, 40), true],
      [size(41, null), false],
      [size(null, 39), false],
      [size(null, 40), true],
      [size(0, null), true],
      [{ kind: "flag", field: "bootable", is: true }, true],
      [{ kind: "flag", field: "bootable", is: false }, false],
      [{ kind: "flag", field: "encrypted", is: false }, true],
    ];
    for (const [match, want] of cases) assert.equal(matches(subject(), match), want, JSON.stringify(match));
  });

  it("joins matches with all, any and not; all of nothing is everything", () => {
    const yes = text("volume.id", equals("v1"));
    const no: Match = { kind: "not", of: yes };
    const cases: readonly (readonly [Match, boolean])[] = [
      [everything, true],
      [{ kind: "any", of: [] }, false],
      [{ kind: "all", of: [yes, yes] }, true],
      [{ kind: "all", of: [yes, no] }, false],
      [{ kind: "any", of: [no, yes] }, true],
      [{ kind: "any", of: [no, no] }, false],
      [{ kind: "not", of: { kind: "any", of: [no, { kind: "all", of: [yes, no] }] } }, true],
    ];
    for (const [match, want] of cases) assert.equal(matches(subject(), match), want, JSON.stringify(match));
  });

  it("says what must be listed before it can be asked", () => {
    const none = { servers: false, projects: false, domains: false };
    const cases: readonly (readonly [Match, object])[] = [
      [everything, none],
      [text("project.id", equals("p1")), none],
      [metadata("volume", "a", equals("b")), none],
      [metadata("server", "a", equals("b")), { ...none, servers: true }],
      [
        { kind: "not", of: text("server.tag", equals("x")) },
        { ...none, servers: true },
      ],
      [
        { kind: "any", of: [everything, text("project.tag", equals("x"))] },
        { ...none, projects: true },
      ],
      [text("project.name", equals("x")), { ...none, projects: true }],
      [text("domain.id", equals("x")), { ...none, projects: true }],
      [text("domain.name", equals("x")), { ...none, projects: true, domains: true }],
    ];
    for (const [match, want] of cases) assert.deepEqual(needsOf([match]), want, JSON.stringify(match));
  });
});

describe("globMatches", () => {
  it("takes * for any characters and ? for one, everything else for itself", () => {
    const cases: readonly (readonly [string, string, boolean])[] = [
      ["", "", true],
      ["", "a", false],
      ["*", "", true],
      ["?", "", false],
      ["a*c", "abbc", true],
      ["a*c", "abcd", false],
      ["*a*b*", "xxaxxbxx", true],
      ["*ab", "aab", true],
      ["a.c", "abc", false],
      ["[ab]", "a", false],
      ["a**", "a", true],
    ];
    for (const [pattern, value, want] of cases) {
      assert.equal(globMatches(pattern, value), want, `${pattern} ${value}`);
    }
  });

  it("agrees with a regular expression", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 8 });
    const patterns = fc.string({ unit: fc.constantFrom("a", "b", ".", "*", "?"), maxLength: 6 });
    fc.assert(
      fc.property(patterns, letters, (pattern, value) => {
        const source = pattern.replaceAll(".", "\\.").replaceAll("*", ".*").replaceAll("?", ".");
        assert.equal(globMatches(pattern, value), new RegExp(`^${source}$`).test(value));
      }),
      { numRuns: 2000 },
    );
  });

  it("is quick on patterns that make a regular expression hang", () => {
    let steps = 0;
    const text = new Proxy(new String("a".repeat(255)), {
      get: (target, key) => {
        if (key !== "length") steps += 1;
        return Reflect.get(target, key) as unknown;
      },
    }) as unknown as string;
    assert.ok(!globMatches(`${"a*".repeat(100)}b`, text));
    assert.ok(steps < 255 * 255, String(steps));
  });
});
