import type { CatalogueEntry } from "../../../src/domain/catalogue.ts";
import type { Backup } from "../../../src/domain/inventory.ts";
import { automatedMark, mark } from "../../../src/domain/marks.ts";
import { readPoints } from "../../../src/domain/points.ts";
import { planRotation, type RotationInput, type RotationPlan } from "../../../src/domain/retention.ts";
import { aBackup, at, dailyPolicy } from "./builders.ts";
import { ourUser } from "./clouds.ts";
import { entryOf } from "./rhythm.ts";

/** Rotation of single volumes at the end of November: retention is 14 days, so that what was made up to the 16th has expired. */

export const now = at("2026-11-30T00:00:00Z");
export const day = (n: number): string => `2026-11-${String(n).padStart(2, "0")}T00:00:00Z`;

export const dead = aBackup("old", day(1));
export const fresh = aBackup("new", day(29));
export const tenants = { userId: "tenant", marks: { [automatedMark]: undefined } };
export const held = { marks: { [mark.hold]: "" } };
export const until = (n: number, marks: Record<string, string> = {}): { marks: Record<string, string> } => ({
  marks: { [mark.keepUntil]: day(n), ...marks },
});

export interface Setting extends Partial<Omit<RotationInput, "volumes">> {
  /** Changes to what the catalogue remembers, by backup id; `null` when it is lost. */
  readonly memory?: Record<string, Partial<CatalogueEntry>> | null;
  /** What the reader was asked for in this pass. */
  readonly children?: Record<string, string[]>;
  readonly retentionMs?: number;
}

/** Plans with a catalogue that knows every parent named by a mark for certain, changed by `memory`. */
export function plan(backups: readonly Backup[], setting: Setting = {}): RotationPlan {
  const { memory = {}, children = {}, retentionMs = dailyPolicy.retentionMs, ...input } = setting;
  const entries = backups.map((backup): [string, CatalogueEntry] => {
    const parentId = backup.metadata[mark.parent] ?? null;
    const parentVerified = !backup.isIncremental || parentId !== null;
    return [backup.id, entryOf(backup, { parentId, parentVerified, ...memory?.[backup.id] })];
  });
  const points = readPoints({
    backups,
    catalogue: new Map(memory === null ? [] : entries),
    userIds: new Set([ourUser]),
    children: new Map(Object.entries(children)),
  });
  return planRotation({
    now,
    projectId: "p1",
    volumes: [...points.values()],
    existingVolumeIds: new Set(["v1", "v2"]),
    policyOf: () => null,
    // Of one that is gone nobody asks for anything.
    inForceOf: (_, { minimumRetentionMs, thinning }) =>
      minimumRetentionMs === 0 ? { retentionMs: 0, thinning } : { retentionMs, thinning },
    policy: dailyPolicy,
    deletedLast24h: 0,
    override: null,
    blocked: null,
    ...input,
  });
}

/** What becomes of each point, by its id. */
export const outcome = (backups: readonly Backup[], setting?: Setting): Record<string, string> =>
  Object.fromEntries(
    plan(backups, setting).decisions.map(({ point, action, reason }) => [
      point.backup.id,
      action === "keep" ? reason : `${action}: ${reason}`,
    ]),
  );
