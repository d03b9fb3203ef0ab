import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { formatDuration, parseDuration } from "./durations.ts";

const dayMs = 86_400_000;

describe("parseDuration", () => {
  const good: [string, number][] = [
    ["1s", 1000],
    ["90s", 90_000],
    ["15min", 900_000],
    ["2h", 7_200_000],
    ["30d", 30 * dayMs],
    ["2w", 14 * dayMs],
    ["3mon", 90 * dayMs],
    ["1y", 365 * dayMs],
    ["100y", 36_500 * dayMs],
    ["36500d", 36_500 * dayMs],
    ["0d5s", 5000],
    ["007d", 7 * dayMs],
    ["1y2mon3w4d5h6min7s", (365 + 60 + 21 + 4) * dayMs + 5 * 3_600_000 + 6 * 60_000 + 7000],
  ];
  for (const [text, ms] of good) it(`reads ${text}`, () => assert.equal(parseDuration(text), ms));

  const bad = [
    "",
    " ",
    "0",
    "0s",
    "0d0h",
    "-1d",
    "+1d",
    "30",
    "d",
    "1.5h",
    "1e3s",
    " 1d",
    "1d ",
    "1d\n",
    "1D",
    "1 d",
    "1d1d",
    "1h1d",
    "1s1min",
    "1m",
    "1ms",
    "1min1mon",
    "36500d1s",
    "101y",
    "9".repeat(400) + "s",
    "yes",
    "٣d",
  ];
  for (const text of bad)
    it(`refuses ${JSON.stringify(text.slice(0, 12))}`, () => assert.equal(parseDuration(text), null));
});

describe("formatDuration", () => {
  const cases: [number, string][] = [
    [0, "0s"],
    [499, "0s"],
    [500, "1s"],
    [59_999, "1min"],
    [90_000, "1min30s"],
    [3_600_000, "1h"],
    [dayMs, "1d"],
    [400 * dayMs + 1000, "400d1s"],
    [26 * 3_600_000, "1d2h"],
  ];
  for (const [ms, text] of cases) it(`writes ${ms} as ${text}`, () => assert.equal(formatDuration(ms), text));

  it("is read back as what it was", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 36_500 * 86_400 }), (seconds) =>
        assert.equal(parseDuration(formatDuration(seconds * 1000)), seconds * 1000),
      ),
    );
  });
});
