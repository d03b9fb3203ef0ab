import type { Finding } from "./findings.ts";
import type { ListedBackup } from "./listing.ts";
import { isHeld, keepUntilMs, mark } from "./marks.ts";
import type { AuditOptions } from "./options.ts";
import { createdMs, isLeaving } from "./view.ts";
import type { View } from "./view.ts";

/** Two listings of one cloud and what went in between. */
export interface Comparison {
  readonly before: View;
  readonly now: View;
  /** Listed before; absent now, or on its way out. */
  readonly removed: readonly ListedBackup[];
  readonly options: AuditOptions;
}

export function compare(before: View, now: View, options: AuditOptions): Comparison {
  const removed = before.backups.filter((was) => {
    const is = now.find(was.id);
    return is === undefined || (isLeaving(is) && !isLeaving(was));
  });
  return { before, now, removed, options };
}

/** Pruned by an operator: naming the backup itself allows more than naming its volume. */
export function isPermitted(was: ListedBackup, { permittedPrunes = [] }: AuditOptions): boolean {
  return permittedPrunes.includes(was.id) || (permittedPrunes.includes(was.volumeId) && !isHeld(was));
}

/** Rule 1, for each backup that went: was it ours, free to go, and its turn? */
export function checkRemovals(comparison: Comparison): Finding[] {
  const { before, now, removed } = comparison;
  const chains = Map.groupBy([...before.ours, ...now.ours.filter((each) => !before.find(each.id))], (each) =>
    (before.find(each.id) ? before : now).root(each),
  );
  return removed.flatMap((was) => {
    if (!before.isOurs(was)) return [foreignRemoved(was, comparison)];
    const chain = chains.get(before.root(was)) ?? [];
    return [...checkPromise(was, chain, comparison), ...checkOrder(was, chain, comparison)];
  });
}

function foreignRemoved(was: ListedBackup, { options }: Comparison): Finding {
  return {
    code: "foreign-removed",
    severity: options.strictForeign === true ? "failure" : "information",
    ...about(was),
    text: `backup ${was.id} of user ${was.userId ?? "unknown"} is gone; it was not the conductor's to delete`,
  };
}

function checkPromise(was: ListedBackup, chain: readonly ListedBackup[], comparison: Comparison): Finding[] {
  const { before, now, options } = comparison;
  if (isPermitted(was, options)) return [];
  const failure = { severity: "failure", ...about(was) } as const;
  if (isHeld(was)) return [{ code: "held-removed", ...failure, text: `backup ${was.id} was held and is gone` }];
  const keepUntil = keepUntilMs(was);
  if (!isSuperseded(was, comparison)) {
    if (keepUntil === undefined) {
      const text = `backup ${was.id} is gone and its ${mark.keepUntil} cannot be read`;
      return [{ code: "removed-without-promise", ...failure, text }];
    }
    if (keepUntil > now.endedMs) {
      const text = `backup ${was.id} is gone although it was to be kept until ${new Date(keepUntil).toISOString()}`;
      return [{ code: "removed-too-early", ...failure, text }];
    }
  }
  const wanted = chain.filter((each) => before.find(each.id) && isWanted(each, comparison));
  if (wanted.length === 0) return [];
  const ids = wanted.map((each) => each.id);
  const text = `backup ${was.id} is gone although its chain is still wanted (${ids.join(", ")})`;
  return [{ code: "removed-from-wanted-chain", ...failure, backupIds: [was.id, ...ids], text }];
}

function isWanted(each: ListedBackup, comparison: Comparison): boolean {
  if (isPermitted(each, comparison.options)) return false;
  if (isHeld(each)) return true;
  return !isSuperseded(each, comparison) && (keepUntilMs(each) ?? Infinity) > comparison.now.endedMs;
}

/** A backup that was no point before, and a newer good one that is: nobody was promised the failed one. */
function isSuperseded(was: ListedBackup, { before, now }: Comparison): boolean {
  if (was.status !== "error" && was.status !== "creating") return false;
  return [before, now].some((view) =>
    view.oursOf(was.volumeId).some((each) => createdMs(each) > createdMs(was) && view.isGood(each)),
  );
}

function checkOrder(was: ListedBackup, chain: readonly ListedBackup[], { now }: Comparison): Finding[] {
  const newer = chain.filter((each) => createdMs(each) > createdMs(was) && now.stays(each.id));
  if (newer.length === 0) return [];
  const ids = newer.map((each) => each.id);
  const text = `backup ${was.id} is gone before newer members of its chain (${ids.join(", ")})`;
  return [{ code: "removed-out-of-order", severity: "failure", ...about(was), backupIds: [was.id, ...ids], text }];
}

/** Whom a finding on one backup is about. */
export const about = (backup: ListedBackup) => ({
  ...(backup.projectId !== null && { projectId: backup.projectId }),
  volumeId: backup.volumeId,
  backupIds: [backup.id] as readonly string[],
});
