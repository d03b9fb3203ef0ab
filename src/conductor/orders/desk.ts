import { openOrderStates, type Order, type OrderResult } from "../../domain/orders.ts";
import { newRun } from "../../domain/runs.ts";
import type { Conductor, Signals } from "../context.ts";
import { LeaseLost, type LeaseKeeper } from "../lease.ts";
import { isOutage } from "../outage.ts";
import { workAdoption } from "./adoption.ts";
import { workMarking } from "./marking.ts";
import { finishProtect, planProtect } from "./protect.ts";
import { workRebuild } from "./rebuild.ts";
import { workRemoval } from "./removal.ts";

/**
 * Where a conductor takes operators' orders, beside its cycles and one at a time. What was begun and not ended (the process died) is begun again: every
 * part of it finds out what is done already.
 */
export class Desk {
  readonly #current: () => Conductor;
  readonly #lease: LeaseKeeper;
  readonly #signals: Signals;
  #working: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;

  readonly #orderId: string | null;

  /**
   * @param conductor the present one: its settings may change
   * @param orderId the only one that is worked; `null` is all
   */
  constructor(conductor: () => Conductor, lease: LeaseKeeper, signals: Signals, orderId: string | null = null) {
    this.#orderId = orderId;
    this.#current = conductor;
    this.#lease = lease;
    this.#signals = signals;
  }

  /** Begins with what is waiting, unless it is at work already. @throws LeaseLost, when the work before met it */
  look(): void {
    this.#report();
    this.#working ??= this.#workAll()
      .catch((error: unknown) => {
        this.#failure = { error };
      })
      .finally(() => {
        this.#working = null;
      });
  }

  /** Waits for the work in hand. @throws LeaseLost */
  async settle(): Promise<void> {
    await this.#working;
    this.#report();
  }

  /** Throws what the work met, once. */
  #report(): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure.error;
  }

  async #workAll(): Promise<void> {
    const { log, repository } = this.#current();
    try {
      for (const order of await repository.orders({
        states: openOrderStates,
        ...(this.#orderId === null ? {} : { id: this.#orderId }),
      })) {
        if (this.#signals.drain.aborted) return;
        await this.#work(order);
      }
    } catch (error) {
      if (this.#signals.cut.aborted) return;
      if (!isOutage(error)) throw error;
      log.warn({ error }, "an order of an operator waits: a service or the database did not answer");
    }
  }

  async #work(order: Order): Promise<void> {
    const { clock, log, repository } = this.#current();
    const { id } = order;
    if (order.state === "waiting") {
      if (clock.now() > order.expiresAt) {
        await repository.moveOrder({ id, from: "waiting", to: "withdrawn", patch: { endedAt: clock.now() } });
        return;
      }
      const lease = this.#lease.lease;
      if (!(await repository.moveOrder({ id, from: "waiting", to: "working", lease }))) return;
      await repository.insertRun(newRun({ id, kind: "manual", startedAt: clock.now(), message: order.body.kind }));
      log.info({ order: id, kind: order.body.kind }, "an operator's order is begun");
      await this.#carryOut(order, true);
      return;
    }
    await this.#carryOut(order, false);
  }

  async #carryOut(order: Order, isNew: boolean): Promise<void> {
    const { clock, log, repository } = this.#current();
    const { id } = order;
    let result: OrderResult | null;
    try {
      result = await this.#do(order, isNew);
    } catch (error) {
      if (error instanceof LeaseLost || isOutage(error) || this.#signals.cut.aborted) throw error;
      log.error({ error, order: id }, "an operator's order failed");
      const message = error instanceof Error ? error.message : String(error);
      result = { outcome: "failed", message, lines: [], differences: [], differenceCount: 0 };
    }
    if (result === null) return;
    const endedAt = clock.now();
    await repository.updateRun(id, { endedAt, outcome: result.outcome });
    await repository.moveOrder({ id, from: "working", to: "ended", patch: { endedAt, result } });
    log.info({ order: id, kind: order.body.kind, outcome: result.outcome }, "an operator's order has ended");
  }

  /** @returns null when it goes on */
  async #do({ id, body, askedAt }: Order, isNew: boolean): Promise<OrderResult | null> {
    const conductor = this.#current();
    switch (body.kind) {
      case "protect":
        await planProtect(conductor, { id, body }, this.#signals.cut);
        // Its jobs have not begun yet.
        return isNew && (await conductor.repository.jobs({ runId: id })).length > 0
          ? null
          : await finishProtect(conductor, this.#lease, { id, askedAt }, this.#signals);
      case "delete":
      case "prune":
        return await workRemoval(conductor, this.#lease, { id, body }, this.#signals);
      case "hold":
      case "unhold":
      case "disown":
        return await workMarking(conductor, this.#lease, { id, body }, this.#signals);
      case "disown_snapshots":
        return await workMarking(
          conductor,
          this.#lease,
          { id, body: { kind: "disown", backupIds: body.snapshotIds, mechanism: "snapshot" } },
          this.#signals,
        );
      case "adopt":
        return await workAdoption(conductor, this.#lease, { id, body }, this.#signals);
      case "rebuild":
        return await workRebuild(conductor, id, this.#signals.cut);
    }
  }
}
