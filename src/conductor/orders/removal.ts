import { mechanisms, type Backup, type Mechanism } from "../../domain/inventory.ts";
import { resultOfLines, type OrderBody, type OrderLine, type OrderResult } from "../../domain/orders.ts";
import { readPoints, type Point, type VolumePoints } from "../../domain/points.ts";
import type { Reason } from "../../domain/reasons.ts";
import { planPrune, planRemoval, type Refusal, type Removal, type RemovalPlan } from "../../domain/removal.ts";
import { operation, type Conductor, type Signals } from "../context.ts";
import { checkBeforeDelete, deletePoint, failureRow, keepRow } from "../delete.ts";
import type { LeaseKeeper } from "../lease.ts";
import { childrenOf, findPoint, listPoints } from "../mechanism.ts";
import { assign, policyFinder } from "../assign.ts";
import { ClockWatch } from "../memory.ts";
import { isProven, ourUserIds, retentionTerms, scanInventory, scanPoints, whyPartial } from "../scan.ts";

type RemovalOrder = Extract<OrderBody, { kind: "delete" | "prune" }>;

/** What an order to delete would do now. */
export interface RemovalPreview {
  readonly plan: RemovalPlan;
  /** Set when nothing at all is deleted, and why. */
  readonly blocked: Reason | null;
  readonly userIds: ReadonlySet<string>;
}

/** Volumes that are worked on at the same time. */
const parallelVolumes = 4;

/** Plans the deletion of the backups that an operator names, from what Cinder has now. Changes nothing. */
export async function previewRemoval(
  conductor: Conductor,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<RemovalPreview> {
  const { reader } = conductor;
  const named = (await Promise.all(ids.map((id) => findPoint(reader, id, signal)))).filter((point) => point !== null);
  const backups: Backup[] = [];
  let proven = true;
  for (const [mechanism, ofMechanism] of Map.groupBy(named, (point) => point.mechanism)) {
    const rows: Backup[] = [];
    for (const volumeId of new Set(ofMechanism.map((point) => point.volumeId))) {
      rows.push(...(await Array.fromAsync(listPoints(reader, mechanism, { volumeId }, signal))));
    }
    proven &&= await isProven(conductor, mechanism, rows, signal);
    backups.push(...rows);
  }
  const existingVolumeIds = new Set<string>();
  for await (const volume of reader.listVolumes(signal)) existingVolumeIds.add(volume.id);
  return planSurely(conductor, { backups, proven, partial: false }, signal, (volumes) =>
    planRemoval({ ids, volumes, existingVolumeIds }),
  );
}

/**
 * Plans what may be deleted of volumes that are gone. Changes nothing.
 * @param volumeIds only these; `null` is all that are gone
 */
export async function previewPrune(
  conductor: Conductor,
  volumeIds: readonly string[] | null,
  signal: AbortSignal,
): Promise<RemovalPreview> {
  const { clock, repository, settings } = conductor;
  const [lastGood] = await repository.runs({ limit: 1, scanGood: true });
  const inventory = await scanInventory(conductor, signal);
  const now = clock.now();
  const partial = whyPartial(inventory, now, lastGood) !== null;
  const scans = await Promise.all(mechanisms.map((mechanism) => scanPoints(conductor, mechanism, signal)));
  // What is unproven is left out; nothing at all to go by is said.
  const proven = scans.some((scan) => scan.proven);
  const backups = scans.flatMap((scan) => (scan.proven ? scan.points : []));
  const asked = volumeIds === null ? null : new Set(volumeIds);
  const gone = backups.filter(
    ({ volumeId }) => !inventory.volumeIds.has(volumeId) && (asked === null || asked.has(volumeId)),
  );
  const assignment = await assign(conductor, inventory, { now, signal });
  return planSurely(conductor, { backups: gone, proven, partial }, signal, (volumes) =>
    planPrune({
      now,
      volumes,
      existingVolumeIds: inventory.volumeIds,
      ...retentionTerms(inventory, settings, policyFinder(conductor, assignment)),
      cloneSources: inventory.cloneSources,
    }),
  );
}

/** Plans, asks for the children that the plan depends on, and plans again until nothing is left to ask. */
export async function planSurely(
  conductor: Conductor,
  { backups, proven, partial }: { backups: readonly Backup[]; proven: boolean; partial: boolean },
  signal: AbortSignal,
  plan: (volumes: Parameters<typeof planRemoval>[0]["volumes"]) => RemovalPlan,
): Promise<RemovalPreview> {
  const { reader, repository } = conductor;
  const userIds = await ourUserIds(conductor, signal);
  const [newest] = await repository.runs({ limit: 1 });
  const { trusted } = new ClockWatch().check(conductor, newest?.startedAt ?? null);
  const blocked = !trusted ? "clock_jump" : partial ? "partial_scan" : proven ? null : "unproven_reader";
  const catalogue = new Map<string, Point["entry"] & object>();
  for (const projectId of new Set(backups.flatMap((backup) => backup.projectId ?? []))) {
    for (const entry of await repository.catalogue({ projectId })) catalogue.set(entry.backupId, entry);
  }
  const children = new Map<string, readonly string[]>();
  const mechanismOf = new Map(backups.map(({ id, mechanism }) => [id, mechanism]));
  const readMechanism = (mechanism: Mechanism): VolumePoints[] => {
    const rows = backups.filter((row) => row.mechanism === mechanism);
    return [...readPoints({ backups: rows, catalogue, userIds, children }).values()];
  };
  for (;;) {
    const planned = plan(mechanisms.flatMap((mechanism) => readMechanism(mechanism)));
    const unasked = planned.unverified.filter((id) => !children.has(id));
    if (unasked.length === 0) return { plan: planned, blocked, userIds };
    const found = await Promise.all(
      unasked.map((id) => childrenOf(reader, { id, mechanism: mechanismOf.get(id) ?? "backup" }, signal)),
    );
    for (const [i, id] of unasked.entries()) children.set(id, found[i] ?? []);
  }
}

const lineOf = ({ backup }: Point, outcome: OrderLine["outcome"], reason: Reason, message: string | null) => ({
  volumeId: backup.volumeId,
  backupId: backup.id,
  outcome,
  reason,
  message,
});

const lineOfRefusal = ({ backupId, volumeId, reason, message }: Refusal): OrderLine => ({
  volumeId,
  backupId,
  outcome: "refused",
  reason,
  message,
});

/** Deletes what was ordered and may go, newest first, each seen gone before the next. @returns null when it was stopped before its end */
export async function workRemoval(
  conductor: Conductor,
  lease: LeaseKeeper,
  order: { readonly id: string; readonly body: RemovalOrder },
  signals: Signals,
): Promise<OrderResult | null> {
  const { body, id: runId } = order;
  const ordered = new Set(body.backupIds);
  // An interrupted order goes on: what it has deleted is done.
  const before = await conductor.repository.operations({ runId, kinds: ["delete_verified"] });
  const gone = new Set(before.map((row) => row.backupId ?? ""));
  const { plan, blocked, userIds } =
    body.kind === "delete"
      ? await previewRemoval(conductor, body.backupIds, signals.cut)
      : await previewPrune(conductor, null, signals.cut);
  const reason = body.kind === "delete" ? "removed" : "pruned";
  const lines: OrderLine[] = before.map(({ volumeId, backupId }) => ({
    volumeId,
    backupId,
    outcome: "done",
    reason,
    message: null,
  }));
  const refusals = plan.refusals.filter(({ backupId }) => ordered.has(backupId) && !gone.has(backupId));
  lines.push(...refusals.map(lineOfRefusal));
  await record(conductor, runId, refusals);
  const planned = new Set(plan.removals.flatMap(({ deletions }) => deletions.map((point) => point.backup.id)));
  const known = new Set([...planned, ...gone, ...refusals.map(({ backupId }) => backupId)]);
  for (const backupId of ordered.difference(known)) {
    lines.push({ volumeId: null, backupId, outcome: "refused", reason: "no_such_backup", message: null });
  }
  const queue = plan.removals
    .map(({ volumeId, deletions }) => ({
      volumeId,
      deletions: deletions.filter(({ backup }) => ordered.has(backup.id)),
    }))
    // A chain that has more members than the operator was shown stays whole.
    .filter(({ deletions }, i) => body.kind === "delete" || deletions.length === plan.removals[i]?.deletions.length);
  if (blocked !== null) {
    for (const { deletions } of queue)
      for (const point of deletions) lines.push(lineOf(point, "refused", blocked, null));
    await conductor.repository.appendOperations(
      queue.flatMap(({ deletions }) => deletions.map((point) => keepRow(conductor, runId, point, blocked))),
    );
    return resultOfLines(lines);
  }
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined && !signals.drain.aborted; next = queue.shift()) {
      lines.push(...(await removeAll(conductor, lease, { removal: next, runId, reason, userIds }, signals)));
    }
  };
  await Promise.all(Array.from({ length: parallelVolumes }, worker));
  return signals.drain.aborted ? null : resultOfLines(lines);
}

async function record(conductor: Conductor, runId: string, refusals: readonly Refusal[]): Promise<void> {
  if (refusals.length === 0) return;
  await conductor.repository.appendOperations(
    refusals.map(({ backupId, volumeId, reason, message }) =>
      operation(conductor, runId, { kind: "keep", reason, volumeId, backupId, message }),
    ),
  );
}

async function removeAll(
  conductor: Conductor,
  lease: LeaseKeeper,
  input: { removal: Removal; runId: string; reason: Reason; userIds: ReadonlySet<string> },
  signals: Signals,
): Promise<OrderLine[]> {
  const { removal, runId, reason, userIds } = input;
  const lines: OrderLine[] = [];
  let stopped: Reason | null = null;
  for (const point of removal.deletions) {
    if (signals.drain.aborted) break;
    if (stopped !== null) {
      lines.push(lineOf(point, "refused", "keep_has_children", null));
      continue;
    }
    const projectId = point.projectId ?? "";
    const obstacle = await checkBeforeDelete(
      conductor,
      { userIds, projectId, point, wantedBecause: () => null },
      signals.cut,
    );
    if (obstacle !== null && obstacle !== "gone") {
      stopped = obstacle;
      await conductor.repository.appendOperations([keepRow(conductor, runId, point, obstacle)]);
      lines.push(lineOf(point, "refused", obstacle, null));
      continue;
    }
    const failure =
      obstacle === "gone" ? null : await deletePoint(conductor, lease, { runId, point, reason, signal: signals.cut });
    if (failure === null) lines.push(lineOf(point, "done", reason, null));
    else {
      stopped = "delete_failed";
      await conductor.repository.appendOperations([failureRow(conductor, runId, point, failure)]);
      lines.push(lineOf(point, "failed", "delete_failed", failure.message));
    }
  }
  return lines;
}
