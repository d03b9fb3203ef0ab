import type { Conductor, ConductorSettings, Signals } from "./context.ts";
import type { NextWork } from "./cycle-state.ts";
import { runCycle, type CycleResult } from "./cycle.ts";
import { LeaseKeeper, LeaseLost } from "./lease.ts";
import { ClockWatch } from "./memory.ts";
import { executeOrders, hasOrderedWork, runsOfOrders } from "./orders/alone.ts";
import { Desk } from "./orders/desk.ts";
import type { Wake, WakeSource } from "./wake.ts";

/** What a running daemon may be changed to. Name and time to live of its lease stay as they were at its start. */
export interface DaemonChange {
  readonly settings: ConductorSettings;
  readonly wakes: WakeSource;
}

/** What a daemon does, for those who watch it. */
export type DaemonState =
  /** Another conductor holds the lease. */
  | { readonly kind: "standby" }
  | { readonly kind: "working" }
  | { readonly kind: "waiting"; readonly last: CycleResult }
  /** The database, OpenStack or the program failed; it is tried again. */
  | { readonly kind: "failing"; readonly error: unknown };

export interface DaemonOptions {
  readonly wakes: WakeSource;
  /** The store's exclusive lock is held: see {@link LeaseKeeper.acquire}. */
  readonly exclusive: boolean;
  readonly onCycle?: (result: CycleResult) => void;
  readonly onState?: (state: DaemonState) => void;
  /** Calls back with each change until the returned function is called. */
  readonly changes?: (apply: (change: DaemonChange) => void) => () => void;
}

/** What the parts of one daemon share. */
interface Daemon {
  /** With the settings of now. */
  readonly conductor: () => Conductor;
  readonly inbox: Inbox;
  readonly options: DaemonOptions;
  readonly signals: Signals;
  readonly tell: (state: DaemonState) => void;
}

/**
 * Runs cycles as they are woken, the first at once (it resumes what a restart left). A failed cycle is logged and the next one tries again.
 * A change ends the running cycle as soon as it can be; the next one goes on with its work. Returns when drained.
 */
export async function runDaemon(conductor: Conductor, options: DaemonOptions, signals: Signals): Promise<void> {
  const inbox = new Inbox();
  let current = conductor;
  let stopWakes = options.wakes((wake) => inbox.put(wake));
  const stopChanges = options.changes?.(({ settings, wakes }) => {
    current = { ...current, settings };
    stopWakes();
    stopWakes = wakes((wake) => inbox.put(wake));
    inbox.interrupt();
  });
  const tell = (state: DaemonState): void => options.onState?.(state);
  const daemon: Daemon = { conductor: () => current, inbox, options, signals, tell };
  try {
    inbox.put("create");
    inbox.put("rotate");
    while (!signals.drain.aborted) {
      const lease = await acquire(daemon);
      if (lease === null) break;
      try {
        await serve(daemon, lease);
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
    stopChanges?.();
    stopWakes();
  }
}

/** Waits as a standby while another conductor holds the lease. @returns null when drained */
async function acquire({ conductor, options, signals, tell }: Daemon): Promise<LeaseKeeper | null> {
  const { clock, log, settings } = conductor();
  const { drain } = signals;
  for (let told = false; !drain.aborted;) {
    try {
      const lease = await LeaseKeeper.acquire(conductor(), options.exclusive);
      if (lease !== null) return lease;
      if (!told) log.info({}, "another conductor holds the lease; standing by");
      told = true;
      tell({ kind: "standby" });
    } catch (error) {
      log.error({ error }, "the lease could not be asked for; trying again");
      tell({ kind: "failing", error });
    }
    await clock.sleep(settings.leaseTtlMs / 2, drain).catch(() => undefined); // rejects only when drained
  }
  return null;
}

/** How often an idle conductor looks for an operator's order. */
const orderPollMs = 2000;

/** Works wakes off until drained, and operators' orders beside them. @throws LeaseLost */
async function serve(daemon: Daemon, lease: LeaseKeeper): Promise<void> {
  const desk = new Desk(daemon.conductor, lease, daemon.signals);
  try {
    await serveWith(daemon, lease, desk);
  } finally {
    await desk.settle();
  }
}

async function serveWith(
  { conductor, inbox, options, signals, tell }: Daemon,
  lease: LeaseKeeper,
  desk: Desk,
): Promise<void> {
  const { clock, log } = conductor();
  const clockWatch = new ClockWatch();
  while (!signals.drain.aborted) {
    const wanted = inbox.take();
    if (wanted.size > 0) {
      // Work that outlasts its slot must not keep the next one waiting, nor what waits in this one; else a cycle is left to end.
      const interrupt = new AbortController();
      let next: NextWork | null = null;
      const isDue = ({ slotAt, waits }: NextWork): boolean => waits || clock.now() >= slotAt;
      inbox.onNext((urgent) => {
        if (urgent || (next !== null && isDue(next))) interrupt.abort();
      });
      tell({ kind: "working" });
      try {
        const result = await runCycle(
          conductor(),
          lease,
          clockWatch,
          {
            kind: wanted.has("create") ? "scheduled" : "rotation",
            create: wanted.has("create"),
            rotateAll: wanted.has("rotate"),
            interrupt: interrupt.signal,
            onPlanned: (planned) => {
              next = planned;
            },
            onRound: () => desk.look(),
          },
          signals,
        );
        options.onCycle?.(result);
        tell({ kind: "waiting", last: result });
      } catch (error) {
        if (error instanceof LeaseLost) throw error;
        log.error({ error }, "a cycle failed; the next one tries again");
        tell({ kind: "failing", error });
      }
      continue;
    }
    const woken = new AbortController();
    inbox.onNext(() => woken.abort());
    try {
      desk.look();
      const runIds = await runsOfOrders(conductor());
      if (await hasOrderedWork(conductor(), runIds)) {
        await executeOrders(conductor(), lease, { desk, interrupt: woken.signal, runIds }, signals);
      }
      await lease.keep();
    } catch (error) {
      if (error instanceof LeaseLost) throw error;
      log.warn({ error }, "the lease could not be renewed, or operators' orders not be worked");
    }
    const idleMs = Math.min(conductor().settings.leaseTtlMs / 3, orderPollMs);
    await clock.sleep(idleMs, AbortSignal.any([signals.drain, woken.signal])).catch(() => undefined); // rejects only when woken or drained
  }
}

/** Wishes that came while a cycle was running; the same wish twice is one. */
class Inbox {
  readonly #wanted = new Set<Wake>();
  #urgent = false;
  #listener: (urgent: boolean) => void = () => undefined;

  put(wake: Wake): void {
    this.#wanted.add(wake);
    this.#listener(this.#urgent);
  }

  /** Asks for a cycle in place of the one that is running. */
  interrupt(): void {
    this.#urgent = true;
    this.put("create");
  }

  take(): ReadonlySet<Wake> {
    const taken = new Set(this.#wanted);
    this.#wanted.clear();
    this.#urgent = false;
    return taken;
  }

  /** Replaces the listener; calls it at once when something waits already. */
  onNext(listener: (urgent: boolean) => void): void {
    this.#listener = listener;
    if (this.#wanted.size > 0) listener(this.#urgent);
  }
}
