import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { at, dailyPolicy } from "../../test/unit/support/builders.ts";
import { dayMs, selection } from "../../test/unit/support/clouds.ts";
import type { OverrideSeen } from "./catalogue.ts";
import { indexSeen } from "./overrides.ts";
import { readPolicyRequest } from "./policy-requests.ts";

const now = at("2026-11-21T02:00:00Z");
const policies = new Map(["gold", "silver", "bronze"].map((name) => [name, { ...dailyPolicy, name }]));
const row = (value: string, daysAgo: number): OverrideSeen => ({
  resourceId: "v1",
  key: "backup_policy",
  value,
  firstSeenAt: new Date(now.getTime() - daysAgo * dayMs),
});

interface Said {
  readonly asks: string | null;
  readonly firm: boolean;
  readonly told: readonly string[];
  readonly remembers: readonly string[];
}

const said = (value: string | null, seen: readonly OverrideSeen[] = []): Said => {
  const resource = { id: "v1", projectId: "p1", metadata: value === null ? {} : { backup_policy: value } };
  const request = readPolicyRequest(resource, { now, selection, policies, seen: indexSeen(seen) });
  return {
    asks: request.policies?.map(({ name }) => name).join(",") ?? null,
    firm: request.firm,
    told: request.notices.map(({ reason, message }) => `${reason} ${message ?? ""}`),
    remembers: request.seen.map(
      ({ value: text, firstSeenAt }) => `${text} since ${(now.getTime() - firstSeenAt.getTime()) / dayMs}`,
    ),
  };
};

const waits = (text: string, from: string): string =>
  `request_waits backup_policy: ${text}, replaces what was asked before from ${from}`;

describe("a request for policies", () => {
  const cases: readonly {
    name: string;
    value: string | null;
    seen?: readonly OverrideSeen[];
    want: Partial<Said>;
  }[] = [
    { name: "that is not there says nothing", value: null, want: {} },
    { name: "that is empty says nothing", value: "  ", want: {} },
    {
      name: "is remembered from the first time it is seen, in whatever case",
      value: " Gold ;SILVER,gold",
      want: { asks: "gold,silver", remembers: ["gold ;silver,gold since 0"] },
    },
    {
      name: "is not firm a moment before the delay has passed",
      value: "gold",
      seen: [{ ...row("gold", 7), firstSeenAt: new Date(now.getTime() - 7 * dayMs + 1) }],
      want: { asks: "gold", remembers: [`gold since ${7 - 1 / dayMs}`] },
    },
    {
      name: "is firm when it has",
      value: "gold",
      seen: [row("gold", 7)],
      want: { asks: "gold", firm: true, remembers: ["gold since 7"] },
    },
    {
      name: "for others keeps what it asked for before until it is firm",
      value: "silver",
      seen: [row("gold", 30)],
      want: {
        asks: "silver,gold",
        told: [waits("silver", "2026-11-28T02:00:00.000Z")],
        remembers: ["gold since 30", "silver since 0"],
      },
    },
    {
      name: "for others stands alone when it is firm",
      value: "silver",
      seen: [row("gold", 30), row("silver", 8)],
      want: { asks: "silver", firm: true, remembers: ["silver since 8"] },
    },
    {
      name: "that is taken back counts until that is firm",
      value: null,
      seen: [row("gold", 30), row("", 3)],
      want: {
        asks: "gold",
        told: [waits("taken back", "2026-11-25T02:00:00.000Z")],
        remembers: ["gold since 30", " since 3"],
      },
    },
    { name: "that was taken back is forgotten then", value: null, seen: [row("gold", 30), row("", 7)], want: {} },
    {
      name: "that goes to and fro loses nothing, and begins to wait anew",
      value: "gold",
      seen: [row("gold", 30), row("silver", 1)],
      want: {
        asks: "gold,silver",
        told: [waits("gold", "2026-11-28T02:00:00.000Z")],
        remembers: ["silver since 1", "gold since 0"],
      },
    },
    {
      name: "for a policy that there is not means what was before, also when it is firm",
      value: "golden",
      seen: [row("golden", 30)],
      want: {
        told: ["request_invalid backup_policy: there is no policy golden"],
        remembers: ["golden since 30"],
      },
    },
    {
      name: "with one name of two that there is not asks for the other",
      value: "gold,golden",
      want: {
        asks: "gold",
        told: ["request_invalid backup_policy: there is no policy golden"],
        remembers: ["gold,golden since 0"],
      },
    },
    {
      name: "that is spoiled keeps what it asked for before for the delay",
      value: "golden",
      seen: [row("gold", 30)],
      want: {
        asks: "gold",
        told: ["request_invalid backup_policy: there is no policy golden", waits("golden", "2026-11-28T02:00:00.000Z")],
        remembers: ["gold since 30", "golden since 0"],
      },
    },
    {
      name: "that says something else every night is remembered by what it asked for, not by all that it said",
      value: "noise 3",
      seen: [row("gold", 30), row("noise 1", 2), row("noise 2", 1)],
      want: {
        asks: "gold",
        told: [
          "request_invalid backup_policy: there is no policy noise 3",
          waits("noise 3", "2026-11-28T02:00:00.000Z"),
        ],
        remembers: ["gold since 30", "noise 3 since 0"],
      },
    },
  ];
  for (const { name, value, seen, want } of cases) {
    it(name, () => {
      assert.deepEqual(said(value, seen), { asks: null, firm: false, told: [], remembers: [], ...want });
    });
  }
});
