import type { BrakeOverride, CatalogueEntry } from "../../../src/domain/catalogue.ts";
import { mechanisms, type Backup, type Mechanism } from "../../../src/domain/inventory.ts";
import { isMarked, readMarks } from "../../../src/domain/marks.ts";
import { isBadVerdict, pointTime, readPoints, type Point, type VolumePoints } from "../../../src/domain/points.ts";
import type { Reason } from "../../../src/domain/reasons.ts";
import { planRotation, type RotationPlan } from "../../../src/domain/retention.ts";
import type { Terms } from "../../../src/domain/terms.ts";
import { dayMs, ourUser, type Cloud } from "./clouds.ts";

/** Rotation planned on generated clouds, and the truth about them that no plan may contradict. */

export interface RotationOptions {
  readonly now?: Date;
  readonly catalogue?: ReadonlyMap<string, CatalogueEntry>;
  /** More than the policies', in force for what exists. */
  readonly longerMs?: number;
  /** What somebody asks to have in force, by policy. */
  readonly inForceOf?: Terms["inForceOf"];
  /** Policies that were taken away. */
  readonly removed?: ReadonlySet<string>;
  readonly cloneSources?: ReadonlySet<string>;
  readonly deletedLast24h?: number;
  /** Lifts pace and brake, so that the plan shows all that is dead. */
  readonly unlimited?: boolean;
  readonly blocked?: Reason | null;
  /** Look up only what the plan asks for (as the conductor does), everything beforehand, or nothing. */
  readonly lookUp?: "asked" | "all" | "nothing";
  readonly order?: (backups: readonly Backup[]) => Backup[];
}

/** The children that Cinder would list, over all projects. */
export function childrenOf(cloud: Cloud, parentId: string): string[] {
  return cloud.backups.filter((each) => cloud.parents.get(each.id) === parentId).map((each) => each.id);
}

/** Plans as the conductor does: reads, plans, asks for the children the plan wants to know, until it wants no more. */
export function rotate(cloud: Cloud, projectId: string, options: RotationOptions = {}): RotationPlan {
  const { lookUp = "asked", order = (backups: readonly Backup[]) => [...backups] } = options;
  const children = new Map<string, readonly string[]>();
  if (lookUp === "all") for (const { id } of cloud.backups) children.set(id, childrenOf(cloud, id));
  const override: BrakeOverride = { projectId, count: 1e6, expiresAt: new Date(8.64e15) };
  for (;;) {
    const read = (mechanism: Mechanism): VolumePoints[] => {
      const points = readPoints({
        backups: order(cloud.backups).filter((backup) => backup.mechanism === mechanism),
        catalogue: options.catalogue ?? cloud.catalogue,
        userIds: cloud.userIds,
        children,
      });
      return [...points.values()];
    };
    const plan = planRotation({
      now: options.now ?? cloud.now,
      projectId,
      volumes: mechanisms.flatMap(read),
      existingVolumeIds: new Set(cloud.volumes.keys()),
      policyOf: (name) => (name === cloud.second.name && options.removed?.has(name) !== true ? cloud.second : null),
      inForceOf:
        options.inForceOf ??
        ((_, { retentionMs, thinning }) => ({ retentionMs: retentionMs + (options.longerMs ?? 0), thinning })),
      policy: cloud.policy,
      deletedLast24h: options.deletedLast24h ?? 0,
      override: options.unlimited ? override : null,
      blocked: options.blocked ?? null,
      cloneSources: options.cloneSources ?? new Set(),
    });
    const ask = plan.unverified.filter((id) => !children.has(id));
    if (lookUp === "nothing" || ask.length === 0) return plan;
    for (const id of ask) children.set(id, childrenOf(cloud, id));
  }
}

export const projectsOf = (cloud: Cloud): string[] => [
  ...new Set(cloud.backups.flatMap((backup) => backup.projectId ?? [])),
];

/** What the plans for all projects delete, in order. */
export const deletionsOf = (plans: readonly RotationPlan[]): Point[] =>
  plans.flatMap((plan) => plan.chains.flatMap((chain) => chain.deletions));

export const idsOf = (points: readonly Point[]): Set<string> => new Set(points.map((point) => point.backup.id));

export const isOurs = (backup: Backup): boolean => backup.userId === ourUser && isMarked(backup.metadata);

/** Good in truth, by Cinder's rows and real parents. */
export function isTrulyGood(cloud: Cloud, backup: Backup): boolean {
  const sound =
    isOurs(backup) &&
    backup.status === "available" &&
    backup.failReason === null &&
    !isBadVerdict(readMarks(backup.metadata).verdict);
  if (!sound || !backup.isIncremental) return sound;
  const parent = cloud.backups.find((each) => each.id === cloud.parents.get(backup.id));
  return parent !== undefined && isTrulyGood(cloud, parent);
}

/** The backup and its real ancestors. */
export function lineage(cloud: Cloud, backup: Backup): Backup[] {
  const parent = cloud.backups.find((each) => each.id === cloud.parents.get(backup.id));
  return parent === undefined ? [backup] : [backup, ...lineage(cloud, parent)];
}

/** All backups, whoever made them, that build on this one. */
export function descendants(cloud: Cloud, backup: Backup): Backup[] {
  return cloud.backups.filter((each) => each !== backup && lineage(cloud, each).includes(backup));
}

/** All of ours that hang together with this one through parents of ours. */
export function chainOf(cloud: Cloud, backup: Backup): Backup[] {
  const top = (each: Backup): Backup => {
    const line = lineage(cloud, each);
    const end = line.findIndex((ancestor) => !isOurs(ancestor));
    return line.at(end === -1 ? -1 : end - 1) ?? each;
  };
  return cloud.backups.filter((each) => isOurs(each) && top(each) === top(backup));
}

export function newestGood(cloud: Cloud, backups: readonly Backup[]): Backup | null {
  return backups
    .filter((backup) => isTrulyGood(cloud, backup))
    .reduce<Backup | null>((best, each) => (best === null || pointTime(each) >= pointTime(best) ? each : best), null);
}

/** The bound of rule 1 itself. */
export function ruleCap(cloud: Cloud, projectId: string): number {
  const ours = cloud.backups.filter((backup) => backup.projectId === projectId && isOurs(backup));
  const turnedGood = ours.filter((backup) => cloud.now.getTime() - backup.createdAt.getTime() < dayMs);
  return Math.max(10, ours.length * 0.15) + turnedGood.filter((backup) => isTrulyGood(cloud, backup)).length;
}
