import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aBackup, at, aVolume } from "../../test/unit/support/builders.ts";
import { ourUser } from "../../test/unit/support/histories.ts";
import { planAdoption, type AdoptionPlan, type AdoptionWish } from "./adoption.ts";
import type { Backup } from "./inventory.ts";
import { newestOnly, defaultPolicy, every, type Policy } from "./policy.ts";

const now = at("2026-11-21T12:00:00Z");
const hourMs = 60 * 60 * 1000;

const snapshot = (id: string, createdAt: string, fields: Partial<Backup> = {}): Backup => ({
  ...aBackup(id, createdAt),
  mechanism: "snapshot",
  dataTimestamp: null,
  userId: "tenant",
  metadata: {},
  ...fields,
});

const daily5: Policy = {
  ...defaultPolicy,
  ...every(24 * hourMs),
  name: "daily_5",
  mechanisms: ["snapshot"],
  windowMs: 6 * hourMs,
  retentionMs: 0,
  thinning: newestOnly(5, "UTC"),
};

function plan(
  snapshots: readonly Backup[],
  { metadata = {}, ...wish }: Partial<AdoptionWish> & { metadata?: Record<string, string> } = {},
): AdoptionPlan {
  return planAdoption(snapshots, {
    wish: { createdBy: null, withRetention: false, policy: null, ...wish },
    now,
    policies: new Map([[daily5.name, daily5]]),
    volumes: new Map([["v1", aVolume("v1", { metadata })]]),
    userIds: new Set([ourUser]),
    catalogue: new Map(),
  });
}

const marksOf = ({ adoptions }: AdoptionPlan) => adoptions.map(({ metadata }) => metadata);
const reasonsOf = ({ refusals }: AdoptionPlan) => refusals.map(({ reason }) => reason);

const own = (id: string, policy: string) => ({
  __automated_backup: "True",
  "dirigent:adopted": "2026-11-21T12:00:00Z",
  "dirigent:key": `v1/${policy}/manual:adopted-${id}/snapshot`,
  "dirigent:policy": policy,
  "dirigent:slot": `manual:adopted-${id}`,
});

const ofSnapSentry = (name: string): Partial<Backup> => ({
  name,
  metadata: {
    "x-snapsentry-managed": "true",
    "x-snapsentry-snapshot-policy-type": "daily",
    "x-snapsentry-snapshot-expiry-date": "2026-11-22T08:00:00Z",
  },
});
const daily = {
  "x-snapsentry-managed": "true",
  "x-snapsentry-daily-enabled": "true",
  "x-snapsentry-daily-start-time": "08:00",
};

const platform9 = { created_by: "p9_auto_snapshots", policy: "daily_5", original_volume_id: "v1" };

void describe("planAdoption", () => {
  void it("marks what was made by hand, which satisfies no slot and is kept until somebody lets it go", () => {
    const made = plan([snapshot("a", "2026-11-20T10:00:00Z", { metadata: { mine: "stays" } })]);
    assert.deepEqual(marksOf(made), [{ mine: "stays", ...own("a", "adopted") }]);
    assert.deepEqual(
      made.adoptions.map(({ peer, keepUntil, retention }) => [peer, keepUntil, retention]),
      [[null, null, null]],
    );
  });

  void it("gives it a named policy's retention when asked for, and refuses when nothing says how long", () => {
    const one = [snapshot("a", "2026-11-20T10:00:00Z")];
    assert.deepEqual(marksOf(plan(one, { policy: "daily_5", withRetention: true })), [
      {
        ...own("a", "daily_5"),
        "dirigent:keep-until": "2026-11-21T10:00:00Z",
        "dirigent:retention": "last=5,min=1,tz=UTC",
      },
    ]);
    assert.deepEqual(reasonsOf(plan(one, { withRetention: true })), ["no_retention_known"]);
    assert.deepEqual(reasonsOf(plan(one, { policy: "unheard-of", withRetention: true })), ["no_retention_known"]);
  });

  void it("takes SnapSentry's window for the slot that it is, and its expiry when asked for", () => {
    const window = ofSnapSentry("managed-daily-v1-2026-11-20T08:00:00Z");
    const one = [snapshot("a", "2026-11-20T08:03:00Z", window)];
    const marks = {
      ...window.metadata,
      __automated_backup: "True",
      "dirigent:adopted": "2026-11-21T12:00:00Z",
      "dirigent:key": "v1/snapsentry-daily/2026-11-20T08:00:00Z/snapshot",
      "dirigent:policy": "snapsentry-daily",
      "dirigent:slot": "2026-11-20T08:00:00Z",
    };
    assert.deepEqual(marksOf(plan(one, { metadata: daily })), [marks]);
    assert.deepEqual(marksOf(plan(one, { metadata: daily, withRetention: true })), [
      { ...marks, "dirigent:keep-until": "2026-11-22T08:00:00Z" },
    ]);
  });

  for (const { name, snapshots, metadata } of [
    { name: "the volume is not subscribed any more", snapshots: ["2026-11-20T08:00:00Z"], metadata: {} },
    { name: "the window began at another time", snapshots: ["2026-11-20T09:00:00Z"], metadata: daily },
    { name: "the name says no window", snapshots: ["yesterday"], metadata: daily },
  ]) {
    void it(`satisfies no slot where ${name}`, () => {
      const rows = snapshots.map((at) => snapshot("a", "2026-11-20T08:03:00Z", ofSnapSentry(`managed-daily-v1-${at}`)));
      assert.deepEqual(
        plan(rows, { metadata }).adoptions.map(({ slot }) => slot),
        ["manual:adopted-a"],
      );
    });
  }

  void it("gives a slot to the first of two that were made for it", () => {
    const rows = ["b", "a"].map((id, i) => snapshot(id, `2026-11-20T0${2 - i}:00:00Z`, { metadata: platform9 }));
    assert.deepEqual(
      plan(rows).adoptions.map(({ snapshot: { id }, slot }) => [id, slot]),
      [
        ["a", "2026-11-20T00:00:00Z"],
        ["b", "manual:adopted-b"],
      ],
    );
  });

  void it("counts Platform9's as the volume says, else as our policy does, else as Platform9 does", () => {
    const one = (policy: string) => [snapshot("a", "2026-11-20T01:00:00Z", { metadata: { ...platform9, policy } })];
    const rule = (policy: string, metadata: Record<string, string> = {}) =>
      plan(one(policy), { metadata, withRetention: true }).adoptions.map(({ retention }) => retention);
    assert.deepEqual(rule("daily_5", { retention_daily_5: "9" }), ["last=9,min=1,tz=UTC"]);
    assert.deepEqual(rule("daily_5"), ["last=5,min=1,tz=UTC"]);
    assert.deepEqual(rule("weekly_4"), ["last=7,min=1,tz=UTC"]);
  });

  for (const { name, fields, wish, reason } of [
    { name: "of another creator", fields: {}, wish: { createdBy: "snapsentry" }, reason: "other_creator" },
    { name: "of ours", fields: { userId: ourUser, metadata: own("a", "x") }, wish: {}, reason: "already_ours" },
    { name: "in error", fields: { status: "error" }, wish: {}, reason: "not_finished" },
    { name: "of an unknown creator", fields: { userId: null }, wish: {}, reason: "unproven_reader" },
  ] as const) {
    void it(`refuses one ${name}`, () => {
      const made = plan([snapshot("a", "2026-11-20T01:00:00Z", fields)], wish);
      assert.deepEqual([made.adoptions, reasonsOf(made)], [[], [reason]]);
    });
  }

  void it("refuses backups", () => {
    assert.deepEqual(reasonsOf(plan([aBackup("a", "2026-11-20T01:00:00Z", { userId: "tenant" })])), ["not_a_snapshot"]);
  });

  void it("trusts no marks that a tenant wrote", () => {
    const forged = { "dirigent:keep-until": "2099-01-01T00:00:00Z", "dirigent:slot": "2026-11-21T00:00:00Z" };
    assert.deepEqual(marksOf(plan([snapshot("a", "2026-11-20T01:00:00Z", { metadata: forged })])), [
      own("a", "adopted"),
    ]);
  });

  void it("confirms an adoption after a lost database: marks, promise and hold stay", () => {
    const before = {
      ...own("a", "daily_5"),
      "dirigent:adopted": "2026-11-01T00:00:00Z",
      "dirigent:keep-until": "2026-12-01T00:00:00Z",
      "dirigent:retention": "last=3,min=1,tz=UTC",
      "dirigent:hold": "2026-11-02T00:00:00Z",
    };
    for (const withRetention of [false, true]) {
      const made = plan([snapshot("a", "2026-11-20T01:00:00Z", { metadata: before })], { withRetention });
      assert.deepEqual(marksOf(made), [before]);
    }
  });
});
