import { currentSlot } from "../domain/slots.ts";
import type { Conductor, Signals } from "./context.ts";
import { runCycle, type CycleResult } from "./cycle.ts";
import { LeaseKeeper, LeaseLost } from "./lease.ts";
import { ClockWatch } from "./memory.ts";
import type { Wake, WakeSource } from "./wake.ts";

export interface DaemonOptions {
  readonly wakes: WakeSource;
  /** The store's exclusive lock is held: see {@link LeaseKeeper.acquire}. */
  readonly exclusive: boolean;
  readonly onCycle?: (result: CycleResult) => void;
}

/**
 * Runs cycles as they are woken, the first at once (it resumes what a restart left). A failed cycle is logged and the next one tries again. Returns when drained.
 */
export async function runDaemon(conductor: Conductor, options: DaemonOptions, signals: Signals): Promise<void> {
  const inbox = new Inbox();
  const stop = options.wakes((wake) => inbox.put(wake));
  try {
    inbox.put("create");
    inbox.put("rotate");
    while (!signals.drain.aborted) {
      const lease = await acquire(conductor, options.exclusive, signals);
      if (lease === null) break;
      try {
        await serve(conductor, lease, { ...options, inbox }, signals);
      } catch (error) {
        if (!(error instanceof LeaseLost)) throw error;
        conductor.log.error({}, error.message);
      } finally {
        await lease
          .release()
          .catch((error: unknown) =>
            conductor.log.warn({ error }, "the lease could not be released; it runs out by itself"),
          );
      }
    }
  } finally {
    stop();
  }
}

/** Waits as a standby while another conductor holds the lease. @returns null when drained */
async function acquire(conductor: Conductor, exclusive: boolean, { drain }: Signals): Promise<LeaseKeeper | null> {
  const { clock, log, settings } = conductor;
  for (let told = false; !drain.aborted;) {
    try {
      const lease = await LeaseKeeper.acquire(conductor, exclusive);
      if (lease !== null) return lease;
      if (!told) log.info({}, "another conductor holds the lease; standing by");
      told = true;
    } catch (error) {
      log.error({ error }, "the lease could not be asked for; trying again");
    }
    await clock.sleep(settings.leaseTtlMs / 2, drain).catch(() => undefined); // rejects only when drained
  }
  return null;
}

/** Works wakes off until drained. @throws LeaseLost */
async function serve(
  conductor: Conductor,
  lease: LeaseKeeper,
  { inbox, onCycle }: DaemonOptions & { inbox: Inbox },
  signals: Signals,
): Promise<void> {
  const { clock, log, settings } = conductor;
  const clockWatch = new ClockWatch();
  while (!signals.drain.aborted) {
    const wanted = inbox.take();
    if (wanted.size > 0) {
      // Backups that outlast their slot must not keep the next one waiting; within a slot a cycle is left to end.
      const interrupt = new AbortController();
      const slot = (): string => currentSlot(settings.policy, settings.timeZone, clock.now()).id;
      const startedIn = slot();
      inbox.onNext(() => {
        if (slot() !== startedIn) interrupt.abort();
      });
      try {
        const result = await runCycle(
          conductor,
          lease,
          clockWatch,
          {
            kind: wanted.has("create") ? "scheduled" : "rotation",
            create: wanted.has("create"),
            rotateAll: wanted.has("rotate"),
            interrupt: interrupt.signal,
          },
          signals,
        );
        onCycle?.(result);
      } catch (error) {
        if (error instanceof LeaseLost) throw error;
        log.error({ error }, "a cycle failed; the next one tries again");
      }
      continue;
    }
    const woken = new AbortController();
    inbox.onNext(() => woken.abort());
    await clock.sleep(settings.leaseTtlMs / 3, AbortSignal.any([signals.drain, woken.signal])).catch(() => undefined); // rejects only when woken or drained
    await lease.prove().catch((error: unknown) => {
      if (error instanceof LeaseLost) throw error;
      log.warn({ error }, "the lease could not be renewed");
    });
  }
}

/** Wishes that came while a cycle was running; the same wish twice is one. */
class Inbox {
  readonly #wanted = new Set<Wake>();
  #listener: () => void = () => undefined;

  put(wake: Wake): void {
    this.#wanted.add(wake);
    this.#listener();
  }

  take(): ReadonlySet<Wake> {
    const taken = new Set(this.#wanted);
    this.#wanted.clear();
    return taken;
  }

  /** Replaces the listener; calls it at once when something waits already. */
  onNext(listener: () => void): void {
    this.#listener = listener;
    if (this.#wanted.size > 0) listener();
  }
}
