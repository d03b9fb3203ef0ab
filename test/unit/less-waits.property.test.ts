import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Job } from "../../src/domain/catalogue.ts";
import { parseDuration } from "../../src/domain/durations.ts";
import { AskingCloud, promisedBy } from "./support/asking-cloud.ts";
import { dayMs } from "./support/clouds.ts";

/**
 * Less than was in force counts only when it has been asked for, by every run, for the whole delay: whatever is asked for, however protection is given up and taken up
 * again in between, and whether the database is kept, lost now and then, or never there.
 */

/** `LESS_RUNS=5000` asks for more. */
const runs = { numRuns: Number(process.env["LESS_RUNS"] ?? 40) };
const delayDays = 7;

/** One way of asking for more or less. */
interface Way {
  readonly name: string;
  /** What may be asked for; `null` for nothing. */
  readonly values: readonly (string | null)[];
  readonly ask: (cloud: AskingCloud, value: string | null, isProtected: boolean) => void;
  /** What a value is worth. */
  readonly worth: (value: string | null) => number;
  /** What is asked for, in whatever spelling. */
  readonly meaning: (value: string | null) => string;
  readonly of: (job: Job) => number;
}

const retention = {
  values: [null, "1d", "5d", "120h", "9d", "14d", "30d", "60d", "soon"],
  // The policy gives 14 days, and at least 3.
  worth: (value: string | null): number => Math.max(3, (parseDuration(value ?? "") ?? 14 * dayMs) / dayMs),
  meaning: (value: string | null): string => String(parseDuration(value ?? "")),
  of: (job: Job): number => promisedBy(job).days,
};
const asked = (key: string, value: string | null): Record<string, string> => (value === null ? {} : { [key]: value });

const ways: readonly Way[] = [
  {
    name: "backup_retention on the volume",
    ...retention,
    ask: (cloud, value, isProtected) => {
      cloud.server = asked("backup", isProtected ? "yes" : null);
      cloud.volume = asked("backup_retention", value);
    },
  },
  {
    name: "backup_retention on the server",
    ...retention,
    ask: (cloud, value, isProtected) => {
      cloud.server = { ...asked("backup", isProtected ? "yes" : null), ...asked("backup_retention", value) };
    },
  },
  {
    name: "SnapSentry's keys",
    values: ["1", "4", "9", "30"],
    worth: Number,
    meaning: String,
    of: (job) => promisedBy(job).days,
    ask: (cloud, value, isProtected) => {
      cloud.server = {};
      cloud.volume = {
        "x-snapsentry-managed": String(isProtected),
        "x-snapsentry-daily-enabled": "true",
        ...asked("x-snapsentry-daily-retention-days", value),
      };
    },
  },
  {
    name: "Platform9's keys",
    values: [null, "2", "6", "9", "30"],
    // The policy keeps 6.
    worth: (value) => Math.max(6, Number(value)),
    // Without a count the policy's own is asked for, as it is by nobody.
    meaning: (value) => value ?? "",
    of: (job) => promisedBy(job).last,
    ask: (cloud, value, isProtected) => {
      cloud.server = {};
      cloud.volume = {
        auto_snapshot: isProtected ? "yes" : "no",
        snapshot_policies: "six",
        ...asked("retention_six", value),
      };
    },
  },
];

interface Step {
  readonly value: string | null;
  readonly isProtected: boolean;
  readonly gapDays: number;
  readonly isLost: boolean;
}

const stepsOf = ({ values }: Way, isLost: fc.Arbitrary<boolean>): fc.Arbitrary<Step[]> => {
  const step = fc.record({
    value: fc.constantFrom(...values),
    isProtected: fc.integer({ min: 0, max: 4 }).map((n) => n > 0),
    gapDays: fc.constantFrom(0.25, 1, 1, 1, 3, 8),
    isLost,
  });
  // Most of what is asked for stays for a while.
  const stretch = fc
    .tuple(step, fc.integer({ min: 1, max: 9 }))
    .map(([first, n]) => Array.from({ length: n }, (_, i): Step => (i === 0 ? first : { ...first, gapDays: 1 })));
  return fc.array(stretch, { minLength: 1, maxLength: 6 }).map((all) => all.flat());
};

/** What is in force for one way of asking, told by somebody who has seen all that a run saw. */
interface Known {
  readonly meaning: string;
  readonly worth: number;
  readonly since: number;
  readonly inForce: number;
}

/** @param least what counts where nothing is asked for */
function next(before: Known, seen: { readonly meaning: string; readonly worth: number }, today: number): Known {
  const isFirm = (each: Known): boolean => today - each.since >= delayDays;
  if (seen.meaning === before.meaning) {
    return { ...before, inForce: isFirm(before) ? seen.worth : Math.max(before.inForce, seen.worth) };
  }
  const inForce = isFirm(before) ? before.worth : before.inForce;
  return { ...seen, since: today, inForce: Math.max(inForce, seen.worth) };
}

function follow(way: Way, steps: readonly Step[]): void {
  const cloud = new AskingCloud();
  const nothing = { meaning: "", worth: way.worth(null) };
  const unprotected = way.name.startsWith("backup_retention") ? { ...nothing, meaning: way.meaning(null) } : nothing;
  const start: Known = { ...unprotected, since: -Infinity, inForce: unprotected.worth };
  let known = start;
  /** What a restore point can tell. */
  let marked = start;
  let today = 0;
  for (const { gapDays, isLost, isProtected, value } of steps) {
    today += gapDays;
    if (isLost) {
      cloud.loseDatabase();
      known = marked;
    }
    way.ask(cloud, value, isProtected);
    const jobs = cloud.run(today);
    known = next(known, isProtected ? { meaning: way.meaning(value), worth: way.worth(value) } : unprotected, today);
    for (const job of jobs) {
      const promised = way.of(job);
      assert.ok(promised >= known.inForce, `${promised} on day ${today}, not ${known.inForce}`);
      marked = known;
    }
  }
  // In the end what is asked for counts, also where every run has lost what the one before knew.
  const last = steps.at(-1);
  if (last === undefined) return;
  way.ask(cloud, last.value, true);
  for (let n = 0; n <= delayDays + 1; n++) {
    today = Math.ceil(today) + 1;
    if (last.isLost) cloud.loseDatabase();
    const jobs = cloud.run(today);
    assert.equal(jobs.length, 1);
    if (n > delayDays) assert.deepEqual(jobs.map(way.of), [way.worth(last.value)]);
  }
}

for (const [how, isLost] of [
  ["with a database", fc.constant(false)],
  ["with a database that is lost now and then", fc.boolean()],
  ["without a database", fc.constant(true)],
] as const) {
  void describe(`less waits for the delay, ${how}`, () => {
    for (const way of ways) {
      void it(way.name, () => {
        fc.assert(
          fc.property(stepsOf(way, isLost), (steps) => {
            follow(way, steps);
          }),
          runs,
        );
      });
    }
  });
}
