import type { BrakeOverride, CatalogueEntry } from "../../../src/domain/catalogue.ts";
import type { Backup, Mechanism } from "../../../src/domain/inventory.ts";
import { automatedMark, mark, markTime } from "../../../src/domain/marks.ts";
import { readPoints } from "../../../src/domain/points.ts";
import { defaultPolicy, every, type Policy, type ThinningRule } from "../../../src/domain/policy.ts";
import { formatRule } from "../../../src/domain/thinning-text.ts";
import { planRotation, type RotationPlan } from "../../../src/domain/retention.ts";

/** Nights of a rhythm played through the planner of rotation: every deletion succeeds at once, and every backup unless told otherwise. */

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

export const us = "conductor";
export const project = "project";

export interface RhythmOptions {
  readonly volumes: number;
  readonly periodMs: number;
  readonly retentionMs: number;
  readonly fullEvery: number;
  /** Every Nth full goes to the archive, for as long. */
  readonly archive?: { readonly every: number; readonly retentionMs: number };
  /** What counts keep, marked on the points. */
  readonly thinning?: ThinningRule;
  /** A second policy of the same volumes, due in every Nth slot, too; its backups go into the same chains. */
  readonly second?: { readonly every: number; readonly policy: Partial<Policy> };
  readonly mechanism?: Mechanism;
  /** Slots to play. */
  readonly slots: number;
  /** The conductor is down in these slots: no backups, no rotation. */
  readonly isDown?: (slot: number) => boolean;
  /** Backups go on, rotation does not (partial scans). */
  readonly rotationOff?: (slot: number) => boolean;
  /** The backup of this volume fails in this slot. */
  readonly fails?: (slot: number, volume: number) => boolean;
  /** The slot's work starts this much after the slot. */
  readonly jitterMs?: (slot: number) => number;
}

export interface ChainLife {
  readonly members: Backup[];
  /** When the last of its members expired or was superseded and a newer good point stood ready. */
  diedSlot: number | null;
  goneSlot: number | null;
}

export const policyOf = ({
  periodMs,
  retentionMs,
  fullEvery,
  archive,
  thinning = null,
}: Pick<RhythmOptions, "periodMs" | "retentionMs" | "fullEvery" | "archive"> & {
  readonly thinning?: ThinningRule | null;
}): Policy => ({
  ...defaultPolicy,
  ...every(periodMs),
  name: "daily",
  windowMs: periodMs,
  retentionMs,
  minimumRetentionMs: Math.min(retentionMs, dayMs),
  fullEvery,
  thinning,
  minimumIntervalMs: 0,
  archive:
    archive === undefined
      ? null
      : {
          which: { every: archive.every },
          container: "vault",
          retentionMs: archive.retentionMs,
          availabilityZone: null,
        },
});

export const start = Date.parse("2025-01-01T00:00:00Z");

/** A project whose volumes all began on one night. */
export class Rhythm {
  readonly policy: Policy;
  readonly second: Policy | null;
  readonly backups = new Map<string, Backup>();
  readonly catalogue = new Map<string, CatalogueEntry>();
  readonly lives: ChainLife[] = [];
  readonly #lifeOf = new Map<string, ChainLife>();
  readonly #open = new Set<ChainLife>();
  readonly #newest = new Map<number, ChainLife>();
  /** Since the last archive, by volume. */
  readonly #fulls = new Map<number, number>();
  readonly #options: RhythmOptions;
  /** When each DELETE was sent, and when its point had turned good. */
  #deletions: { readonly atMs: number; readonly madeMs: number }[] = [];
  slot = -1;
  nowMs = start;
  braked: number[] = [];
  deleted = 0;
  mostOfOneVolume = 0;

  constructor(options: RhythmOptions) {
    this.#options = options;
    this.policy = policyOf(options);
    this.second = options.second === undefined ? null : { ...this.policy, name: "second", ...options.second.policy };
  }

  /** Plays all slots; `look` sees each rotation's plan before it is carried out. */
  play(look: (plan: RotationPlan, slot: number) => void = () => undefined): this {
    while (this.slot + 1 < this.#options.slots) {
      this.next();
      if (this.#options.isDown?.(this.slot) || this.#options.rotationOff?.(this.slot)) continue;
      const plan = this.plan();
      look(plan, this.slot);
      this.execute(plan);
    }
    return this;
  }

  /** Goes on to the next slot and makes its backups. */
  next(): void {
    this.slot += 1;
    const slotMs = start + this.slot * this.policy.periodMs;
    this.nowMs = slotMs + (this.#options.jitterMs?.(this.slot) ?? 0);
    if (this.#options.isDown?.(this.slot)) return;
    for (let volume = 0; volume < this.#options.volumes; volume += 1) {
      this.#backUp(volume, slotMs, this.policy);
      const { second } = this.#options;
      if (this.second !== null && second !== undefined && this.slot % second.every === 0) {
        this.nowMs += 1000;
        this.#backUp(volume, slotMs, this.second);
        this.nowMs -= 1000;
      }
    }
    // The rotation comes after the jobs, half a minute or a tenth of the period later.
    this.nowMs += Math.min(30_000, this.policy.periodMs / 10);
  }

  plan(
    changes: {
      nowMs?: number;
      retentionMs?: number;
      thinning?: ThinningRule;
      override?: BrakeOverride;
      catalogue?: ReadonlyMap<string, CatalogueEntry>;
    } = {},
  ): RotationPlan {
    const nowMs = changes.nowMs ?? this.nowMs;
    const points = readPoints({
      backups: this.backups.values(),
      catalogue: changes.catalogue ?? this.catalogue,
      userIds: new Set([us]),
    });
    const { retentionMs = this.policy.retentionMs, thinning = this.policy.thinning } = changes;
    return planRotation({
      now: new Date(nowMs),
      projectId: project,
      volumes: [...points.values()],
      existingVolumeIds: null,
      policyOf: (name) => (name === this.second?.name ? this.second : null),
      inForceOf: (_, { name, ...own }) => ({
        retentionMs: name === this.policy.name ? retentionMs : own.retentionMs,
        thinning: name === this.policy.name ? thinning : own.thinning,
      }),
      policy: { ...this.policy, retentionMs, thinning },
      deletedLast24h: this.#deletions.filter(({ atMs, madeMs }) => nowMs - atMs < dayMs && nowMs - madeMs >= dayMs)
        .length,
      override: changes.override ?? null,
      blocked: null,
    });
  }

  execute(plan: RotationPlan): void {
    if (plan.blocked !== null) this.braked.push(this.slot);
    for (const point of plan.chains.flatMap((chain) => chain.deletions)) {
      this.backups.delete(point.backup.id);
      this.catalogue.delete(point.backup.id);
      const isGood = point.backup.status === "available";
      this.#deletions.push({ atMs: this.nowMs, madeMs: isGood ? point.backup.createdAt.getTime() : -Infinity });
      this.deleted += 1;
      const life = this.#lifeOf.get(point.backup.id);
      if (life?.members.every((member) => !this.backups.has(member.id))) life.goneSlot = this.slot;
    }
    this.#deletions = this.#deletions.filter(({ atMs }) => this.nowMs - atMs < dayMs);
    const counts = Map.groupBy(this.backups.values(), (backup) => backup.volumeId);
    for (const each of counts.values()) this.mostOfOneVolume = Math.max(this.mostOfOneVolume, each.length);
    for (const life of this.#open) {
      const ended = this.#newest.get(Number(life.members[0]!.volumeId.slice(1))) !== life;
      if (life.diedSlot === null && ended && life.members.every((member) => this.#isOver(member))) {
        life.diedSlot = this.slot;
      }
      if (life.goneSlot !== null) this.#open.delete(life);
    }
  }

  #isOver(backup: Backup): boolean {
    return backup.status === "error" || backup.createdAt.getTime() + this.retentionMsOf(backup) <= this.nowMs;
  }

  /** What a backup was promised. */
  retentionMsOf(backup: Backup): number {
    const { archive, retentionMs } = this.policy;
    return archive !== null && backup.container === archive.container ? archive.retentionMs : retentionMs;
  }

  #backUp(volume: number, slotMs: number, policy: Policy): void {
    const volumeId = `v${String(volume).padStart(4, "0")}`;
    const failed = this.#options.fails?.(this.slot, volume) ?? false;
    const life = this.#newest.get(volume);
    const parent = life?.members.at(-1);
    const { archive } = this.policy;
    const afterArchive = archive !== null && parent?.container === archive.container;
    const full =
      life === undefined ||
      parent?.status !== "available" ||
      afterArchive ||
      life.members.length >= this.policy.fullEvery;
    const number = (this.#fulls.get(volume) ?? 0) + 1;
    const archived =
      full && !afterArchive && this.#options.archive !== undefined && number >= this.#options.archive.every;
    if (full) this.#fulls.set(volume, failed ? number - 1 : archived ? 0 : number);
    const id = `${volumeId}-${String(this.slot).padStart(5, "0")}${policy === this.policy ? "" : "-second"}`;
    const createdAt = new Date(this.nowMs);
    const keepUntil = new Date(slotMs + (archived ? (archive?.retentionMs ?? 0) : policy.retentionMs));
    const backup: Backup = {
      id,
      mechanism: this.#options.mechanism ?? "backup",
      name: id,
      volumeId,
      projectId: project,
      userId: us,
      status: failed ? "error" : "available",
      sizeGiB: 1,
      isIncremental: !full,
      hasDependents: false,
      snapshotId: null,
      dataTimestamp: createdAt,
      createdAt,
      updatedAt: null,
      failReason: failed ? "the backend said no" : null,
      container: archived ? "vault" : null,
      availabilityZone: null,
      objectCount: 1,
      metadata: {
        [automatedMark]: "True",
        [mark.key]: id,
        [mark.policy]: policy.name,
        [mark.slot]: markTime(new Date(slotMs)),
        ...(policy.thinning === null ? {} : { [mark.retention]: formatRule(policy.thinning) }),
        [mark.keepUntil]: markTime(keepUntil),
        ...(full ? {} : { [mark.parent]: parent.id }),
        ...(archived ? { [mark.archive]: "True" } : {}),
      },
    };
    this.backups.set(id, backup);
    this.catalogue.set(id, entryOf(backup, { parentId: full ? null : parent.id, parentVerified: true, keepUntil }));
    // A failed full is a chain of its own, and the one before stays the newest that is whole.
    const own: ChainLife = full ? { members: [], diedSlot: null, goneSlot: null } : life;
    own.members.push(backup);
    this.#lifeOf.set(id, own);
    if (full) {
      this.lives.push(own);
      this.#open.add(own);
      this.#newest.set(volume, own);
    }
  }
}

/** What the database remembers of a backup. */
export const entryOf = (backup: Backup, facts: Partial<CatalogueEntry> = {}): CatalogueEntry => ({
  backupId: backup.id,
  mechanism: backup.mechanism,
  retention: null,
  adopted: false,
  projectId: backup.projectId ?? "",
  volumeId: backup.volumeId,
  key: null,
  policy: null,
  slot: null,
  serverId: null,
  setId: null,
  isIncremental: backup.isIncremental,
  sizeGiB: backup.sizeGiB,
  volumeType: null,
  parentId: null,
  parentVerified: !backup.isIncremental,
  keepUntil: null,
  held: false,
  createdAt: backup.createdAt,
  goodAt: null,
  deleteSentAt: null,
  goneAt: null,
  ...facts,
});
