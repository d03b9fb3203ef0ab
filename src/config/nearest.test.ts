import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nearest } from "./nearest.ts";

void describe("the key that somebody meant", () => {
  const cases: readonly (readonly [wanted: string, known: readonly string[], meant: string | null])[] = [
    ["shedule", ["schedule", "retention"], "schedule"],
    ["polices.file", ["policies.file", "policies.rules_file"], "policies.file"],
    ["tenant", ["tenant_name", "domain_name"], "tenant_name"],
    ["minimum", ["min", "max"], "min"],
    ["volume", ["volume_name", "volume_type"], null],
    ["flavor", ["id", "name", "tag"], null],
  ];
  for (const [wanted, known, meant] of cases) {
    void it(`${wanted}: ${meant ?? "none"}`, () => assert.equal(nearest(wanted, known), meant));
  }
});
