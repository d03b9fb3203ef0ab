import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { defaultRetries, retryDelayMs, type FailedTry } from "./retry.ts";

const now = new Date("2026-11-21T00:00:00Z");
const failed = (more: Partial<FailedTry>): FailedTry => ({
  kind: "answer",
  status: 503,
  retryAfter: null,
  date: null,
  ...more,
});
const delay = (more: Partial<FailedTry>, tries = 1, random = 0): number | null =>
  retryDelayMs(failed(more), tries, { policy: defaultRetries, now, random: () => random });

describe("retryDelayMs", () => {
  it("doubles up to a cap, half of it jitter, and gives up after the last try", () => {
    const policy = { attempts: 8, baseMs: 500, capMs: 15_000, retryAfterCapMs: 60_000 };
    const waits = (random: number): (number | null)[] =>
      [1, 2, 3, 4, 5, 6, 7, 8].map((tries) => retryDelayMs(failed({}), tries, { policy, now, random: () => random }));
    assert.deepEqual(waits(0), [250, 500, 1000, 2000, 4000, 7500, 7500, null]);
    assert.deepEqual(waits(1), [500, 1000, 2000, 4000, 8000, 15_000, 15_000, null]);
    assert.equal(delay({}, defaultRetries.attempts), null);
  });

  it("takes what passes by itself and nothing else", () => {
    const cases: [Partial<FailedTry>, boolean][] = [
      [{ status: 500 }, true],
      [{ status: 502 }, true],
      [{ status: 504 }, true],
      [{ status: 429 }, true],
      [{ kind: "network", status: null }, true],
      [{ kind: "timeout", status: null }, true],
      [{ status: 501 }, false],
      [{ status: 400 }, false],
      [{ status: 401 }, false],
      [{ status: 404 }, false],
      [{ status: 413, retryAfter: "0" }, false],
      [{ status: 413, retryAfter: "5" }, false],
      [{ kind: "malformed", status: 200 }, false],
      [{ kind: "aborted", status: null }, false],
      [{ kind: "unfit", status: null }, false],
    ];
    assert.deepEqual(
      cases.map(([more]) => delay(more) !== null),
      cases.map(([, retried]) => retried),
    );
  });

  it("obeys Retry-After in seconds and as a date by the server's own clock, within a bound", () => {
    assert.equal(delay({ status: 429, retryAfter: "7" }), 7000);
    assert.equal(delay({ status: 429, retryAfter: "0" }), 250);
    assert.equal(delay({ status: 429, retryAfter: "86400" }), 60_000);
    assert.equal(delay({ status: 503, retryAfter: "Sat, 21 Nov 2026 00:00:09 GMT" }), 9000);
    const skewed = { retryAfter: "Sat, 21 Nov 2026 03:00:04 GMT", date: "Sat, 21 Nov 2026 03:00:00 GMT" };
    assert.equal(delay({ status: 429, ...skewed }), 4000);
    assert.equal(delay({ status: 429, retryAfter: "Fri, 20 Nov 2026 00:00:00 GMT" }), 250);
    assert.equal(delay({ status: 429, retryAfter: "soon" }), 250);
  });
});
