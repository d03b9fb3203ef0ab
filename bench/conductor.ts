/** One cycle of the production conductor with its production settings, in a process of its own, and what it cost. */
import { conductorSettings } from "../src/cli/open-conductor.ts";
import type { Conductor } from "../src/conductor/context.ts";
import type { CycleOptions } from "../src/conductor/cycle-state.ts";
import { runCycle } from "../src/conductor/cycle.ts";
import { LeaseKeeper } from "../src/conductor/lease.ts";
import { ClockWatch } from "../src/conductor/memory.ts";
import { settingsFrom } from "../src/config/load.ts";
import type { Clock } from "../src/domain/clock.ts";
import { directIo } from "../src/domain/io.ts";
import { silentLogger } from "../src/domain/log.ts";
import type { RunOutcome } from "../src/domain/runs.ts";
import { openClouds } from "../src/openstack/open.ts";
import { openStore } from "../src/store/open.ts";
import type { CloudFacts } from "./cloud.ts";
import { timePlanner } from "./planner.ts";
import { answer, onQuestion, orderOf } from "./processes.ts";

export interface CycleOrder {
  readonly cloud: CloudFacts;
  readonly database: string;
  /** What is added to this machine's clock. */
  readonly offsetMs: number;
  readonly cycle: CycleOptions;
  /** Backups in flight at once, by every limit; the default limits when not given. */
  readonly inFlight?: number;
}

/** The first answer. To the question that may follow, the answer is a {@link import("./planner.ts").PlannerCost}. */
export interface CycleCost {
  readonly outcome: RunOutcome;
  readonly idle: boolean;
  readonly wallMs: number;
  /** Of all threads of the process, garbage collection included. */
  readonly cpuMs: number;
  /** Of the process from its start to the end of the cycle. */
  readonly peakMiB: number;
}

const order = orderOf() as CycleOrder;
/** This machine's clock, moved; nobody ever waits, since nothing takes time in this cloud. */
const clock: Clock = {
  now: () => new Date(Date.now() + order.offsetMs),
  monotonicMs: () => performance.now(),
  sleep: (_ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) reject(signal.reason as Error);
      else setImmediate(resolve);
    }),
};
const { inFlight } = order;
const limits =
  inFlight === undefined
    ? {}
    : { limits: { global: inFlight, per_project: inFlight, per_pool: inFlight, per_backup_service: inFlight } };
const settings = conductorSettings(settingsFrom({ database: { url: `sqlite:${order.database}` }, ...limits }));
const clouds = await openClouds(order.cloud, { clock, io: directIo, random: Math.random, log: silentLogger });
const repository = await openStore(`sqlite:${order.database}`, { io: directIo });
const conductor: Conductor = {
  settings,
  reader: clouds.reader,
  writer: clouds.writer,
  repository,
  clock,
  log: silentLogger,
  newId: () => crypto.randomUUID(),
};
const never = new AbortController().signal;
const lease = await LeaseKeeper.acquire(conductor, true);
if (lease === null) throw new Error("the lease is held");

const startedMs = performance.now();
const before = process.cpuUsage();
const { outcome, idle } = await runCycle(conductor, lease, new ClockWatch(), order.cycle, { drain: never, cut: never });
const { user, system } = process.cpuUsage(before);
const cost: CycleCost = {
  outcome,
  idle,
  wallMs: performance.now() - startedMs,
  cpuMs: (user + system) / 1000,
  peakMiB: process.resourceUsage().maxRSS / 1024,
};
answer(cost);
onQuestion(() => {
  timePlanner(conductor).then(answer, (error: unknown) => {
    throw error;
  });
});
