import { point, snapshot } from "../../test/audit/builders.ts";
import { check, f1, f3, f4, marked } from "../../test/audit/cases.ts";

const s1 = snapshot({ id: "s1", created: "2026-01-01T00:00:00", keepUntil: "2026-01-15T00:00:00Z" });
const s2 = snapshot({ id: "s2", created: "2026-01-02T00:00:00", keepUntil: "2026-01-16T00:00:00Z" });
/** Came between the two listings. */
const s3 = snapshot({ id: "s3", created: "2026-01-20T12:00:00", keepUntil: "2026-02-03T00:00:00Z" });
const foreignSnapshot = snapshot({ id: "u", user: "alice", created: "2026-01-03T00:00:00", metadata: {} });
const p1 = { id: "v1", projectId: "p1", sizeGiB: 1, snapshotId: null };
const unproven = ["rights-unproven", "warning", []] as const;

check("the last good snapshot of a volume", [
  { name: "an older one may go", before: [f1, s1, s2], gone: ["s1"], want: [] },
  {
    name: "a backup does not stand in for the last snapshot",
    before: [f1, s1],
    gone: ["s1"],
    came: [f4],
    want: [["last-good-lost", "failure", ["s1"]]],
  },
  {
    name: "a snapshot does not stand in for the last backup",
    before: [f1, s1],
    gone: ["f1"],
    came: [s3],
    want: [unproven, ["last-good-lost", "failure", ["f1"]]],
  },
  {
    name: "the newest stays",
    before: [f1, s1, s2],
    gone: ["s2"],
    want: [["newest-chain-broken", "failure", ["s2"]]],
  },
  { name: "unless a newer one came", before: [f1, s1], gone: ["s1"], came: [s3], want: [] },
  {
    name: "one that is being backed up is good",
    before: [f1, s1, { ...s2, status: "backing-up" }],
    gone: ["s1"],
    want: [],
  },
  {
    name: "one that is being unmanaged is as good as gone",
    before: [f1, s1],
    came: [{ ...s1, status: "unmanaging" }],
    want: [["last-good-lost", "failure", ["s1"]]],
  },
  {
    name: "a transferred volume takes its snapshots along, and its new owner is their creator",
    before: [f1, s1],
    came: [{ ...s1, userId: "bob", projectId: "p2" }],
    want: [
      ["last-good-doubted", "warning", ["s1"]],
      ["forged", "information", ["s1"]],
    ],
  },
]);

check("snapshots that went", [
  {
    name: "too early",
    before: [f1, { ...s1, metadata: { ...s1.metadata, "dirigent:keep-until": "2026-01-22T00:00:00Z" } }, s2],
    gone: ["s1"],
    want: [["removed-too-early", "failure", ["s1"]]],
  },
  {
    name: "though held",
    before: [f1, marked(s1, { "dirigent:hold": "yes" }), s2],
    gone: ["s1"],
    want: [["held-removed", "failure", ["s1"]]],
  },
  {
    name: "under volumes that were made from them",
    before: [f1, s1, s2],
    volumes: [p1, { ...p1, id: "v2", snapshotId: "s1" }],
    gone: ["s1"],
    want: [["removed-under-volumes", "failure", ["s1"]]],
  },
  {
    name: "with the volumes that were made from them",
    before: [f1, s1, s2],
    volumes: [p1, { ...p1, id: "v2", snapshotId: "s1" }],
    volumesNow: [p1],
    gone: ["s1"],
    want: [],
  },
  {
    name: "after an attempt that failed",
    before: [
      f1,
      { ...s1, status: "error", metadata: { ...s1.metadata, "dirigent:keep-until": "2026-02-01T00:00:00Z" } },
      s2,
    ],
    gone: ["s1"],
    want: [],
  },
  {
    name: "after an attempt that failed, when only a backup is newer",
    before: [
      f3,
      { ...s1, status: "error", metadata: { ...s1.metadata, "dirigent:keep-until": "2026-02-01T00:00:00Z" } },
    ],
    gone: ["s1"],
    want: [["removed-too-early", "failure", ["s1"]]],
  },
  {
    name: "that were a user's",
    before: [f1, foreignSnapshot],
    gone: ["u"],
    want: [["foreign-removed", "information", ["u"]]],
  },
]);

check("released snapshots", [
  { name: "by volume", before: [f1, s1, s2], gone: ["s1", "s2"], options: { permittedReleases: ["v1"] }, want: [] },
  { name: "one by one", before: [f1, s1, s2], gone: ["s2"], options: { permittedReleases: ["s2"] }, want: [] },
  {
    name: "cover no held ones",
    before: [f1, marked(s1, { "dirigent:hold": "yes" }), s2],
    gone: ["s1", "s2"],
    options: { permittedReleases: ["v1", "s1"] },
    want: [
      ["last-good-lost", "failure", ["s1"]],
      ["held-removed", "failure", ["s1"]],
    ],
  },
  {
    name: "cover no backups",
    before: [f1, s1],
    gone: ["f1", "s1"],
    options: { permittedReleases: ["v1", "f1"] },
    want: [unproven, ["last-good-lost", "failure", ["f1"]]],
  },
]);

const many = (count: number, mechanism: "backup" | "snapshot") =>
  Array.from({ length: count }, (_, n) =>
    point({ mechanism, id: `${mechanism}${n}`, volume: `v${n}`, created: "2026-01-01T00:00:00" }),
  );
const newer = (count: number, mechanism: "backup" | "snapshot") =>
  many(count, mechanism).map((each) => ({
    ...point({ mechanism, id: `new-${each.id}`, volume: each.volumeId, created: "2026-01-05T00:00:00" }),
  }));

check("the brake", [
  {
    name: "is one over both mechanisms together",
    before: [...many(6, "backup"), ...many(6, "snapshot"), ...newer(6, "backup"), ...newer(6, "snapshot")],
    gone: [...many(5, "backup"), ...many(6, "snapshot")].map((each) => each.id),
    volumes: [],
    want: [["brake-exceeded", "failure", [...many(5, "backup"), ...many(6, "snapshot")].map((each) => each.id)]],
  },
]);

check("slots", [
  { name: "of both mechanisms are two", before: [f1, s1], want: [] },
  {
    name: "of several policies are each their own",
    before: [
      f1,
      s1,
      marked(
        { ...s1, id: "s9" },
        { "dirigent:policy": "weekly", "dirigent:key": "v1/weekly/2026-01-01T00:00:00Z/snapshot" },
      ),
    ],
    want: [],
  },
  {
    name: "have one snapshot",
    before: [f1, s1, { ...s1, id: "s9" }],
    want: [["duplicate-key", "failure", ["s1", "s9"]]],
  },
  {
    name: "of a snapshot say so in the key",
    before: [f1, marked(s1, { "dirigent:key": "v1/daily/2026-01-01T00:00:00Z" })],
    want: [
      ["duplicate-key", "failure", ["f1", "s1"]],
      ["key-disagrees", "failure", ["s1"]],
    ],
  },
  {
    name: "of a backup do not",
    before: [marked(f1, { "dirigent:key": "v1/daily/2026-01-01T00:00:00Z/snapshot" })],
    want: [["key-disagrees", "failure", ["f1"]]],
  },
]);

check("snapshots", [
  {
    name: "are in the project of their volume",
    before: [f1],
    came: [{ ...s3, projectId: "admin" }],
    want: [["wrong-project", "failure", ["s3"]]],
  },
  {
    name: "are marked whole",
    before: [f1, marked(s1, { "dirigent:set": undefined })],
    want: [["marks-missing", "failure", ["s1"]]],
  },
  {
    name: "are looked at when they fail or stay creating",
    before: [f1, { ...s1, status: "error" }, { ...s2, status: "creating" }],
    want: [
      ["in-error", "warning", ["s1"]],
      ["stuck", "warning", ["s2"]],
    ],
  },
  {
    name: "are forged by others",
    before: [f1, { ...s1, userId: "alice" }],
    want: [["forged", "information", ["s1"]]],
  },
]);

const adoptable = snapshot({ id: "a", user: "alice", created: "2026-01-01T06:00:00", metadata: { "x-snap": "1" } });
const adopted = marked(adoptable, { __automated_backup: "True", "dirigent:adopted": "snapsentry" });
const kept = marked(adopted, { "dirigent:keep-until": "2026-01-10T00:00:00Z" });

check("adopted snapshots", [
  {
    name: "are forged unless we are told",
    before: [f1, adoptable],
    came: [adopted],
    want: [["forged", "information", ["a"]]],
  },
  { name: "need no slot", before: [f1, adoptable], came: [adopted], options: { adopted: ["a"] }, want: [] },
  {
    name: "are not ours without a mark",
    before: [f1, adoptable],
    gone: ["a"],
    options: { adopted: ["a"] },
    want: [["foreign-removed", "information", ["a"]]],
  },
  {
    name: "stay for ever without a retention",
    before: [f1, adopted, s2],
    gone: ["a"],
    options: { adopted: ["a"] },
    want: [["removed-without-promise", "failure", ["a"]]],
  },
  {
    name: "stay while the rule wants them that is all they have",
    before: [f1, marked(adopted, { "dirigent:retention": "last=1,min=1,tz=UTC" }), s2],
    gone: ["a"],
    options: { adopted: ["a"] },
    want: [["removed-though-wanted", "failure", ["a"]]],
  },
  {
    name: "go by the rule that is all they have",
    before: [
      f1,
      marked(adopted, { "dirigent:policy": "daily", "dirigent:retention": "last=1,min=1,tz=UTC" }),
      marked(s2, { "dirigent:retention": "last=1,min=1,tz=UTC" }),
    ],
    gone: ["a"],
    options: { adopted: ["a"] },
    want: [],
  },
  {
    name: "may be in another project than their volume",
    before: [f1, { ...adopted, projectId: "service" }],
    options: { adopted: ["a"] },
    want: [["wrong-project", "warning", ["a"]]],
  },
  { name: "go by their retention", before: [f1, kept, s2], gone: ["a"], options: { adopted: ["a"] }, want: [] },
  {
    name: "are points like others",
    before: [f1, kept],
    gone: ["a"],
    options: { adopted: ["a"] },
    want: [["last-good-lost", "failure", ["a"]]],
  },
  {
    name: "may have read their marks wrong",
    before: [f1, marked(kept, { "dirigent:keep-until": "soon" })],
    options: { adopted: ["a"] },
    want: [["marks-unreadable", "failure", ["a"]]],
  },
]);

check("around one run", [
  {
    name: "what is not ours stays as it was",
    before: [f1, foreignSnapshot],
    came: [marked(foreignSnapshot, { "dirigent:keep-until": "2026-01-22T00:00:00Z" })],
    options: { strictForeign: true },
    want: [
      ["foreign-changed", "failure", ["u"]],
      ["forged", "information", ["u"]],
    ],
  },
  {
    name: "unless it was adopted or disowned",
    before: [f1, foreignSnapshot, adoptable],
    came: [adopted, marked(foreignSnapshot, { "x-snap": "1" })],
    options: { strictForeign: true, adopted: ["a"], permittedPrunes: ["u"] },
    want: [],
  },
  {
    name: "what is not ours does not go",
    before: [f1, foreignSnapshot],
    gone: ["u"],
    options: { strictForeign: true },
    want: [["foreign-removed", "failure", ["u"]]],
  },
]);

const temporary = snapshot({
  id: "t1",
  created: "2026-01-20T00:00:00",
  metadata: { "dirigent:temporary": "True", "dirigent:key": "v1/daily/2026-01-20T00:00:00Z/temporary" },
});

check("temporary snapshots", [
  { name: "come and go", before: [f1, temporary], gone: ["t1"], want: [] },
  { name: "are no points, and not unmarked", before: [f1, s1], came: [temporary], gone: [], want: [] },
  {
    name: "are told when they are still there after a day",
    before: [f1],
    came: [{ ...temporary, createdAt: "2026-01-19T12:00:00.000Z" }],
    want: [["temporary-left", "warning", ["t1"]]],
  },
  {
    name: "of somebody else are forged",
    before: [f1],
    came: [{ ...temporary, userId: "alice" }],
    want: [["forged", "information", ["t1"]]],
  },
  {
    name: "are not what was a point before, whatever is written on it",
    before: [f1, s1],
    came: [{ ...s1, metadata: temporary.metadata }],
    want: [
      ["promise-shortened", "failure", ["s1"]],
      ["marks-missing", "failure", ["s1"]],
    ],
  },
  {
    name: "a point that is called one is a point that went too early",
    before: [
      f1,
      marked({ ...s1 }, { "dirigent:temporary": "True", "dirigent:keep-until": "2026-01-22T00:00:00Z" }),
      s2,
    ],
    gone: ["s1"],
    want: [["removed-too-early", "failure", ["s1"]]],
  },
]);
