import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { newSnapSentryCache, readSnapSentry } from "./peers/snapsentry.ts";
import { defaultPolicy, newestOnly, type Policy } from "./policy.ts";
import { promisedUntil } from "./promise.ts";
import { currentSlot } from "./slots.ts";

const dayMs = 24 * 60 * 60 * 1000;

const subscribed = (kind: string, fields: Readonly<Record<string, string>>): Policy => {
  const keys = { enabled: "true", "retention-type": "count", ...fields };
  const metadata = Object.fromEntries(
    Object.entries(keys).map(([key, value]) => [`x-snapsentry-${kind}-${key}`, value]),
  );
  const [policy] = readSnapSentry(
    { metadata: { "x-snapsentry-managed": "true", ...metadata } },
    newSnapSentryCache(),
  ).policies;
  assert.ok(policy !== undefined);
  return policy;
};

const promised = (policy: Policy, at: string, retentionMs = policy.retentionMs): string => {
  const slot = currentSlot(policy, new Date(at));
  assert.ok(slot !== null);
  return promisedUntil(policy, slot, retentionMs).toISOString();
};

describe("promisedUntil", () => {
  const weekly = { "retention-days": "3", timezone: "Europe/Berlin", "start-time": "23:00" };
  for (const { name, policy, at, until } of [
    { name: "by age, from the slot", policy: defaultPolicy, at: "2026-11-21T17:00:00Z", until: "2026-12-08" },
    {
      name: "an operator's counts promise the minimum",
      policy: { ...defaultPolicy, retentionMs: 0, thinning: newestOnly(9, "UTC") },
      at: "2026-11-21T17:00:00Z",
      until: "2026-11-22",
    },
    {
      name: "weeks that a volume's owner counts, over the end of summer time",
      policy: subscribed("weekly", weekly),
      at: "2026-10-20T12:00:00Z",
      until: "2026-11-08T22:00:00.000Z",
    },
    {
      name: "months that he counts, to the shortest day 31",
      policy: subscribed("monthly", { "retention-days": "13", "start-day-of-month": "31" }),
      at: "2026-01-31T12:00:00Z",
      until: "2027-02-28",
    },
    {
      name: "years of months",
      policy: subscribed("monthly", { "retention-days": "1200" }),
      at: "2026-02-11T12:00:00Z",
      until: "2126-02-01",
    },
    {
      name: "days that he counts are as many by age",
      policy: subscribed("daily", { "retention-days": "9" }),
      at: "2026-02-11T12:00:00Z",
      until: "2026-02-20",
    },
  ]) {
    it(name, () => {
      assert.equal(promised(policy, at), new Date(until).toISOString());
    });
  }

  it("never promises less than is granted by age", () => {
    assert.equal(promised(subscribed("weekly", {}), "2026-11-18T12:00:00Z", 999 * dayMs).slice(0, 10), "2029-08-10");
  });
});
