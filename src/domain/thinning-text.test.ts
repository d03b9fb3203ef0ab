import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { rules } from "../../test/unit/support/thinning.ts";
import { formatRule, parseRule } from "./thinning-text.ts";

describe("the mark of a thinning rule", () => {
  it("is compact, and says what is read from it", () => {
    const rule = {
      last: 5,
      hourly: 0,
      daily: 7,
      weekly: 4,
      monthly: 0,
      yearly: 0,
      countFrom: "newest",
      minimumKeep: 1,
      timeZone: "Europe/Berlin",
    } as const;
    assert.equal(formatRule(rule), "last=5,daily=7,weekly=4,min=1,tz=Europe/Berlin");
    assert.deepEqual(parseRule("last=5,daily=7,weekly=4,min=1,tz=Europe/Berlin"), rule);
    assert.deepEqual(parseRule("hourly=24,min=2,from=previous,tz=UTC"), {
      ...rule,
      last: 0,
      hourly: 24,
      daily: 0,
      weekly: 0,
      countFrom: "previous",
      minimumKeep: 2,
      timeZone: "UTC",
    });
  });

  it("comes back as it was", () => {
    fc.assert(
      fc.property(rules, (rule) => {
        const text = formatRule(rule);
        assert.ok(text.length <= 255);
        assert.deepEqual(parseRule(text), rule);
      }),
      { numRuns: 500 },
    );
  });

  for (const text of [
    "",
    "last",
    "last=5",
    "last=5,min=1",
    "last=5,tz=UTC",
    "last=5,min=0,tz=UTC",
    "last=0,min=1,tz=UTC",
    "last=-5,min=1,tz=UTC",
    "last=5.5,min=1,tz=UTC",
    "last=05,min=1,tz=UTC",
    "last=123456,min=1,tz=UTC",
    "last=1e3,min=1,tz=UTC",
    "last=5,min=1,tz=Nowhere/Land",
    "last=5,min=1,tz=",
    "last=5,min=1,tz=UTC,",
    " last=5,min=1,tz=UTC",
    "Last=5,min=1,tz=UTC",
    "min=1,last=5,tz=UTC",
    "last=5,last=6,min=1,tz=UTC",
    "last=5,fortnightly=2,min=1,tz=UTC",
    "last=5,min=1,from=newest,tz=UTC",
    "last=5,min=1,from=oldest,tz=UTC",
    "last=5=6,min=1,tz=UTC",
    "{}",
  ]) {
    it(`${JSON.stringify(text)} is none`, () => assert.equal(parseRule(text), null));
  }

  it("whatever is written there, reading it fails nothing", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (text) => {
        const rule = parseRule(text);
        if (rule !== null) assert.equal(formatRule(rule), text);
      }),
      { numRuns: 500 },
    );
  });
});
