import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { listing, point, rules } from "../../test/audit/builders.ts";
import { chains, check, f1, f2, f3, f4, i1, marked } from "../../test/audit/cases.ts";
import { audit } from "./audit.ts";

describe("rights and times", () => {
  const now = listing({ at: "2026-01-21T00:00:00Z", points: chains });
  const partial = listing({ at: "2026-01-20T00:00:00Z", points: [f1], rights: "missing" });
  const codes = (...args: Parameters<typeof audit>) => audit(...args).map((each) => [each.code, each.severity]);

  it("finds nothing without an earlier listing", () => assert.deepEqual(codes(undefined, now, rules), []));
  it("finds nothing else when the reader lacks rights", () => {
    assert.deepEqual(codes(now, { ...partial, startedAt: now.endedAt, endedAt: now.endedAt }, rules), [
      ["rights-missing", "failure"],
    ]);
  });
  it("takes no partial listing as a reference", () => {
    assert.deepEqual(codes(partial, now, rules), [["rights-missing", "failure"]]);
  });
  it("takes no later listing as a reference", () => {
    const tomorrow = listing({ at: "2026-01-22T00:00:00Z", points: chains });
    assert.deepEqual(codes(tomorrow, now, rules), [["listings-out-of-order", "failure"]]);
  });
});

check("an empty cloud", [
  { name: "proves no rights", want: [["rights-unproven", "warning", []]] },
  {
    name: "hides nothing that was there before",
    before: [f1],
    gone: ["f1"],
    want: [
      ["rights-unproven", "warning", []],
      ["last-good-lost", "failure", ["f1"]],
    ],
  },
]);

const second = point({ id: "f1b", created: "2026-01-01T00:00:00", marks: { "dirigent:set": "s1/2" } });
const otherKey = { "dirigent:key": "v1/daily/manual:7" };

check("rule 2", [
  {
    name: "two backups of one slot",
    before: [f1, second],
    want: [["duplicate-key", "failure", ["f1", "f1b"]]],
  },
  {
    name: "whatever became of them",
    before: [{ ...f1, status: "error" }, second],
    want: [
      ["duplicate-key", "failure", ["f1", "f1b"]],
      ["in-error", "warning", ["f1"]],
    ],
  },
  {
    name: "two of one slot by their marks, under different keys",
    before: [f1, marked(second, otherKey)],
    want: [
      ["duplicate-slot", "failure", ["f1", "f1b"]],
      ["key-disagrees", "failure", ["f1b"]],
    ],
  },
  {
    name: "the same slot of another policy",
    before: [f1, marked(second, { "dirigent:policy": "weekly", "dirigent:key": "v1/weekly/2026-01-01T00:00:00Z" })],
    want: [],
  },
  {
    name: "the same slot of another volume",
    before: [f1, point({ id: "g", volume: "v2", created: "2026-01-01T00:00:00" })],
    want: [],
  },
  {
    name: "a forged twin counts for nothing",
    before: [f1, { ...second, userId: "mallory" }],
    want: [["forged", "information", ["f1b"]]],
  },
  {
    name: "a slot done again after its point went",
    before: [f1, f3],
    gone: ["f1"],
    came: [marked(f4, { "dirigent:slot": "2026-01-01T00:00:00Z", "dirigent:key": "v1/daily/2026-01-01T00:00:00Z" })],
    want: [["slot-repeated", "failure", ["f1", "f4"]]],
  },
  {
    name: "a new slot after an old point went",
    before: [f1, f3],
    gone: ["f1"],
    came: [f4],
    want: [],
  },
]);

const inP2 = [{ id: "v1", projectId: "p2", sizeGiB: 1, snapshotId: null }];

check("rule 3", [
  {
    name: "a new point outside the project of its volume",
    before: [f1],
    came: [{ ...f4, projectId: "p2" }],
    want: [["wrong-project", "failure", ["f4"]]],
  },
  { name: "or without an earlier listing", came: [f4], volumes: inP2, want: [["wrong-project", "failure", ["f4"]]] },
  {
    name: "a volume that was transferred leaves its points behind",
    before: [f1],
    volumesNow: inP2,
    want: [["wrong-project", "warning", ["f1"]]],
  },
  { name: "a volume that is gone has no project", before: [f1], volumesNow: [], want: [] },
  {
    name: "what is not ours may be anywhere",
    came: [{ ...f4, projectId: "p2", userId: "alice", metadata: {} }],
    want: [],
  },
]);

check("states", [
  {
    name: "in error",
    came: [f1, { ...f2, status: "error", failReason: "no space" }],
    want: [["in-error", "warning", ["f2"]]],
  },
  {
    name: "creating for as long as its size takes",
    came: [{ ...f4, status: "creating", sizeGiB: 100, createdAt: "2026-01-20T21:35:00.000Z" }],
    want: [],
  },
  {
    name: "creating for longer",
    came: [{ ...f4, status: "creating", sizeGiB: 100, createdAt: "2026-01-20T21:34:00.000Z" }],
    want: [["stuck", "warning", ["f4"]]],
  },
  {
    name: "deleting for longer than it was told",
    came: [f3, { ...f1, status: "deleting", updatedAt: "2026-01-20T23:57:00.000Z" }],
    options: { passingStateMs: 60_000 },
    want: [["stuck", "warning", ["f1"]]],
  },
  {
    name: "a user's own in any state",
    came: [f1, { ...f2, userId: "alice", metadata: {}, status: "error" }],
    want: [],
  },
  {
    name: "smaller than its volume was when it was made",
    before: [f1],
    volumes: [{ id: "v1", projectId: "p1", sizeGiB: 2, snapshotId: null }],
    came: [f4],
    want: [["undersized", "warning", ["f4"]]],
  },
  {
    name: "begun while the earlier listing was being made",
    before: [f1],
    volumes: [{ id: "v1", projectId: "p1", sizeGiB: 2, snapshotId: null }],
    came: [{ ...f4, createdAt: "2026-01-20T00:59:59.000Z" }],
    want: [],
  },
  {
    name: "smaller than the volume has become since",
    before: [f1],
    volumesNow: [{ id: "v1", projectId: "p1", sizeGiB: 2, snapshotId: null }],
    came: [f4],
    want: [],
  },
  {
    name: "smaller than an earlier one of its volume",
    came: [{ ...f1, sizeGiB: 2 }, f4],
    want: [["undersized", "warning", ["f4"]]],
  },
  {
    name: "of no size",
    came: [{ ...f1, sizeGiB: 0 }],
    want: [["undersized", "warning", ["f1"]]],
  },
  {
    name: "too small to take the place of a good one",
    before: [f1, i1],
    volumes: [{ id: "v1", projectId: "p1", sizeGiB: 2, snapshotId: null }],
    gone: ["f1", "i1"],
    came: [f4],
    want: [
      ["last-good-lost", "failure", ["f1", "i1"]],
      ["undersized", "warning", ["f4"]],
    ],
  },
]);
