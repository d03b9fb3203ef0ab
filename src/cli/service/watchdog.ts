import { AsyncLocalStorage } from "node:async_hooks";
import type { Clock } from "../../domain/clock.ts";
import type { Io } from "../../domain/io.ts";
import type { ServiceManager } from "./service-manager.ts";

/** Feeds systemd's watchdog from the work loop, and from nothing else. */
export interface Watchdog {
  /** Steps that end within the loop feed it. */
  readonly io: Io;
  /** Sleeps within the loop feed it: they are meant, and have an end. */
  readonly clock: Clock;
  /** Runs the loop whose progress counts. */
  watch<T>(loop: () => Promise<T>): Promise<T>;
}

/**
 * Progress is a step of I/O of the loop that has ended, well or not, or a sleep that it has asked for. A request that never ends, a promise that
 * nobody keeps, and a blocked process are none, and neither is what else goes on in the process: no timer feeds the watchdog.
 */
export function watchdog(
  manager: Pick<ServiceManager, "watchdogMs" | "alive">,
  seam: { io: Io; clock: Clock },
): Watchdog {
  const { watchdogMs } = manager;
  if (watchdogMs === null) return { ...seam, watch: (loop) => loop() };
  const { io, clock } = seam;
  // Twice within half of the time, so that one late feeding is no end.
  const everyMs = watchdogMs / 4;
  const inLoop = new AsyncLocalStorage<true>();
  let fedMs = -Infinity;
  const feed = (): void => {
    if (inLoop.getStore() === undefined) return;
    const nowMs = clock.monotonicMs();
    if (nowMs - fedMs < everyMs) return;
    fedMs = nowMs;
    manager.alive();
  };
  return {
    watch: (loop) => inLoop.run(true, loop),
    io: {
      async run(step, work) {
        try {
          return await io.run(step, work);
        } finally {
          feed();
        }
      },
    },
    clock: {
      now: () => clock.now(),
      monotonicMs: () => clock.monotonicMs(),
      async sleep(ms, signal) {
        for (let restMs = ms; restMs > 0; restMs -= everyMs) {
          feed();
          await clock.sleep(Math.min(restMs, everyMs), signal);
        }
        feed();
      },
    },
  };
}
