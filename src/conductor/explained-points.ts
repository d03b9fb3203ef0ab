import type { Backup, Mechanism, Volume } from "../domain/inventory.ts";
import { mechanisms } from "../domain/inventory.ts";
import { noticesOfPoints, type Notice } from "../domain/planner.ts";
import { readByMechanism, type Point, type VolumePoints } from "../domain/points.ts";
import type { Reason } from "../domain/reasons.ts";
import { withReleased } from "../domain/release.ts";
import type { Decision } from "../domain/retention.ts";
import { readTerms, type Terms } from "../domain/terms.ts";
import { diesAtMs } from "../domain/wanted.ts";
import type { Conductor } from "./context.ts";
import { listPoints } from "./mechanism.ts";
import { planProjectRotation } from "./rotate.ts";
import { isProven, type Inventory } from "./scan.ts";

/** What holds for all that is explained. */
export interface ExplainBase {
  readonly conductor: Conductor;
  readonly inventory: Inventory;
  readonly now: Date;
  readonly signal: AbortSignal;
  readonly userIds: ReadonlySet<string>;
  readonly existingVolumeIds: ReadonlySet<string> | null;
  readonly blocked: Reason | null;
}

/** A restore point that exists, and what the next rotation says of it. */
export interface ExplainedPoint extends Decision {
  /** Until when it is kept for its own sake as things are; `null` while something without an end keeps it. */
  readonly keptUntil: Date | null;
  /** Id of the one whose key it has, too. */
  readonly duplicateOf: string | null;
}

export type PointsByMechanism = Readonly<Record<Mechanism, ReadonlyMap<string, VolumePoints>>>;

/** The volume's restore points, and what its rotation would do. The project's brake is left aside: it is not about one volume. */
export async function explainPoints(
  { conductor, inventory, now, signal, userIds, existingVolumeIds, ...base }: ExplainBase,
  { volume, terms, releasedAt }: { readonly volume: Volume; readonly terms: Terms; readonly releasedAt: Date | null },
): Promise<{
  readonly read: PointsByMechanism;
  readonly explained: readonly ExplainedPoint[];
  readonly others: readonly Point[];
  readonly notices: readonly Notice[];
  readonly blocked: Reason | null;
}> {
  const { reader, repository, settings } = conductor;
  const rows: Backup[] = [];
  let proven = true;
  for (const mechanism of mechanisms) {
    const found = await Array.fromAsync(listPoints(reader, mechanism, { volumeId: volume.id }, signal));
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
        blocked,
      },
    );
    const untilOf = keptUntil(volumes, { ...terms, projectId });
    const { cloneSources } = inventory;
    const dueAt = new Map(releasedAt === null ? [] : [[volume.id, releasedAt]]);
    const decisions = blocked === null ? withReleased(plan.decisions, { dueAt, now, cloneSources }) : plan.decisions;
    const whenDue = withReleased(decisions, { dueAt, now: releasedAt ?? now, cloneSources });
    const goesThen = new Set(whenDue.flatMap(({ point, reason }) => (reason === "released" ? point : [])));
    for (const decision of decisions) {
      const { point } = decision;
      const until = endsByItself(decision) ? untilOf(point) : null;
      explained.push({
        ...decision,
        keptUntil: decision.reason === "released" ? null : goesThen.has(point) ? earlier(until, releasedAt) : until,
        duplicateOf: originals.get(point.backup.id) ?? null,
      });
    }
  }
  return {
    read,
    explained: explained.sort((a, b) => Number(a.point.backup.createdAt) - Number(b.point.backup.createdAt)),
    others: volumes.flatMap(({ others }) => others),
    notices,
    blocked,
  };
}

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
