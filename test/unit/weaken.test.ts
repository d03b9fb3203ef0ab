/** Whatever a tenant writes or does, nothing that exists goes earlier than that of a twin who does nothing. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PolicyBook } from "../../src/domain/policy-book.ts";
import {
  attemptsOn,
  bookOf,
  builtIn,
  dailySetups,
  operators,
  policies,
  snapSentrySetups,
  someAttemptsOn,
  type Setup,
} from "./support/attempts.ts";
import { Twins, type Lives } from "./support/twins.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** How long a cloud is watched, and what is in it. */
interface Watch {
  readonly name: string;
  readonly setups: readonly Setup[];
  /** A little more than a slot, or part of one: what is a matter of seconds must not differ between twins. */
  readonly stepMs: number;
  /** The step in which tenants try. */
  readonly changedOn: number;
}

const watches: readonly Watch[] = [
  { name: "daily", setups: dailySetups, stepMs: dayMs + hourMs, changedOn: 7 },
  {
    name: "express",
    setups: snapSentrySetups("express", { days: 2, count: 2, "interval-hours": "12" }),
    stepMs: 6 * hourMs + 5 * minuteMs,
    changedOn: 10,
  },
  {
    name: "weekly",
    setups: snapSentrySetups("weekly", { days: 10, count: 2, "start-time": "00:00", "start-day-of-week": "wednesday" }),
    stepMs: 3 * dayMs + 5 * minuteMs,
    changedOn: 10,
  },
  {
    name: "monthly",
    setups: snapSentrySetups("monthly", { days: 40, count: 2, "start-time": "00:00", "start-day-of-month": "10" }),
    stepMs: 5 * dayMs + 5 * minuteMs,
    changedOn: 15,
  },
];

const book = bookOf(policies);

const databases = ["kept", "lost in the middle", "lost before every night"] as const;
type Database = (typeof databases)[number];

/** One cloud, step by step. */
class Cloud {
  readonly twins: Twins;
  readonly #watch: Watch;
  readonly #database: Database;
  next = 0;

  constructor(watch: Watch, database: Database) {
    this.twins = new Twins(book, { builtIn, startMs: Date.parse("2026-10-26T00:00:30Z"), stepMs: watch.stepMs });
    this.#watch = watch;
    this.#database = database;
  }

  /** The steps before anybody tries. @returns each setup's tenant */
  begin(): ReadonlyMap<Setup, number> {
    const tenants = new Map(this.#watch.setups.map((setup) => [setup, this.twins.add(setup)]));
    while (this.next < this.#watch.changedOn) this.step();
    return tenants;
  }

  step(): void {
    const { changedOn } = this.#watch;
    const isLost = this.#database === "lost in the middle" ? this.next === changedOn + 2 : this.#database !== "kept";
    if (isLost) this.twins.loseDatabase();
    this.twins.step({ follow: this.next < changedOn });
    this.next += 1;
  }
}

interface Untouched {
  readonly lives: Lives;
  /** The step after which nothing of it is left. */
  readonly goneOn: number;
}

const mostSteps = 80;

/** What becomes of all that existed when nobody tries anything. */
function leaveAlone(watch: Watch, database: Database): ReadonlyMap<Setup, Untouched> {
  const cloud = new Cloud(watch, database);
  const living = new Map(cloud.begin());
  const untouched = new Map<Setup, Untouched>();
  while (living.size > 0) {
    // Else it would prove nothing.
    assert.ok(cloud.next < mostSteps, `${[...living.keys()].map(({ name }) => name).join(", ")} keep all for ever`);
    for (const [setup, tenant] of living) {
      if (cloud.twins.isAlive(tenant)) continue;
      living.delete(setup);
      untouched.set(setup, { lives: cloud.twins.end(tenant), goneOn: cloud.next });
    }
    cloud.step();
  }
  return untouched;
}

interface Outcome {
  readonly attempt: string;
  readonly expected: Lives;
  readonly lives: Lives;
}

/** What becomes of it with each attempt. @param after what operators have in force from then on */
function live(
  watch: Watch,
  {
    database,
    after = book,
    attempts = attemptsOn,
  }: { readonly database: Database; readonly after?: PolicyBook; readonly attempts?: typeof attemptsOn },
): readonly Outcome[] {
  const untouched = leaveAlone(watch, database);
  const cloud = new Cloud(watch, database);
  const { twins } = cloud;
  let living = [...cloud.begin()].flatMap(([setup, tenant]) => {
    const tried = attempts(setup).map(({ name, change }) => {
      const number = twins.fork(tenant);
      twins.change(number, change);
      return { setup, attempt: `${watch.name}, ${setup.name}: ${name}`, number };
    });
    twins.end(tenant);
    return tried;
  });
  twins.book = after;
  const outcomes: Outcome[] = [];
  while (living.length > 0) {
    cloud.step();
    living = living.filter(({ setup, attempt, number }) => {
      const { goneOn, lives: expected } = untouched.get(setup) ?? { goneOn: 0, lives: new Map<string, never>() };
      if (cloud.next <= goneOn) return true;
      outcomes.push({ attempt, expected, lives: twins.end(number) });
      return false;
    });
  }
  return outcomes;
}

/** What went earlier than the untouched twin's was wanted for its own sake. */
const early = (outcomes: readonly Outcome[]): readonly string[] =>
  outcomes.flatMap(({ attempt, expected, lives }) => {
    assert.deepEqual([...lives.keys()], [...expected.keys()], attempt);
    return [...expected].flatMap(([key, { lastWanted }]) => {
      const own = lives.get(key)?.lastSeen ?? -1;
      return own < lastWanted ? [`${attempt}: ${key} is gone after step ${own}, not ${lastWanted}`] : [];
    });
  });

describe("whatever a tenant does, nothing that exists goes earlier than that of an untouched twin", () => {
  for (const watch of watches) {
    // Days without any are simulated by weaken-twins.test.ts.
    for (const database of watch.name === "daily" ? databases.slice(0, 2) : databases) {
      it(`${watch.name}, the database ${database}`, (t) => {
        const outcomes = live(watch, { database, attempts: database === "kept" ? attemptsOn : someAttemptsOn });
        t.diagnostic(`${outcomes.length} attempts`);
        assert.deepEqual(early(outcomes), []);
      });
    }
  }
});

describe("whatever an operator has in force from one night to the next, nothing that exists goes earlier", () => {
  for (const watch of watches) {
    for (const [name, after] of Object.entries(operators)) {
      it(`${watch.name}: ${name}`, () => {
        const outcomes = live(watch, {
          database: "lost in the middle",
          after: after(),
          attempts: () => [{ name, change: (tenant) => tenant }],
        });
        assert.deepEqual(early(outcomes), []);
      });
    }
  }
});
