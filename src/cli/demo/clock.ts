import type { Clock } from "../../domain/clock.ts";

/**
 * A fast clock: it moves only while somebody sleeps on it, and a sleep takes `1 / speed` of its time. What the machine needs for the work
 * itself does not count, so that a slow machine shows the same nights.
 */
export function fastClock(real: Clock, start: Date, speed: number): Clock {
  let atMs = 0;
  return {
    now: () => new Date(start.getTime() + atMs),
    monotonicMs: () => atMs,
    async sleep(ms, signal) {
      const wakeAt = atMs + ms;
      await real.sleep(ms / speed, signal);
      atMs = Math.max(atMs, wakeAt);
    },
  };
}
