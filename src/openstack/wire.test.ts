import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MalformedAnswer, parseUtc, Row } from "./wire.ts";

describe("parseUtc", () => {
  it("takes times without a zone as UTC, whatever the zone of this machine", () => {
    assert.deepEqual(
      ["2024-05-30T03:35:03.000000", "2024-05-30T03:35:03Z", "2024-05-30T05:35:03+02:00", "2024-05-30T03:35:03.5"].map(
        (text) => parseUtc(text).toISOString(),
      ),
      ["2024-05-30T03:35:03.000Z", "2024-05-30T03:35:03.000Z", "2024-05-30T03:35:03.000Z", "2024-05-30T03:35:03.500Z"],
    );
  });
});

describe("Row", () => {
  it("reads what is there", () => {
    const row = new Row(
      { t: "x", n: 1, f: true, at: "2024-05-30T03:35:03", none: null, list: [{ t: "y" }], m: { a: "b", c: 3 } },
      "row",
    );
    assert.deepEqual(
      [row.text("t"), row.number("n"), row.flag("f"), row.textOrNull("none"), row.timeOrNull("missing")],
      ["x", 1, true, null, null],
    );
    assert.equal(row.time("at").toISOString(), "2024-05-30T03:35:03.000Z");
    assert.deepEqual(
      row.rows("list").map((r) => r.text("t")),
      ["y"],
    );
    assert.deepEqual(row.texts("m"), { a: "b", c: "3" });
    assert.deepEqual(row.rowsOrNone("missing"), []);
    assert.equal(row.rowOrNull("none"), null);
  });

  it("names the field that is not what it should be", () => {
    const row = new Row(
      { t: 1, n: "1", f: "true", at: "yesterday", list: {}, inner: [], items: ["x"], m: [] },
      "backup",
    );
    const cases: [() => unknown, string][] = [
      [() => row.text("t"), "backup.t is not a text"],
      [() => row.text("missing"), "backup.missing is not a text"],
      [() => row.number("n"), "backup.n is not a number"],
      [() => row.flag("f"), "backup.f is not true or false"],
      [() => row.time("at"), "backup.at is not a time"],
      [() => row.rows("list"), "backup.list is not a list"],
      [() => row.rows("items"), "backup.items[] is not an object"],
      [() => row.row("inner"), "backup.inner is not an object"],
      [() => row.texts("m"), "backup.m is not an object"],
      [() => new Row("x", "answer"), "answer is not an object"],
      [() => new Row(null, "answer"), "answer is not an object"],
    ];
    for (const [read, message] of cases) assert.throws(read, new MalformedAnswer(message));
  });
});
