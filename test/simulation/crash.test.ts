import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openJobStates } from "../../src/domain/catalogue.ts";
import { directIo } from "../../src/domain/io.ts";
import { readMarks } from "../../src/domain/marks.ts";
import { openStore } from "../../src/store/open.ts";
import { CrashPlan, type CrashPoint } from "./support/crash-plan.ts";
import type { CrashOrder } from "./support/crash-child.ts";
import { runChild } from "./support/crash-run.ts";
import { auditNight, credentials, dayMs, settings, startNight, type Night } from "./support/night.ts";
import { seededRandom } from "./support/random.ts";

const nights = Number(process.env["CRASH_NIGHTS"] ?? 25);
const killsPerNight = 6;
/** What a night passes depends on what the one before left, so that some kinds of step may still wait for their turn. */
const moreNights = 15;

test(`kill -9 at any step: at least ${nights} nights of ${killsPerNight} kills, the database lost before every fourth`, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "dirigent-crash-"));
  t.after(() => rm(directory, { recursive: true }));
  const database = join(directory, "dirigent.db");
  const random = seededRandom(20261121);
  const night = await startNight({ simulator: { durations: { backupMs: () => 20_000, backupDeleteMs: () => 2_000 } } });
  t.after(() => night.close());
  const clockUrl = await serveClock(t, night);
  const cloud = night.simulator.seedCloud({ projects: 2, servers: 3, volumesPerServer: 2, tagged: (i) => i !== 2 });
  const protectedVolumes = cloud.volumes.slice(0, 4).map((volume) => volume.id);

  const order = (seed: number, killAt: CrashPoint | null): CrashOrder => ({
    reader: credentials(night.simulator, night.accounts.admin, night.accounts.adminProject.id),
    writer: credentials(night.simulator, night.accounts.writer),
    database,
    settings: { ...settings, settleMs: 60_000 },
    clockUrl,
    seed,
    killAt,
  });

  const plan = new CrashPlan(random);
  let before;
  for (let index = 0; index < nights || (plan.unhit.length > 0 && index < nights + moreNights); index++) {
    const lost = index % 4 === 3;
    if (lost) await loseDatabase(database);
    for (let kill = 0; kill < killsPerNight && index > 0; kill++) {
      const run = await runChild(
        order(index * 10 + kill, (lost && kill === 0 ? plan.drawUnusual() : null) ?? plan.draw(kill < 3, kill === 0)),
      );
      plan.learnKilled(run.points, run.killed);
    }
    const whole = await runChild(order(index * 10 + 9, null));
    assert.deepEqual(
      { killed: whole.killed, exitCode: whole.exitCode, stderr: whole.stderr },
      { killed: false, exitCode: 0, stderr: "" },
    );
    plan.learnWhole(whole.points, { idle: false });
    if (index === 0) plan.learnWhole((await runChild(order(1, null))).points, { idle: true });
    await judgeNight(night, { database, protectedVolumes });
    before = await auditNight(night, before);
    night.clock.advance(dayMs);
  }
  t.diagnostic(
    `kills by kind of step:\n${plan.tally.map(([kind, hits]) => `${String(hits).padStart(3)} ${kind}`).join("\n")}`,
  );
  assert.deepEqual(plan.unhit, [], "kinds of step at which no process was killed");
});

async function loseDatabase(database: string): Promise<void> {
  for (const suffix of ["", "-wal", "-shm"]) await rm(database + suffix, { force: true });
}

/** One backup of every protected volume in tonight's slot, and nothing in the database that is not at its end. */
async function judgeNight(
  night: Night,
  { database, protectedVolumes }: { database: string; protectedVolumes: readonly string[] },
): Promise<void> {
  const slot = `${night.clock.now().toISOString().slice(0, 10)}T00:00:00Z`;
  const tonight = night.simulator.state.backups.filter((backup) => readMarks(backup.metadata).slot === slot);
  assert.deepEqual(
    tonight.map((backup) => [backup.volumeId, backup.status]).sort(),
    protectedVolumes.map((id) => [id, "available"]).sort(),
  );
  const repository = await openStore(`sqlite:${database}`, { io: directIo });
  try {
    assert.deepEqual(await repository.jobs({ states: openJobStates }), []);
  } finally {
    await repository.close();
  }
}

/** The night's virtual clock for a child: `GET /<ms>` sleeps that long and tells the time. */
async function serveClock(t: TestContext, night: Night): Promise<string> {
  const server = createServer((request, response) => {
    night.clock.advance(Number(request.url?.slice(1)));
    response.end(JSON.stringify({ wallMs: Number(night.clock.now()), monotonicMs: night.clock.monotonicMs() }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
