import { setTimeout as delay } from "node:timers/promises";
import { failureOf } from "./failures.ts";
import type { Failure } from "./failures.ts";

/**
 * Waits between tries, in ms: short, since every lock of ours is held for a moment only. They are real time even where the program's clock is
 * simulated, because the database is real.
 */
const waitsMs = [20, 60, 150, 400, 1000] as const;

/**
 * Runs `work`, and again while it fails in a way that `again` takes for harmless; then throws what the failure means.
 * @param where the database for people, without its password
 * @throws StoreError; anything that is no failure of a database as it is
 */
export async function withRetry<T>(where: string, work: () => Promise<T>, again: (f: Failure) => boolean): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await work();
    } catch (thrown) {
      const failure = failureOf(thrown, where);
      if (failure === null) throw thrown;
      const waitMs = waitsMs[tries];
      if (waitMs === undefined || !again(failure)) throw failure.error;
      await delay(waitMs);
    }
  }
}
