import { chooseFull } from "./archive.ts";
import { dayMs } from "./durations.ts";
import type { Backup, Mechanism, Volume } from "./inventory.ts";
import { automatedMark, mark, markTime, workKey } from "./marks.ts";
import { chooseMode } from "./mode.ts";
import { readPoints, type VolumePoints } from "./points.ts";
import type { Policy } from "./policy.ts";
import { planRotation, type RotationPlan } from "./retention.ts";
import { existsAt, type ExistingPoint, type SimulatedPoint } from "./simulated-point.ts";
import type { Slot } from "./slots.ts";
import { formatRule } from "./thinning-text.ts";

const us = "conductor";
const projectId = "project";
export const volumeId = "volume";

/** A restore point with its row as Cinder would show it. */
interface Made {
  readonly row: Backup;
  readonly point: Omit<SimulatedPoint, "removedAt">;
  removedAt: Date | null;
}

/** One volume that is always there and never in the way, and what is made of it. */
export class SimulatedVolume {
  readonly #policy: Policy;
  readonly #volume: Volume;
  readonly #made: Made[] = [];
  #living: Made[] = [];
  /** When each DELETE was sent. */
  #deletedMs: number[] = [];

  constructor(policy: Policy, sizeGiB: number) {
    this.#policy = policy;
    this.#volume = {
      id: volumeId,
      name: volumeId,
      projectId,
      status: "in-use",
      sizeGiB,
      volumeType: null,
      bootable: false,
      multiattach: false,
      encrypted: false,
      availabilityZone: null,
      snapshotId: null,
      metadata: {},
      serverIds: [],
      pool: null,
    };
  }

  /** One restore point for each mechanism of the policy. */
  make(slot: Slot, at: Date): void {
    for (const mechanism of this.#policy.mechanisms) {
      const made = mechanism === "backup" ? this.#backUp(slot, at) : this.#entry(mechanism, slot, { at });
      this.#made.push(made);
      this.#living.push(made);
    }
  }

  /** Carries out what rotation would do now. */
  rotate(now: Date): void {
    const plan = this.#plan(this.#living, now);
    const deletions = new Set(plan.chains.flatMap((chain) => chain.deletions.map((point) => point.backup.id)));
    for (const made of this.#living.filter(({ row }) => deletions.has(row.id))) {
      made.removedAt = now;
      // Rule 1's bound counts those on both sides that turned good in the same day.
      if (now.getTime() - made.row.createdAt.getTime() >= dayMs) this.#deletedMs.push(now.getTime());
    }
    this.#living = this.#living.filter(({ removedAt }) => removedAt === null);
    this.#deletedMs = this.#deletedMs.filter((ms) => now.getTime() - ms < dayMs);
  }

  newestMs(): number {
    return this.#living.at(-1)?.row.createdAt.getTime() ?? -Infinity;
  }

  points(): SimulatedPoint[] {
    return this.#made.map(pointOf);
  }

  existingAt(at: Date): ExistingPoint[] {
    const there = new Map(
      this.#made.filter((made) => existsAt(pointOf(made), at)).map((made) => [made.row.id, pointOf(made)]),
    );
    const plan = this.#plan(
      this.#made.filter(({ row }) => there.has(row.id)),
      at,
    );
    // What rotation would delete now is as good as gone.
    return plan.decisions
      .filter(({ action }) => action === "keep")
      .flatMap(({ point: { backup }, because }) => {
        const point = there.get(backup.id);
        return point === undefined ? [] : { point, because };
      })
      .sort((a, b) => a.point.createdAt.getTime() - b.point.createdAt.getTime());
  }

  #backUp(slot: Slot, at: Date): Made {
    const points = readBy(this.#recent(), "backup");
    const { mode, parentId } = chooseMode(this.#volume, points, this.#policy, { now: at });
    const { archive: rule, timeZone } = this.#policy;
    const full = mode === "full" ? chooseFull(points, { projectId, rule, slot, timeZone }) : null;
    return this.#entry("backup", slot, {
      at,
      parentId,
      isArchive: full?.isArchive ?? false,
      fullNumber: full?.number ?? null,
    });
  }

  /** All that the choice of the next backup looks at: the fulls, and the last two chains whole. Hourly ones are many. */
  #recent(): readonly Made[] {
    const fulls = this.#living.filter(({ point }) => point.mode === "full" && point.mechanism === "backup");
    const sinceMs = fulls.at(-2)?.row.createdAt.getTime() ?? -Infinity;
    return this.#living.filter(({ row }) => !row.isIncremental || row.createdAt.getTime() >= sinceMs);
  }

  #entry(
    mechanism: Mechanism,
    slot: Slot,
    {
      at,
      parentId = null,
      isArchive = false,
      fullNumber = null,
    }: { at: Date; parentId?: string | null; isArchive?: boolean; fullNumber?: number | null },
  ): Made {
    const { archive, minimumRetentionMs, name, retentionMs, thinning } = this.#policy;
    const id = `${mechanism}-${String(this.#made.length + 1).padStart(6, "0")}`;
    const keptMs = Math.max(retentionMs, minimumRetentionMs, isArchive ? (archive?.retentionMs ?? 0) : 0);
    const metadata: Record<string, string> = {
      [automatedMark]: "True",
      [mark.key]: workKey(volumeId, name, slot.id),
      [mark.policy]: name,
      [mark.slot]: slot.id,
      [mark.volumeType]: "",
      [mark.keepUntil]: markTime(new Date(slot.startsAt.getTime() + keptMs)),
    };
    if (parentId !== null) metadata[mark.parent] = parentId;
    if (thinning !== null) metadata[mark.retention] = formatRule(thinning);
    if (isArchive) metadata[mark.archive] = "True";
    if (fullNumber !== null) metadata[mark.fullNumber] = String(fullNumber);
    return {
      row: {
        id,
        mechanism,
        name: id,
        volumeId,
        projectId,
        userId: us,
        status: "available",
        sizeGiB: this.#volume.sizeGiB,
        isIncremental: parentId !== null,
        hasDependents: false,
        snapshotId: null,
        dataTimestamp: mechanism === "backup" ? at : null,
        createdAt: at,
        updatedAt: null,
        failReason: null,
        container: isArchive ? (archive?.container ?? null) : null,
        availabilityZone: null,
        objectCount: mechanism === "backup" ? 1 : null,
        metadata,
      },
      point: {
        id,
        mechanism,
        mode: parentId === null ? "full" : "incremental",
        isArchive,
        slot: slot.id,
        createdAt: at,
      },
      removedAt: null,
    };
  }

  #plan(made: readonly Made[], now: Date): RotationPlan {
    return planRotation({
      now,
      projectId,
      volumes: this.#policy.mechanisms.flatMap((mechanism) => readBy(made, mechanism) ?? []),
      existingVolumeIds: new Set([volumeId]),
      policyOf: () => null,
      policy: this.#policy,
      inForceOf: (_, { retentionMs, thinning }) => ({ retentionMs, thinning }),
      deletedLast24h: this.#deletedMs.length,
      override: null,
      blocked: null,
    });
  }
}

const pointOf = ({ point, removedAt }: Made): SimulatedPoint => ({ ...point, removedAt });

/** As the conductor reads them; `undefined` when there are none. */
function readBy(made: readonly Made[], mechanism: Mechanism): VolumePoints | undefined {
  const backups = made.map(({ row }) => row).filter((row) => row.mechanism === mechanism);
  // Cinder was asked for the children of each, so that nothing is in doubt.
  const byParent = Map.groupBy(backups, (row) => row.metadata[mark.parent] ?? "");
  const children = new Map(backups.map(({ id }) => [id, byParent.get(id)?.map((row) => row.id) ?? []]));
  return readPoints({ backups, catalogue: new Map(), userIds: new Set([us]), children }).get(volumeId);
}
