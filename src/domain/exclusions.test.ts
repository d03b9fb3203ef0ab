import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { exclusionOf, isExpired, type Exclusion } from "./exclusions.ts";

const now = new Date("2026-06-01T00:00:00Z");
const of = (scope: Exclusion["scope"], id: string, until: string | null = null): Exclusion => ({
  scope,
  id,
  reason: `why ${id}`,
  until: until === null ? null : new Date(until),
});

const found = (exclusions: readonly Exclusion[], serverIds: readonly string[] = []): string | null =>
  exclusionOf(exclusions, { volumeId: "v1", serverIds, projectId: "p1" }, now)?.reason ?? null;

describe("exclusionOf", () => {
  it("finds the volume's own before its server's, that before its project's", () => {
    const all = [of("project", "p1"), of("server", "s1"), of("volume", "v1")];
    assert.equal(found(all, ["s1"]), "why v1");
    assert.equal(found(all.slice(0, 2), ["s1"]), "why s1");
    assert.equal(found(all.slice(0, 2)), "why p1");
    assert.equal(found([of("project", "v1"), of("server", "p1"), of("volume", "v2")], ["s1"]), null);
  });

  it("leaves a volume of several servers out only when all of them are", () => {
    assert.equal(found([of("server", "s1")], ["s1", "s2"]), null);
    assert.equal(found([of("server", "s1"), of("server", "s2")], ["s1", "s2"]), "why s1");
  });

  it("forgets one at its end, and then takes the next", () => {
    const ended = of("volume", "v1", "2026-06-01T00:00:00Z");
    const goesOn = of("volume", "v1", "2026-06-01T00:00:01Z");
    assert.deepEqual(
      [isExpired(ended, now), isExpired(goesOn, now), isExpired(of("volume", "v1"), now)],
      [true, false, false],
    );
    assert.equal(found([ended]), null);
    assert.equal(found([ended, of("project", "p1")]), "why p1");
  });
});
