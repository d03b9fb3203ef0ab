import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { changeOf, describeSaid, type Said } from "./assignment-changes.ts";
import { defaultPolicy, type Policy } from "./policy.ts";

const policy = (name: string, fields: Partial<Policy> = {}): Policy => ({ ...defaultPolicy, name, ...fields });
const by = (...policies: readonly Policy[]): Said => ({ excluded: null, policies });
const excluded = (...policies: readonly Policy[]): Said => ({ excluded: "rule labs", policies });

describe("changeOf", () => {
  const a = policy("a");
  const b = policy("b");
  const cases: readonly (readonly [string, Said, Said, ReturnType<typeof changeOf>])[] = [
    ["nothing to nothing", by(), by(), null],
    ["nothing to a policy", by(), by(a), "added"],
    ["a policy to nothing", by(a), by(), "removed"],
    ["a policy to excluded", by(a), excluded(), "excluded"],
    ["nothing to excluded", by(), excluded(), null],
    ["excluded to a policy", excluded(a), by(a), "added"],
    ["excluded to nothing", excluded(), by(), null],
    ["one policy to another", by(a), by(b), "changed"],
    ["one policy more", by(a), by(a, b), "changed"],
    ["the same in another order", by(a, b), by(b, a), null],
    ["the same made anew", by(a), by(policy("a")), null],
    ["the same name by other terms", by(a), by(policy("a", { windowMs: 1 })), "changed"],
  ];
  for (const [name, before, after, want] of cases) it(name, () => assert.equal(changeOf(before, after), want));

  it("is told in a few words", () => {
    assert.equal(describeSaid(by()), "nothing");
    assert.equal(describeSaid(excluded(a)), "excluded (rule labs)");
    assert.equal(describeSaid(by(a, policy("b", { retentionMs: 86_400_000 }))), "a (17d), b (1d)");
  });
});
