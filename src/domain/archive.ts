import { Temporal } from "temporal-polyfill";
import type { Backup } from "./inventory.ts";
import { slotTimeMs, type Marks } from "./marks.ts";
import { isManualSlot } from "./orders.ts";
import { newestIn, type Point, type VolumePoints } from "./points.ts";
import type { ArchiveRule } from "./policy.ts";
import type { Slot } from "./slots.ts";

/**
 * Archive fulls: they go to another container and keep a retention of their own. Nothing ever builds on them, so that what is in the usual container
 * can be restored without the other one.
 */

/** A row of Cinder with its marks: all that says whether it is an archive, so that a lost database changes nothing. */
export interface Row {
  readonly backup: Pick<Backup, "container" | "isIncremental">;
  readonly marks: Pick<Marks, "archived">;
}

/** By its mark, or by where it is: a tenant can take the mark away, but not the container. */
export const isArchive = ({ backup, marks }: Row, rule: ArchiveRule | null): boolean =>
  !backup.isIncremental && (marks.archived || (rule !== null && backup.container === rule.container));

/** What an archive is kept for at least, whatever its marks say; 0 for all others. */
export const archiveRetentionMs = (row: Row, rule: ArchiveRule | null): number =>
  rule !== null && isArchive(row, rule) ? rule.retentionMs : 0;

/** Whether a full that is about to be made goes to the archive. */
export interface FullChoice {
  readonly isArchive: boolean;
  /** Its number among the fulls since the last archive, to be marked on it; `null` when the rule does not count, and for archives. */
  readonly number: number | null;
}

/**
 * Decides by the fulls there are. One that failed does not count. The backup after an archive is never another one, whatever became of it: an
 * archive that cannot be written must not stand in the way of the usual backups.
 */
export function chooseFull(
  points: VolumePoints | undefined,
  {
    projectId,
    rule,
    slot,
    timeZone,
  }: {
    readonly projectId: string;
    readonly rule: ArchiveRule | null;
    readonly slot: Slot;
    readonly timeZone: string;
  },
): FullChoice {
  if (rule === null || isManualSlot(slot.id)) return { isArchive: false, number: null };
  const ours = points?.points.filter((point) => point.projectId === projectId) ?? [];
  const fulls = ours.filter((point) => !point.backup.isIncremental && isSound(point));
  const newest = points === undefined ? null : newestIn({ ...points, points: ours, others: [] }, projectId);
  const mayBe = newest === null || !isArchive(newest, rule);
  if ("firstOf" in rule.which) {
    const { firstOf } = rule.which;
    const span = spanOf(slot.startsAt, firstOf, timeZone);
    const isDone = fulls.some((point) => isArchive(point, rule) && spanOf(slotTime(point), firstOf, timeZone) === span);
    return { isArchive: mayBe && !isDone, number: null };
  }
  let number = 0;
  // Older ones may be gone: a full knows its number. A mark that was tampered with can make archives of every second full at most.
  for (const full of fulls) number = isArchive(full, rule) ? 0 : Math.max(number + 1, full.marks.fullNumber ?? 0);
  const isTurn = mayBe && number + 1 >= rule.which.every;
  return { isArchive: isTurn, number: isTurn ? null : number + 1 };
}

/** Good, or about to be. */
const isSound = (point: Point): boolean => point.good || ["creating", "restoring"].includes(point.backup.status);

/** The slot it was made for; a manual or unreadable one says nothing, its creation does. */
function slotTime({ marks, backup }: Point): Date {
  const slotMs = slotTimeMs(marks.slot);
  return Number.isNaN(slotMs) ? backup.createdAt : new Date(slotMs);
}

/** The month or year of the zone that an instant is in, as `2026-11` or `2026`. */
function spanOf(at: Date, firstOf: "month" | "year", timeZone: string): string {
  const { year, month } = Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(timeZone);
  return firstOf === "year" ? String(year) : `${year}-${month}`;
}
