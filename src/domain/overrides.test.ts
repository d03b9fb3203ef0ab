import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { at, dailyPolicy } from "../../test/unit/support/builders.ts";
import { dayMs, selection } from "../../test/unit/support/clouds.ts";
import type { OverrideSeen } from "./catalogue.ts";
import {
  indexSeen,
  promisedRetentionMs,
  readRequest,
  retentionInForceMs,
  type Asking,
  type RetentionRequest,
} from "./overrides.ts";

// The policy keeps 14 days, at least 3; requests for less wait for 7 days.
const policy = dailyPolicy;
const start = at("2026-11-01T00:00:00Z");
const day = (n: number): Date => new Date(start.getTime() + n * dayMs);

const asking = (value: string | null, id = "v1"): Asking => ({
  id,
  projectId: "p1",
  metadata: value === null ? { other: "1y" } : { [selection.retentionKey]: value },
});

const row = (value: string, seenOn: number, fields: Partial<OverrideSeen> = {}): OverrideSeen => ({
  resourceId: "v1",
  key: selection.retentionKey,
  value,
  firstSeenAt: day(seenOn),
  ...fields,
});

const read = (value: string | null, today: number, seen: readonly OverrideSeen[] = []): RetentionRequest =>
  readRequest(asking(value), {
    now: day(today),
    policy,
    selection,
    requestKey: selection.retentionKey,
    seen: indexSeen(seen),
  });

/** Days promised, reasons told, and what is remembered of which day. */
const short = ({ retentionMs, firm, notices, seen }: RetentionRequest): unknown[] => [
  retentionMs === null ? null : retentionMs / dayMs,
  firm ? "firm" : "young",
  notices.map((n) => n.reason).join(),
  seen.map((s) => `${s.value}@${(s.firstSeenAt.getTime() - start.getTime()) / dayMs}`).join(),
];

describe("readRequest", () => {
  const cases: [name: string, value: string | null, today: number, seen: OverrideSeen[], expected: unknown[]][] = [
    ["nothing asked", null, 0, [], [null, "young", "", ""]],
    ["an empty value", " ", 0, [], [null, "young", "", ""]],
    ["more counts at once", "30d", 0, [], [30, "young", "", "30d@0"]],
    ["as much as the policy gives counts at once", "14d", 0, [], [14, "young", "", "14d@0"]],
    ["case and space do not matter", " 30D ", 1, [row("30d", 0)], [30, "young", "", "30d@0"]],
    ["less waits", "5d", 0, [], [null, "young", "request_waits", "5d@0"]],
    ["less still waits", "5d", 6.9, [row("5d", 0)], [null, "young", "request_waits", "5d@0"]],
    ["less counts after the delay", "5d", 7, [row("5d", 0)], [5, "firm", "", "5d@0"]],
    ["too little is bounded", "1d", 9, [row("1d", 0)], [3, "firm", "request_bounded", "1d@0"]],
    ["too little is told while it waits", "1h", 0, [], [null, "young", "request_bounded,request_waits", "1h@0"]],
    ["the minimum itself is not too little", "3d", 9, [row("3d", 0)], [3, "firm", "", "3d@0"]],
    ["nonsense has no say", "soon", 0, [], [null, "young", "request_invalid", ""]],
    [
      "from longer to shorter, the longer holds",
      "20d",
      1,
      [row("60d", 0)],
      [60, "young", "request_waits", "60d@0,20d@1"],
    ],
    ["and goes on holding", "20d", 7.9, [row("60d", 0), row("20d", 1)], [60, "young", "request_waits", "60d@0,20d@1"]],
    ["until the delay has passed", "20d", 8, [row("60d", 0), row("20d", 1)], [20, "firm", "", "20d@1"]],
    ["back to the longer one", "60d", 2, [row("60d", 0), row("20d", 1)], [60, "young", "", "60d@2"]],
    [
      "an even shorter one after that",
      "5d",
      3,
      [row("60d", 0), row("20d", 1)],
      [60, "young", "request_waits", "60d@0,5d@3"],
    ],
    ["taken back", null, 1, [row("60d", 0)], [60, "young", "request_waits", "60d@0,@1"]],
    ["taken back for good", null, 8, [row("60d", 0), row("", 1)], [null, "young", "", ""]],
    ["spoilt", "60", 1, [row("60d", 0)], [60, "young", "request_invalid,request_waits", "60d@0,60@1"]],
    ["spoilt for good", "60", 8, [row("60d", 0), row("60", 1)], [null, "young", "request_invalid", ""]],
    ["a shorter one in force, taken back", null, 9, [row("5d", 0)], [null, "young", "", ""]],
    ["a shorter one in force, raised below the policy's", "9d", 9, [row("5d", 0)], [9, "young", "", "5d@0,9d@9"]],
    ["and the day after", "9d", 10, [row("5d", 0), row("9d", 9)], [9, "young", "", "5d@0,9d@9"]],
    ["and after the delay", "9d", 16, [row("5d", 0), row("9d", 9)], [9, "firm", "", "9d@9"]],
    ["a shorter one in force, lowered", "4d", 9, [row("5d", 0)], [5, "young", "request_waits", "5d@0,4d@9"]],
    ["a shorter one that still waits, lowered", "4d", 3, [row("5d", 0)], [null, "young", "request_waits", "4d@3"]],
    ["a shorter one that still waits, raised", "9d", 3, [row("5d", 0)], [null, "young", "request_waits", "9d@3"]],
    ["longer to longer", "90d", 1, [row("60d", 0)], [90, "young", "", "60d@0,90d@1"]],
    ["raised, then lowered again", "5d", 10, [row("5d", 0), row("9d", 9)], [9, "young", "request_waits", "9d@9,5d@10"]],
    [
      "raised twice, then lowered",
      "4d",
      9,
      [row("60d", 0), row("90d", 1)],
      [90, "young", "request_waits", "90d@1,4d@9"],
    ],
    ["raised for a while, then back", "60d", 8, [row("60d", 0), row("20d", 1)], [60, "young", "", "20d@1,60d@8"]],
    [
      "the same in another order",
      "4d",
      9,
      [row("90d", 1), row("60d", 0)],
      [90, "young", "request_waits", "90d@1,4d@9"],
    ],
    [
      "other keys and resources are not its own",
      "5d",
      9,
      [row("5d", 0, { key: "other" }), row("5d", 0, { resourceId: "v2" })],
      [null, "young", "request_waits", "5d@9"],
    ],
    ["a clock that went back", "5d", 0, [row("5d", 3)], [null, "young", "request_waits", "5d@3"]],
  ];
  for (const [name, value, today, seen, expected] of cases) {
    it(name, () => assert.deepEqual(short(read(value, today, seen)), expected));
  }

  it("says what is wrong, what is granted and from when", () => {
    const tell = (reason: string, message: string): unknown => ({
      reason,
      projectId: "p1",
      resourceId: "v1",
      message: `backup_retention: ${message}`,
    });
    assert.deepEqual(read("soon", 0).notices, [tell("request_invalid", "soon")]);
    assert.deepEqual(read("1d", 0).notices, [
      tell("request_bounded", "1d, at least 3d"),
      tell("request_waits", "1d, counts from 2026-11-08T00:00:00.000Z"),
    ]);
    assert.deepEqual(read(null, 1, [row("60d", 0)]).notices, [
      tell("request_waits", "taken back, counts from 2026-11-09T00:00:00.000Z"),
    ]);
  });

  it("promises less than before only when it was asked for, unchanged, for the whole delay", () => {
    const values = fc.constantFrom(null, "1d", "5d", "9d", "14d", "30d", "60d", "soon");
    const scans = fc.array(fc.record({ value: values, gapDays: fc.constantFrom(0.5, 1, 3, 8) }), {
      maxLength: 14,
      size: "max",
    });
    const grantedDays = (value: string | null): number =>
      value === null ? 14 : Math.max(3, Number.parseInt(value, 10));
    fc.assert(
      fc.property(scans, (all) => {
        let seen: readonly OverrideSeen[] = [];
        let today = 0;
        let since = 0;
        let before = { value: null as string | null, promised: 14 };
        for (const { value: said, gapDays } of all) {
          today += gapDays;
          // What cannot be read asks for nothing, as one who says nothing does.
          const value = said === "soon" ? null : said;
          const unchanged = promisedRetentionMs(read(before.value, today, seen), undefined, policy) / dayMs;
          const request = read(said, today, seen);
          seen = request.seen;
          const promised = promisedRetentionMs(request, undefined, policy) / dayMs;
          assert.ok(promised >= grantedDays(value), "never less than what is asked for now");
          if (value !== before.value) {
            since = today;
            assert.ok(promised >= unchanged, `${promised} at once instead of ${unchanged}`);
          } else if (promised < before.promised) assert.ok(today >= since + 7, `${promised} after ${before.promised}`);
          if (today >= since + 7) assert.equal(promised, grantedDays(value));
          assert.ok(seen.length <= 2, "what is remembered does not grow");
          assert.equal(new Set(seen.map((s) => s.value)).size, seen.length);
          before = { value, promised };
        }
      }),
      { numRuns: 5000 },
    );
  });
});

describe("promisedRetentionMs", () => {
  const says = (days: number | null, firm = false): RetentionRequest => ({
    retentionMs: days === null ? null : days * dayMs,
    firm,
    notices: [],
    seen: [],
  });
  const cases: [RetentionRequest | undefined, RetentionRequest | undefined, number][] = [
    [undefined, undefined, 14],
    [says(null), says(null), 14],
    [says(null), says(5, true), 5],
    [undefined, says(60), 60],
    [says(30), says(null), 30],
    [says(30), undefined, 30],
    [says(30), says(60), 60],
    [says(30), says(20), 30],
    [says(30, true), says(60), 30],
    [says(5, true), says(60, true), 5],
  ];
  for (const [volume, server, days] of cases) {
    const name = (r: RetentionRequest | undefined): string =>
      r?.retentionMs == null ? "none" : `${r.retentionMs / dayMs} d${r.firm ? " for long" : ""}`;
    it(`volume ${name(volume)}, server ${name(server)}: ${days} d`, () => {
      assert.equal(promisedRetentionMs(volume, server, policy), days * dayMs);
    });
  }
});

describe("retentionInForceMs", () => {
  const cases: [name: string, volume: string | null | undefined, servers: (string | null)[], days: number][] = [
    ["nobody asks", null, [null], 14],
    ["the volume is gone", undefined, [], 14],
    ["the volume's goes before the servers'", "5d", ["60d"], 5],
    ["the longest of the servers'", null, ["20d", "60d", "30d"], 60],
    ["a server that asks for less than the policy", null, ["5d", null], 5],
    ["nonsense is no request", "soon", ["30d"], 30],
    ["nonsense everywhere", "soon", ["later"], 14],
    ["too little is bounded", "1s", [], 3],
    ["case and space do not matter", " 30D ", [], 30],
  ];
  for (const [name, volume, servers, days] of cases) {
    it(name, () => {
      const input = {
        volume: volume === undefined ? null : asking(volume),
        servers: servers.map((value, i) => asking(value, `s${i}`)),
      };
      assert.equal(retentionInForceMs({ ...input, policy, selection }), days * dayMs);
    });
  }
});
