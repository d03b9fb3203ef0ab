import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { OverrideSeen } from "./catalogue.ts";
import { dayMs } from "./durations.ts";
import { holdRetention, type HeldRetention, type Keeps } from "./held-retention.ts";

/** `npm run soak` asks for a million. */
const numRuns = Number(process.env["HELD_RETENTION_RUNS"] ?? 5000);

const start = Date.parse("2026-11-01T00:00:00Z");
const keeps = (days: number, last = 0): Keeps => ({ retentionMs: days * dayMs, last });

const ask = (asked: Keeps | null, today: number, known: readonly OverrideSeen[] = []): HeldRetention =>
  holdRetention(asked, {
    resourceId: "v1",
    key: "keeps",
    known,
    now: new Date(start + today * dayMs),
    overrideDelayMs: 7 * dayMs,
  });

const short = ({ keeps: kept, seen }: HeldRetention): string =>
  `${kept === null ? "nothing" : `${kept.retentionMs / dayMs}/${kept.last}`}: ${seen
    .map(({ firstSeenAt, value }) => `${value}@${(firstSeenAt.getTime() - start) / dayMs}`)
    .join(" ")}`;

/** What counts, day by day, with what each scan leaves for the next. */
function followed(days: readonly (readonly [today: number, asked: Keeps | null])[]): string[] {
  let known: readonly OverrideSeen[] = [];
  return days.map(([today, asked]) => {
    const held = ask(asked, today, known);
    known = held.seen;
    return short(held);
  });
}

describe("what a tenant's keys ask a policy to keep", () => {
  const cases: [name: string, days: [today: number, asked: Keeps | null][], expected: string[]][] = [
    ["nothing", [[0, null]], ["nothing: "]],
    ["counts at once", [[0, keeps(5)]], ["5/0: 5d,last=0@0"]],
    [
      "more counts at once",
      [
        [0, keeps(5)],
        [1, keeps(30)],
      ],
      ["5/0: 5d,last=0@0", "30/0: 30d,last=0@1"],
    ],
    [
      "less waits for the delay",
      [
        [0, keeps(30)],
        [1, keeps(5)],
        [7.9, keeps(5)],
        [8, keeps(5)],
      ],
      ["30/0: 30d,last=0@0", "30/0: 30d,last=0@0 5d,last=0@1", "30/0: 30d,last=0@0 5d,last=0@1", "5/0: 5d,last=0@1"],
    ],
    [
      "each further change waits anew",
      [
        [0, keeps(30)],
        [1, keeps(5)],
        [6, keeps(4)],
        [12, keeps(4)],
        [13, keeps(4)],
      ],
      [
        "30/0: 30d,last=0@0",
        "30/0: 30d,last=0@0 5d,last=0@1",
        "30/0: 30d,last=0@0 4d,last=0@6",
        "30/0: 30d,last=0@0 4d,last=0@6",
        "4/0: 4d,last=0@6",
      ],
    ],
    [
      "a count taken away waits, whatever the age does",
      [
        [0, keeps(5, 5)],
        [1, keeps(6)],
        [8, keeps(6)],
      ],
      ["5/5: 5d,last=5@0", "6/5: 5d,last=5@0 6d,last=0@1", "6/0: 6d,last=0@1"],
    ],
    [
      "asking no more for a night is no way round",
      [
        [0, keeps(30)],
        [1, null],
        [2, keeps(1)],
        [9, keeps(1)],
      ],
      ["30/0: 30d,last=0@0", "30/0: 30d,last=0@0 @1", "30/0: 30d,last=0@0 1d,last=0@2", "1/0: 1d,last=0@2"],
    ],
    [
      "asking no more is forgotten after the delay",
      [
        [0, keeps(30)],
        [1, null],
        [8, null],
        [9, keeps(1)],
      ],
      ["30/0: 30d,last=0@0", "30/0: 30d,last=0@0 @1", "nothing: ", "1/0: 1d,last=0@9"],
    ],
    [
      "raised for a day, it holds",
      [
        [0, keeps(5)],
        [9, keeps(30)],
        [10, keeps(5)],
      ],
      ["5/0: 5d,last=0@0", "30/0: 30d,last=0@9", "30/0: 30d,last=0@9 5d,last=0@10"],
    ],
  ];
  for (const [name, days, expected] of cases) it(name, () => assert.deepEqual(followed(days), expected));

  it("reads no memory that it did not write", () => {
    const odd = { resourceId: "v1", key: "keeps", value: "for ever", firstSeenAt: new Date(start) };
    assert.equal(short(ask(keeps(5), 1, [odd])), "5/0: 5d,last=0@1");
  });

  it("never becomes less but for what has been asked for the whole delay", () => {
    const asked = fc.option(fc.record({ days: fc.nat(40), last: fc.nat(9) }));
    const scans = fc.array(fc.record({ gapDays: fc.integer({ min: 1, max: 80 }).map((n) => n / 10), asked }));
    fc.assert(
      fc.property(scans, (history) => {
        let known: readonly OverrideSeen[] = [];
        let today = 0;
        let since = { asked: keeps(0), text: "", day: 0 };
        let counted = keeps(0);
        for (const { asked: each, gapDays } of history) {
          today += gapDays;
          const wanted = each === null ? null : keeps(each.days, each.last);
          const text = JSON.stringify(wanted);
          if (text !== since.text) {
            // What was asked for until now has had its delay by now.
            if (today - since.day > 6.999) counted = since.asked;
            since = { asked: wanted ?? keeps(0), text, day: today };
          }
          const held = ask(wanted, today, known);
          known = held.seen;
          const now = held.keeps ?? keeps(0);
          assert.ok(now.retentionMs >= (wanted?.retentionMs ?? 0) && now.last >= (wanted?.last ?? 0));
          // A hair for fractions of days.
          if (today - since.day < 6.999) assert.ok(now.retentionMs >= counted.retentionMs && now.last >= counted.last);
          counted = now;
        }
      }),
      { numRuns },
    );
  });
});
