import { setImmediate as turn } from "node:timers/promises";
import type { Clock } from "../../../src/domain/clock.ts";

/** A clock that stands still but for those who sleep on it: a sleep takes no time and moves the clock on. */
export interface VirtualClock extends Clock {
  /** Both hands move. */
  advance(ms: number): void;
  /** Only the wall clock jumps, as when somebody sets it. */
  jump(ms: number): void;
}

export function virtualClock(start: string): VirtualClock {
  let wallMs = Date.parse(start);
  let monotonicMs = 0;
  const advance = (ms: number): void => {
    wallMs += ms;
    monotonicMs += ms;
  };
  return {
    now: () => new Date(wallMs),
    monotonicMs: () => monotonicMs,
    async sleep(ms, signal) {
      signal?.throwIfAborted();
      const wakeAt = monotonicMs + ms;
      await turn(); // others who sleep at the same time begin at the same instant
      if (monotonicMs < wakeAt) advance(wakeAt - monotonicMs);
      signal?.throwIfAborted();
    },
    advance,
    jump: (ms) => {
      wallMs += ms;
    },
  };
}
