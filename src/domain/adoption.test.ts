import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aBackup, at, aVolume } from "../../test/unit/support/builders.ts";
import { ourUser } from "../../test/unit/support/histories.ts";
import { entryOf } from "../../test/unit/support/rhythm.ts";
import type { CatalogueEntry } from "./catalogue.ts";
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
  points: readonly Backup[],
  {
    metadata = {},
    siblings = points,
    parents = {},
    catalogue = [],
    ...wish
  }: Partial<AdoptionWish> & {
    metadata?: Record<string, string>;
    siblings?: readonly Backup[];
    parents?: Record<string, string | null>;
    catalogue?: readonly CatalogueEntry[];
  } = {},
): AdoptionPlan {
  return planAdoption(points, {
    wish: { createdBy: null, withRetention: false, policy: null, ...wish },
    now,
    policies: new Map([[daily5.name, daily5]]),
    volumes: new Map([["v1", aVolume("v1", { metadata })]]),
    userIds: new Set([ourUser]),
    catalogue: new Map(catalogue.map((entry) => [entry.backupId, entry])),
    parents: new Map(Object.entries(parents)),
    siblings: new Map(siblings.map((row) => [row.id, row])),
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
    for (const withRetention of [true, false]) {
      assert.deepEqual(reasonsOf(plan(one, { policy: "unheard-of", withRetention })), ["no_such_policy"]);
    }
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
      plan(rows).adoptions.map(({ point: { id }, slot }) => [id, slot]),
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

const backup = (id: string, day: number, fields: Partial<Backup> = {}): Backup => ({
  ...snapshot(id, `2026-11-${String(day).padStart(2, "0")}T00:00:00Z`, fields),
  mechanism: "backup",
});
const onIt = (id: string, day: number, fields: Partial<Backup> = {}): Backup =>
  backup(id, day, { isIncremental: true, ...fields });
const become = ({ adoptions, refusals }: AdoptionPlan) => ({
  adopted: adoptions.map(({ point, parentId }) => [point.id, parentId]),
  refused: refusals.map(({ point, reason, message }) => [point.id, reason, message]),
});

void describe("planAdoption of backups", () => {
  const chain = [backup("f", 1), onIt("i1", 2), onIt("i2", 3)];
  const parents = { i1: "f", i2: "i1" };

  void it("takes a chain, parents first, each with its real parent for a mark, and a key that no snapshot has", () => {
    const made = plan([...chain].reverse(), { parents });
    assert.deepEqual(become(made).adopted, [
      ["f", null],
      ["i1", "f"],
      ["i2", "i1"],
    ]);
    assert.deepEqual(marksOf(made)[1], {
      __automated_backup: "True",
      "dirigent:adopted": "2026-11-21T12:00:00Z",
      "dirigent:key": "v1/adopted/manual:adopted-i1",
      "dirigent:parent": "f",
      "dirigent:policy": "adopted",
      "dirigent:slot": "manual:adopted-i1",
    });
  });

  void it("orders by what is built on what, whatever the clocks of Cinder said", () => {
    const odd = [onIt("i2", 1), onIt("i1", 2), backup("f", 3)];
    assert.deepEqual(
      become(plan(odd, { parents })).adopted.map(([id]) => id),
      ["f", "i1", "i2"],
    );
  });

  for (const { name, points, options, refused, adopted = [] } of [
    {
      name: "an incremental without what it is built on, naming that",
      points: [onIt("i1", 2)],
      options: {},
      refused: [["i1", "parent_not_adopted", "f"]],
    },
    {
      name: "all that is built on what is missing, naming the one that is missing",
      points: [onIt("i1", 2), onIt("i2", 3)],
      options: {},
      refused: [
        ["i1", "parent_not_adopted", "f"],
        ["i2", "parent_not_adopted", "f"],
      ],
    },
    {
      name: "what is built on one that is refused itself",
      points: [backup("f", 1, { status: "error" }), onIt("i1", 2)],
      options: {},
      refused: [
        ["f", "not_finished", "error"],
        ["i1", "parent_not_adopted", "f"],
      ],
    },
    {
      name: "what is built on one of another creator than was named",
      points: [backup("f", 1, { userId: "mallory" }), onIt("i1", 2)],
      options: { createdBy: "tenant" },
      refused: [
        ["f", "other_creator", "mallory"],
        ["i1", "parent_not_adopted", "f"],
      ],
    },
    {
      name: "an incremental whose parent nobody knows, and what is built on it",
      points: chain,
      options: { parents: { i1: null, i2: "i1" } },
      refused: [
        ["i1", "parent_missing", null],
        ["i2", "parent_not_adopted", "i1"],
      ],
      adopted: [["f", null]],
    },
    {
      name: "what goes round in a circle",
      points: [onIt("i1", 2), onIt("i2", 3)],
      options: { parents: { i1: "i2", i2: "i1" } },
      refused: [
        ["i2", "parent_not_adopted", "i1"],
        ["i1", "parent_not_adopted", "i1"],
      ],
    },
    {
      name: "one that was made from a snapshot",
      points: [backup("f", 1, { snapshotId: "s" })],
      options: {},
      refused: [["f", "made_from_snapshot", "s"]],
    },
    {
      name: "one that is available and has failed",
      points: [backup("f", 1, { failReason: "short read" })],
      options: {},
      refused: [["f", "not_finished", "short read"]],
    },
    {
      name: "a retention that nobody named",
      points: [backup("f", 1, { name: "vm_v1_1795478400" })],
      options: { withRetention: true },
      refused: [["f", "no_retention_known", "name the policy that it is to be kept by"]],
    },
  ]) {
    void it(`refuses ${name}`, () => {
      const made = plan(points, { siblings: chain, parents, ...options });
      assert.deepEqual(become(made), { adopted, refused });
    });
  }

  void it("takes what is built on ours, and not what is built on somebody else's below ours", () => {
    const ours = onIt("i1", 2, { userId: ourUser, metadata: own("i1", "x") });
    const sound = backup("f", 1, { userId: ourUser, metadata: own("f", "x") });
    const rows = [sound, ours, onIt("i2", 3)];
    assert.deepEqual(become(plan([rows[2]!], { siblings: rows, parents })), { adopted: [["i2", "i1"]], refused: [] });
    const foreign = [backup("f", 1), ...rows.slice(1)];
    assert.deepEqual(become(plan([rows[2]!], { siblings: foreign, parents })).refused, [
      ["i2", "parent_not_adopted", "f"],
    ]);
  });

  void it("takes what is built on one that was adopted before, as long as the database knows it", () => {
    const rows = [backup("f", 1, { metadata: own("f", "adopted") }), onIt("i1", 2)];
    const of = (catalogue: readonly CatalogueEntry[]) =>
      become(plan([rows[1]!], { siblings: rows, parents: { i1: "f" }, catalogue }));
    assert.deepEqual(of([entryOf(rows[0]!, { adopted: true })]), { adopted: [["i1", "f"]], refused: [] });
    assert.deepEqual(of([]), { adopted: [], refused: [["i1", "parent_not_adopted", "f"]] });
  });

  void it("knows Staffeln's by their names, and gives them the retention of a named policy", () => {
    const points = [
      backup("f", 20, { name: "web-1_v1_1795478400" }),
      backup("g", 20, { name: "web-1_v2_1795478400" }),
      backup("h", 20, { name: "v1_1795478400" }),
    ];
    const made = plan(points, { policy: "daily_5", withRetention: true });
    assert.deepEqual(
      made.adoptions.map(({ peer, policy, keepUntil, retention }) => [peer, policy, keepUntil, retention]),
      ["staffeln", null, null].map((peer) => [peer, "daily_5", at("2026-11-21T00:00:00Z"), "last=5,min=1,tz=UTC"]),
    );
  });

  void it("confirms a chain after a lost database, whatever a drill or a hold has said of it since", () => {
    const first = plan(chain, { parents, policy: "daily_5", withRetention: true });
    const judged = { "dirigent:hold": "2026-11-02T00:00:00Z", "dirigent:verdict": "bad: torn" };
    const rows = chain.map((row, i) => ({ ...row, metadata: { ...marksOf(first)[i], ...(i === 1 ? judged : {}) } }));
    const again = plan(rows, { parents });
    assert.deepEqual(
      marksOf(again),
      rows.map(({ metadata }) => metadata),
    );
  });
});
