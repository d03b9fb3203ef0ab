import { chains, check, f1, f3, f4, i1, i3, marked } from "../../test/audit/cases.ts";
import { foreign, point } from "../../test/audit/builders.ts";

const allIds = chains.map((each) => each.id);
const ofUser = foreign({ id: "u", created: "2026-01-20T00:30:00" });

check("the last good point of a volume", [
  { name: "nothing changed", before: chains, want: [] },
  { name: "an expired chain may go", before: chains, gone: ["f1", "i1"], want: [] },
  { name: "its newer half may go first", before: chains, gone: ["i1"], want: [] },
  { name: "all expired chains but the newest may go", before: chains, gone: ["f1", "i1", "f2", "i2"], want: [] },
  {
    name: "everything is gone",
    before: [...chains, ofUser],
    gone: allIds,
    want: [["last-good-lost", "failure", allIds]],
  },
  {
    name: "a user's backup is no substitute",
    before: [f1],
    gone: ["f1"],
    came: [foreign({ id: "u", created: "2026-01-20T12:00:00" })],
    want: [["last-good-lost", "failure", ["f1"]]],
  },
  {
    name: "the newest chain is gone, expired or not",
    before: chains,
    gone: ["f3", "i3"],
    want: [["newest-chain-broken", "failure", ["f3", "i3"]]],
  },
  {
    name: "the newer half of the newest chain is gone",
    before: chains,
    gone: ["i3"],
    want: [["newest-chain-broken", "failure", ["i3"]]],
  },
  {
    name: "a member that is not good is gone from the newest good chain",
    before: [f3, marked(i3, { "dirigent:verdict": "bad" })],
    gone: ["i3"],
    want: [["newest-chain-broken", "failure", ["i3"]]],
  },
  { name: "the newest chain may go for a newer good one", before: chains, gone: ["f3", "i3"], came: [f4], want: [] },
  {
    name: "a newer chain that is not good takes nobody's place",
    before: chains,
    gone: ["f3", "i3"],
    came: [{ ...f4, status: "creating", createdAt: "2026-01-20T23:30:00.000Z" }],
    want: [["newest-chain-broken", "failure", ["f3", "i3"]]],
  },
  {
    name: "a newer good incremental of the same chain takes no member's place",
    before: chains,
    gone: ["i3"],
    came: [point({ id: "i4", created: "2026-01-20T12:00:00", keepUntil: "2026-02-03T00:00:00Z", parent: "f3" })],
    want: [
      ["newest-chain-broken", "failure", ["i3"]],
      ["removed-out-of-order", "failure", ["i3", "i4"]],
    ],
  },
  {
    name: "of two chains of one second either may stay",
    before: [
      ...chains,
      point({ id: "f3b", created: i3.createdAt.slice(0, 19), keepUntil: "2026-02-20T00:00:00Z", marks: otherSlot() }),
    ],
    gone: ["f3", "i3"],
    want: [],
  },
  {
    name: "of two in one second the child is the newer",
    before: [
      ...chains,
      point({ id: "f3b", created: "2026-01-06T00:00:00", keepUntil: "2026-01-20T00:00:00Z", marks: otherSlot() }),
    ],
    gone: ["f3b"],
    want: [],
  },
  {
    name: "the newest point was reset to error",
    before: chains,
    came: [{ ...i3, status: "error", failReason: "reset" }],
    want: [
      ["newest-chain-broken", "failure", ["i3"]],
      ["in-error", "warning", ["i3"]],
    ],
  },
  {
    name: "the only point got a reason of failure",
    before: [f1],
    came: [{ ...f1, failReason: "lost its object" }],
    want: [["last-good-lost", "failure", ["f1"]]],
  },
  {
    name: "being restored is no loss",
    before: [f1],
    came: [{ ...f1, status: "restoring", updatedAt: "2026-01-20T23:59:00.000Z" }],
    want: [],
  },
  {
    name: "a bad verdict that leaves nothing good is worth a warning",
    before: [f1],
    came: [marked(f1, { "dirigent:verdict": "bad" })],
    want: [["last-good-doubted", "warning", ["f1"]]],
  },
  { name: "a good verdict", before: [f1], came: [marked(f1, { "dirigent:verdict": "good" })], want: [] },
  {
    name: "a bad verdict on the newest chain leaves the others",
    before: chains,
    came: [marked(i3, { "dirigent:verdict": "bad: checksum" })],
    want: [],
  },
  {
    name: "lost marks leave the data where it was",
    before: [f1],
    came: [{ ...f1, metadata: {} }],
    want: [
      ["last-good-doubted", "warning", ["f1"]],
      ["promise-shortened", "failure", ["f1"]],
      ["unmarked", "warning", ["f1"]],
    ],
  },
  {
    name: "an operator let go of it",
    before: [f1],
    came: [{ ...f1, metadata: {} }],
    options: { permittedPrunes: ["f1"] },
    want: [
      ["last-good-doubted", "warning", ["f1"]],
      ["unmarked", "warning", ["f1"]],
    ],
  },
  {
    name: "what an operator named is only let go when its marks are gone, too",
    before: [f1],
    came: [marked(f1, { "dirigent:keep-until": "2026-01-14T23:59:59Z" })],
    options: { permittedPrunes: ["f1"] },
    want: [["promise-shortened", "failure", ["f1"]]],
  },
  {
    name: "a child of what lost its marks is doubtful, too",
    before: [f1, i1],
    came: [{ ...f1, metadata: {} }],
    want: [
      ["last-good-doubted", "warning", ["f1", "i1"]],
      ["promise-shortened", "failure", ["f1"]],
      ["foreign-parent", "warning", ["i1", "f1"]],
      ["unmarked", "warning", ["f1"]],
    ],
  },
  {
    name: "a child whose parent is gone is lost, too",
    before: chains,
    gone: ["f3"],
    want: [
      ["newest-chain-broken", "failure", ["f3", "i3"]],
      ["removed-out-of-order", "failure", ["f3", "i3"]],
      ["parent-gone", "failure", ["i3"]],
    ],
  },
  {
    name: "what never was good cannot be lost",
    before: [{ ...f1, status: "error" }, ofUser],
    gone: ["f1"],
    want: [],
  },
]);

check("the last good point of a volume that is gone", [
  {
    name: "it stays",
    before: chains,
    volumes: [],
    gone: ["f3", "i3"],
    want: [["newest-chain-broken", "failure", ["f3", "i3"]]],
  },
  {
    name: "until its volume is pruned, whatever the keep-until",
    before: [...chains, ofUser],
    beforeAt: "2026-01-10T00:00:00Z",
    at: "2026-01-10T12:00:00Z",
    volumes: [],
    gone: allIds,
    options: { permittedPrunes: ["v1"] },
    want: [],
  },
  {
    name: "or its backups are",
    before: chains,
    volumes: [],
    gone: ["f3", "i3"],
    options: { permittedPrunes: ["f3", "i3"] },
    want: [],
  },
  {
    name: "without the pruned ones the next chain is the newest",
    before: chains,
    volumes: [],
    gone: ["f2", "i2", "f3", "i3"],
    options: { permittedPrunes: ["f3", "i3"] },
    want: [["newest-chain-broken", "failure", ["f2", "i2"]]],
  },
  {
    name: "the permission for another volume",
    before: [f1, ofUser],
    volumes: [],
    gone: ["f1"],
    options: { permittedPrunes: ["v2"] },
    want: [["last-good-lost", "failure", ["f1"]]],
  },
]);

function otherSlot(): Record<string, string> {
  const slot = "2026-01-06T00:00:01Z";
  return { "dirigent:slot": slot, "dirigent:key": `v1/daily/${slot}` };
}
