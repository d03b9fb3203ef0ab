import type { Backup, Mechanism } from "../domain/inventory.ts";
import { mechanisms } from "../domain/inventory.ts";
import { noticesOfPoints, type Notice } from "../domain/planner.ts";
import { readByMechanism, type Point, type VolumePoints } from "../domain/points.ts";
import type { Reason } from "../domain/reasons.ts";
import { withReleased } from "../domain/release.ts";
import type { Decision } from "../domain/retention.ts";
import { readTerms, type Terms } from "../domain/terms.ts";
import { diesAtMs } from "../domain/wanted.ts";
import { listPoints } from "./mechanism.ts";
import type { ProjectRotations, RotationsInput } from "./project-rotations.ts";
import { planProjectRotation } from "./rotate.ts";
import { isProven } from "./scan.ts";

/** What holds for all that is explained. */
export interface ExplainBase extends RotationsInput {
  readonly blocked: Reason | null;
  readonly rotations: ProjectRotations;
}

/** A restore point that exists, and what the next rotation says of it. */
export interface ExplainedPoint extends Decision {
  /** Until when it is kept for its own sake as things are; `null` while something without an end keeps it. */
  readonly keptUntil: Date | null;
  /** Id of the one whose key it has, too. */
  readonly duplicateOf: string | null;
  /** Why it would go, if {@link Decision.reason} did not hold it back; `null` when it goes, and when it is kept for its own sake. */
  readonly wouldGo: Reason | null;
}

/** A project in which the brake stops all deletions, and by how much. */
export interface Braked {
  readonly projectId: string;
  readonly overdue: number;
  readonly allowance: number;
}

/** What there is of a volume. */
export interface ExplainedPoints {
  readonly read: PointsByMechanism;
  /** Of ours, oldest first. */
  readonly explained: readonly ExplainedPoint[];
  /** Of others, and those whose marks are not what they should be. */
  readonly others: readonly Point[];
  readonly notices: readonly Notice[];
  /** Why nothing at all would be deleted; `null` when nothing forbids it, or there is nothing to delete. */
  readonly blocked: Reason | null;
  readonly braked: Braked | null;
}

export type PointsByMechanism = Readonly<Record<Mechanism, ReadonlyMap<string, VolumePoints>>>;

/** The restore points of a volume, and what the next rotation would do with them. Where something of it would go, its project's brake and pace are asked. */
export async function explainPoints(
  { conductor, inventory, now, signal, userIds, existingVolumeIds, rotations, ...base }: ExplainBase,
  {
    volumeId,
    terms,
    releasedAt,
  }: { readonly volumeId: string; readonly terms: Terms; readonly releasedAt: Date | null },
): Promise<ExplainedPoints> {
  const { reader, repository, settings } = conductor;
  const rows: Backup[] = [];
  let proven = true;
  for (const mechanism of mechanisms) {
    const found = await Array.fromAsync(listPoints(reader, mechanism, { volumeId }, signal));
    rows.push(...found);
    if (found.length > 0 && !(await isProven(conductor, mechanism, found, signal))) proven = false;
  }
  const projectIds = [...new Set(rows.flatMap(({ projectId }) => projectId ?? []))].sort();
  const entries = await Promise.all(projectIds.map((projectId) => repository.catalogue({ projectId })));
  const catalogue = new Map(entries.flat().map((entry) => [entry.backupId, entry]));
  const read = readByMechanism({ backups: rows, catalogue, userIds });
  const volumes = [...read.backup.values(), ...read.snapshot.values()];
  const notices = noticesOfPoints(volumes);
  const originals = duplicatesOf(volumes);
  const blocked = base.blocked ?? (proven ? null : "unproven_reader");
  const explained: ExplainedPoint[] = [];
  let braked: Braked | null = null;
  for (const projectId of projectIds) {
    const noBrake = { projectId, count: Number.MAX_SAFE_INTEGER, expiresAt: new Date(now.getTime() + 60_000) };
    const plan = await planProjectRotation(
      { ...conductor, settings: { ...settings, brakeOverrides: [noBrake] } },
      {
        runId: "explain",
        projectId,
        volumes,
        existingVolumeIds,
        terms,
        cloneSources: inventory.cloneSources,
        userIds,
        blocked: null,
      },
    );
    const untilOf = keptUntil(volumes, { ...terms, projectId });
    const { cloneSources } = inventory;
    const dueAt = new Map(releasedAt === null ? [] : [[volumeId, releasedAt]]);
    const free = withReleased(plan.decisions, { dueAt, now, cloneSources });
    const whenDue = withReleased(free, { dueAt, now: releasedAt ?? now, cloneSources });
    const goesThen = new Set(whenDue.flatMap(({ point, reason }) => (reason === "released" ? point : [])));
    const waits = free.some(({ action, reason }) => action === "delete" && reason !== "released");
    const real = blocked === null && waits ? await rotations.of(projectId) : null;
    if (real?.blocked === "brake") braked = { projectId, overdue: real.overdue, allowance: real.allowance };
    const next = new Map(real?.decisions.map((decision) => [decision.point.backup.id, decision]));
    for (const decision of free) {
      const { action, point, reason } = decision;
      const until = endsByItself(decision) ? untilOf(point) : null;
      const held = action === "delete" ? (blocked ?? heldBack(decision, next.get(point.backup.id))) : null;
      explained.push({
        ...(held === null ? decision : { point, action: "keep", reason: held, because: [held] }),
        keptUntil: reason === "released" ? null : goesThen.has(point) ? earlier(until, releasedAt) : until,
        duplicateOf: originals.get(point.backup.id) ?? null,
        wouldGo: held === null ? null : reason,
      });
    }
  }
  return {
    read,
    explained: explained.sort((a, b) => Number(a.point.backup.createdAt) - Number(b.point.backup.createdAt)),
    others: volumes.flatMap(({ others }) => others),
    notices,
    blocked: blocked ?? (braked === null ? null : "brake"),
    braked,
  };
}

/** What keeps a point although nothing of its volume's does. An owner's release is not the brake's affair. */
const heldBack = (free: Decision, next: Decision | undefined): Reason | null =>
  free.reason === "released" || next?.action !== "keep" ? null : next.reason;

const earlier = (a: Date | null, b: Date | null): Date | null => (a === null || (b !== null && b < a) ? b : a);

const withoutEnd: ReadonlySet<Reason> = new Set(["keep_held", "keep_adopted", "keep_policy_gone", "keep_unreadable"]);

const endsByItself = ({ because }: Decision): boolean => !because.some((reason) => withoutEnd.has(reason));

/** By age and by counts; `null` where counts keep it: newer ones must push it out first. */
function keptUntil(
  volumes: readonly VolumePoints[],
  terms: Terms & { readonly projectId: string },
): (point: Point) => Date | null {
  const all = volumes.map((volume) => readTerms(volume, { expecting: [], ...terms, view: "memory" }));
  return (point) => {
    const own = all.find(({ of }) => of.has(point));
    const ms = own === undefined ? Infinity : diesAtMs(point, { view: "memory", terms: own });
    return Number.isFinite(ms) ? new Date(ms) : null;
  };
}

function duplicatesOf(volumes: readonly VolumePoints[]): ReadonlyMap<string, string> {
  const duplicates = new Map<string, string>();
  for (const { points } of volumes) {
    const first = new Map<string, string>();
    for (const { backup, marks } of points) {
      if (marks.key === null) continue;
      const original = first.get(marks.key);
      if (original === undefined) first.set(marks.key, backup.id);
      else duplicates.set(backup.id, original);
    }
  }
  return duplicates;
}
