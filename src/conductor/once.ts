import type { Conductor, Signals } from "./context.ts";
import { runCycle, type CycleResult } from "./cycle.ts";
import { LeaseHeld, LeaseKeeper } from "./lease.ts";
import { ClockWatch } from "./memory.ts";
import { Desk } from "./orders/desk.ts";

/** Half of a cycle: `create` deletes nothing, `expire` begins nothing. Either leaves operators' orders to others. */
export type Only = "create" | "expire";

/**
 * One cycle: what is due is created and every project rotated. Ends when the jobs have ended or are stuck.
 * @param only `null` is both
 * @throws LeaseHeld when the lease does not become free within its own time to live (a killed conductor's does)
 */
export async function runOnce(
  whole: Conductor,
  exclusive: boolean,
  signals: Signals,
  only: Only | null = null,
): Promise<CycleResult> {
  const conductor: Conductor =
    only === "create" ? { ...whole, settings: { ...whole.settings, rotationEnabled: false } } : whole;
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
    const look = (): void => {
      if (only === null) desk.look();
    };
    look();
    const result = await runCycle(
      conductor,
      lease,
      new ClockWatch(),
      {
        kind: "manual",
        create: only !== "expire",
        begin: only !== "expire",
        rotateAll: only !== "create",
        onRound: look,
      },
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
