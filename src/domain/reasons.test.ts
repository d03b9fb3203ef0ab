import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { operatorText, reasons, tenantText, type Reason } from "./reasons.ts";

describe("reasons", () => {
  const all = Object.keys(reasons) as Reason[];

  it("have a text for operators each, a clause", () => {
    for (const reason of all) assert.match(operatorText(reason), /^[a-zA-Z][^.\n]{2,}[^.\s]$/, reason);
  });

  it("have a text for tenants each, a sentence that names none of the cloud's parts", () => {
    for (const reason of all) {
      assert.match(tenantText(reason), /^[A-Z][^\n]{3,}\.$/, reason);
      assert.doesNotMatch(tenantText(reason), /cinder|nova|keystone|ceph|host|driver|http|api|token/i, reason);
    }
  });

  it("can be told apart by operators", () => {
    assert.equal(new Set(all.map(operatorText)).size, all.length);
  });
});
