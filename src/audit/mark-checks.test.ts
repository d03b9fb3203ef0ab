import assert from "node:assert/strict";
import { it } from "node:test";
import { check, f1, i1, marked } from "../../test/audit/cases.ts";
import { utcInstantMs } from "./marks.ts";

const id = "f1";
const bad = (code: "marks-missing" | "marks-unreadable" | "key-disagrees", ...more: "key-disagrees"[]) =>
  [code, ...more].map((each) => [each, "failure", [id]] as const);

const needed = [
  "__automated_backup",
  "dirigent:key",
  "dirigent:policy",
  "dirigent:slot",
  "dirigent:server",
  "dirigent:set",
];

check("marks that a rebuild needs", [
  ...[...needed, "dirigent:keep-until"].map((key) => ({
    name: `${key} is missing`,
    came: [marked(f1, { [key]: undefined })],
    want: bad("marks-missing"),
  })),
  { name: "the volume type is not one of them", came: [marked(f1, { "dirigent:volume-type": undefined })], want: [] },
  { name: "all are gone", came: [{ ...f1, metadata: {} }], want: [["unmarked", "warning", [id]]] },
  { name: "somebody else's", came: [{ ...f1, userId: "mallory" }], want: [["forged", "information", [id]]] },
  {
    name: "nobody's",
    came: [{ ...f1, userId: null, metadata: { "dirigent:hold": "" } }],
    want: [["forged", "information", [id]]],
  },
  { name: "other metadata forges nothing", came: [{ ...f1, userId: "alice", metadata: { backup: "yes" } }], want: [] },
]);

const manual = { "dirigent:slot": "manual:7", "dirigent:key": "v1/daily/manual:7" };

check("marks that a rebuild can read", [
  { name: "not automated", came: [marked(f1, { __automated_backup: "yes" })], want: bad("marks-unreadable") },
  {
    name: "a keep-until of no zone",
    came: [marked(f1, { "dirigent:keep-until": "2026-01-15T00:00:00" })],
    want: bad("marks-unreadable"),
  },
  {
    name: "a keep-until with a fraction",
    came: [marked(f1, { "dirigent:keep-until": "2026-01-15T00:00:00.5Z" })],
    want: [],
  },
  {
    name: "a slot that is no time",
    came: [marked(f1, { "dirigent:slot": "today", "dirigent:key": "v1/daily/today" })],
    want: bad("marks-unreadable"),
  },
  ...["dirigent:asked", "dirigent:asked-policies"].flatMap((key) => [
    {
      name: `${key} of volume and server`,
      came: [marked(f1, { [key]: "volume=gold,quick@2026-01-02T00:00:00Z server=@2026-01-01T00:00:00Z" })],
      want: [],
    },
    ...["", "volume", "volume=30d", "volume=30d@today", "30d@2026-01-01T00:00:00Z"].map((value) => ({
      name: `${key} is ${JSON.stringify(value)}`,
      came: [marked(f1, { [key]: value })],
      want: bad("marks-unreadable"),
    })),
  ]),
  { name: "a manual run's slot", came: [marked(f1, manual)], want: [] },
  {
    name: "a manual run without an id",
    came: [marked(f1, { "dirigent:slot": "manual:", "dirigent:key": "v1/daily/manual:" })],
    want: bad("marks-unreadable"),
  },
  { name: "no server: its volume is not attached", came: [marked(f1, { "dirigent:server": "" })], want: [] },
  { name: "an empty set", came: [marked(f1, { "dirigent:set": "" })], want: bad("marks-unreadable") },
  {
    name: "an empty policy",
    came: [marked(f1, { "dirigent:policy": "" })],
    want: bad("marks-unreadable", "key-disagrees"),
  },
]);

check("marks that agree", [
  {
    name: "the key of another volume",
    came: [marked(f1, { "dirigent:key": "v2/daily/2026-01-01T00:00:00Z" })],
    want: bad("key-disagrees"),
  },
  {
    name: "the key of another policy",
    came: [marked(f1, { "dirigent:policy": "weekly" })],
    want: bad("key-disagrees"),
  },
  {
    name: "the key of another slot",
    came: [marked(f1, { "dirigent:slot": "2026-01-02T00:00:00Z" })],
    want: bad("key-disagrees"),
  },
  {
    name: "an incremental without its parent's mark",
    came: [f1, marked(i1, { "dirigent:parent": undefined })],
    want: [["marks-missing", "failure", ["i1"]]],
  },
  {
    name: "which is written when the backup is done",
    came: [
      f1,
      marked({ ...i1, status: "creating", createdAt: "2026-01-20T23:59:00.000Z" }, { "dirigent:parent": undefined }),
    ],
    want: [],
  },
  {
    name: "the wrong parent",
    came: [f1, marked(i1, { "dirigent:parent": "f2" })],
    want: [["parent-mark-wrong", "failure", ["i1"]]],
  },
  {
    name: "a full with a parent",
    came: [marked(f1, { "dirigent:parent": "f2" })],
    want: [["parent-mark-wrong", "failure", [id]]],
  },
  { name: "a full with an empty parent", came: [marked(f1, { "dirigent:parent": "" })], want: [] },
  {
    name: "a parent that Cinder does not tell",
    came: [f1, { ...i1, parentId: null }],
    want: [["parent-gone", "failure", ["i1"]]],
  },
]);

it("reads instants in UTC and nothing else", () => {
  const accepted = ["2026-11-21T00:00:00Z", "2026-11-21T00:00:00.123456Z", "2028-02-29T23:59:59Z"];
  const refused = [
    "",
    "2026-11-21",
    "2026-11-21T00:00Z",
    "2026-11-21T00:00:00+01:00",
    "2026-02-30T00:00:00Z",
    "2026-11-21T24:00:00Z",
    " 2026-11-21T00:00:00Z",
  ];
  assert.deepEqual(accepted.map(utcInstantMs), [1795219200000, 1795219200123, 1835481599000]);
  assert.deepEqual(
    refused.map(utcInstantMs),
    refused.map(() => undefined),
  );
});
