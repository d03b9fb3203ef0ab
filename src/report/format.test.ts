import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { durationWords, localTime, plain } from "./format.ts";

describe("words in digests", () => {
  it("durations have their two largest units", () => {
    const cases = [null, 0, 400, 59_400, 60_000, 83_000, 3_600_000, 7_500_000, 90_000_000];
    assert.deepEqual(cases.map(durationWords), [
      "",
      "1 s",
      "1 s",
      "59 s",
      "1 min",
      "1 min 23 s",
      "1 h",
      "2 h 5 min",
      "25 h",
    ]);
  });

  it("times are local, with their zone, on both sides of a change of the clocks", () => {
    const before = localTime(new Date("2026-10-25T00:30:00Z"), "Europe/Berlin");
    const after = localTime(new Date("2026-10-25T01:30:00Z"), "Europe/Berlin");
    assert.deepEqual([before, after], ["Sun 25 Oct 2026, 02:30 CEST", "Sun 25 Oct 2026, 02:30 CET"]);
  });

  it("texts are one line without controls, and cut in the middle by characters", () => {
    assert.equal(plain("a\r\nBcc: x\u001b[31m\u202e"), String.raw`a\r\nBcc: x\x1b[31m\u202e`);
    assert.equal(plain("🦄".repeat(10), 7), "🦄🦄🦄🦄…🦄🦄");
    assert.equal(plain("x".repeat(80)), "x".repeat(80));
  });
});
