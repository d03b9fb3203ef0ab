import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../domain/clock.ts";

/** Node's timers take no more than this. */
const longestMs = 2 ** 31 - 1;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    for (let restMs = ms; restMs > 0; restMs -= longestMs) {
      await delay(Math.min(restMs, longestMs), undefined, signal === undefined ? {} : { signal });
    }
  },
};
