import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { aBackup, anIncremental, at } from "../../test/unit/support/builders.ts";
import { day, dead, fresh, now, outcome, plan } from "../../test/unit/support/planned.ts";
import type { Backup } from "./inventory.ts";
import type { RotationPlan } from "./retention.ts";

describe("the plan", () => {
  const volume = (id: string, firstDay: number): Backup[] => [
    aBackup(`${id}-f`, day(firstDay), { volumeId: id }),
    anIncremental(`${id}-i`, day(firstDay + 1), `${id}-f`, { volumeId: id }),
    anIncremental(`${id}-j`, day(firstDay + 2), `${id}-i`, { volumeId: id }),
    aBackup(`${id}-g`, day(firstDay + 3), { volumeId: id }),
    aBackup(`${id}-new`, day(firstDay + 4), { volumeId: id }),
  ];
  const turns = (each: RotationPlan): [string, string[]][] =>
    each.chains.map(({ rootId, deletions }) => [rootId, deletions.map(({ backup }) => backup.id)]);

  const then = { now: at(day(20)) };

  it("names chain, members, death and deletions", () => {
    const [chain] = plan(volume("v1", 1)).chains;
    assert.deepEqual(
      [chain?.volumeId, chain?.rootId, chain?.diedAt, chain?.members.map(({ backup }) => backup.id)],
      ["v1", "v1-f", at(day(17)), ["v1-f", "v1-i", "v1-j"]],
    );
    assert.deepEqual(turns(plan(volume("v1", 1))), [
      ["v1-f", ["v1-j", "v1-i", "v1-f"]],
      ["v1-g", ["v1-g"]],
    ]);
  });

  it("a failed one died when it was superseded, now at the latest", () => {
    const [chain] = plan([aBackup("failed", day(28), { status: "error" }), fresh]).chains;
    assert.deepEqual(chain?.diedAt, now);
  });

  it("works what is due first, the newest member of every chain before its older ones", () => {
    const backups = [...volume("b", 3), ...volume("a", 1), ...volume("c", 3)];
    const all = plan(backups, then);
    assert.deepEqual(turns(all), [
      ["a-f", ["a-j", "a-i", "a-f"]],
      ["a-g", ["a-g"]],
      ["b-f", ["b-j", "b-i"]],
      ["c-f", ["c-j", "c-i"]],
      ["b-g", ["b-g"]],
      ["c-g", ["c-g"]],
    ]);
    assert.deepEqual([all.allowance, all.overdue, all.blocked], [10, 0, null]);
    const six = plan(backups, { ...then, deletedLast24h: 4 });
    assert.deepEqual(turns(six), [
      ["a-f", ["a-j", "a-i", "a-f"]],
      ["a-g", ["a-g"]],
      ["b-f", ["b-j"]],
      ["c-f", ["c-j"]],
    ]);
    assert.deepEqual(
      six.decisions.filter(({ reason }) => reason === "keep_pace").map(({ point }) => point.backup.id),
      ["b-f", "b-i", "b-g", "c-f", "c-i", "c-g"],
    );
    const none = plan(backups, { ...then, deletedLast24h: 99 });
    assert.deepEqual([none.allowance, none.chains, none.blocked], [0, [], null]);
  });

  it("nothing at all while it is blocked", () => {
    for (const blocked of ["partial_scan", "unproven_reader", "clock_jump"] as const) {
      const each = plan([dead, fresh], { blocked });
      assert.deepEqual([each.chains, each.unverified, each.blocked], [[], [], blocked]);
      assert.deepEqual(outcome([dead, fresh], { blocked }), { old: blocked, new: "keep_age" });
    }
  });

  it("nothing with a clock that shows no time, or a count that is none", () => {
    const noTime = plan([dead, fresh], { now: new Date(NaN) });
    assert.deepEqual([noTime.chains, noTime.blocked], [[], "clock_jump"]);
    const noCount = plan([dead, fresh], { deletedLast24h: NaN });
    assert.deepEqual([noCount.chains, noCount.blocked], [[], "brake"]);
  });

  it("is braked when more is overdue than may be deleted", () => {
    const old = ["v1", "v2", "v3", "v4"].flatMap((id) => volume(id, 1));
    const later = at("2026-12-25T00:00:00Z");
    const braked = plan(old, { now: later });
    assert.deepEqual([braked.overdue, braked.allowance, braked.blocked, braked.chains], [16, 10, "brake", []]);
    assert.equal(braked.decisions.filter(({ reason }) => reason === "brake").length, 16);
    const exact = plan(old, { now: later, override: { projectId: "p1", count: 16, expiresAt: new Date(+later + 1) } });
    assert.deepEqual([exact.allowance, exact.blocked, exact.chains.length], [16, null, 8]);
  });

  it("is counted by the project's own points, not by those of others", () => {
    const elsewhere = Array.from({ length: 200 }, (_, i) => aBackup(`x${i}`, day(28), { projectId: "p2" }));
    assert.equal(plan([...volume("v1", 1), ...elsewhere]).allowance, 10);
    const own = elsewhere.map((backup) => ({ ...backup, projectId: "p1" }));
    assert.equal(plan([...volume("v1", 1), ...own]).allowance, 30);
  });

  it("when it is braked, only what is overdue is looked up", () => {
    const old = ["v1", "v2", "v3", "v4"].flatMap((id) => volume(id, 1));
    const young = volume("v5", 20);
    const memory = { "v1-i": { parentVerified: false }, "v5-i": { parentVerified: false } };
    const braked = plan([...old, ...young], { now: at("2026-12-07T00:00:00Z"), memory, retentionMs: 0 });
    assert.deepEqual([braked.blocked, braked.unverified], ["brake", ["v1-f"]]);
  });

  it("what only the catalogue keeps holds its place in the queue", () => {
    const backups = [...volume("a", 1), ...volume("b", 3)];
    const setting = { ...then, deletedLast24h: 9, memory: { "a-f": { held: true } } };
    assert.deepEqual(turns(plan(backups, { ...then, deletedLast24h: 9 })), [["a-f", ["a-j"]]]);
    assert.deepEqual(turns(plan(backups, setting)), []);
  });

  it("so does what only the catalogue promises longer", () => {
    const backups = [...volume("a", 1), ...volume("b", 3)];
    const memory = { "a-f": { keepUntil: at("2026-12-30T00:00:00Z") } };
    assert.deepEqual(turns(plan(backups, { ...then, deletedLast24h: 9, memory })), []);
  });

  it("is the same however the volumes are ordered", () => {
    const [one, two, three] = ["c", "a", "b"].map((id) => volume(id, 1));
    const ids = (each: RotationPlan): string[] => each.decisions.map(({ point }) => point.backup.id);
    const first = plan([...one!, ...two!, ...three!], { ...then, deletedLast24h: 2 });
    const second = plan([...three!, ...two!, ...one!], { ...then, deletedLast24h: 2 });
    assert.deepEqual(ids(first), ids(second));
    assert.equal(
      ids(first)
        .map((id) => id[0])
        .join(""),
      "aaaaabbbbbccccc",
    );
    assert.deepEqual(turns(first), turns(second));
  });

  it("allows 15% of the project's own points", () => {
    const many = (project: string, count: number): Backup[] =>
      Array.from({ length: count }, (_, n) =>
        aBackup(`${project}-${n}`, day(1), { projectId: project, volumeId: `${project}-${n}` }),
      );
    assert.equal(plan([...many("p1", 80), ...many("p2", 80)]).allowance, 12);
  });

  it("what is overdue does not change while a chain goes, and is overdue at the very instant", () => {
    // The chain died on the 17th: two days of grace, five without backups, and one member a day from then on.
    const rest = volume("a", 1).filter(({ id }) => id !== "a-i" && id !== "a-j");
    const overdue = (backups: Backup[], time: string): number => plan(backups, { now: at(time) }).overdue;
    assert.equal(overdue(volume("a", 1), "2026-11-23T23:59:59.999Z"), 0);
    assert.equal(overdue(volume("a", 1), day(24)), 1);
    assert.equal(overdue(volume("a", 1), day(26)), 4);
    assert.equal(overdue(rest, "2026-11-25T23:59:59.999Z"), 1);
    assert.equal(overdue(rest, day(26)), 2);
  });

  it("leaves volumes of other projects alone", () => {
    const elsewhere = [aBackup("x", day(1), { projectId: "p2" }), aBackup("y", day(29), { projectId: "p2" })];
    const each = plan(elsewhere);
    assert.deepEqual([each.chains, each.decisions], [[], []]);
  });
});
