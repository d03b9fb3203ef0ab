import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import type { CatalogueEntry } from "../../src/domain/catalogue.ts";
import type { Backup } from "../../src/domain/inventory.ts";
import { readMarks } from "../../src/domain/marks.ts";
import { pointTime } from "../../src/domain/points.ts";
import type { Reason } from "../../src/domain/reasons.ts";
import type { RotationPlan } from "../../src/domain/retention.ts";
import { clouds, traitsOf, type Cloud } from "./support/clouds.ts";
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

const runs = 240;

const rotateAll = (cloud: Cloud, options?: RotationOptions): RotationPlan[] =>
  projectsOf(cloud).map((projectId) => rotate(cloud, projectId, options));

/** All that a plan deletes in every project, when neither pace nor brake limits it. */
const dead = (cloud: Cloud, options?: RotationOptions): Set<string> =>
  idsOf(deletionsOf(rotateAll(cloud, { ...options, unlimited: true })));

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
    ]);
  });

  it("never touches a member of the newest good chain of a volume", () => {
    fc.assert(
      fc.property(clouds, fc.constantFrom("asked" as const, "nothing" as const), (cloud, lookUp) => {
        const deleted = dead(cloud, { lookUp });
        for (const projectId of projectsOf(cloud)) {
          const here = cloud.backups.filter((backup) => backup.projectId === projectId);
          for (const backups of Map.groupBy(here, (backup) => backup.volumeId).values()) {
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
        for (const [volumeId, backups] of Map.groupBy(cloud.backups, (backup) => backup.volumeId)) {
          if (!backups.some((backup) => isTrulyGood(cloud, backup))) continue;
          const now = left.backups.filter((backup) => backup.volumeId === volumeId);
          assert.ok(
            now.some((backup) => isTrulyGood(left, backup)),
            volumeId,
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
        const longer = cloud.policy.retentionMs + periods * cloud.policy.periodMs;
        assertSubset(dead(cloud, { retentionMs: longer }), dead(cloud));
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

/** By Cinder's rows and the marks alone, and without any code of rotation's. */
function wantedInTruth(cloud: Cloud, backup: Backup): boolean {
  const marks = readMarks(backup.metadata);
  if (marks.held) return true;
  const { archive, retentionMs } = cloud.policy;
  const isArchive = !backup.isIncremental && (backup.container === archive?.container || marks.archived);
  const isOver =
    cloud.now.getTime() >=
      backup.createdAt.getTime() + Math.max(retentionMs, isArchive ? (archive?.retentionMs ?? 0) : 0) &&
    (marks.keepUntil === null || cloud.now >= marks.keepUntil);
  if (backup.status === "available") return !isOver;
  if (backup.status !== "error") return true;
  const others = cloud.backups.filter(
    (each) => each.volumeId === backup.volumeId && each.projectId === backup.projectId && isOurs(each),
  );
  const superseded = others.some((each) => isTrulyGood(cloud, each) && pointTime(each) > pointTime(backup));
  const newerFailed = others.some((each) => each.status === "error" && pointTime(each) >= pointTime(backup));
  return !superseded && !(isOver && newerFailed);
}
