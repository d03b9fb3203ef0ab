import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigError } from "./errors.ts";
import { settingsFrom } from "./load.ts";

const problemsOf = (values: Readonly<Record<string, unknown>>): readonly string[] => {
  try {
    settingsFrom(values);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
};

describe("policy.archive", () => {
  it("is off by default, and reads either rule", () => {
    assert.equal(settingsFrom({}).policy.archive, null);
    const rest = { container: "vault", retention: "1y" };
    const want = { container: "vault", retentionMs: 365 * 86_400_000, availabilityZone: null };
    assert.deepEqual(settingsFrom({ policy: { archive: { ...rest, every: 4 } } }).policy.archive, {
      which: { every: 4 },
      ...want,
    });
    const zoned = { ...rest, first_of: "month", availability_zone: "far" };
    assert.deepEqual(settingsFrom({ policy: { archive: zoned } }).policy.archive, {
      which: { firstOf: "month" },
      ...want,
      availabilityZone: "far",
    });
  });

  it("says all that does not go together", () => {
    assert.deepEqual(problemsOf({ policy: { archive: { availability_zone: "far" } } }), [
      "policy.archive has no rule; set policy.archive.every or policy.archive.first_of, or take its keys out",
      "policy.archive.container is missing; set it to the container of the archives",
      "policy.archive.retention is missing; set it to the age until which archives are kept",
    ]);
    const archive = { every: 2, first_of: "year", container: "same", retention: "17d" };
    assert.deepEqual(problemsOf({ policy: { archive }, backup: { container: "same" } }), [
      "policy.archive.every and policy.archive.first_of exclude each other; take one of them out",
      "policy.archive.container is backup.container, too; archives need another one",
      "policy.archive.retention is no longer than policy.retention (17d); allowed: more than that",
    ]);
  });
});
