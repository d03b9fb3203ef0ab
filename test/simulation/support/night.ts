import assert from "node:assert/strict";
import type { Listing } from "../../../src/audit/listing.ts";
import { runAudit } from "../../../src/audit/run.ts";
import type { Conductor, ConductorSettings, Signals } from "../../../src/conductor/context.ts";
import type { CycleResult } from "../../../src/conductor/cycle.ts";
import { runOnce } from "../../../src/conductor/once.ts";
import type { CloudParameters } from "../../../src/domain/connection.ts";
import { directIo, type Io } from "../../../src/domain/io.ts";
import { silentLogger, type Logger } from "../../../src/domain/log.ts";
import { openClouds, type Clouds } from "../../../src/openstack/open.ts";
import type { Accounts } from "../../../src/simulator/cloud.ts";
import { startSimulator, type Simulator, type SimulatorOptions } from "../../../src/simulator/simulator.ts";
import { openStore } from "../../../src/store/open.ts";
import type { Repository } from "../../../src/store/repository.ts";
import { seededRandom } from "./random.ts";
import { virtualClock, type VirtualClock } from "./virtual-clock.ts";
import { defaultPolicy } from "../../../src/domain/policy.ts";

export const hourMs = 60 * 60 * 1000;
export const dayMs = 24 * hourMs;

export const settings: ConductorSettings = {
  userIds: [],
  timeZone: "UTC",
  policy: {
    ...defaultPolicy,
    retentionMs: 3 * dayMs,
    minimumRetentionMs: hourMs,
    fullEvery: 3,
  },
  selection: {
    tagKey: "backup",
    tagValues: ["yes", "true"],
    skipKey: "skip-volume-backup",
    retentionKey: "backup_retention",
    policyKey: "backup_policy",
    overrideDelayMs: 7 * dayMs,
    volumesPerProject: null,
  },
  release: { key: "release-snapshots", delayMs: 7 * dayMs },
  nameTemplate: "{VOLUME_NAME}-{BACKUP_DATE}",
  container: null,
  limits: { global: 30, perProject: 10, perPool: 30, perBackupService: 30 },
  settleMs: 5 * 60 * 1000,
  pollMs: 15_000,
  keepHistoryMs: 365 * dayMs,
  leaseTtlMs: 30_000,
  leaseOwner: "test",
  deadline: { baseMs: hourMs, bytesPerSecond: 20 * 2 ** 20 },
  rotationEnabled: true,
  publishAssignment: false,
  fromSnapshotTypes: [],
  brakeOverrides: [],
};

export interface Night {
  readonly clock: VirtualClock;
  readonly simulator: Simulator;
  readonly accounts: Accounts;
  readonly clouds: Clouds;
  readonly repository: Repository;
  readonly conductor: Conductor;
  /** One `conductor --once` with a process's memory: a fresh one each time. */
  once(change?: Partial<Conductor>): Promise<CycleResult>;
  close(): Promise<void>;
}

export const running = (): Signals => ({ drain: new AbortController().signal, cut: new AbortController().signal });

export const credentials = (
  simulator: Simulator,
  user: { name: string; password: string },
  project?: string,
): CloudParameters => ({
  authUrl: simulator.authUrl,
  auth: {
    kind: "password",
    user: { name: user.name, domain: { id: "default" } },
    password: user.password,
    ...(project === undefined ? {} : { project: { id: project } }),
  },
  interface: "public",
  verify: true,
  timeoutMs: 5000,
});

/** A simulated cloud, a database in memory and the production conductor, all on one virtual clock. */
export async function startNight(
  options: {
    start?: string;
    settings?: Partial<ConductorSettings>;
    simulator?: Partial<SimulatorOptions>;
    databaseUrl?: string;
    io?: Io;
    log?: Logger;
  } = {},
): Promise<Night> {
  const clock = virtualClock(options.start ?? "2026-11-21T00:00:05Z");
  const random = seededRandom(1);
  const simulator = await startSimulator({ now: () => Number(clock.now()), random, ...options.simulator });
  const accounts = simulator.seedAccounts();
  const io = options.io ?? directIo;
  const log = options.log ?? silentLogger;
  const clouds = await openClouds(
    {
      reader: credentials(simulator, accounts.admin, accounts.adminProject.id),
      writer: credentials(simulator, accounts.writer),
    },
    { clock, io, random, log },
  );
  const repository = await openStore(options.databaseUrl ?? "sqlite::memory:", { io });
  let ids = 0;
  const conductor: Conductor = {
    settings: { ...settings, ...options.settings },
    reader: clouds.reader,
    writer: clouds.writer,
    repository,
    clock,
    log,
    newId: () => `id-${String(++ids).padStart(6, "0")}`,
  };
  return {
    clock,
    simulator,
    accounts,
    clouds,
    repository,
    conductor,
    once: (change) => runOnce({ ...conductor, ...change }, true, running()),
    async close() {
      clouds.close();
      await repository.close();
      await simulator.close();
    },
  };
}

/** Listings of the audit, one after each night; fails on any finding that the next night must not have. */
export async function auditNight(
  night: Night,
  before?: Listing,
  permittedPrunes: readonly string[] = [],
): Promise<Listing> {
  const report = await runAudit({
    cloud: credentials(night.simulator, night.accounts.admin, night.accounts.adminProject.id),
    rules: { userIds: [night.accounts.writer.id], strictForeign: true, permittedPrunes },
    now: () => night.clock.now(),
    ...(before === undefined ? {} : { before }),
  });
  const bad = report.findings.filter((finding) => finding.severity !== "information");
  assert.deepEqual(bad, []);
  return report.listing;
}
