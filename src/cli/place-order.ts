import { isOpen, type Job } from "../domain/catalogue.ts";
import type { Conductor } from "../conductor/context.ts";
import { LeaseKeeper } from "../conductor/lease.ts";
import { workOrder } from "../conductor/orders/alone.ts";
import { resultOfLines, type Order, type OrderBody, type OrderLine, type OrderResult } from "../domain/orders.ts";
import { operatorText } from "../domain/reasons.ts";
import { StoreLockedError } from "../store/errors.ts";
import type { Context } from "./command.ts";
import { CommandError, exit, exitOfOutcome, type ExitCode } from "./exit-codes.ts";
import { openConductor, takeLock } from "./open-conductor.ts";
import { table } from "./output.ts";
import { reportingOf } from "./reporting.ts";

/** Nobody begins with an order that was given longer ago: whoever gave it is not waiting any more. */
const patienceMs = 60 * 60 * 1000;
const pollMs = 1000;

/**
 * Gives an order and waits until it has ended. A running conductor works it; where none runs, this process takes the lease and works it itself.
 * @throws CommandError when it is interrupted, or nobody begins with it
 */
export async function placeOrder(context: Context, body: OrderBody): Promise<OrderResult> {
  const { clock, newId, output, signals } = context;
  const opened = await openConductor(context, "order");
  const { repository } = opened.conductor;
  const id = newId();
  // A lease of its own: the machine's conductor may have this name already.
  const settings = { ...opened.conductor.settings, leaseOwner: `order ${id}` };
  const conductor: Conductor = {
    ...opened.conductor,
    settings,
    // Queued here; the next conductor sends it.
    reporting: reportingOf(context.settings, clock, () => undefined),
    onProgress: (jobs) => output.progress(progressOf(jobs.filter((job) => job.runId === id))),
  };
  try {
    const askedAt = clock.now();
    const expiresAt = new Date(askedAt.getTime() + patienceMs);
    await repository.insertOrder({ id, body, state: "waiting", askedAt, expiresAt, endedAt: null, result: null });
    let alone: boolean | null = null;
    for (;;) {
      if (signals.drain.aborted) throw await giveUp(conductor, { id, body, alone: alone === true });
      const before = alone;
      alone = await workAlone(context, conductor, id);
      const result = ended(await read(conductor, id));
      if (result !== null) return result;
      if (!alone && before !== false) output.note("A conductor is at work; it does it.");
      const jobs = body.kind === "protect" ? await repository.jobs({ runId: id }) : [];
      output.progress(progressOf(jobs));
      await clock.sleep(pollMs, signals.drain).catch(() => undefined); // rejects only when stopped
    }
  } finally {
    output.progress(null);
    await opened.close();
  }
}

async function read({ repository }: Conductor, id: string): Promise<Order> {
  const [order] = await repository.orders({ id });
  if (order === undefined) throw new CommandError(exit.failed, "the order is not in the database any more");
  return order;
}

function ended({ state, result }: Order): OrderResult | null {
  if (state === "withdrawn") throw new CommandError(exit.failed, `nothing was done: ${operatorText("order_expired")}`);
  return state === "ended" ? result : null;
}

/** Works the order here when no conductor does. @returns false when one does */
async function workAlone(context: Context, conductor: Conductor, id: string): Promise<boolean> {
  let lock: Awaited<ReturnType<typeof takeLock>>;
  try {
    lock = await takeLock(context);
  } catch (error) {
    if (error instanceof StoreLockedError) return false;
    throw error;
  }
  try {
    const lease = await LeaseKeeper.acquire(conductor, lock !== null);
    if (lease === null) return false;
    try {
      await workOrder(conductor, lease, { orderId: id, signals: context.signals });
    } finally {
      await lease.release();
    }
    return true;
  } finally {
    await lock?.release();
  }
}

/** Takes the order back, unless somebody has begun with it. */
async function giveUp(
  { clock, repository }: Conductor,
  { id, body, alone }: { id: string; body: OrderBody; alone: boolean },
): Promise<CommandError> {
  const endedAt = clock.now();
  const patch = { endedAt };
  if (await repository.moveOrder({ id, from: "waiting", to: "withdrawn", patch })) {
    return new CommandError(exit.interrupted, "interrupted; nothing was done");
  }
  // Backups that Cinder is making go on by themselves; the rest of a deletion must not come as a surprise later.
  if (alone && body.kind !== "protect") {
    const result = { ...resultOfLines([]), outcome: "interrupted" as const };
    await repository.moveOrder({ id, from: "working", to: "ended", patch: { endedAt, result } });
    await repository.updateRun(id, { endedAt, outcome: "interrupted" });
    return new CommandError(exit.interrupted, "interrupted; what was not done yet is not done");
  }
  return new CommandError(
    exit.interrupted,
    "interrupted; what was begun goes on: the conductor, or its next start, ends it",
  );
}

function progressOf(jobs: readonly Job[]): string {
  const open = jobs.filter(isOpen);
  const names = open.map((job) => `${job.volumeName || job.volumeId} ${job.state}`);
  return names.length === 0 ? "waiting" : `backing up: ${names.slice(0, 3).join(", ")}${names.length > 3 ? ", …" : ""}`;
}

/** Orders after which the audit has to be told, as it cannot know who wanted it, and how. */
const auditOptions: ReadonlyMap<OrderBody["kind"], string> = new Map([
  ["delete", "--pruned"],
  ["disown", "--pruned"],
  ["disown_snapshots", "--pruned"],
  ["prune", "--pruned"],
  ["adopt", "--adopted"],
]);

function auditArguments(kind: OrderBody["kind"], { lines }: OrderResult): readonly string[] {
  const option = auditOptions.get(kind);
  if (option === undefined) return [];
  return lines.flatMap(({ outcome, backupId }) => (outcome === "done" && backupId !== null ? [option, backupId] : []));
}

/** The same for people. */
export function describeOrder({ outcome, message, lines }: OrderResult): string {
  const rows = table(lines, [
    { title: "BACKUP", value: ({ backupId }) => backupId ?? "" },
    { title: "VOLUME", value: ({ volumeId }) => volumeId ?? "" },
    { title: "OUTCOME", value: (line) => line.outcome },
    { title: "BECAUSE", value: describeReason },
  ]);
  return [lines.length === 0 ? "" : rows, message === null ? "" : `${message}\n`, `Outcome: ${outcome}\n`].join("");
}

export const describeReason = ({ reason, message }: Pick<OrderLine, "reason" | "message">): string =>
  message === null ? operatorText(reason) : `${operatorText(reason)}: ${message}`;

/** Gives an order, prints what became of it, and says how it ended. */
export async function runOrder(context: Context, body: OrderBody): Promise<ExitCode> {
  const result = await placeOrder(context, body);
  const { outcome, message, lines } = result;
  const audit = auditArguments(body.kind, result);
  context.output.data({ order: body.kind, outcome, message, lines, audit }, () => describeOrder(result));
  if (audit.length > 0) context.output.note(`Tell the next audit: dirigent audit ${audit.join(" ")}`);
  return exitOfOutcome[result.outcome];
}
