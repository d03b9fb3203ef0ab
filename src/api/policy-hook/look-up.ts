import type { GuardedObject } from "../../domain/guard.ts";
import type { Logger } from "../../domain/log.ts";
import type { LookUp } from "./sources.ts";

export interface LookUpOptions {
  /** Asks OpenStack; null when there is no such object. */
  readonly ask: (kind: "backup" | "snapshot", id: string, signal: AbortSignal) => Promise<GuardedObject | null>;
  /** What takes longer comes to nothing. */
  readonly timeoutMs: number;
  readonly log: Logger;
}

/** A look-up that asks once for all who want the same object at the same time. Nothing is remembered afterwards. */
export function createLookUp({ ask, timeoutMs, log }: LookUpOptions): LookUp {
  const flights = new Map<string, Promise<GuardedObject | null>>();
  return (kind, id) => {
    const key = `${kind} ${id}`;
    const under = flights.get(key);
    if (under !== undefined) return under;
    const flight = askInTime(() => ask(kind, id, AbortSignal.timeout(timeoutMs)), timeoutMs)
      .catch((error: unknown) => {
        log.warn({ object: kind, id, error }, "a look-up in OpenStack came to nothing");
        return null;
      })
      .finally(() => flights.delete(key));
    flights.set(key, flight);
    return flight;
  };
}

/** The signal should be enough; a client that does not heed it must not make anyone wait. */
function askInTime<T>(ask: () => Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs + 10);
    ask()
      .then(resolve, reject)
      .finally(() => clearTimeout(timer));
  });
}
