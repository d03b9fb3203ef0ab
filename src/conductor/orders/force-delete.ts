import type { CatalogueEntry } from "../../domain/catalogue.ts";
import type { Backup } from "../../domain/inventory.ts";
import type { OrderLine, OrderResult } from "../../domain/orders.ts";
import { resultOfLines } from "../../domain/orders.ts";
import { readPoints, type Point } from "../../domain/points.ts";
import type { Reason } from "../../domain/reasons.ts";
import { newRun } from "../../domain/runs.ts";
import { deadlineOf } from "../../domain/states.ts";
import type { SnapshotAdmin } from "../../openstack/admin.ts";
import { CloudError } from "../../openstack/errors.ts";
import { operation, type Conductor } from "../context.ts";
import { subjectOfPoint } from "../delete.ts";
import { ourUserIds } from "../scan.ts";

/** One snapshot that an operator wants to be rid of. */
export interface ForcePlan {
  readonly id: string;
  /** `null` when there is no such snapshot. */
  readonly point: Point | null;
  /** `null` when it may be forced. */
  readonly refusal: { readonly reason: Reason; readonly message: string | null } | null;
}

/** How long a forced deletion is watched. */
const patienceMs = 2 * 60_000;

/**
 * Finds out which snapshots may be deleted by force: ours, not held, stuck in a state that rotation leaves alone, with no volume made from them. None of them is good, so
 * no volume loses its last good one. Changes nothing.
 */
export async function planForceDelete(
  conductor: Conductor,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<readonly ForcePlan[]> {
  const userIds = await ourUserIds(conductor, signal);
  return await Promise.all(ids.map((id) => planOne(conductor, id, userIds, signal)));
}

async function planOne(
  conductor: Conductor,
  id: string,
  userIds: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<ForcePlan> {
  const { reader, repository } = conductor;
  const snapshot = await reader.snapshot(id, signal);
  if (snapshot === null) return { id, point: null, refusal: { reason: "no_such_snapshot", message: null } };
  const entries = await repository.catalogue({ projectId: snapshot.projectId ?? "" });
  const catalogue = new Map(entries.map((entry): [string, CatalogueEntry] => [entry.backupId, entry]));
  const volume = readPoints({ backups: [snapshot], catalogue, userIds }).get(snapshot.volumeId);
  const point = [...(volume?.points ?? []), ...(volume?.others ?? [])][0] ?? null;
  if (point === null) throw new Error(`snapshot ${id} could not be read`);
  const refuse = (reason: Reason, message: string | null = null): ForcePlan => ({
    id,
    point,
    refusal: { reason, message },
  });
  if (point.kind !== "ours") return refuse(point.kind === "foreign" ? "not_ours" : point.kind);
  if (point.marks.held || point.entry?.held === true) return refuse("keep_held");
  if (point.good) return refuse("not_stuck", "it is good; `dirigent backups delete` takes what may go");
  const stuck = whyNotStuck(conductor, snapshot);
  if (stuck !== null) return refuse("not_stuck", stuck);
  const volumes = await reader.volumesOf(id, signal);
  if (volumes.length > 0) return refuse("keep_has_volumes", volumes.join(", "));
  return { id, point, refusal: null };
}

/** What takes its time may yet end by itself. */
function whyNotStuck({ clock, settings }: Conductor, snapshot: Backup): string | null {
  const { createdAt, status, updatedAt } = snapshot;
  if (status === "error_deleting") return null;
  if (status !== "creating" && status !== "deleting") {
    return `it is ${status}; \`dirigent backups delete\` takes what may go`;
  }
  // A DELETE does not move `updated_at` in every release.
  const since = status === "creating" ? createdAt : (updatedAt ?? createdAt);
  const deadline = deadlineOf(snapshot, since, settings.deadline);
  return clock.now() > deadline ? null : `it is ${status}, and counts as stuck after ${deadline.toISOString()}`;
}

/** Deletes by force what the plan allows, with an operator's admin credential, and looks until it is gone. */
export async function forceDelete(
  conductor: Conductor,
  admin: SnapshotAdmin,
  plans: readonly ForcePlan[],
  signal: AbortSignal,
): Promise<OrderResult> {
  const { clock, newId, repository } = conductor;
  const run = newRun({ id: newId(), kind: "manual", startedAt: clock.now(), message: "force_delete_snapshots" });
  await repository.insertRun(run);
  const lines: OrderLine[] = [];
  for (const plan of plans) lines.push(await forceOne(conductor, admin, { plan, runId: run.id }, signal));
  const result = resultOfLines(lines);
  await repository.updateRun(run.id, { endedAt: clock.now(), outcome: result.outcome });
  return result;
}

async function forceOne(
  conductor: Conductor,
  admin: SnapshotAdmin,
  { plan, runId }: { readonly plan: ForcePlan; readonly runId: string },
  signal: AbortSignal,
): Promise<OrderLine> {
  const { clock, repository } = conductor;
  const { id, point, refusal } = plan;
  const subject = point === null ? { backupId: id } : subjectOfPoint(point);
  const line = (outcome: OrderLine["outcome"], reason: Reason, message: string | null): OrderLine => ({
    volumeId: point?.backup.volumeId ?? null,
    backupId: id,
    outcome,
    reason,
    message,
  });
  const record = async (kind: "keep" | "delete" | "delete_verified" | "fail", reason: Reason, more: object = {}) =>
    await repository.appendOperations([operation(conductor, runId, { kind, reason, ...subject, ...more })]);
  if (refusal !== null) {
    await record("keep", refusal.reason, { message: refusal.message });
    return line("refused", refusal.reason, refusal.message);
  }
  await record("delete", "forced");
  const hasEntry = point?.entry != null;
  if (hasEntry) await repository.patchCatalogueEntry(id, { deleteSentAt: clock.now() });
  try {
    await admin.forceDeleteSnapshot(id, signal);
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    const { message, requestId } = error;
    await record("fail", "delete_failed", { message, requestId });
    return line("failed", "delete_failed", message);
  }
  const status = await watchUntilGone(conductor, id, signal);
  if (status !== null) {
    const message = `it is still ${status}; is its cinder-volume service up?`;
    await record("fail", "delete_failed", { message });
    return line("failed", "delete_failed", message);
  }
  if (hasEntry) await repository.patchCatalogueEntry(id, { goneAt: clock.now() });
  await record("delete_verified", "forced");
  return line("done", "forced", null);
}

/** @returns its status when it is still there, and null when it is gone */
async function watchUntilGone({ clock, reader }: Conductor, id: string, signal: AbortSignal): Promise<string | null> {
  const since = Number(clock.now());
  for (let waitMs = 250; ; waitMs = Math.min(waitMs * 1.5, 5_000)) {
    const seen = await reader.snapshot(id, signal);
    if (seen === null) return null;
    if (seen.status === "error_deleting" || Number(clock.now()) - since > patienceMs) return seen.status;
    await clock.sleep(waitMs, signal);
  }
}
