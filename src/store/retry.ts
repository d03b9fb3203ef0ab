import { setTimeout as delay } from "node:timers/promises";
import { failureOf } from "./failures.ts";
import type { Failure } from "./failures.ts";

/**
 * Waits between tries, in ms; 8.6 s in all, for the largest transaction of another process on the same SQLite file. They are real time even
 * where the program's clock is simulated, because the database is real.
 */
const waitsMs = [10, 20, 50, 100, 200, 400, 800, 1000, 1000, 1000, 1000, 1000, 1000, 1000] as const;

/**
 * Runs `work`, and again while it fails in a way that `again` takes for harmless; then throws what the failure means. `again` is asked about
 * every failure, the last one too.
 * @param where the database for people, without its password
 * @throws StoreError; anything that is no failure of a database as it is
 */
export async function withRetry<T>(
  where: string,
  work: () => Promise<T>,
  again: (f: Failure) => boolean,
  waits: readonly number[] = waitsMs,
): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await work();
    } catch (thrown) {
      const failure = failureOf(thrown, where);
      if (failure === null) throw thrown;
      const waitMs = waits[tries];
      if (!again(failure) || waitMs === undefined) throw failure.error;
      await delay(waitMs);
    }
  }
}
