import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { dailyPolicy } from "../../test/unit/support/builders.ts";
import { dayMs } from "../../test/unit/support/clouds.ts";
import { PolicyVariants } from "./policy-variants.ts";
import type { Policy, ThinningRule } from "./policy.ts";

const rule: ThinningRule = {
  last: 0,
  hourly: 0,
  daily: 0,
  weekly: 0,
  monthly: 0,
  yearly: 0,
  countFrom: "newest",
  minimumKeep: 1,
  timeZone: "Europe/Berlin",
};
const aged: Policy = { ...dailyPolicy, name: "aged", timeZone: "Europe/Berlin" };
const counted: Policy = { ...aged, name: "counted", retentionMs: 0, thinning: { ...rule, last: 5, weekly: 4 } };

describe("policies that differ in their retention only", () => {
  it("have a rule's age in place of all that the policy says, never below its minimum", () => {
    const variants = new PolicyVariants();
    const monthMs = 30 * dayMs;
    assert.deepEqual(variants.overridden(counted, { retentionMs: monthMs }), {
      ...counted,
      retentionMs: monthMs,
      thinning: null,
    });
    assert.equal(variants.overridden(aged, { retentionMs: dayMs }).retentionMs, aged.minimumRetentionMs);
  });

  it("have a rule's count in place of all that the policy says", () => {
    const variants = new PolicyVariants();
    const want = { retentionMs: 0, thinning: { ...rule, last: 2 } };
    assert.deepEqual(variants.overridden(aged, { last: 2 }), { ...aged, ...want });
    assert.deepEqual(variants.overridden(counted, { last: 2 }), { ...counted, ...want });
  });

  it("keep at least so many more as a tenant asks, beside what the policy keeps", () => {
    const variants = new PolicyVariants();
    assert.deepEqual(variants.keeping(aged, { retentionMs: 0, last: 3 }), { ...aged, thinning: { ...rule, last: 3 } });
    assert.deepEqual(variants.keeping(counted, { retentionMs: 0, last: 9 }).thinning, { ...rule, last: 9, weekly: 4 });
    for (const count of [-1, 0, 4, 5])
      assert.equal(variants.keeping(counted, { retentionMs: 0, last: count }), counted);
    assert.equal(variants.keeping(aged, { retentionMs: 0, last: 0 }), aged);
  });

  it("are the same object when they are equal, and others when they are not", () => {
    const variants = new PolicyVariants();
    assert.equal(variants.overridden(aged, { last: 2 }), variants.overridden(aged, { last: 2 }));
    assert.equal(
      variants.keeping(aged, { retentionMs: 0, last: 2 }),
      variants.keeping({ ...aged }, { retentionMs: 0, last: 2 }),
    );
    assert.notEqual(variants.overridden(aged, { last: 2 }), variants.overridden(counted, { last: 2 }));
    assert.notEqual(variants.overridden(aged, { last: 2 }), variants.overridden(aged, { last: 3 }));
  });

  it("are the policy itself where a rule says what it says", () => {
    const variants = new PolicyVariants();
    const five = { ...counted, thinning: { ...rule, last: 5 } };
    assert.equal(variants.overridden(five, { last: 5 }), five);
    assert.equal(variants.overridden(aged, { retentionMs: aged.retentionMs }), aged);
  });
});
