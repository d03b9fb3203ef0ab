import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import type { CatalogueEntry } from "../../src/domain/catalogue.ts";
import { readRule, keptBy } from "../../src/audit/retention-rule.ts";
import { retentionTerms } from "../../src/conductor/scan.ts";
import { ruleInForce } from "../../src/domain/in-force.ts";
import type { Backup, Server, Volume } from "../../src/domain/inventory.ts";
import { mark, readMarks } from "../../src/domain/marks.ts";
import type { Policy } from "../../src/domain/policy.ts";
import { formatRule } from "../../src/domain/thinning-text.ts";
import { pointTime, type Point } from "../../src/domain/points.ts";
import type { Reason } from "../../src/domain/reasons.ts";
import type { RotationPlan } from "../../src/domain/retention.ts";
import {
  selection,
  smallClouds,
  smallPromisedClouds,
  smallVariedClouds,
  traitsOf,
  type Cloud,
} from "./support/clouds.ts";
import { judgeTogether } from "./support/judged.ts";
import {
  chainOf,
  deletionsOf,
  descendants,
  idsOf,
  isOurs,
  isTrulyGood,
  lineage,
  newestGood,
  projectsOf,
  rotate,
  ruleCap,
  type RotationOptions,
} from "./support/rotations.ts";

/** What a case is made of: a cloud, one in which all was made under the policies as they are now, and numbers for whoever needs one. */
interface Case {
  readonly cloud: Cloud;
  readonly promised: Cloud;
  readonly some: number;
  readonly coin: boolean;
  readonly lookUp: "asked" | "nothing";
  readonly doubt: Reason;
  readonly order: readonly number[];
  readonly ofVolumes: Readonly<Record<string, string>>;
  readonly ofServers: Readonly<Record<string, string>>;
}

/** What several properties ask of a cloud is worked out once. */
class Given {
  readonly case: Case;
  readonly cloud: Cloud;
  readonly #dead = new Map<string, Set<string>>();
  #plans: RotationPlan[] | null = null;

  constructor(made: Case) {
    this.case = made;
    this.cloud = made.cloud;
  }

  get plans(): RotationPlan[] {
    this.#plans ??= rotateAll(this.cloud);
    return this.#plans;
  }

  /** All that is dead as the conductor finds it out. */
  get dead(): ReadonlySet<string> {
    return this.#once("asked", {});
  }

  /** The same with an empty, rebuilt database. */
  get deadRebuilt(): ReadonlySet<string> {
    return this.#once("rebuilt", { catalogue: new Map(), lookUp: "all" });
  }

  #once(what: string, options: RotationOptions): ReadonlySet<string> {
    const found = this.#dead.get(what) ?? dead(this.cloud, options);
    this.#dead.set(what, found);
    return found;
  }
}

const rotateAll = (cloud: Cloud, options?: RotationOptions): RotationPlan[] =>
  projectsOf(cloud).map((projectId) => rotate(cloud, projectId, options));

/** All that a plan deletes in every project, when neither pace nor brake limits it. */
const dead = (cloud: Cloud, options?: RotationOptions): Set<string> =>
  idsOf(deletionsOf(rotateAll(cloud, { ...options, unlimited: true })));

/** A snapshot never stands in for a backup. */
const sourceOf = ({ volumeId, mechanism }: Backup): string => `${volumeId}/${mechanism}`;

const without = (cloud: Cloud, ids: ReadonlySet<string>): Cloud => ({
  ...cloud,
  backups: cloud.backups.filter((backup) => !ids.has(backup.id)),
});

function assertSubset(small: ReadonlySet<string>, large: ReadonlySet<string>): void {
  assert.deepEqual(
    [...small].filter((id) => !large.has(id)),
    [],
  );
}

/** Counts what the cases were made of, so that a generator that went blind shows. */
class Tally {
  readonly #counts = new Map<string, number>();
  #cases = 0;

  add(cloud: Cloud, plans: readonly RotationPlan[]): void {
    this.#cases += 1;
    const reasons = plans.flatMap((plan) => plan.decisions.map(({ action, reason }) => `${action}: ${reason}`));
    const blocks = plans.flatMap((plan) => (plan.blocked === null ? [] : [`blocked: ${plan.blocked}`]));
    for (const trait of new Set([...traitsOf(cloud), ...reasons, ...blocks])) {
      this.#counts.set(trait, (this.#counts.get(trait) ?? 0) + 1);
    }
  }

  print(test: TestContext): void {
    for (const [trait, count] of [...this.#counts].sort(([, a], [, b]) => b - a)) {
      test.diagnostic(`${String(Math.round((100 * count) / this.#cases)).padStart(3)} % ${trait}`);
    }
  }

  assertSeen(traits: readonly string[]): void {
    assert.deepEqual(
      traits.filter((trait) => !this.#counts.has(trait)),
      [],
    );
  }
}

/** All that a plan says, without all that is known of its points. */
const described = ({ chains, decisions, ...plan }: RotationPlan): unknown => ({
  ...plan,
  chains: chains.map(({ deletions, members, ...chain }) => ({
    ...chain,
    members: members.map(({ backup }) => backup.id),
    deletions: deletions.map(({ backup }) => backup.id),
  })),
  decisions: decisions.map(({ point, ...decision }) => ({ ...decision, point: point.backup.id })),
});

const numbers = fc.array(fc.nat(), { minLength: 20, maxLength: 20 });
const values = fc.constantFrom("1d", "0", "0d", "-5", "-1d", "junk", "", "1h", "30d", "999999d", "5", "true");
const keys = [
  selection.retentionKey,
  selection.tagKey,
  selection.skipKey,
  "backup_policy",
  "auto_snapshot",
  "snapshot_policies",
  "retention_default",
  "retention_second",
  "retention",
  "x-snapsentry-managed",
  "x-snapsentry-daily-enabled",
  "x-snapsentry-daily-retention-days",
];
const wishes = fc.dictionary(fc.constantFrom(...keys), values, { maxKeys: 6 });

const cases: fc.Arbitrary<Given> = fc
  .record<Case>({
    // Half of one policy that keeps by age, half of several that count as well, with snapshots.
    cloud: fc.oneof(smallClouds, smallVariedClouds),
    promised: smallPromisedClouds,
    some: fc.nat({ max: 40 }),
    coin: fc.boolean(),
    lookUp: fc.constantFrom("asked" as const, "nothing" as const),
    doubt: fc.constantFrom<Reason[]>("partial_scan", "unproven_reader", "clock_jump"),
    order: numbers,
    ofVolumes: wishes,
    ofServers: wishes,
  })
  .map((made) => new Given(made));

/** Each is judged by all properties. `npm run soak` asks for a million. */
const property = judgeTogether(cases, "ROTATION_RUNS");

describe("rotation, whatever the cloud looks like", () => {
  const tally = new Tally();
  property("deletes only what is ours, settled, not held, of this project, and says so for each point", (given) => {
    const { cloud, plans } = given;
    tally.add(cloud, [...plans, ...rotateAll(cloud, { unlimited: true })]);
    for (const [index, projectId] of projectsOf(cloud).entries()) {
      const plan = plans[index]!;
      for (const { backup, entry } of deletionsOf([plan])) {
        assert.ok(isOurs(backup));
        assert.equal(backup.projectId, projectId);
        assert.ok(backup.status === "available" || backup.status === "error");
        assert.ok(!readMarks(backup.metadata).held && entry?.held !== true);
      }
      const ours = cloud.backups.filter((backup) => backup.projectId === projectId && isOurs(backup));
      assert.deepEqual(plan.decisions.map(({ point }) => point.backup.id).sort(), ours.map(({ id }) => id).sort());
      assert.deepEqual(
        plan.decisions.flatMap(({ point, action }) => (action === "delete" ? point.backup.id : [])).sort(),
        [...idsOf(deletionsOf([plan]))].sort(),
      );
    }
  });

  property("never touches a member of the newest good chain of a volume", (given) => {
    const { cloud } = given;
    const deleted = given.case.lookUp === "asked" ? given.dead : dead(cloud, { lookUp: "nothing" });
    for (const projectId of projectsOf(cloud)) {
      const here = cloud.backups.filter((backup) => backup.projectId === projectId);
      for (const backups of Map.groupBy(here, sourceOf).values()) {
        const newest = newestGood(cloud, backups);
        if (newest === null) continue;
        const chain = backups.filter((each) => lineage(cloud, each).at(-1) === lineage(cloud, newest).at(-1));
        assert.deepEqual(
          chain.flatMap((each) => (deleted.has(each.id) ? each.id : [])),
          [],
        );
      }
    }
  });

  property(
    "deletes only from chains of which nothing is wanted and nothing else depends on",
    ({ cloud, dead: gone }) => {
      for (const id of gone) {
        const backup = cloud.backups.find((each) => each.id === id)!;
        const dependents = descendants(cloud, backup).filter((each) => !isOurs(each));
        assert.deepEqual(dependents, []);
        // What it builds on beyond somebody else's backup is another chain: to that its end is no harm.
        for (const member of chainOf(cloud, backup)) {
          assert.ok(!wantedInTruth(cloud, member), `${member.id} of the chain of ${id} is wanted`);
        }
      }
    },
  );

  property("deletes newest first, children before parents, and leaves no gap", ({ cloud, case: { some } }) => {
    for (const plan of rotateAll(cloud, { deletedLast24h: some % 13 })) {
      for (const { members, deletions } of plan.chains) {
        assert.deepEqual(deletions, members.toReversed().slice(0, deletions.length));
        const gone = new Set<string>();
        for (const { backup } of deletions) {
          assertSubset(new Set(descendants(cloud, backup).map(({ id }) => id)), gone);
          gone.add(backup.id);
        }
      }
    }
  });

  property("leaves a good point to every volume that had one, wherever a crash cuts the deletions off", (given) => {
    const { cloud } = given;
    const order = deletionsOf(rotateAll(cloud, { unlimited: true })).slice(0, given.case.some);
    const left = without(cloud, idsOf(order));
    for (const [source, backups] of Map.groupBy(cloud.backups, sourceOf)) {
      if (!backups.some((backup) => isTrulyGood(cloud, backup))) continue;
      const now = left.backups.filter((backup) => sourceOf(backup) === source);
      assert.ok(
        now.some((backup) => isTrulyGood(left, backup)),
        source,
      );
    }
  });

  property("deletes nothing when it may not", ({ cloud, case: { doubt } }) => {
    for (const plan of rotateAll(cloud, { blocked: doubt, unlimited: true })) {
      assert.equal(plan.blocked, doubt);
      assert.deepEqual([plan.chains, plan.unverified], [[], []]);
      assert.ok(plan.decisions.every(({ action }) => action === "keep"));
    }
  });

  property("never deletes more than rule 1 allows in 24 hours, and nothing when the brake holds", (given) => {
    const { cloud } = given;
    const deletedLast24h = given.case.some % 21;
    for (const projectId of projectsOf(cloud)) {
      const plan = rotate(cloud, projectId, { deletedLast24h });
      const count = deletionsOf([plan]).length;
      assert.ok(count === 0 || deletedLast24h + count <= ruleCap(cloud, projectId));
      assert.equal(plan.blocked, plan.overdue > plan.allowance ? "brake" : null);
      if (plan.blocked !== null) assert.equal(count, 0);
    }
  });

  // A backup made from a snapshot may go once the one is gone whose image it may share.
  const mayFollow: ReadonlySet<Reason> = new Set<Reason>(["keep_pace", "keep_shared_image", "keep_unverified"]);
  property("goes on where it stopped, and takes nothing that it had kept for another reason than its turn", (given) => {
    const { cloud } = given;
    const unlimited = given.case.coin;
    for (const [index, projectId] of projectsOf(cloud).entries()) {
      const first = unlimited ? rotate(cloud, projectId, { unlimited }) : given.plans[index]!;
      const done = idsOf(deletionsOf([first]));
      const again = rotate(without(cloud, done), projectId, { unlimited, deletedLast24h: done.size });
      const reasons = new Map(first.decisions.map(({ point, reason }) => [point.backup.id, reason]));
      // Of a policy that is gone the best promise of one point holds for all, for as long as that one is there; and with each of them its chain stays.
      const isGone = ({ entry, marks }: Point): boolean => [marks.policy, entry?.policy].includes("gone");
      // Of two with one key the first takes a place. Where the key is not its slot's, the other stands for another time, and takes its own when the first is gone.
      const isOdd = ({ marks: { key, slot } }: Point): boolean => key !== null && !key.includes(`/${slot}`);
      const sources = new Set(
        first.decisions.flatMap(({ point }) => (isGone(point) || isOdd(point) ? sourceOf(point.backup) : [])),
      );
      const shared = first.decisions.filter(({ point }) => sources.has(sourceOf(point.backup)));
      const mayFall = new Set(shared.map(({ point }) => point.backup.id));
      for (const id of idsOf(deletionsOf([again])).difference(mayFall))
        assert.ok(mayFollow.has(reasons.get(id)!), reasons.get(id));
    }
  });

  property("never changes its mind as time passes", (given) => {
    const { cloud } = given;
    const later = new Date(cloud.now.getTime() + 2.5 * given.case.some * cloud.policy.periodMs);
    assertSubset(given.dead, dead(cloud, { now: later }));
  });

  property("takes no more when the retention grows", (given) => {
    const { cloud } = given;
    assertSubset(dead(cloud, { longerMs: given.case.some * cloud.policy.periodMs }), given.dead);
  });

  property("does not depend on the order of the listing", ({ cloud, plans, case: { order } }) => {
    const shuffled = cloud.backups
      .map((backup, index) => ({ backup, at: order[index % order.length]! }))
      .sort((a, b) => a.at - b.at)
      .map(({ backup }) => backup);
    assert.deepEqual(rotateAll(cloud, { order: () => shuffled }).map(described), plans.map(described));
  });

  it("was tried on clouds with all that can go wrong", (test) => {
    tally.print(test);
    tally.assertSeen([
      "incrementals",
      "foreign parent",
      "forged marks",
      "status error",
      "status creating",
      "status restoring",
      "clock skew",
      "delete: expired",
      "delete: failed_superseded",
      "keep: keep_newest_good",
      "keep: keep_last_of_gone",
      "keep: keep_chain",
      "keep: keep_held",
      "keep: keep_has_children",
      "keep: keep_no_good",
      "keep: keep_failed",
      "archives",
      "keep: keep_archive",
      "snapshots",
      "two policies",
      "policy gone",
      "delete: thinned",
      "keep: keep_last",
      "keep: keep_daily",
      "keep: keep_weekly",
      "keep: keep_minimum",
      "keep: keep_unreadable",
      "keep: keep_policy_gone",
    ]);
  });
});

describe("rotation with a lost or stale database", () => {
  property("deletes nothing that an empty, rebuilt one would keep when all parents are looked up", (given) => {
    assertSubset(given.dead, given.deadRebuilt);
    assertSubset(dead(given.cloud, { catalogue: new Map() }), given.deadRebuilt);
  });

  property("deletes nothing tonight that an empty, rebuilt one would not delete tonight", (given) => {
    const deletedLast24h = given.case.some % 13;
    const tonight = (catalogue: ReadonlyMap<string, CatalogueEntry>): Set<string> =>
      idsOf(deletionsOf(rotateAll(given.cloud, { catalogue, deletedLast24h, lookUp: "all" })));
    assertSubset(tonight(given.cloud.catalogue), tonight(new Map()));
  });

  property("deletes nothing that hangs on a parent which nobody has looked up", ({ cloud }) => {
    const unaided = rotateAll(cloud, { catalogue: new Map(), unlimited: true, lookUp: "nothing" });
    assertSubset(idsOf(deletionsOf(unaided)), dead(cloud, { catalogue: new Map() }));
    const incrementals = deletionsOf(unaided).filter(({ backup, parentVerified }) => {
      return backup.isIncremental && !parentVerified;
    });
    assert.deepEqual(incrementals, []);
  });
});

describe("what tenants and operators take away", () => {
  property("a policy that is taken away deletes nothing by itself", ({ case: { promised } }) => {
    assertSubset(dead(promised, { removed: new Set([promised.second.name]) }), dead(promised));
  });

  property(
    "whatever a tenant asks for, nothing goes before it was promised to, or while its own rule counts it",
    ({ cloud, case: { ofServers, ofVolumes } }) => {
      const asking = <T extends Server | Volume>(each: T, metadata: Readonly<Record<string, string>>): T => ({
        ...each,
        metadata,
      });
      const inventory = {
        servers: cloud.servers.map((server) => asking(server, ofServers)),
        volumes: new Map([...cloud.volumes].map(([id, volume]) => [id, asking(volume, ofVolumes)])),
      };
      const { policy, second } = cloud;
      const { inForceOf } = retentionTerms(inventory, { policy, selection }, () => null);
      for (const id of dead(cloud, { inForceOf, lookUp: "all" })) {
        const backup = cloud.backups.find((each) => each.id === id)!;
        const { keepUntil, retention } = readMarks(backup.metadata);
        assert.ok(keepUntil === null || keepUntil <= cloud.now || backup.status === "error", `${id} was promised`);
        assert.ok(retention === null || !isCounted(cloud, backup, [retention]), `${id} is counted`);
      }
      // Nor do counts that the policies keep become fewer.
      for (const own of [policy, second]) {
        if (own.thinning === null) continue;
        const { thinning } = inForceOf([...cloud.volumes.keys()][0] ?? "", own);
        assert.ok(thinning !== null && thinning.last >= own.thinning.last);
        assert.deepEqual({ ...thinning, last: 0 }, { ...own.thinning, last: 0 });
      }
    },
  );

  property("counts that somebody raises take nothing more", (given) => {
    const inForceOf: RotationOptions["inForceOf"] = (_, policy) => ({
      ...policy,
      thinning: ruleInForce(policy, 1 + (given.case.some % 9)),
    });
    assertSubset(dead(given.cloud, { inForceOf }), given.dead);
  });
});

/** By Cinder's rows and the marks alone, and without any code of rotation's. */
function wantedInTruth(cloud: Cloud, backup: Backup): boolean {
  const marks = readMarks(backup.metadata);
  if (marks.held) return true;
  const policy = policyOf(cloud, backup);
  const { archive, retentionMs } = policy ?? { archive: null, retentionMs: 0 };
  const isArchive = !backup.isIncremental && (backup.container === archive?.container || marks.archived);
  const isOver =
    cloud.now.getTime() >=
      backup.createdAt.getTime() + Math.max(retentionMs, isArchive ? (archive?.retentionMs ?? 0) : 0) &&
    (marks.keepUntil === null || cloud.now >= marks.keepUntil);
  const rules = [marks.retention, policy?.thinning ? formatRule(policy.thinning) : null].filter(
    (rule) => rule !== null,
  );
  if (backup.status === "available") return !isOver || isCounted(cloud, backup, rules);
  if (backup.status !== "error") return true;
  const others = cloud.backups.filter(
    (each) => sourceOf(each) === sourceOf(backup) && each.projectId === backup.projectId && isOurs(each),
  );
  const superseded = others.some((each) => isTrulyGood(cloud, each) && pointTime(each) > pointTime(backup));
  const newerFailed = others.some((each) => each.status === "error" && pointTime(each) >= pointTime(backup));
  return !superseded && !(isOver && newerFailed);
}

function policyOf(cloud: Cloud, { metadata }: Backup): Policy | null {
  const name = metadata[mark.policy] ?? cloud.policy.name;
  return [cloud.policy, cloud.second].find((policy) => policy.name === name) ?? null;
}

/** Whether a rule that is in force or marked keeps it, or cannot be read; by the audit's code. */
function isCounted(cloud: Cloud, backup: Backup, rules: readonly string[]): boolean {
  if (backup.status !== "available") return false;
  const nameOf = (each: Backup): string => each.metadata[mark.policy] ?? cloud.policy.name;
  const group = cloud.backups.filter(
    (each) =>
      each === backup ||
      (sourceOf(each) === sourceOf(backup) &&
        each.projectId === backup.projectId &&
        nameOf(each) === nameOf(backup) &&
        isTrulyGood(cloud, each)),
  );
  // Of two that were made at once either may be the newer one.
  if (group.some((each) => each !== backup && each.createdAt.getTime() === backup.createdAt.getTime())) return false;
  const newestFirst = group.toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
  return rules.some((text) => {
    const rule = readRule(text);
    if (rule === undefined) return true;
    const counted = newestFirst.map((each) => ({
      id: each.id,
      calendarMs: Date.parse(each.metadata[mark.slot] ?? ""),
      isGood: each !== backup || isTrulyGood(cloud, each),
    }));
    return keptBy(rule, counted).has(backup.id);
  });
}
