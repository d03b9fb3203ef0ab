import type { Finding } from "./findings.ts";
import type { ListedBackup } from "./listing.ts";
import { mark } from "./marks.ts";
import { about } from "./removals.ts";
import type { Comparison } from "./removals.ts";
import type { View } from "./view.ts";

/**
 * Rule 2 within one listing: one point for each key, and for each volume, policy, slot and mechanism. Whatever its status: what
 * ended in error has had its slot, too.
 */
export function checkSlots(now: View): Finding[] {
  const byKey = groupsOf(now.ours, (each) => each.metadata[mark.key]);
  const bySlot = groupsOf(now.ours, slotOf);
  const duplicateKeys = byKey.flatMap((group) => duplicates(group, "duplicate-key"));
  const told = new Set(duplicateKeys.map((each) => each.backupIds.join()));
  const duplicateSlots = bySlot.flatMap((group) => duplicates(group, "duplicate-slot"));
  return [...duplicateKeys, ...duplicateSlots.filter((each) => !told.has(each.backupIds.join()))];
}

/** Rule 2 over time: a slot that had its point is not done again when the point is gone. */
export function checkRepeats({ before, now, removed }: Comparison): Finding[] {
  const done = removed.filter((was) => before.isOurs(was));
  const fresh = now.ours.filter((each) => !before.find(each.id));
  const byKey = Map.groupBy(fresh, (each) => each.metadata[mark.key]);
  return done.flatMap((was): Finding[] => {
    const key = was.metadata[mark.key];
    const again = key === undefined ? undefined : byKey.get(key);
    if (!again) return [];
    const ids = again.map((each) => each.id);
    const text = `slot ${JSON.stringify(key)} was done by ${was.id}, which is gone, and again by ${ids.join(", ")}`;
    return [{ code: "slot-repeated", severity: "failure", ...about(was), backupIds: [was.id, ...ids], text }];
  });
}

function slotOf({ mechanism, volumeId, metadata }: ListedBackup): string | undefined {
  const [policy, slot] = [metadata[mark.policy], metadata[mark.slot]];
  return policy === undefined || slot === undefined ? undefined : JSON.stringify([volumeId, policy, slot, mechanism]);
}

function groupsOf(backups: readonly ListedBackup[], by: (each: ListedBackup) => string | undefined): ListedBackup[][] {
  const named = backups.filter((each) => by(each) !== undefined);
  return [...Map.groupBy(named, by).values()].filter((group) => group.length > 1);
}

function duplicates(group: readonly ListedBackup[], code: "duplicate-key" | "duplicate-slot"): Finding[] {
  const [first] = group;
  if (!first) return [];
  const ids = group.map((each) => each.id);
  const what = code === "duplicate-key" ? `key ${JSON.stringify(first.metadata[mark.key])}` : `slot ${slotOf(first)}`;
  return [
    { code, severity: "failure", ...about(first), backupIds: ids, text: `${what} was done by ${ids.join(", ")}` },
  ];
}
