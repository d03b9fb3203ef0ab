import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import type { Conductor } from "../../src/conductor/context.ts";
import { readPolicyBook } from "../../src/config/policies/read-book.ts";
import { runCycle, type CycleResult } from "../../src/conductor/cycle.ts";
import { LeaseKeeper } from "../../src/conductor/lease.ts";
import { ClockWatch } from "../../src/conductor/memory.ts";
import { directIo } from "../../src/domain/io.ts";
import { silentLogger } from "../../src/domain/log.ts";
import { openClouds } from "../../src/openstack/open.ts";
import { instant } from "../../src/simulator/world.ts";
import type { Listing } from "../../src/audit/listing.ts";
import { auditNight, credentials, dayMs, running, settings, startNight, type Night } from "./support/night.ts";
import { seededRandom } from "./support/random.ts";

/**
 * What cycles cost in API calls, exactly. Every cycle here is a new process's: it logs in anew (the reader, and the writer without a project, to learn its
 * own id) and asks Nova and Cinder for their versions. A daemon keeps both.
 */
const pageSize = 50;
const size = { projects: 3, servers: 60, volumesPerServer: 2 };
const volumes = size.servers * size.volumesPerServer;
/** Backups in flight at once. */
const inFlight = 32;

/** A full page has a link to a next one: after a multiple of the page size comes an empty page. */
const pages = (rows: number): number => Math.floor(rows / pageSize) + 1;

const start = async (t: TestContext): Promise<Night> => {
  const { policy } = settings;
  const limits = { global: inFlight, perProject: inFlight, perPool: inFlight, perBackupService: inFlight };
  const night = await startNight({
    settings: { limits, policy: { ...policy, fullEvery: 2, retentionMs: 2 * dayMs } },
    simulator: { durations: instant },
  });
  t.after(() => night.close());
  night.simulator.seedCloud(size);
  return night;
};

/** One cycle, and the calls it made by service, method and route. */
async function cycle(
  { accounts, clock, conductor, simulator }: Night,
  what: { rotateAll: boolean },
): Promise<{ result: CycleResult; calls: Record<string, number> }> {
  const clouds = await openClouds(
    {
      reader: credentials(simulator, accounts.admin, accounts.adminProject.id),
      writer: credentials(simulator, accounts.writer),
      pageSize,
    },
    { clock, io: directIo, random: seededRandom(2), log: silentLogger },
  );
  const fresh: Conductor = { ...conductor, reader: clouds.reader, writer: clouds.writer };
  const lease = await LeaseKeeper.acquire(fresh, true);
  assert.ok(lease);
  simulator.log.clear();
  const options = { kind: "scheduled", create: true, ...what } as const;
  const result = await runCycle(fresh, lease, new ClockWatch(), options, running());
  clouds.close();
  return { result, calls: simulator.log.counts() };
}

/** What every cycle asks for. */
const inventory = {
  "identity POST v3/auth/tokens": 2,
  "compute GET unknown": 1,
  "block-storage GET unknown": 1,
  "compute GET servers/detail": pages(size.servers),
  "block-storage GET volumes/detail": pages(volumes),
};

/** What is asked for in a cloud that has none. */
const snapshots = { "block-storage GET snapshots/detail": 1, "block-storage GET os-services": 1 };

describe("API calls", () => {
  it("of an idle tick: pages of servers and volumes, logins and versions", async (t) => {
    const night = await start(t);
    await cycle(night, { rotateAll: true });
    const { calls, result } = await cycle(night, { rotateAll: false });
    assert.equal(result.idle, true);
    assert.deepEqual(calls, inventory);
  });

  it("of an idle tick do not depend on how many policies and rules there are", async (t) => {
    const text = [
      "policies:",
      ...[...Array(40).keys()].map(
        (i) => `  p${i}: {schedule: {daily: "00:00"}, retention: {last: 2}, catch_up: once}`,
      ),
      "rules:",
      ...[...Array(40).keys()].map(
        (i) => `  - {name: r${i}, match: {volume: {id: v${i}}}, policies: p${i}, continue: true}`,
      ),
    ];
    const book = readPolicyBook(
      { policies: { path: "/policies.yaml", text: text.join("\n") }, rules: null },
      { builtIn: settings.policy, timeZone: "UTC", container: null },
    );
    const night = await start(t);
    const many = { ...night, conductor: { ...night.conductor, policyBook: () => book } };
    await cycle(many, { rotateAll: true });
    const { calls, result } = await cycle(many, { rotateAll: false });
    assert.equal(result.idle, true);
    assert.deepEqual(calls, inventory);
  });

  it("of a rotation with nothing to delete: pages of backups and snapshots on top, and the proof of rights where no snapshot gives it", async (t) => {
    const night = await start(t);
    await cycle(night, { rotateAll: true });
    const { calls, result } = await cycle(night, { rotateAll: true });
    assert.deepEqual([result.idle, result.outcome], [false, "ok"]);
    assert.deepEqual(calls, { ...inventory, ...snapshots, "block-storage GET backups/detail": pages(volumes) });
  });

  it("of each night: a few for each project, and for each backup made or deleted a number that does not grow", async (t) => {
    const night = await start(t);
    const backups = night.simulator.state.backups;
    let before = new Map<string, string>();
    let deletions = 0;
    let seen: Listing | undefined;
    for (let day = 0; day < 6; day++) {
      const { calls, result } = await cycle(night, { rotateAll: true });
      assert.equal(result.outcome, "ok");
      const now = [...backups.values()];
      const made = now.filter(({ id }) => !before.has(id));
      const deleted = [...before.keys()].filter((id) => !backups.has(id)).length;
      const jobs = made.length;
      assert.equal(jobs, volumes);
      const rounds = Math.ceil(jobs / inFlight);
      const incrementals = made.filter(({ parentId }) => parentId !== null).length;
      const after = new Map(now.map(({ id, projectId }) => [id, projectId]));
      // When a project's rotation begins, what is deleted in it is still there.
      const byProject = Map.groupBy(new Map([...before, ...after]).values(), (projectId) => projectId);
      const { projects } = size;
      assert.deepEqual(calls, {
        ...inventory,
        // With a token for each project, and versions once more: the writer is another user of the services.
        "identity POST v3/auth/tokens": 2 + projects,
        "compute GET unknown": 2,
        "block-storage GET unknown": 2,
        "identity GET v3/domains": 1,
        "identity GET v3/projects": 1,
        "block-storage GET backups/detail":
          pages(before.size) + // before planning
          rounds + // what is still being made
          incrementals + // the children of each expected parent
          [...byProject.values()].reduce((sum, own) => sum + pages(own.length), 0) + // before the rotation of each project
          deleted, // the children of each, right before its DELETE
        ...snapshots,
        "block-storage GET os-services": rounds + 1,
        // Before planning and for the report.
        "block-storage GET os-quota-sets/{target}": 2 * projects,
        "block-storage POST backups": jobs,
        // How each ended; of each deletion once before and once after.
        "block-storage GET backups/{id}": jobs + 2 * deleted,
        ...(deleted === 0 ? {} : { "block-storage DELETE backups/{id}": deleted }),
        // last-backup-time
        "compute POST servers/{id}/metadata": size.servers,
      });
      deletions += deleted;
      before = after;
      seen = await auditNight(night, seen);
      night.clock.advance(dayMs);
    }
    assert.ok(deletions > volumes, `only ${deletions} were deleted`);
  });
});
