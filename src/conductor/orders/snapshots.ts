import { isDeepStrictEqual } from "node:util";
import type { Snapshot } from "../../domain/inventory.ts";
import { isMark, readMarks } from "../../domain/marks.ts";
import { resultOfLines, type OrderLine, type OrderResult } from "../../domain/orders.ts";
import type { Reason } from "../../domain/reasons.ts";
import { CloudError, NoProjectAccess } from "../../openstack/errors.ts";
import { operation, type Conductor, type Signals } from "../context.ts";
import type { LeaseKeeper } from "../lease.ts";
import { isOutage } from "../outage.ts";
import { ourUserIds } from "../scan.ts";

/**
 * Lets go of snapshots: takes our marks off them, also forged ones, which the policy hook would guard for ever. No policy makes snapshots yet, so nothing of ours depends on
 * one; held ones stay as they are.
 */
export async function workSnapshots(
  conductor: Conductor,
  lease: LeaseKeeper,
  { id: runId, snapshotIds }: { readonly id: string; readonly snapshotIds: readonly string[] },
  { cut, drain }: Signals,
): Promise<OrderResult | null> {
  const userIds = await ourUserIds(conductor, cut);
  const wanted = new Set(snapshotIds);
  const found = new Map<string, Snapshot>();
  for await (const row of conductor.reader.listSnapshots({}, cut)) if (wanted.has(row.id)) found.set(row.id, row);
  const lines: OrderLine[] = [];
  for (const id of snapshotIds) {
    if (drain.aborted) return null;
    const snapshot = found.get(id);
    const said = snapshot === undefined ? noSuch : await disown(conductor, lease, { snapshot, userIds }, cut);
    await conductor.repository.appendOperations([
      operation(conductor, runId, {
        kind: said.outcome === "done" ? "mark_backup" : said.outcome === "failed" ? "fail" : "keep",
        reason: said.reason,
        projectId: snapshot?.projectId ?? null,
        volumeId: snapshot?.volumeId ?? null,
        backupId: id,
        message: said.message,
        requestId: said.requestId,
      }),
    ]);
    const { message, outcome, reason } = said;
    lines.push({ volumeId: snapshot?.volumeId ?? null, backupId: id, outcome, reason, message });
  }
  return resultOfLines(lines);
}

interface Said extends Pick<OrderLine, "outcome" | "reason" | "message"> {
  readonly requestId: string | null;
}

const say = (outcome: OrderLine["outcome"], reason: Reason, message: string | null = null): Said => ({
  outcome,
  reason,
  message,
  requestId: null,
});

const noSuch = say("refused", "no_such_snapshot");

async function disown(
  conductor: Conductor,
  lease: LeaseKeeper,
  input: { readonly snapshot: Snapshot; readonly userIds: ReadonlySet<string> },
  signal: AbortSignal,
): Promise<Said> {
  const { id, projectId, userId } = input.snapshot;
  if (projectId === null) return say("refused", "unproven_reader");
  const project = conductor.writer.forProject(projectId);
  try {
    const before = await project.snapshot(id, signal);
    if (before === null) return say("failed", "refused", "the writer does not see it");
    if (!Object.keys(before.metadata).some(isMark)) return say("refused", "not_marked");
    // A hold of somebody else's means nothing to us.
    const isOurs = userId !== null && input.userIds.has(userId);
    if (isOurs && readMarks(before.metadata).held) return say("refused", "keep_held");
    const metadata = Object.fromEntries(Object.entries(before.metadata).filter(([key]) => !isMark(key)));
    await lease.prove();
    const { requestId } = await project.replaceSnapshotMetadata(id, metadata, signal);
    const after = await project.snapshot(id, signal);
    return after !== null && isDeepStrictEqual({ ...after.metadata }, metadata)
      ? { ...say("done", "disowned"), requestId }
      : { ...say("failed", "refused", "it does not show what was written"), requestId };
  } catch (error) {
    if (!(error instanceof CloudError) || isOutage(error)) throw error;
    const why = error instanceof NoProjectAccess ? "no_project_access" : "refused";
    const needs = `the writer needs the role member in project ${projectId}`;
    return { ...say("failed", why, `${error.message}; ${needs}`), requestId: error.requestId };
  }
}
