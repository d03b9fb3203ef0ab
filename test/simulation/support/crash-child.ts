/**
 * One process of a crash test: the production conductor's single cycle on the parent's cloud and clock, killed by itself at a numbered point of its I/O.
 * Reads its order as JSON from its first argument and prints the points it passed, one a line, before it passes them.
 */
import { writeSync } from "node:fs";
import { runOnce } from "../../../src/conductor/once.ts";
import type { Conductor, ConductorSettings } from "../../../src/conductor/context.ts";
import type { Clock } from "../../../src/domain/clock.ts";
import type { CloudParameters } from "../../../src/domain/connection.ts";
import { silentLogger } from "../../../src/domain/log.ts";
import { openClouds } from "../../../src/openstack/open.ts";
import { lockExclusively } from "../../../src/store/lock.ts";
import { openStore } from "../../../src/store/open.ts";
import { watchedIo, type CrashPoint } from "./crash-plan.ts";
import { seededRandom } from "./random.ts";

export interface CrashOrder {
  readonly reader: CloudParameters;
  readonly writer: CloudParameters;
  readonly database: string;
  readonly settings: ConductorSettings;
  /** Where sleeping moves the parent's clock on; without it, time is real. */
  readonly clockUrl: string | null;
  readonly seed: number;
  /** The point to die at; null for a whole night. */
  readonly killAt: CrashPoint | null;
}

const order = JSON.parse(process.argv[2] ?? "{}", (_key, value: unknown) =>
  typeof value === "string" && /^\d{4}-\d\d-\d\dT.*Z$/.test(value) ? new Date(value) : value,
) as CrashOrder;

const passed = new Map<string, number>();
const io = watchedIo((kind) => {
  const nth = (passed.get(kind) ?? 0) + 1;
  passed.set(kind, nth);
  writeSync(1, `${kind}\n`);
  if (kind === order.killAt?.kind && nth === order.killAt.nth) process.kill(process.pid, "SIGKILL");
});
const random = seededRandom(order.seed);
const clock = order.clockUrl === null ? realClock() : await parentClock(order.clockUrl);
const lock = await lockExclusively(order.database);
const repository = await openStore(`sqlite:${order.database}`, { io });
const clouds = await openClouds(
  { reader: order.reader, writer: order.writer },
  { clock, io, random, log: silentLogger },
);
const conductor: Conductor = {
  settings: order.settings,
  reader: clouds.reader,
  writer: clouds.writer,
  repository,
  clock,
  log: silentLogger,
  newId: () => crypto.randomUUID(),
};
const never = new AbortController().signal;
const { outcome } = await runOnce(conductor, true, { drain: never, cut: never });
clouds.close();
await repository.close();
await lock.release();
process.exitCode = outcome === "ok" ? 0 : 3;

/** The parent's virtual clock: only this process sleeps on it, so what it last heard is the time. */
async function parentClock(url: string): Promise<Clock> {
  const ask = async (ms: number): Promise<{ wallMs: number; monotonicMs: number }> =>
    (await (await fetch(`${url}/${ms}`)).json()) as { wallMs: number; monotonicMs: number };
  let hands = await ask(0);
  return {
    now: () => new Date(hands.wallMs),
    monotonicMs: () => hands.monotonicMs,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      hands = await ask(ms);
      signal?.throwIfAborted();
    },
  };
}

function realClock(): Clock {
  return {
    now: () => new Date(),
    monotonicMs: () => performance.now(),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const timer = setTimeout(resolve, ms);
        signal?.addEventListener("abort", () => {
          clearTimeout(timer);
          reject(signal.reason as Error);
        });
      }),
  };
}
