import type { Lease } from "../store/repository.ts";
import type { Conductor } from "./context.ts";

/** Another conductor took over: nothing may be sent any more. */
export class LeaseLost extends Error {
  override get name(): string {
    return "LeaseLost";
  }
  constructor() {
    super("the lease was taken over by another conductor; nothing more is sent from here");
  }
}

/** Another conductor is at work. */
export class LeaseHeld extends Error {
  override get name(): string {
    return "LeaseHeld";
  }
  constructor() {
    super("another conductor holds the lease; stop it, or wait until its lease has run out");
  }
}

const leaseName = "conductor";

/** Holds the planning lease and proves it right before each send (rule 2: a stopped process that wakes up must not send). */
export class LeaseKeeper {
  readonly #conductor: Conductor;
  #lease: Lease;

  private constructor(conductor: Conductor, lease: Lease) {
    this.#conductor = conductor;
    this.#lease = lease;
  }

  /**
   * @param exclusive the store's exclusive lock is held (SQLite), so a lease that a killed process left is taken over at once
   * @returns null when another conductor holds the lease
   */
  static async acquire(conductor: Conductor, exclusive: boolean): Promise<LeaseKeeper | null> {
    const { clock, repository, settings } = conductor;
    const lease = await repository.acquireLease({
      name: leaseName,
      owner: settings.leaseOwner,
      now: clock.now(),
      ttlMs: settings.leaseTtlMs,
      ...(exclusive ? { force: true } : {}),
    });
    return lease === null ? null : new LeaseKeeper(conductor, lease);
  }

  get lease(): Lease {
    return this.#lease;
  }

  /**
   * Extends the lease; to be called right before each request that changes something.
   * @throws LeaseLost when the fence has moved on
   */
  async prove(): Promise<void> {
    const { clock, repository, settings } = this.#conductor;
    const renewed = await repository.renewLease(this.#lease, clock.now(), settings.leaseTtlMs);
    if (renewed === null) throw new LeaseLost();
    this.#lease = renewed;
  }

  /**
   * Extends the lease when half of its time is gone. For a send whose own row is written under the lease right before it, which proves the fence.
   * @throws LeaseLost when the fence has moved on
   */
  async keep(): Promise<void> {
    const { clock, settings } = this.#conductor;
    if (Number(this.#lease.expiresAt) - Number(clock.now()) < settings.leaseTtlMs / 2) await this.prove();
  }

  async release(): Promise<void> {
    await this.#conductor.repository.releaseLease(this.#lease);
  }
}
