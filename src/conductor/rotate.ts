import type { Operation } from "../domain/catalogue.ts";
import { readMarks } from "../domain/marks.ts";
import type { Point, VolumePoints } from "../domain/points.ts";
import { operatorText, type Reason } from "../domain/reasons.ts";
import { planRotation, type DeadChain, type RotationPlan } from "../domain/retention.ts";
import type { RotationSummary } from "../domain/runs.ts";
import { CloudError } from "../openstack/errors.ts";
import { operation, type Conductor, type Signals } from "./context.ts";
import type { LeaseKeeper } from "./lease.ts";
import { isOurs } from "./scan.ts";

const dayMs = 24 * 60 * 60 * 1000;
/** How long a DELETE may take until its chain is left for the next pass. */
const deletionTimeoutMs = 30 * 60 * 1000;
/** A DELETE that Cinder took shows as `deleting` at once. */
const untakenMs = 30_000;
/** Chains of one project that are worked on at the same time. */
const parallelChains = 4;

/** Keeping for these reasons is no news; each other keep gets a row. */
const routineKeeps: ReadonlySet<Reason> = new Set(["keep_age", "keep_promised", "keep_chain", "keep_newest_good"]);

export interface RotationInput {
  readonly runId: string;
  readonly projectId: string;
  readonly volumes: readonly VolumePoints[];
  /** All volumes of the cloud; `null` when they are not known for certain. */
  readonly existingVolumeIds: ReadonlySet<string> | null;
  readonly retentionMsOf: (volumeId: string) => number;
  readonly userIds: ReadonlySet<string>;
  readonly blocked: Reason | null;
}

/** Plans one project's rotation. Reads the database, changes nothing. */
export async function planProjectRotation(conductor: Conductor, input: RotationInput): Promise<RotationPlan> {
  const { clock, repository, settings } = conductor;
  const now = clock.now();
  const recent = await repository.operations({
    kinds: ["delete", "complete"],
    projectId: input.projectId,
    since: new Date(Number(now) - dayMs),
  });
  const idsOf = (kind: Operation["kind"]): Set<string> =>
    new Set(recent.flatMap((each) => (each.kind === kind ? (each.backupId ?? []) : [])));
  return planRotation({
    now,
    projectId: input.projectId,
    volumes: input.volumes,
    existingVolumeIds: input.existingVolumeIds,
    retentionMsOf: input.retentionMsOf,
    policy: settings.policy,
    deletedLast24h: idsOf("delete").difference(idsOf("complete")).size,
    override: settings.brakeOverrides.find((o) => o.projectId === input.projectId && o.expiresAt > now) ?? null,
    blocked: input.blocked,
  });
}

/** Carries out a plan, chain by chain, newest member first, each seen gone before the next is sent. */
export async function rotateProject(
  conductor: Conductor,
  lease: LeaseKeeper,
  input: RotationInput,
  plan: RotationPlan,
  signals: Signals,
): Promise<RotationSummary> {
  const kept = plan.decisions.filter((d) => d.action === "keep");
  const record: Operation[] = plan.blocked === null ? [] : [blockedNotice(conductor, input, plan)];
  for (const { point, reason } of kept) {
    if (!routineKeeps.has(reason)) record.push(keepRow(conductor, input.runId, point, reason));
  }
  if (record.length > 0) await conductor.repository.appendOperations(record);
  const summary = { deleted: 0, failed: 0, kept: kept.length };
  const reasons = new Map<Reason, number>();
  const count = (reason: Reason, by = 1): void => void reasons.set(reason, (reasons.get(reason) ?? 0) + by);
  for (const { reason } of kept) count(reason);
  const queue = [...plan.chains];
  const worker = async (): Promise<void> => {
    for (let chain = queue.shift(); chain !== undefined; chain = queue.shift()) {
      const done = await deleteChain(conductor, lease, { input, chain, signals });
      summary.deleted += done.deleted.length;
      summary.failed += done.failed;
      summary.kept += chain.deletions.length - done.deleted.length;
      for (const point of done.deleted) count(deleteReason(point));
      if (done.obstacle !== null) count(done.obstacle, chain.deletions.length - done.deleted.length);
    }
  };
  await Promise.all(Array.from({ length: parallelChains }, worker));
  return { ...summary, reasons: Object.fromEntries(reasons), blocked: plan.blocked };
}

async function deleteChain(
  conductor: Conductor,
  lease: LeaseKeeper,
  { input, chain, signals }: { input: RotationInput; chain: DeadChain; signals: Signals },
): Promise<{ deleted: readonly Point[]; failed: number; obstacle: Reason | null }> {
  const deleted: Point[] = [];
  for (const point of chain.deletions) {
    if (signals.drain.aborted) break;
    const obstacle = await checkBeforeDelete(conductor, input, point, signals.cut);
    if (obstacle === "gone") continue;
    if (obstacle !== null) {
      await conductor.repository.appendOperations([keepRow(conductor, input.runId, point, obstacle)]);
      return { deleted, failed: 0, obstacle };
    }
    const failure = await deletePoint(conductor, lease, { runId: input.runId, point, signal: signals.cut });
    if (failure !== null) {
      await conductor.repository.appendOperations([
        operation(conductor, input.runId, {
          kind: "fail",
          reason: "delete_failed",
          ...subjectOfPoint(point),
          ...failure,
        }),
      ]);
      return { deleted, failed: 1, obstacle: "delete_failed" };
    }
    deleted.push(point);
  }
  return { deleted, failed: 0, obstacle: null };
}

/** Reads the object and its children again, right before its DELETE (rule 1). */
async function checkBeforeDelete(
  { reader, clock }: Conductor,
  { userIds, projectId, retentionMsOf }: RotationInput,
  point: Point,
  signal: AbortSignal,
): Promise<Reason | "gone" | null> {
  const now = clock.now();
  const seen = await reader.backup(point.backup.id, signal);
  if (seen === null) return "gone";
  if (!isOurs(seen, userIds) || seen.projectId !== projectId) return "keep_unverified";
  const marks = readMarks(seen.metadata);
  if (marks.held) return "keep_held";
  if (seen.status !== "available" && seen.status !== "error") return "keep_running";
  const failed = seen.status === "error";
  if (!failed && marks.keepUntil !== null && marks.keepUntil > now) return "keep_promised";
  if (!failed && Number(seen.createdAt) + retentionMsOf(seen.volumeId) > Number(now)) return "keep_age";
  const children = await reader.childrenOf(seen.id, signal);
  return children.length > 0 ? "keep_has_children" : null;
}

/** Sends one DELETE and waits until the object is gone. @returns null when it is, else what went wrong */
async function deletePoint(
  conductor: Conductor,
  lease: LeaseKeeper,
  { runId, point, signal }: { runId: string; point: Point; signal: AbortSignal },
): Promise<{ message: string; requestId: string | null } | null> {
  const { clock, reader, repository, writer } = conductor;
  const id = point.backup.id;
  const projectId = point.projectId ?? "";
  await lease.prove();
  const sentAt = clock.now();
  // Both rows before anything is sent: the brake must count a DELETE whose answer a crash swallowed.
  await repository.appendOperations([
    operation(conductor, runId, {
      kind: "delete",
      reason: deleteReason(point),
      ...subjectOfPoint(point),
    }),
  ]);
  await repository.patchCatalogueEntry(id, { deleteSentAt: sentAt });
  try {
    await writer.forProject(projectId).deleteBackup(id, signal);
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (error.status !== 404 && error.reached !== "maybe")
      return { message: error.message, requestId: error.requestId };
  }
  return await waitUntilGone();

  async function waitUntilGone(): Promise<{ message: string; requestId: string | null } | null> {
    for (let waitMs = 250; ; waitMs = Math.min(waitMs * 1.5, conductor.settings.pollMs)) {
      const seen = await reader.backup(id, signal);
      if (seen === null) return await gone();
      if (seen.status !== "deleting" && seen.status !== "available") {
        return {
          message: `it is ${seen.status} after its DELETE: ${seen.failReason ?? "no reason given"}`,
          requestId: null,
        };
      }
      const waitedMs = Number(clock.now()) - Number(sentAt);
      // A DELETE may be sent again: the next pass checks everything anew.
      if (seen.status === "available" && waitedMs > untakenMs) {
        return { message: "Cinder has not begun to delete it", requestId: null };
      }
      if (waitedMs > deletionTimeoutMs) {
        return {
          message: `it is still ${seen.status} ${deletionTimeoutMs / 60_000} minutes after its DELETE`,
          requestId: null,
        };
      }
      await clock.sleep(waitMs, signal);
    }
  }

  async function gone(): Promise<null> {
    await repository.patchCatalogueEntry(id, { goneAt: clock.now() });
    await repository.appendOperations([
      operation(conductor, runId, { kind: "delete_verified", reason: deleteReason(point), ...subjectOfPoint(point) }),
    ]);
    return null;
  }
}

const deleteReason = ({ backup }: Point): Reason => (backup.status === "error" ? "failed_superseded" : "expired");

const subjectOfPoint = (point: Point): Pick<Operation, "projectId" | "serverId" | "volumeId" | "backupId" | "key"> => ({
  projectId: point.projectId,
  serverId: point.marks.serverId,
  volumeId: point.backup.volumeId,
  backupId: point.backup.id,
  key: point.marks.key,
});

const keepRow = (conductor: Conductor, runId: string, point: Point, reason: Reason): Operation =>
  operation(conductor, runId, { kind: "keep", reason, ...subjectOfPoint(point) });

function blockedNotice(conductor: Conductor, input: RotationInput, plan: RotationPlan): Operation {
  const reason = plan.blocked ?? "brake";
  const message =
    reason === "brake"
      ? `${plan.overdue} overdue, ${plan.allowance} allowed in 24 h; to allow more, set rotation.brake_overrides for project ${input.projectId}`
      : operatorText(reason);
  return operation(conductor, input.runId, { kind: "notice", reason, projectId: input.projectId, message });
}
