import type { Conductor, Signals } from "./context.ts";
import { runCycle, type CycleResult } from "./cycle.ts";
import { LeaseHeld, LeaseKeeper } from "./lease.ts";
import { ClockWatch } from "./memory.ts";
import { Desk } from "./orders/desk.ts";

/**
 * One cycle: what is due is created and every project rotated. Ends when the jobs have ended or are stuck.
 * @throws LeaseHeld when the lease does not become free within its own time to live (a killed conductor's does)
 */
export async function runOnce(conductor: Conductor, exclusive: boolean, signals: Signals): Promise<CycleResult> {
  const { clock, log, settings } = conductor;
  let lease = await LeaseKeeper.acquire(conductor, exclusive);
  if (lease === null) {
    log.info({}, "another conductor holds the lease; waiting once for it to run out");
    await clock.sleep(settings.leaseTtlMs + 1000, signals.drain);
    lease = await LeaseKeeper.acquire(conductor, exclusive);
  }
  if (lease === null) throw new LeaseHeld();
  try {
    const desk = new Desk(() => conductor, lease, signals);
    desk.look();
    const result = await runCycle(
      conductor,
      lease,
      new ClockWatch(),
      { kind: "manual", create: true, rotateAll: true, onRound: () => desk.look() },
      signals,
    );
    await desk.settle();
    return result;
  } finally {
    await lease
      .release()
      .catch((error: unknown) => log.warn({ error }, "the lease could not be released; it runs out by itself"));
  }
}
