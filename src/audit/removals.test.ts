import { chains, check, f1, f3, f4, i1, i2, marked } from "../../test/audit/cases.ts";
import { foreign, point } from "../../test/audit/builders.ts";

const held = marked(i1, { "dirigent:hold": "" });
const farFuture = { "dirigent:keep-until": "2027-01-01T00:00:00Z" };
const twin = point({ id: "i1b", created: "2026-01-02T12:00:00", keepUntil: "2026-01-16T12:00:00Z", parent: "f1" });

check("the promise of what went", [
  {
    name: "one second too early",
    before: chains,
    beforeAt: "2026-01-17T12:00:00Z",
    at: "2026-01-17T23:59:59Z",
    gone: ["f2", "i2"],
    want: [
      ["removed-from-wanted-chain", "failure", ["f2", "i2"]],
      ["removed-too-early", "failure", ["i2"]],
    ],
  },
  {
    name: "just in time",
    before: chains,
    beforeAt: "2026-01-17T12:00:00Z",
    at: "2026-01-18T00:00:00Z",
    gone: ["f2", "i2"],
    want: [],
  },
  {
    name: "deleting is as good as gone",
    before: chains,
    beforeAt: "2026-01-17T12:00:00Z",
    at: "2026-01-17T13:00:00Z",
    came: [{ ...i2, status: "deleting", updatedAt: "2026-01-17T12:59:00.000Z" }],
    want: [["removed-too-early", "failure", ["i2"]]],
  },
  {
    name: "what was deleting already was judged when that began",
    before: [
      ...chains.slice(0, 3),
      { ...i2, status: "deleting", updatedAt: "2026-01-17T11:59:00.000Z" },
      ...chains.slice(4),
    ],
    beforeAt: "2026-01-17T12:00:00Z",
    at: "2026-01-17T12:30:00Z",
    want: [],
  },
  { name: "held", before: [f1, held, f3], gone: ["i1"], want: [["held-removed", "failure", ["i1"]]] },
  {
    name: "the ancestor of a held one",
    before: [f1, held, f3],
    gone: ["f1", "i1"],
    want: [
      ["removed-from-wanted-chain", "failure", ["f1", "i1"]],
      ["held-removed", "failure", ["i1"]],
    ],
  },
  {
    name: "pruning a volume does not cover what is held",
    before: [f1, held, f3],
    gone: ["f1", "i1"],
    options: { permittedPrunes: ["v1"] },
    want: [["held-removed", "failure", ["i1"]]],
  },
  {
    name: "naming the held backup does",
    before: [f1, held, f3],
    gone: ["f1", "i1"],
    options: { permittedPrunes: ["i1"] },
    want: [],
  },
  {
    name: "without a readable keep-until",
    before: [marked(f1, { "dirigent:keep-until": "next week" }), f3],
    gone: ["f1"],
    want: [["removed-without-promise", "failure", ["f1"]]],
  },
  {
    name: "a failed attempt, once a newer good point is there",
    before: [marked({ ...f1, status: "error" }, farFuture), f3],
    gone: ["f1"],
    want: [],
  },
  {
    name: "a failed attempt, once a newer good point has come",
    before: [f1, marked({ ...i1, status: "error" }, farFuture), marked({ ...f3, status: "error" }, farFuture)],
    gone: ["f3"],
    came: [f4],
    want: [["in-error", "warning", ["i1"]]],
  },
  {
    name: "a failed attempt, although the newer good point was judged bad since",
    before: [marked({ ...f1, status: "error" }, farFuture), f3],
    gone: ["f1"],
    came: [marked(f3, { "dirigent:verdict": "bad" })],
    want: [["last-good-doubted", "warning", ["f3"]]],
  },
  {
    name: "what was being made and failed since",
    before: [f1, marked({ ...f3, status: "creating" }, farFuture)],
    gone: ["f3"],
    came: [f4],
    want: [],
  },
  {
    name: "a failed attempt, without one",
    before: [f1, marked({ ...f3, status: "error" }, farFuture)],
    gone: ["f3"],
    want: [["removed-too-early", "failure", ["f3"]]],
  },
  {
    name: "a failed attempt at the end of a chain that is wanted",
    before: [marked(f1, farFuture), marked({ ...i1, status: "error" }, farFuture), f3],
    gone: ["i1"],
    want: [["removed-from-wanted-chain", "failure", ["i1", "f1"]]],
  },
  {
    name: "an earlier keep-until than promised",
    before: [f1],
    came: [marked(f1, { "dirigent:keep-until": "2026-01-14T23:59:59Z" })],
    want: [["promise-shortened", "failure", ["f1"]]],
  },
  {
    name: "a later keep-until",
    before: [f1],
    came: [marked(f1, farFuture)],
    want: [],
  },
]);

check("what was not ours to delete", [
  {
    name: "a user may delete his own",
    before: [f1, foreign({ id: "u", created: "2026-01-01T00:00:00" })],
    gone: ["u"],
    want: [["foreign-removed", "information", ["u"]]],
  },
  {
    name: "forged marks make nothing ours",
    before: [f1, point({ id: "x", user: "mallory", created: "2026-01-01T00:00:00" })],
    gone: ["x"],
    options: { strictForeign: true },
    want: [["foreign-removed", "failure", ["x"]]],
  },
  {
    name: "neither does the conductor's user alone",
    before: [f1, point({ id: "x", created: "2026-01-01T00:00:00", metadata: { note: "mine" } })],
    gone: ["x"],
    options: { strictForeign: true },
    want: [["foreign-removed", "failure", ["x"]]],
  },
]);

check("order and ancestors", [
  {
    name: "a parent went before its child",
    before: chains,
    gone: ["f1"],
    want: [
      ["removed-out-of-order", "failure", ["f1", "i1"]],
      ["parent-gone", "failure", ["i1"]],
    ],
  },
  {
    name: "a parent is on its way out before its child",
    before: chains,
    came: [{ ...f1, status: "deleting", updatedAt: "2026-01-20T23:59:00.000Z" }],
    want: [
      ["removed-out-of-order", "failure", ["f1", "i1"]],
      ["parent-gone", "failure", ["i1"]],
    ],
  },
  {
    name: "an older branch went before a newer one",
    before: [f1, i1, twin, f3],
    gone: ["i1"],
    want: [["removed-out-of-order", "failure", ["i1", "i1b"]]],
  },
  {
    name: "which of two in one second was the newer nobody knows",
    before: [f1, i1, { ...twin, createdAt: i1.createdAt }, f3],
    gone: ["i1"],
    want: [],
  },
  { name: "the newer branch went first", before: [f1, i1, twin, f3], gone: ["i1b"], want: [] },
  {
    name: "a chain lost an expired member while it grew",
    before: chains,
    gone: ["i1"],
    came: [point({ id: "i1c", created: "2026-01-20T12:00:00", parent: "f1" })],
    want: [["removed-out-of-order", "failure", ["i1", "i1c"]]],
  },
  {
    name: "a parent that Cinder tells no more is known from the earlier listing",
    before: [f1, i1, f3],
    came: [{ ...i1, parentId: null }],
    want: [],
  },
  {
    name: "no backup owns up to an incremental",
    before: [f3],
    came: [{ ...i1, parentId: null }],
    want: [["parent-gone", "failure", ["i1"]]],
  },
  {
    name: "a user's incremental without its parent is his business",
    before: [f3],
    came: [foreign({ id: "u", created: "2026-01-02T00:00:00", parent: "u0" })],
    want: [["parent-gone", "information", ["u"]]],
  },
  {
    name: "unless the parent was ours",
    before: [f1, foreign({ id: "u", created: "2026-01-02T00:00:00", parent: "f1" }), f3],
    gone: ["f1"],
    want: [["parent-gone", "failure", ["u"]]],
  },
  {
    name: "a point of ours on a user's backup",
    before: [f1, foreign({ id: "u", created: "2026-01-03T00:00:00" })],
    came: [point({ id: "i", created: "2026-01-20T12:00:00", parent: "u" })],
    want: [["foreign-parent", "warning", ["i", "u"]]],
  },
  {
    name: "a point of ours on an archive",
    before: [marked(f1, { "dirigent:archive": "True" })],
    came: [point({ id: "i", created: "2026-01-20T12:00:00", parent: "f1" })],
    want: [["archive-parent", "warning", ["i", "f1"]]],
  },
  {
    name: "a user's incremental on a point of ours",
    before: [f1],
    came: [foreign({ id: "u", created: "2026-01-20T12:00:00", parent: "f1" })],
    want: [],
  },
]);
