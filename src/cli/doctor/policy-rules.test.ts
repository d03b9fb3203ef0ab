import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { judgeRule } from "./policy-rules.ts";

const hook = "http://127.0.0.1:8808/v1/backup";
const judge = (text: string, more: Readonly<Record<string, string>> = {}) =>
  judgeRule("it", new Map(Object.entries({ it: text, ...more }))).verdict;

describe("a rule of oslo.policy", () => {
  it("is guarded when nobody passes without the hook", () => {
    const guarded = [
      `rule:admin_api and ${hook}`,
      `(role:admin or (role:member and project_id:%(project_id)s)) and ${hook}?backup_id=%(id)s`,
      `(rule:a and ${hook}) or (rule:b and ${hook})`,
      `not role:reader AND role:member and ${hook}`,
      "!",
    ];
    for (const text of guarded) assert.equal(judge(text), "guarded", text);
    assert.equal(judge("rule:m and rule:h", { m: "role:member or role:admin", h: hook }), "guarded");
  });

  it("is open when somebody does", () => {
    const open = [
      "rule:admin_or_owner",
      "",
      "@",
      `rule:admin_api or rule:m and ${hook}`,
      `role:member or ${hook}`,
      `not ${hook}`,
    ];
    for (const text of open) assert.equal(judge(text), "open", text);
    assert.deepEqual(judgeRule("another", new Map([["it", hook]])), { verdict: "open", urls: [] });
  });

  it("is bare when the hook alone decides, or would for whom nothing else is true of", () => {
    assert.equal(judge(hook), "bare");
    assert.equal(judge(`not role:reader and ${hook}`), "bare");
    assert.equal(judge("rule:h", { h: hook }), "bare");
  });

  it("is unreadable when it is no rule, or a circle", () => {
    const unreadable = ["(role:a", "role:a)", "role:a role:b", "and role:a", "role:a and", "not", "rule:it"];
    for (const text of unreadable) assert.equal(judge(text), "unreadable", text);
  });

  it("tells the addresses, through the names of other rules", () => {
    const rules = new Map([
      ["it", "rule:m and (rule:h)"],
      ["h", "https://hook.example.org/v1/backup"],
    ]);
    assert.deepEqual(judgeRule("it", rules), { verdict: "guarded", urls: ["https://hook.example.org/v1/backup"] });
  });

  it("is guarded in the files we ship", () => {
    for (const name of ["dirigent-zed.yaml", "dirigent-2024.1.yaml"]) {
      const file = join(import.meta.dirname, "..", "..", "..", "etc", "cinder", "policy.d", name);
      const rules = new Map(Object.entries(parse(readFileSync(file, "utf8")) as Record<string, string>));
      const names = [...rules.keys()].filter((rule) => !rule.startsWith("dirigent_"));
      assert.equal(names.length, 11);
      for (const rule of names) assert.equal(judgeRule(rule, rules).verdict, "guarded", rule);
    }
  });
});
