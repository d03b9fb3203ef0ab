import { point, snapshot } from "../../test/audit/builders.ts";
import type { PointSpec } from "../../test/audit/builders.ts";
import { check, marked } from "../../test/audit/cases.ts";

/** Fulls of v1 at the beginning of January, all past their keep-until, made under a rule that keeps three days. */
const ruled = (day: number, spec: Partial<PointSpec> = {}) =>
  point({
    id: `d${day}`,
    created: `2026-01-${String(day).padStart(2, "0")}T00:00:00`,
    ...spec,
    marks: { "dirigent:retention": "daily=3,min=1,tz=UTC", ...spec.marks },
  });
const d1 = ruled(1);
const d2 = ruled(2);
const d3 = ruled(3);
const d4 = ruled(4);
const d5 = ruled(5);
/** A second one of the third, a day later. */
const twin = point({ id: "twin", created: "2026-01-04T00:00:00", metadata: d3.metadata });
/** Came between the listings. */
const d20 = ruled(20, { created: "2026-01-20T12:00:00" });

check("a point made under a rule", [
  { name: "goes when the rule does not want it", before: [d1, d2, d3, d4], gone: ["d1"], want: [] },
  {
    name: "stays while the rule wants it, expired as it is",
    before: [d1, d2, d3, d4],
    gone: ["d2"],
    want: [["removed-though-wanted", "failure", ["d2"]]],
  },
  { name: "goes when one that came pushed it out", before: [d1, d2, d3], gone: ["d1"], came: [d20], want: [] },
  {
    name: "goes for one that ended in error after room was made",
    before: [d1, d2, d3],
    gone: ["d1"],
    came: [{ ...d20, status: "error" }],
    want: [["in-error", "warning", ["d20"]]],
  },
  {
    name: "stays when another one of a slot that has one came: the two are counted once",
    before: [d1, d2, d3],
    gone: ["d1"],
    came: [twin],
    want: [
      ["removed-though-wanted", "failure", ["d1"]],
      ["duplicate-key", "failure", ["d3", "twin"]],
    ],
  },
  {
    name: "goes neither before its keep-until",
    before: [marked(d1, { "dirigent:keep-until": "2026-02-01T00:00:00Z" }), d2, d3, d4],
    gone: ["d1"],
    want: [["removed-too-early", "failure", ["d1"]]],
  },
  {
    name: "nor when its rule cannot be read",
    before: [marked(d1, { "dirigent:retention": "daily=3" }), d2, d3, d4],
    gone: ["d1"],
    want: [["removed-though-wanted", "failure", ["d1"]]],
  },
  {
    name: "nor when one of its chain is wanted",
    before: [d1, ruled(2, { parent: "d1" }), d3, d4],
    gone: ["d2"],
    want: [["removed-though-wanted", "failure", ["d2"]]],
  },
  {
    name: "nor when an older one of its chain is wanted",
    before: [
      ruled(1, { marks: { "dirigent:retention": "daily=9,min=1,tz=UTC" } }),
      ruled(2, { parent: "d1" }),
      d3,
      d4,
      d5,
    ],
    gone: ["d2"],
    want: [["removed-from-wanted-chain", "failure", ["d2", "d1"]]],
  },
  {
    name: "goes by its own rule, not by that of others",
    before: [ruled(1, { marks: { "dirigent:retention": "daily=4,min=1,tz=UTC" } }), d2, d3, d4, d5],
    gone: ["d1", "d2"],
    want: [],
  },
  {
    name: "is counted by when it was made, if its slot cannot be right",
    before: [
      d1,
      d2,
      d3,
      marked(d4, { "dirigent:slot": "2026-01-09T00:00:00Z", "dirigent:key": "v1/daily/2026-01-09T00:00:00Z" }),
    ],
    gone: ["d1"],
    want: [],
  },
  {
    name: "that failed goes, whatever its rule",
    before: [{ ...marked(d1, { "dirigent:retention": "daily" }), status: "error" }, d2],
    gone: ["d1"],
    want: [],
  },
  {
    name: "is counted among good ones only",
    before: [d1, d2, d3, marked(d4, { "dirigent:verdict": "bad" })],
    gone: ["d1"],
    want: [["removed-though-wanted", "failure", ["d1"]]],
  },
  {
    name: "is counted among those of its policy only",
    before: [d1, d2, d3, marked(d4, { "dirigent:policy": "other", "dirigent:key": "v1/other/2026-01-04T00:00:00Z" })],
    gone: ["d1"],
    want: [["removed-though-wanted", "failure", ["d1"]]],
  },
  {
    name: "is counted among those of its mechanism only",
    before: [d1, d2, d3, snapshot({ id: "s4", created: "2026-01-04T00:00:00" })],
    gone: ["d1"],
    want: [["removed-though-wanted", "failure", ["d1"]]],
  },
  {
    name: "is counted by its slot, though it was made late",
    before: [
      d1,
      ruled(2, {
        created: "2026-01-03T01:00:00",
        marks: { "dirigent:slot": "2026-01-02T00:00:00Z", "dirigent:key": "v1/daily/2026-01-02T00:00:00Z" },
      }),
      ruled(3, {
        created: "2026-01-03T02:00:00",
        marks: { "dirigent:slot": "2026-01-03T00:00:00Z", "dirigent:key": "v1/daily/2026-01-03T00:00:00Z" },
      }),
      d4,
    ],
    gone: ["d1"],
    want: [],
  },
]);

check("the rule of a point", [
  {
    name: "may grow",
    before: [d1],
    came: [marked(d1, { "dirigent:retention": "daily=4,min=1,tz=UTC" })],
    want: [],
  },
  {
    name: "may come",
    before: [marked(d1, { "dirigent:retention": undefined })],
    came: [d1],
    want: [],
  },
  {
    name: "may not shrink",
    before: [d1],
    came: [marked(d1, { "dirigent:retention": "daily=2,min=1,tz=UTC" })],
    want: [["promise-shortened", "failure", ["d1"]]],
  },
  {
    name: "may not go",
    before: [d1],
    came: [marked(d1, { "dirigent:retention": undefined })],
    want: [["promise-shortened", "failure", ["d1"]]],
  },
  {
    name: "can be read",
    before: [marked(d1, { "dirigent:retention": "forever" })],
    want: [["marks-unreadable", "failure", ["d1"]]],
  },
]);
