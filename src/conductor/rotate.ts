import { archiveRetentionMs } from "../domain/archive.ts";
import type { Operation } from "../domain/catalogue.ts";
import type { Backup } from "../domain/inventory.ts";
import type { Marks } from "../domain/marks.ts";
import type { Point, VolumePoints } from "../domain/points.ts";
import { countedKeeps, operatorText, type Reason } from "../domain/reasons.ts";
import { planRotation, type DeadChain, type RotationPlan } from "../domain/retention.ts";
import type { RotationSummary } from "../domain/runs.ts";
import { findPolicy, type Expected, type Terms } from "../domain/terms.ts";
import { operation, type Conductor, type Signals } from "./context.ts";
import { checkBeforeDelete, deletePoint, failureRow, keepRow } from "./delete.ts";
import type { LeaseKeeper } from "./lease.ts";

const dayMs = 24 * 60 * 60 * 1000;
/** Chains of one project that are worked on at the same time. */
const parallelChains = 4;

/** Keeping for these reasons is no news; each other keep gets a row. */
const routineKeeps: ReadonlySet<Reason> = new Set([
  "keep_age",
  "keep_promised",
  "keep_chain",
  "keep_archive",
  "keep_newest_good",
  ...countedKeeps,
]);

/** Deletions that an operator asked for by name, or an owner a week before, and those of what is no restore point, are none that the brake has to explain. */
const byOperator: ReadonlySet<Reason> = new Set(["removed", "pruned", "forced", "released", "temporary"]);

export interface RotationInput {
  readonly runId: string;
  readonly projectId: string;
  readonly volumes: readonly VolumePoints[];
  /** All volumes of the cloud; `null` when they are not known for certain. */
  readonly existingVolumeIds: ReadonlySet<string> | null;
  readonly terms: Terms;
  readonly expecting?: readonly Expected[];
  readonly cloneSources: ReadonlySet<string>;
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
    new Set(
      recent.flatMap((each) => (each.kind === kind && !byOperator.has(each.reason) ? (each.backupId ?? []) : [])),
    );
  return planRotation({
    now,
    projectId: input.projectId,
    volumes: input.volumes,
    existingVolumeIds: input.existingVolumeIds,
    ...input.terms,
    expecting: input.expecting ?? [],
    cloneSources: input.cloneSources,
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
  const why = new Map(plan.decisions.map(({ point, reason }) => [point, reason]));
  const reasonOf = (point: Point): Reason => why.get(point) ?? "expired";
  const queue = [...plan.chains];
  const worker = async (): Promise<void> => {
    for (let chain = queue.shift(); chain !== undefined; chain = queue.shift()) {
      const done = await deleteChain(conductor, lease, { input, chain, reasonOf, signals });
      summary.deleted += done.deleted.length;
      summary.failed += done.failed;
      summary.kept += chain.deletions.length - done.deleted.length;
      for (const point of done.deleted) count(reasonOf(point));
      if (done.obstacle !== null) count(done.obstacle, chain.deletions.length - done.deleted.length);
    }
  };
  await Promise.all(Array.from({ length: parallelChains }, worker));
  return { ...summary, reasons: Object.fromEntries(reasons), blocked: plan.blocked };
}

async function deleteChain(
  conductor: Conductor,
  lease: LeaseKeeper,
  {
    input,
    chain,
    reasonOf,
    signals,
  }: { input: RotationInput; chain: DeadChain; reasonOf: (point: Point) => Reason; signals: Signals },
): Promise<{ deleted: readonly Point[]; failed: number; obstacle: Reason | null }> {
  const deleted: Point[] = [];
  for (const point of chain.deletions) {
    if (signals.drain.aborted) break;
    const { projectId, userIds } = input;
    const wantedBecause = wantedNow(point, input.terms, conductor.clock.now());
    const obstacle = await checkBeforeDelete(conductor, { userIds, projectId, point, wantedBecause }, signals.cut);
    if (obstacle === "gone") continue;
    if (obstacle !== null) {
      await conductor.repository.appendOperations([keepRow(conductor, input.runId, point, obstacle)]);
      return { deleted, failed: 0, obstacle };
    }
    const failure = await deletePoint(conductor, lease, {
      runId: input.runId,
      point,
      reason: reasonOf(point),
      signal: signals.cut,
    });
    if (failure !== null) {
      await conductor.repository.appendOperations([failureRow(conductor, input.runId, point, failure)]);
      return { deleted, failed: 1, obstacle: "delete_failed" };
    }
    deleted.push(point);
  }
  return { deleted, failed: 0, obstacle: null };
}

/** Why a point is wanted after all, by what Cinder shows of it now. */
const wantedNow =
  (point: Point, terms: Terms, now: Date) =>
  (seen: Backup, marks: Marks): Reason | null => {
    if (seen.status === "error") return null;
    // It was counted among others by these: should they have changed, it is counted anew first.
    const isSame = (["policy", "retention", "slot"] as const).every((key) => marks[key] === point.marks[key]);
    if (!isSame) return "keep_unverified";
    if (marks.keepUntil !== null && marks.keepUntil > now) return "keep_promised";
    const own = findPolicy(marks.policy ?? terms.policy.name, seen.volumeId, terms);
    if (own === null) return null;
    const archivedMs = archiveRetentionMs({ backup: seen, marks }, own.archive);
    const retentionMs = Math.max(terms.inForceOf(seen.volumeId, own).retentionMs, archivedMs);
    return Number(seen.createdAt) + retentionMs > Number(now) ? "keep_age" : null;
  };

function blockedNotice(conductor: Conductor, input: RotationInput, plan: RotationPlan): Operation {
  const reason = plan.blocked ?? "brake";
  const message =
    reason === "brake"
      ? `${plan.overdue} overdue, ${plan.allowance} allowed in 24 h; to allow more, set rotation.brake_overrides for project ${input.projectId}`
      : operatorText(reason);
  return operation(conductor, input.runId, { kind: "notice", reason, projectId: input.projectId, message });
}
