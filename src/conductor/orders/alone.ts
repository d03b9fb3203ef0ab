import { openJobStates } from "../../domain/catalogue.ts";
import { openOrderStates } from "../../domain/orders.ts";
import type { Conductor, Signals } from "../context.ts";
import { ProjectEnds } from "../ends.ts";
import { executeJobs } from "../execute.ts";
import type { LeaseKeeper } from "../lease.ts";
import { ourUserIds } from "../scan.ts";
import { Desk } from "./desk.ts";

/** The runs of orders that make backups. */
export const runsOfOrders = async ({ repository }: Conductor): Promise<ReadonlySet<string>> =>
  new Set(
    (await repository.orders({ states: openOrderStates })).flatMap(({ id, body }) =>
      body.kind === "protect" ? [id] : [],
    ),
  );

/** Works the backups of orders, and nothing that the schedule planned, until they have ended, only stuck ones are left, or it is interrupted. */
export async function executeOrders(
  conductor: Conductor,
  lease: LeaseKeeper,
  { desk, interrupt, runIds }: { desk: Desk; interrupt: AbortSignal; runIds: ReadonlySet<string> },
  signals: Signals,
): Promise<void> {
  const none = new ProjectEnds(
    [],
    () => Promise.resolve(),
    () => undefined,
  );
  await executeJobs(
    conductor,
    lease,
    {
      userIds: await ourUserIds(conductor, signals.cut),
      order: [],
      overridesSeen: await conductor.repository.overridesSeen(),
      ends: none,
      interrupt,
      concerns: (job) => runIds.has(job.runId),
      onRound: () => desk.look(),
    },
    signals,
  );
}

/** Whether backups of orders are to be worked. */
export async function hasOrderedWork({ repository }: Conductor, runIds: ReadonlySet<string>): Promise<boolean> {
  if (runIds.size === 0) return false;
  const open = await repository.jobs({ states: openJobStates });
  return open.some((job) => runIds.has(job.runId) && job.stuckReportedAt === null);
}

/** Works one order where no conductor does: for a command that has taken the lease itself. What else is planned is left to the next conductor. */
export async function workOrder(
  conductor: Conductor,
  lease: LeaseKeeper,
  { orderId, signals }: { orderId: string; signals: Signals },
): Promise<void> {
  const desk = new Desk(() => conductor, lease, signals, orderId);
  const runIds = new Set([orderId]);
  const never = new AbortController().signal;
  for (;;) {
    desk.look();
    await desk.settle();
    if (signals.drain.aborted || !(await hasOrderedWork(conductor, runIds))) break;
    await executeOrders(conductor, lease, { desk, interrupt: never, runIds }, signals);
    await desk.settle();
  }
  // What has just ended is reported.
  desk.look();
  await desk.settle();
}
