import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aBackup, anIncremental } from "../../test/unit/support/builders.ts";
import { day, fresh, held, outcome, plan, tenants, type Setting } from "../../test/unit/support/planned.ts";
import type { Backup } from "./inventory.ts";
import { mark } from "./marks.ts";

const letters = (count: number): string[] => Array.from({ length: count }, (_, n) => String.fromCharCode(97 + n));

describe("what must be looked up first", () => {
  const unsure = { parentVerified: false };
  const chain = [aBackup("f", day(1)), anIncremental("i", day(2), "f")];

  const cases: {
    name: string;
    backups: Backup[];
    setting?: Setting;
    ask: string[];
    outcome: Record<string, string>;
  }[] = [
    {
      name: "nothing where all parents are known",
      backups: [...chain, fresh],
      ask: [],
      outcome: { f: "delete: expired", i: "delete: expired", new: "keep_age" },
    },
    {
      name: "the claimed parents of members of a dead chain",
      backups: [...chain, fresh],
      setting: { memory: { i: unsure } },
      ask: ["f"],
      outcome: { f: "keep_unverified", i: "keep_unverified", new: "keep_age" },
    },
    {
      name: "only the claimed parents where there are others",
      backups: [aBackup("e", day(1)), ...chain, fresh],
      setting: { memory: { i: unsure }, children: { e: [] } },
      ask: ["f"],
      outcome: { e: "delete: expired", f: "keep_unverified", i: "keep_unverified", new: "keep_age" },
    },
    {
      name: "not an older backup that stays, where the parent is claimed",
      backups: [aBackup("e", day(1), held), ...chain, fresh],
      setting: { memory: { i: unsure } },
      ask: ["f"],
      outcome: { e: "keep_held", f: "keep_unverified", i: "keep_unverified", new: "keep_age" },
    },
    {
      name: "not what was asked, while something else is not",
      backups: [
        aBackup("f", day(2)),
        aBackup("u", day(1), tenants),
        aBackup("w", day(3), { ...tenants, isIncremental: true }),
        fresh,
      ],
      setting: { children: { f: [] } },
      ask: [],
      outcome: { f: "delete: expired", new: "keep_age" },
    },
    {
      name: "the members made in the same second as an unknown incremental",
      backups: [aBackup("f", day(2)), aBackup("u", day(2), { ...tenants, isIncremental: true }), fresh],
      ask: ["f"],
      outcome: { f: "keep_unverified", new: "keep_age" },
    },
    {
      name: "nothing in a chain that is not dead",
      backups: [...chain],
      setting: { memory: { i: unsure } },
      ask: [],
      outcome: { f: "keep_newest_good", i: "keep_newest_good" },
    },
    {
      name: "everything older than a member with an unknown parent",
      backups: [
        aBackup("a", day(1), { volumeId: "v2" }),
        aBackup("u", day(1), tenants),
        anIncremental("i", day(2), "", { marks: { [mark.parent]: undefined } }),
        fresh,
      ],
      ask: ["u"],
      outcome: { a: "keep_newest_good", i: "keep_unverified", new: "keep_age" },
    },
    {
      name: "the members that somebody's younger incremental may build on",
      backups: [
        aBackup("f", day(1)),
        anIncremental("i", day(4), "f"),
        aBackup("u", day(3), { ...tenants, isIncremental: true }),
        fresh,
      ],
      ask: ["f"],
      outcome: { f: "keep_unverified", i: "keep_unverified", new: "keep_age" },
    },
    {
      name: "not again what was asked",
      backups: [
        aBackup("f", day(1)),
        anIncremental("i", day(2), "f"),
        aBackup("u", day(3), { ...tenants, isIncremental: true }),
        fresh,
      ],
      setting: { children: { f: ["i"], i: [] } },
      ask: [],
      outcome: { f: "delete: expired", i: "delete: expired", new: "keep_age" },
    },
    {
      name: "not the members younger than every unknown incremental",
      backups: [aBackup("u", day(1), { ...tenants, isIncremental: true }), aBackup("f", day(2)), fresh],
      ask: [],
      outcome: { f: "delete: expired", new: "keep_age" },
    },
    {
      name: "nothing because of somebody's full",
      backups: [aBackup("f", day(1)), aBackup("u", day(3), tenants), fresh],
      ask: [],
      outcome: { f: "delete: expired", new: "keep_age" },
    },
    {
      name: "the parents that make the newest good point good",
      backups: [aBackup("dead", day(1)), aBackup("f", day(2)), anIncremental("i", day(29), "f")],
      setting: { memory: { i: unsure } },
      ask: ["f", "dead"],
      outcome: { dead: "keep_unverified", f: "keep_chain", i: "keep_age" },
    },
    {
      name: "where somebody else's hangs that one of ours builds on",
      backups: [
        aBackup("f", day(1)),
        aBackup("u", day(2), { ...tenants, isIncremental: true }),
        anIncremental("i", day(3), "u"),
        aBackup("later", day(4)),
        fresh,
      ],
      setting: { children: { i: [] } },
      ask: ["f"],
      outcome: { f: "keep_unverified", i: "keep_unverified", later: "delete: expired", new: "keep_age" },
    },
  ];
  for (const { name, backups, setting, ask, outcome: expected } of cases) {
    it(name, () => {
      assert.deepEqual([...plan(backups, setting).unverified].sort(), [...ask].sort());
      assert.deepEqual(outcome(backups, setting), expected);
    });
  }

  const fleet = (month: string): Backup[] =>
    letters(12).flatMap((id) => {
      const time = (hours: number): string =>
        new Date(Date.parse(`2026-${month}T00:00:00Z`) + hours * 3_600_000).toISOString();
      return [
        aBackup(`${id}-f`, time(0), { volumeId: id }),
        anIncremental(`${id}-i`, time(12), `${id}-f`, { volumeId: id }),
        aBackup(`${id}-new`, time(24), { volumeId: id }),
      ];
    });
  const doubts = (backups: readonly Backup[]): Setting => ({
    memory: Object.fromEntries(backups.flatMap((each) => (each.isIncremental ? [[each.id, unsure]] : []))),
  });

  it("only what is next in turn", () => {
    const recent = fleet("11-15");
    const paced = plan(recent, doubts(recent));
    assert.deepEqual([paced.blocked, paced.overdue, paced.allowance, paced.chains], [null, 0, 10, []]);
    assert.deepEqual(
      [...paced.unverified].sort(),
      letters(10).map((id) => `${id}-f`),
    );
  });

  it("what is overdue behind the brake, all of it", () => {
    const old = fleet("09-01");
    const braked = plan(old, doubts(old));
    assert.deepEqual([braked.blocked, braked.overdue, braked.allowance], ["brake", 24, 10]);
    assert.deepEqual(
      [...braked.unverified].sort(),
      letters(12).map((id) => `${id}-f`),
    );
  });
});
