import type { Finding } from "./findings.ts";
import type { ListedBackup } from "./listing.ts";
import { createdMs } from "./view.ts";
import type { Comparison } from "./removals.ts";
import { about, isPermitted } from "./removals.ts";

/**
 * Rule 1, for each volume that had a good point of a mechanism, its source gone or not: it has one of that mechanism,
 * in the newest chain or a newer.
 */
export function checkLastGood(comparison: Comparison): Finding[] {
  const { before, options } = comparison;
  const wentByPermission = new Set(comparison.removed.filter((was) => isPermitted(was, options)));
  const unpermitted = new Set(comparison.removed).difference(wentByPermission);
  const good = before.ours.filter(
    (each) => before.isGood(each) && !before.lineage(each).some((member) => wentByPermission.has(member)),
  );
  return [...Map.groupBy(good, (each) => `${each.mechanism} ${each.volumeId}`).values()].flatMap((points) =>
    checkVolume(points, unpermitted, comparison),
  );
}

/**
 * @param points the good points of one volume and mechanism before, at least one
 * @param unpermitted what went without permission
 */
function checkVolume(
  points: readonly ListedBackup[],
  unpermitted: ReadonlySet<ListedBackup>,
  { before, now }: Comparison,
): Finding[] {
  const stands = (was: ListedBackup): boolean => {
    const is = now.find(was.id);
    return is !== undefined && now.isIntact(is);
  };
  const newest = points.reduce((a, b) => (isNewer(b, a, before) ? b : a));
  const { mechanism, volumeId } = newest;
  const goodNow = now.oursOf(volumeId, mechanism).filter((each) => now.isGood(each));
  const ids = points.map((each) => each.id);
  if (goodNow.length === 0) {
    const where = { ...about(newest), backupIds: ids };
    if (points.some(stands)) {
      const text = `volume ${volumeId} has no good ${mechanism} any more: what it had is there, but judged bad, without its marks, or transferred`;
      return [{ code: "last-good-doubted", severity: "warning", ...where, text }];
    }
    const text = `volume ${volumeId} had ${points.length} good ${mechanism}(s) and has none now`;
    return [{ code: "last-good-lost", severity: "failure", ...where, text }];
  }
  const root = before.root(newest);
  // Of the newest good chain nothing may go at all, be it good or not.
  const lost = before
    .oursOf(volumeId, mechanism)
    .filter((was) => before.root(was) === root && (unpermitted.has(was) || (points.includes(was) && !stands(was))))
    .map((each) => each.id);
  // Of two of one second either may be the newest: the other chain stands in for it.
  const replaced = goodNow.some((each) => createdMs(each) >= createdMs(newest) && now.root(each) !== root);
  if (lost.length === 0 || replaced) return [];
  const text = `the newest good ${mechanism} chain of volume ${volumeId} lost ${lost.join(", ")} and no newer one took its place`;
  return [{ code: "newest-chain-broken", severity: "failure", ...about(newest), backupIds: lost, text }];
}

function isNewer(a: ListedBackup, b: ListedBackup, before: Comparison["before"]): boolean {
  // Cinder's times have whole seconds; within one, a child is newer than its parent.
  return createdMs(a) === createdMs(b)
    ? before.lineage(a).length > before.lineage(b).length
    : createdMs(a) > createdMs(b);
}
