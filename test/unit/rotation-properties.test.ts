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
import { pointTime } from "../../src/domain/points.ts";
import type { Reason } from "../../src/domain/reasons.ts";
import type { RotationPlan } from "../../src/domain/retention.ts";
import {
  clouds as plainClouds,
  promisedClouds,
  selection,
  traitsOf,
  variedClouds,
  type Cloud,
} from "./support/clouds.ts";
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

/** `npm run soak` asks for more. */
const runs = Number(process.env["ROTATION_RUNS"] ?? 300);

/** Half of one policy that keeps by age, half of several that count as well, with snapshots. */
const clouds = fc.oneof(plainClouds, variedClouds);

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

describe("rotation, whatever the cloud looks like", () => {
  it("deletes only what is ours, settled, not held, of this project, and says so for each point", (test) => {
    const tally = new Tally();
    fc.assert(
      fc.property(clouds, (cloud) => {
        const plans = rotateAll(cloud);
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
      }),
      { numRuns: runs },
    );
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

  it("never touches a member of the newest good chain of a volume", () => {
    fc.assert(
      fc.property(clouds, fc.constantFrom("asked" as const, "nothing" as const), (cloud, lookUp) => {
        const deleted = dead(cloud, { lookUp });
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
      }),
      { numRuns: runs },
    );
  });

  it("deletes only from chains of which nothing is wanted and nothing else depends on", () => {
    fc.assert(
      fc.property(clouds, (cloud) => {
        for (const id of dead(cloud)) {
          const backup = cloud.backups.find((each) => each.id === id)!;
          const dependents = descendants(cloud, backup).filter((each) => !isOurs(each));
          assert.deepEqual(dependents, []);
          for (const ancestor of lineage(cloud, backup).filter((each) => isOurs(each))) {
            for (const member of chainOf(cloud, ancestor)) {
              assert.ok(!wantedInTruth(cloud, member), `${member.id} of the chain of ${id} is wanted`);
            }
          }
        }
      }),
      { numRuns: runs },
    );
  });

  it("deletes newest first, children before parents, and leaves no gap", () => {
    fc.assert(
      fc.property(clouds, fc.nat({ max: 12 }), (cloud, deletedLast24h) => {
        for (const plan of rotateAll(cloud, { deletedLast24h })) {
          for (const { members, deletions } of plan.chains) {
            assert.deepEqual(deletions, members.toReversed().slice(0, deletions.length));
            const gone = new Set<string>();
            for (const { backup } of deletions) {
              assertSubset(new Set(descendants(cloud, backup).map(({ id }) => id)), gone);
              gone.add(backup.id);
            }
          }
        }
      }),
      { numRuns: runs },
    );
  });

  it("leaves a good point to every volume that had one, wherever a crash cuts the deletions off", () => {
    fc.assert(
      fc.property(clouds, fc.nat({ max: 40 }), (cloud, crashAfter) => {
        const order = deletionsOf(rotateAll(cloud, { unlimited: true })).slice(0, crashAfter);
        const left = without(cloud, idsOf(order));
        for (const [source, backups] of Map.groupBy(cloud.backups, sourceOf)) {
          if (!backups.some((backup) => isTrulyGood(cloud, backup))) continue;
          const now = left.backups.filter((backup) => sourceOf(backup) === source);
          assert.ok(
            now.some((backup) => isTrulyGood(left, backup)),
            source,
          );
        }
      }),
      { numRuns: runs },
    );
  });

  it("deletes nothing when it may not", () => {
    const reasons: Reason[] = ["partial_scan", "unproven_reader", "clock_jump"];
    fc.assert(
      fc.property(clouds, fc.constantFrom(...reasons), (cloud, blocked) => {
        for (const plan of rotateAll(cloud, { blocked, unlimited: true })) {
          assert.equal(plan.blocked, blocked);
          assert.deepEqual([plan.chains, plan.unverified], [[], []]);
          assert.ok(plan.decisions.every(({ action }) => action === "keep"));
        }
      }),
      { numRuns: runs / 4 },
    );
  });

  it("never deletes more than rule 1 allows in 24 hours, and nothing when the brake holds", () => {
    fc.assert(
      fc.property(clouds, fc.nat({ max: 20 }), (cloud, deletedLast24h) => {
        for (const projectId of projectsOf(cloud)) {
          const plan = rotate(cloud, projectId, { deletedLast24h });
          const count = deletionsOf([plan]).length;
          assert.ok(count === 0 || deletedLast24h + count <= ruleCap(cloud, projectId));
          assert.equal(plan.blocked, plan.overdue > plan.allowance ? "brake" : null);
          if (plan.blocked !== null) assert.equal(count, 0);
        }
      }),
      { numRuns: runs },
    );
  });

  it("goes on where it stopped, and takes nothing that it had kept for another reason than its turn", () => {
    // A backup made from a snapshot may go once the one is gone whose image it may share.
    const mayFollow: ReadonlySet<Reason> = new Set<Reason>(["keep_pace", "keep_shared_image", "keep_unverified"]);
    fc.assert(
      fc.property(clouds, fc.boolean(), (cloud, unlimited) => {
        for (const projectId of projectsOf(cloud)) {
          const first = rotate(cloud, projectId, { unlimited });
          const done = idsOf(deletionsOf([first]));
          const again = rotate(without(cloud, done), projectId, { unlimited, deletedLast24h: done.size });
          const reasons = new Map(first.decisions.map(({ point, reason }) => [point.backup.id, reason]));
          for (const id of idsOf(deletionsOf([again]))) assert.ok(mayFollow.has(reasons.get(id)!), reasons.get(id));
        }
      }),
      { numRuns: runs },
    );
  });

  it("never changes its mind as time passes", () => {
    fc.assert(
      fc.property(clouds, fc.nat({ max: 100 }), (cloud, periods) => {
        const later = new Date(cloud.now.getTime() + periods * cloud.policy.periodMs);
        assertSubset(dead(cloud), dead(cloud, { now: later }));
      }),
      { numRuns: runs },
    );
  });

  it("takes no more when the retention grows", () => {
    fc.assert(
      fc.property(clouds, fc.nat({ max: 30 }), (cloud, periods) => {
        const longerMs = periods * cloud.policy.periodMs;
        assertSubset(dead(cloud, { longerMs }), dead(cloud));
      }),
      { numRuns: runs },
    );
  });

  it("does not depend on the order of the listing", () => {
    const shuffled = clouds.chain((cloud) =>
      fc.tuple(
        fc.constant(cloud),
        fc.shuffledSubarray([...cloud.backups], { minLength: cloud.backups.length, maxLength: cloud.backups.length }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([cloud, backups]) => {
        assert.deepEqual(rotateAll(cloud, { order: () => backups }), rotateAll(cloud));
      }),
      { numRuns: runs / 2 },
    );
  });
});

describe("rotation with a lost or stale database", () => {
  it("deletes nothing that an empty, rebuilt one would keep when all parents are looked up", () => {
    fc.assert(
      fc.property(clouds, (cloud) => {
        const rebuilt = dead(cloud, { catalogue: new Map(), lookUp: "all" });
        assertSubset(dead(cloud), rebuilt);
        assertSubset(dead(cloud, { catalogue: new Map() }), rebuilt);
      }),
      { numRuns: runs },
    );
  });

  it("deletes nothing tonight that an empty, rebuilt one would not delete tonight", () => {
    fc.assert(
      fc.property(clouds, fc.nat({ max: 12 }), (cloud, deletedLast24h) => {
        const tonight = (catalogue: ReadonlyMap<string, CatalogueEntry>): Set<string> =>
          idsOf(deletionsOf(rotateAll(cloud, { catalogue, deletedLast24h, lookUp: "all" })));
        assertSubset(tonight(cloud.catalogue), tonight(new Map()));
      }),
      { numRuns: runs },
    );
  });

  it("deletes nothing that hangs on a parent which nobody has looked up", () => {
    fc.assert(
      fc.property(clouds, (cloud) => {
        const unaided = rotateAll(cloud, { catalogue: new Map(), unlimited: true, lookUp: "nothing" });
        assertSubset(idsOf(deletionsOf(unaided)), dead(cloud, { catalogue: new Map() }));
        const incrementals = deletionsOf(unaided).filter(({ backup, parentVerified }) => {
          return backup.isIncremental && !parentVerified;
        });
        assert.deepEqual(incrementals, []);
      }),
      { numRuns: runs },
    );
  });
});

describe("what tenants and operators take away", () => {
  it("a policy that is taken away deletes nothing by itself", () => {
    fc.assert(
      fc.property(promisedClouds, (cloud) => {
        assertSubset(dead(cloud, { removed: new Set([cloud.second.name]) }), dead(cloud));
      }),
      { numRuns: runs },
    );
  });

  it("whatever a tenant asks for, nothing goes before it was promised to, or while its own rule counts it", () => {
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
    const wishes = fc.dictionary(fc.constantFrom(...keys), values);
    fc.assert(
      fc.property(clouds, wishes, wishes, (cloud, ofVolumes, ofServers) => {
        const asking = <T extends Server | Volume>(each: T, metadata: Record<string, string>): T => ({
          ...each,
          metadata,
        });
        const inventory = {
          servers: cloud.servers.map((server) => asking(server, ofServers)),
          volumes: new Map([...cloud.volumes].map(([id, volume]) => [id, asking(volume, ofVolumes)])),
        };
        const { policy, second } = cloud;
        const { inForceOf } = retentionTerms(inventory, { policy, selection }, () => null);
        const deleted = dead(cloud, { inForceOf, lookUp: "all" });
        for (const id of deleted) {
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
      }),
      { numRuns: runs },
    );
  });

  it("counts that somebody raises take nothing more", () => {
    fc.assert(
      fc.property(clouds, fc.integer({ min: 1, max: 9 }), (cloud, count) => {
        const inForceOf: RotationOptions["inForceOf"] = (_, policy) => ({
          ...policy,
          thinning: ruleInForce(policy, count),
        });
        assertSubset(dead(cloud, { inForceOf }), dead(cloud));
      }),
      { numRuns: runs },
    );
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
