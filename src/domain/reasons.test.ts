import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mechanisms } from "./inventory.ts";
import { operatorText, reasons, tenantText, type Reason } from "./reasons.ts";

describe("reasons", () => {
  const all = Object.keys(reasons) as Reason[];

  it("have a text for operators each, a clause", () => {
    for (const reason of all)
      for (const mechanism of mechanisms)
        assert.match(operatorText(reason, mechanism), /^[a-zA-Z][^.\n]{2,}[^.\s]$/, reason);
  });

  it("have a text for tenants each, a sentence that names none of the cloud's parts", () => {
    for (const reason of all) {
      for (const text of mechanisms.map((mechanism) => tenantText(reason, mechanism))) {
        assert.match(text, /^[A-Z][^\n]{3,}\.$/, reason);
        assert.doesNotMatch(text, /cinder|nova|keystone|ceph|host|driver|http|api|token/i, reason);
      }
    }
  });

  it("can be told apart by operators", () => {
    assert.equal(new Set(all.map((reason) => operatorText(reason))).size, all.length);
  });
});
