import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aBackup, anIncremental, dailyPolicy } from "../../test/unit/support/builders.ts";
import { dayMs } from "../../test/unit/support/clouds.ts";
import { day, now, outcome, plan, type Setting } from "../../test/unit/support/planned.ts";
import { ruleInForce, isCountBounded } from "./in-force.ts";
import type { Backup } from "./inventory.ts";
import { mark } from "./marks.ts";
import type { Policy, ThinningRule } from "./policy.ts";
import { formatRule } from "./thinning-text.ts";

const none: ThinningRule = {
  last: 0,
  hourly: 0,
  daily: 0,
  weekly: 0,
  monthly: 0,
  yearly: 0,
  countFrom: "newest",
  minimumKeep: 1,
  timeZone: "UTC",
};
const last = (count: number): ThinningRule => ({ ...none, last: count });

/** By counts alone; one day at least. */
const counting = (thinning: ThinningRule, fields: Partial<Policy> = {}): Policy => ({
  ...dailyPolicy,
  retentionMs: 0,
  minimumRetentionMs: dayMs,
  fullEvery: 1,
  thinning,
  ...fields,
});

/** What the policy's counts say, and what they said when the points were made. */
function setting(policy: Policy, more: Setting = {}): Setting {
  return { policy, retentionMs: policy.retentionMs, ...more };
}

/** A full of each day of November, from one to another, with the marks that a policy's points have. */
const nights = (from: number, to: number, fields: Parameters<typeof aBackup>[2] = {}): Backup[] =>
  Array.from({ length: to - from + 1 }, (_, n) => {
    const date = from + n;
    return aBackup(`n${String(date).padStart(2, "0")}`, day(date), {
      ...fields,
      marks: { [mark.slot]: day(date), [mark.keepUntil]: day(date + 1), ...fields.marks },
    });
  });

const marked = (rule: ThinningRule): { marks: Record<string, string> } => ({
  marks: { [mark.retention]: formatRule(rule) },
});

/** In order of their dates, e.g. `delete: thinned`. */
const fates = (backups: readonly Backup[], of: Setting): string[] =>
  Object.entries(outcome(backups, of))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, fate]) => fate);

describe("rotation by counts", () => {
  it("keeps each point as what the policy counts it for, and takes the others because newer ones have their place", () => {
    assert.deepEqual(outcome(nights(26, 29), setting(counting({ ...none, last: 1, daily: 2 }))), {
      n26: "delete: thinned",
      n27: "delete: thinned",
      n28: "keep_daily",
      n29: "keep_last",
    });
  });

  it("tells all that keeps a point", () => {
    const { decisions } = plan(nights(28, 30), setting(counting({ ...none, last: 1, daily: 2, weekly: 1 })));
    assert.deepEqual(
      decisions.map(({ because }) => because),
      [["thinned"], ["keep_daily"], ["keep_last", "keep_daily", "keep_weekly", "keep_minimum", "keep_age"]],
    );
  });

  it("counts two with one key once: the second pushes nobody out, and stays as long as the first", () => {
    const keyed = (id: string, date: number): Backup =>
      aBackup(id, day(date), {
        marks: { [mark.key]: `v1/default/${date}`, [mark.slot]: day(date), [mark.keepUntil]: day(date) },
      });
    const twins = [
      keyed("n26", 26),
      keyed("n27", 27),
      keyed("n28", 28),
      { ...keyed("n28-again", 28), createdAt: new Date("2026-11-28T01:00:00Z") },
    ];
    const keepsTwo = setting(counting(last(2), { minimumRetentionMs: 1 }));
    assert.deepEqual(outcome(twins, keepsTwo), {
      n26: "delete: thinned",
      n27: "keep_last",
      n28: "keep_last",
      "n28-again": "keep_last",
    });
    const later = [keyed("n29", 29), keyed("n30", 30)];
    assert.deepEqual(fates([...twins.slice(2), ...later], keepsTwo), [
      "delete: thinned",
      "delete: thinned",
      "keep_last",
      "keep_last",
    ]);
  });

  it("counts one key once also while it is not known what the first builds on (found by a soak)", () => {
    const keyed = (id: string, at: string, fields: Parameters<typeof aBackup>[2]): Backup =>
      aBackup(id, at, {
        ...fields,
        marks: { [mark.key]: "v1/default/28", [mark.slot]: day(28), [mark.keepUntil]: day(28), ...fields?.marks },
      });
    const backups = [
      aBackup("n27", day(27), { marks: { [mark.policy]: "other", [mark.keepUntil]: day(30) } }),
      keyed("n28", day(28), { isIncremental: true, marks: { [mark.parent]: "n27" } }),
      keyed("n28-again", "2026-11-28T01:00:00Z", { failReason: "lost contact" }),
      keyed("n28-third", "2026-11-28T02:00:00Z", {}),
    ];
    const of = setting(counting(last(1), { minimumRetentionMs: 1 }), { memory: null });
    assert.equal(outcome(backups, of)["n28-again"], "keep_last");
  });

  it("keeps by age beside counts", () => {
    const policy = counting(last(1), { retentionMs: 3 * dayMs });
    assert.deepEqual(fates(nights(26, 29), setting(policy)), [
      "delete: expired",
      "delete: expired",
      "keep_age",
      "keep_last",
    ]);
  });

  it("keeps as long as a tenant asks for, on top of counts", () => {
    const asked = setting(counting(last(1)), { retentionMs: 3 * dayMs });
    assert.deepEqual(fates(nights(26, 29), asked), ["delete: expired", "delete: expired", "keep_age", "keep_last"]);
  });

  it("takes no place by a failed one or one with a bad verdict, which go when a good one would have gone", () => {
    const bad = aBackup("n28", day(28), { marks: { [mark.verdict]: "bad checksum", [mark.slot]: day(28) } });
    const failed = aBackup("n29", day(29), { status: "error" });
    assert.deepEqual(fates([...nights(24, 27), bad, failed], setting(counting(last(2)))), [
      "delete: thinned",
      "delete: thinned",
      "keep_last",
      "keep_last",
      "keep_last",
      "keep_failed",
    ]);
  });

  it("keeps the whole chain of a point that counts", () => {
    const chain = [
      aBackup("n20", day(20)),
      anIncremental("n21", day(21), "n20"),
      anIncremental("n22", day(22), "n21"),
      aBackup("n23", day(23)),
    ];
    const rule = { ...none, last: 1, weekly: 2 };
    // The 22nd was a Sunday.
    assert.deepEqual(fates(chain, setting(counting(rule))), ["keep_chain", "keep_chain", "keep_weekly", "keep_last"]);
  });

  it("counts each policy's points apart, and each project's", () => {
    const other = nights(20, 23).map((backup) => ({
      ...backup,
      metadata: { ...backup.metadata, [mark.policy]: "other" },
      id: `o${backup.id}`,
    }));
    const elsewhere = nights(24, 27, { projectId: "p2" }).map((backup) => ({ ...backup, id: `p${backup.id}` }));
    const policyOf = (name: string): Policy | null => (name === "other" ? counting(last(2), { name }) : null);
    assert.deepEqual(fates([...nights(26, 28), ...other, ...elsewhere], setting(counting(last(1)), { policyOf })), [
      "delete: thinned",
      "delete: thinned",
      "keep_last",
      "delete: thinned",
      "delete: thinned",
      "keep_last",
      "keep_last",
    ]);
  });

  it("keeps what stands for its slot, which a time it cannot have been made in is not", () => {
    const evening = (date: number, hoursLate: number, slot = `2026-11-${date}T22:00:00Z`): Backup =>
      aBackup(`n${date}`, new Date(Date.parse(`2026-11-${date}T22:00:00Z`) + hoursLate * 3_600_000).toISOString(), {
        marks: { [mark.slot]: slot },
      });
    const policy = counting({ ...none, daily: 3 });
    assert.deepEqual(fates([evening(25, 0), evening(26, 5), evening(27, 0)], setting(policy)), [
      "keep_daily",
      "keep_daily",
      "keep_daily",
    ]);
    const liars = [evening(25, 0), evening(26, 0), evening(27, 0, "2026-11-25T22:00:00Z")];
    assert.deepEqual(fates(liars, setting(counting({ ...none, daily: 2 }))), [
      "delete: thinned",
      "keep_daily",
      "keep_daily",
    ]);
  });
});

describe("points that were made long after their slot", () => {
  const policy = { ...counting({ ...none, daily: 2 }), name: "days" };
  const made = (date: number, slot: number): Backup =>
    aBackup(`n${date}`, day(date), {
      marks: {
        [mark.policy]: policy.name,
        [mark.retention]: formatRule({ ...none, daily: 2 }),
        [mark.slot]: day(slot),
        [mark.keepUntil]: day(slot + 1),
      },
    });
  // The second was made three days late, by a clock that was behind.
  const backups = [made(20, 20), made(23, 20)];

  it("take nobody's place in the slot's day while their policy says how late they can be", () => {
    assert.deepEqual(fates(backups, setting(policy, { policyOf: () => policy })), ["keep_daily", "keep_daily"]);
  });

  it("nor when it is gone, and nobody knows", () => {
    assert.deepEqual(fates(backups, setting(dailyPolicy)), ["keep_daily", "keep_daily"]);
  });
});

describe("the rule that a point was made under", () => {
  it("keeps it when the policy counts fewer now", () => {
    const backups = [...nights(25, 27, marked(last(4))), ...nights(28, 29, marked(last(2)))];
    assert.deepEqual(fates(backups, setting(counting(last(2)))), [
      "delete: thinned",
      "keep_last",
      "keep_last",
      "keep_last",
      "keep_last",
    ]);
  });

  it("does not stand in the way of more", () => {
    assert.deepEqual(fates(nights(26, 29, marked(last(1))), setting(counting(last(3)))), [
      "delete: thinned",
      "keep_last",
      "keep_last",
      "keep_last",
    ]);
  });

  it("that cannot be read keeps its point", () => {
    const strange = nights(26, 26, { marks: { [mark.retention]: "last=many" } });
    const empty = nights(27, 27, { marks: { [mark.retention]: "" } });
    assert.deepEqual(fates([...strange, ...empty, ...nights(28, 29)], setting(counting(last(1)))), [
      "keep_unreadable",
      "keep_unreadable",
      "delete: thinned",
      "keep_last",
    ]);
  });

  it("is remembered by the catalogue, too, which only ever keeps", () => {
    const memory = { n27: { retention: formatRule(last(3)) }, n26: { retention: "junk" } };
    assert.deepEqual(fates(nights(26, 29), setting(counting(last(1)), { memory })), [
      "keep_unreadable",
      "keep_last",
      "delete: thinned",
      "keep_last",
    ]);
  });

  it("holds where the policy keeps by age now", () => {
    const policy = { ...dailyPolicy, retentionMs: dayMs, minimumRetentionMs: dayMs };
    assert.deepEqual(fates([...nights(24, 25, marked(last(3))), ...nights(26, 28)], setting(policy)), [
      "delete: thinned",
      "delete: thinned",
      "delete: expired",
      "delete: expired",
      "keep_newest_good",
    ]);
  });
});

describe("a policy that is gone", () => {
  const of = (from: number, to: number, marks: Record<string, string | undefined>): Backup[] =>
    nights(from, to, { marks: { [mark.policy]: "gone", ...marks } });

  it("leaves what its points were promised: dates and rules", () => {
    const backups = [
      ...of(24, 24, { [mark.keepUntil]: day(30) }),
      ...of(25, 25, { [mark.keepUntil]: "2026-12-01T00:00:00Z" }),
      ...of(27, 29, marked(last(2)).marks),
    ];
    // The longest of the dates is six days.
    assert.deepEqual(fates(backups, setting(dailyPolicy)), [
      "delete: expired",
      "keep_age",
      "keep_age",
      "keep_last",
      "keep_last",
    ]);
  });

  it("keeps what the owner asks to have kept, as if it were there", () => {
    const backups = of(20, 29, { [mark.keepUntil]: day(21) });
    const asked = (retentionMs: number, count: number | null): string[] =>
      fates(
        backups,
        setting(dailyPolicy, { inForceOf: (_, policy) => ({ retentionMs, thinning: ruleInForce(policy, count) }) }),
      );
    const keeps = (all: readonly string[]): number => all.filter((fate) => fate.startsWith("keep")).length;
    assert.deepEqual([asked(0, null), asked(5 * dayMs, null), asked(0, 3)].map(keeps), [1, 4, 3]);
  });

  it("keeps those of which neither can be read", () => {
    const lost = of(20, 20, { [mark.keepUntil]: undefined });
    assert.deepEqual(fates([...lost, ...of(28, 29, {})], setting(dailyPolicy)), [
      "keep_policy_gone",
      "delete: expired",
      "keep_newest_good",
    ]);
  });

  it("keeps what it kept: the best that one of its points was promised holds for all", () => {
    const before = counting(last(3), { name: "gone" });
    const backups = [...of(24, 27, marked(last(1)).marks), ...of(28, 28, marked(last(3)).marks)];
    const there = fates(backups, setting(dailyPolicy, { policyOf: () => before, inForceOf: (_, policy) => policy }));
    const gone = fates(backups, setting(dailyPolicy));
    assert.deepEqual(there, ["delete: thinned", "delete: thinned", "keep_last", "keep_last", "keep_last"]);
    assert.deepEqual(gone, there);
  });

  it("an adopted point without a retention stays until it has one", () => {
    const adopted = { marks: { [mark.adopted]: "2026-11-01", [mark.keepUntil]: undefined } };
    assert.deepEqual(fates([...nights(1, 1, adopted), ...nights(28, 29)], setting(dailyPolicy)), [
      "keep_adopted",
      "keep_age",
      "keep_age",
    ]);
    const told = { marks: { ...adopted.marks, [mark.keepUntil]: day(5) } };
    assert.equal(fates([...nights(1, 1, told), ...nights(28, 29)], setting(dailyPolicy))[0], "delete: expired");
  });
});

describe("room for what is about to be made", () => {
  const policy = counting(last(2));
  const expecting = [{ volumeId: "v1", policy: "default", mechanism: "backup" as const, at: now }];

  it("comes from the point whose place it takes", () => {
    assert.deepEqual(fates(nights(27, 28), setting(policy)), ["keep_last", "keep_last"]);
    assert.deepEqual(fates(nights(27, 28), setting(policy, { expecting })), ["delete: thinned", "keep_last"]);
  });

  it("never from the minimum or the newest good point", () => {
    assert.deepEqual(fates(nights(28, 28), setting(counting(last(1)), { expecting })), ["keep_minimum"]);
    const two = counting({ ...last(1), minimumKeep: 2 });
    assert.deepEqual(fates(nights(27, 28), setting(two, { expecting })), ["keep_minimum", "keep_minimum"]);
  });

  it("nor from another policy, volume or mechanism", () => {
    for (const odd of [{ policy: "other" }, { volumeId: "v2" }, { mechanism: "snapshot" as const }]) {
      const unlike = expecting.map((each) => ({ ...each, ...odd }));
      assert.deepEqual(fates(nights(27, 28), setting(policy, { expecting: unlike })), ["keep_last", "keep_last"]);
    }
  });
});

describe("snapshots", () => {
  it("from which a volume was made are kept", () => {
    const snapshots = nights(26, 28, { mechanism: "snapshot" });
    assert.deepEqual(fates(snapshots, setting(counting(last(1)), { cloneSources: new Set(["n26"]) })), [
      "keep_has_volumes",
      "delete: thinned",
      "keep_last",
    ]);
  });
});

describe("a count that a tenant asks for", () => {
  const policy = counting({ ...none, last: 5, daily: 7 });

  it("raises what the policy keeps of the last, and never lowers it", () => {
    assert.equal(ruleInForce(policy, null), policy.thinning);
    assert.deepEqual(ruleInForce(policy, 9), { ...none, last: 9, daily: 7 });
    for (const count of [5, 3, 1, 0, -1, NaN]) assert.deepEqual(ruleInForce(policy, count), policy.thinning);
  });

  it("is an addition where the policy keeps by age", () => {
    const byAge: Policy = { ...dailyPolicy, timeZone: "Europe/Berlin" };
    assert.equal(ruleInForce(byAge, null), null);
    assert.deepEqual(ruleInForce(byAge, 3), { ...none, last: 3, timeZone: "Europe/Berlin" });
    assert.equal(ruleInForce(byAge, 0), null);
  });

  it("is told to be bounded when it is below the policy's", () => {
    assert.deepEqual(
      [4, 5, 6].map((count) => isCountBounded(policy, count)),
      [true, false, false],
    );
    assert.equal(isCountBounded(dailyPolicy, 1), false);
  });
});
