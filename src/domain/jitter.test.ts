import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { jitterOf, startsAfter } from "./jitter.ts";
import type { Slot } from "./slots.ts";

const minuteMs = 60_000;
const ids = Array.from({ length: 2000 }, (_, i) => `volume-${i}`);
const policy = { name: "nightly", jitterMs: 30 * minuteMs };

const slotOf = (windowMs: number): Slot => {
  const startsAt = new Date("2026-11-21T00:00:00Z");
  return {
    id: "2026-11-21T00:00:00Z",
    startsAt,
    windowEndsAt: new Date(startsAt.getTime() + windowMs),
    endsAt: new Date("2026-11-22T00:00:00Z"),
  };
};

describe("jitterOf", () => {
  it("is a whole number of seconds up to the policy's, always the same for an id, and another for another policy", () => {
    for (const id of ids) {
      const ms = jitterOf(policy, id);
      assert.ok(ms >= 0 && ms <= policy.jitterMs && ms % 1000 === 0);
      assert.equal(jitterOf({ ...policy }, id), ms);
    }
    assert.notEqual(jitterOf(policy, "volume-1"), jitterOf({ ...policy, name: "weekly" }, "volume-1"));
  });
  it("spreads: each sixth of the time has about a sixth of the volumes", () => {
    const counts = [0, 0, 0, 0, 0, 0];
    for (const id of ids) counts[Math.min(5, Math.floor(jitterOf(policy, id) / (5 * minuteMs)))]! += 1;
    for (const count of counts) assert.ok(count > 250 && count < 420, counts.join(" "));
  });
  it("is none without", () => assert.equal(jitterOf({ name: "nightly", jitterMs: 0 }, "volume-1"), 0));
});

describe("startsAfter", () => {
  it("is the slot's start and the jitter", () => {
    const slot = slotOf(8 * 60 * minuteMs);
    for (const id of ids) {
      assert.equal(startsAfter(policy, slot, id).getTime(), slot.startsAt.getTime() + jitterOf(policy, id));
    }
  });
  it("leaves at least half of the window", () => {
    const slot = slotOf(20 * minuteMs);
    const latest = ids.map((id) => startsAfter(policy, slot, id).getTime() - slot.startsAt.getTime());
    assert.equal(Math.max(...latest), 10 * minuteMs);
  });
});
