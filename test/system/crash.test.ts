import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { runAudit } from "../../src/audit/run.ts";
import type { ConductorSettings } from "../../src/conductor/context.ts";
import { openJobStates } from "../../src/domain/catalogue.ts";
import type { CloudParameters } from "../../src/domain/connection.ts";
import { directIo } from "../../src/domain/io.ts";
import { openStore } from "../../src/store/open.ts";
import { CrashPlan, type CrashPoint } from "../simulation/support/crash-plan.ts";
import type { CrashOrder } from "../simulation/support/crash-child.ts";
import { runChild } from "../simulation/support/crash-run.ts";
import { settings as defaults } from "../simulation/support/night.ts";
import { seededRandom } from "../simulation/support/random.ts";
import { Cloud } from "./support/cloud.ts";
import { makeReader, makeWriter, type Credential } from "./support/credentials.ts";
import { backups } from "./support/judge.ts";
import { removeWorld, seed, type World } from "./support/world.ts";

const nights = 5;
const killsPerNight = 2;

const settings: ConductorSettings = {
  ...defaults,
  policy: { ...defaults.policy, retentionMs: 60_000, minimumRetentionMs: 60_000 },
  settleMs: 5_000,
  pollMs: 1_000,
};

describe("kill -9 on a real cloud", () => {
  const prefix = "crash";
  let cloud: Cloud;
  let world: World;
  let reader: Credential;
  let writer: Credential;
  let directory: string;

  before(async () => {
    cloud = await Cloud.open();
    await removeWorld(cloud, prefix);
    world = await seed(cloud, { prefix, servers: 3, volumesEach: 2, projects: 2, share: 1 });
    writer = await makeWriter(cloud, prefix);
    reader = await makeReader(cloud, prefix);
    directory = await mkdtemp(join(tmpdir(), "dirigent-crash-"));
  });

  after(async () => {
    await removeWorld(cloud, prefix);
    await rm(directory, { recursive: true, force: true });
  });

  const as = ({ login }: Credential): CloudParameters => ({
    authUrl: cloud.authUrl,
    auth:
      login.kind === "password"
        ? { kind: "password", user: { name: login.user, domain: { id: "default" } }, password: login.password }
        : { kind: "application_credential", credential: { id: login.id }, secret: login.secret },
    interface: "public",
    verify: true,
    timeoutMs: 30_000,
  });

  it(`${nights} nights of ${killsPerNight} kills: one backup a volume and slot, and the audit finds nothing`, async (t) => {
    const random = seededRandom(5);
    const database = join(directory, "dirigent.db");
    // A policy a night, each with the slot of today: so a night may last as long as the machine needs for it.
    const order = (night: number, killAt: CrashPoint | null): CrashOrder => ({
      reader: as(reader),
      writer: as(writer),
      database,
      settings: { ...settings, policy: { ...settings.policy, name: `night-${night}` } },
      clockUrl: null,
      seed: Math.floor(random() * 2 ** 31),
      killAt,
    });
    const volumes = world.servers.flatMap((server) => server.volumes).sort();
    const plan = new CrashPlan(random);
    let listing;
    for (let night = 0; night < nights; night++) {
      for (let kill = 0; kill < killsPerNight && night > 0; kill++) {
        const { killed, points } = await runChild(order(night, plan.draw(true, kill === 0)));
        plan.learnKilled(points, killed);
      }
      const whole = await runChild(order(night, null));
      assert.deepEqual({ exitCode: whole.exitCode, stderr: whole.stderr }, { exitCode: 0, stderr: "" });
      plan.learnWhole(whole.points, { idle: false });

      const rows = (await backups(cloud.admin)).filter((row) => row.user_id === writer.userId);
      const tonight = rows.filter((row) => row.metadata["dirigent:policy"] === `night-${night}`);
      assert.deepEqual(tonight.map((row) => row.volume_id).sort(), volumes, `backups of night ${night}`);
      const report = await runAudit({
        cloud: as(reader),
        rules: { userIds: [writer.userId], strictForeign: true },
        now: () => new Date(),
        ...(listing === undefined ? {} : { before: listing }),
      });
      assert.deepEqual(
        report.findings.filter((finding) => finding.severity !== "information"),
        [],
      );
      listing = report.listing;
      const repository = await openStore(`sqlite:${database}`, { io: directIo });
      assert.deepEqual(await repository.jobs({ states: openJobStates }), []);
      await repository.close();
    }
    const hits = plan.tally.filter(([, count]) => count > 0).map(([kind]) => kind);
    t.diagnostic(`killed at: ${hits.join(", ")}`);
    assert.ok(hits.length >= nights, `${hits.length} processes were killed`);
  });
});
