import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { Listing } from "../../src/audit/listing.ts";
import { readPolicyBook } from "../../src/config/policies/read-book.ts";
import type { PolicyBook } from "../../src/domain/policy-book.ts";
import { directIo } from "../../src/domain/io.ts";
import { defaultPolicy } from "../../src/domain/policy.ts";
import { openStore } from "../../src/store/open.ts";
import { auditNight, hourMs, startNight, type Night } from "./support/night.ts";

const bookOf = (text: string): PolicyBook =>
  readPolicyBook(
    { policies: { path: "/policies.yaml", text }, rules: null },
    { timeZone: "UTC", container: null, builtIn: defaultPolicy },
  );

const gold = `
  gold:
    mechanism: both
    schedule: {every: 1d}
    retention: {last: 2, weekly: 2}
    minimum_retention: 1h
    full_every: 1
`;
const silver = `
  silver:
    mechanism: snapshot
    schedule: {express: 12h}
    retention: {age: 2d}
`;
const both = bookOf(`
policies:${gold}${silver}
rules:
  - {name: gold, match: {}, policies: [gold], continue: true}
  - {name: silver, match: {}, policies: [silver]}
`);

interface Stage {
  readonly night: Night;
  /** Cycles by a book until nothing more is made, and the audit of them. */
  readonly work: (book: PolicyBook) => Promise<void>;
  /** The same, and on to the next half of the day. */
  readonly halfDay: (book: PolicyBook) => Promise<void>;
  readonly left: () => readonly string[];
}

async function start(t: TestContext): Promise<Stage> {
  // A Monday.
  const night = await startNight({ start: "2026-03-02T00:00:05Z" });
  t.after(() => night.close());
  night.simulator.seedCloud({ projects: 1, servers: 1, volumesPerServer: 2, tagged: () => false });
  const { backups, snapshots } = night.simulator.state;
  const ids = (): readonly string[] => [...backups.values(), ...snapshots.values()].map(({ id }) => id).sort();
  let seen: Listing | undefined;
  const work = async (book: PolicyBook): Promise<void> => {
    let before: string;
    do {
      before = ids().join();
      assert.equal((await night.once({ policyBook: () => book })).outcome, "ok");
    } while (before !== ids().join());
    seen = await auditNight(night, seen);
  };
  return {
    night,
    work,
    async halfDay(book) {
      await work(book);
      night.clock.advance(12 * hourMs - (Number(night.clock.now()) % (12 * hourMs)) + 5000);
    },
    left: ids,
  };
}

const slotsOf = (
  points: Iterable<{ readonly volumeId: string; readonly metadata: Readonly<Record<string, string>> }>,
  policy: string,
): ReadonlyMap<string, readonly string[]> =>
  new Map(
    [
      ...Map.groupBy(
        [...points].filter(({ metadata }) => metadata["dirigent:policy"] === policy),
        (each) => each.volumeId,
      ),
    ].map(([volumeId, own]) => [volumeId, own.map(({ metadata }) => metadata["dirigent:slot"] ?? "").sort()] as const),
  );

describe("nights of several policies on each volume", () => {
  it("of both mechanisms: each has its own slots, keeps what its counts or age keep, and the audit finds nothing", async (t) => {
    const { halfDay, night } = await start(t);
    const { backups, snapshots, volumes } = night.simulator.state;
    for (let n = 0; n < 2 * 9; n++) await halfDay(both);
    // The last day was Tuesday, 10 March: two of the newest, and the newest of each of two weeks.
    const days = ["2026-03-08", "2026-03-09", "2026-03-10"].map((day) => `${day}T00:00:00Z`);
    const ids = [...volumes.values()].map(({ id }) => id);
    for (const points of [backups, snapshots]) {
      const byVolume = slotsOf(points.values(), "gold");
      for (const id of ids) assert.deepEqual(byVolume.get(id), days, id);
    }
    const ofSilver = slotsOf(snapshots.values(), "silver");
    const ofTwoDays = ["09T00", "09T12", "10T00", "10T12"].map((hour) => `2026-03-${hour}:00:00Z`);
    // One may just have been promised to stay until now.
    for (const id of ids) assert.deepEqual(ofSilver.get(id)?.slice(-4), ofTwoDays, id);
    assert.ok(ids.every((id) => (ofSilver.get(id)?.length ?? 0) <= 5));
    assert.equal(slotsOf(backups.values(), "silver").size, 0);
    // Both volumes of a server in one set.
    const sets = Map.groupBy(snapshots.values(), ({ metadata }) => metadata["dirigent:set"]);
    assert.deepEqual(new Set([...sets.values()].map((own) => own.length)), new Set([2]));
  });

  it("of which a policy goes: nothing is deleted for that, and what it made goes on by its marks", async (t) => {
    const { halfDay, left, night, work } = await start(t);
    const { snapshots } = night.simulator.state;
    for (let n = 0; n < 5; n++) await halfDay(both);
    await work(both);
    const without = bookOf(`policies:${gold}\nrules:\n  - {name: gold, match: {}, policies: [gold]}\n`);
    const before = left();
    const ofSilver = slotsOf(snapshots.values(), "silver");
    await night.once({ policyBook: () => bookOf("") });
    assert.deepEqual(left(), before);
    for (let n = 0; n < 5; n++) await halfDay(without);
    // Expired by their keep-until, though nothing configured says how long they were to stay.
    const kept = slotsOf(snapshots.values(), "silver");
    assert.ok(
      [...kept.values()].every((slots) => slots.length <= 1),
      JSON.stringify([...kept]),
    );
    assert.deepEqual(
      [...ofSilver.values()].map((slots) => slots.length >= 4),
      [true, true],
    );
  });

  it("whose database is lost: nothing is made twice, and nothing goes that would have stayed", async (t) => {
    const { halfDay, left, night, work } = await start(t);
    for (let n = 0; n < 5; n++) await halfDay(both);
    await work(both);
    const before = left();
    const repository = await openStore("sqlite::memory:", { io: directIo });
    t.after(() => repository.close());
    await night.once({ policyBook: () => both, repository });
    assert.deepEqual(left(), before);
  });
});
