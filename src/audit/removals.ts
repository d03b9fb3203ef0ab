import type { Finding } from "./findings.ts";
import type { ListedBackup } from "./listing.ts";
import { isHeld, keepUntilMs, mark, nameOf } from "./marks.ts";
import type { AuditOptions } from "./options.ts";
import { createdMs, isLeaving } from "./view.ts";
import { markedRules } from "./thinned.ts";
import type { MarkedRules } from "./thinned.ts";
import type { View } from "./view.ts";

/** Two listings of one cloud and what went in between. */
export interface Comparison {
  readonly before: View;
  readonly now: View;
  /** Listed before; absent now, or on its way out. */
  readonly removed: readonly ListedBackup[];
  readonly rules: MarkedRules;
  readonly options: AuditOptions;
}

export function compare(before: View, now: View, options: AuditOptions): Comparison {
  const removed = before.listed.filter((was) => {
    const is = now.find(was.id);
    return is === undefined || (isLeaving(is) && !isLeaving(was));
  });
  return { before, now, removed, rules: markedRules({ before, now }), options };
}

/** Pruned by an operator, where naming the point itself allows more than naming its volume; or released by its owner. */
export function isPermitted(
  was: ListedBackup,
  { permittedPrunes = [], permittedReleases = [] }: AuditOptions,
): boolean {
  if (permittedPrunes.includes(was.id)) return true;
  if (isHeld(was)) return false;
  if (permittedPrunes.includes(was.volumeId)) return true;
  return was.mechanism === "snapshot" && [was.id, was.volumeId].some((id) => permittedReleases.includes(id));
}

/** Rule 1, for each backup or snapshot that went: was it ours, free to go, and its turn? */
export function checkRemovals(comparison: Comparison): Finding[] {
  const { before, now, removed } = comparison;
  const chains = Map.groupBy([...before.ours, ...now.ours.filter((each) => !before.find(each.id))], (each) =>
    (before.find(each.id) ? before : now).root(each),
  );
  return removed.flatMap((was) => {
    if (before.isTemporary(was)) return [];
    if (!before.isOurs(was)) return [foreignRemoved(was, comparison)];
    const chain = chains.get(before.root(was)) ?? [];
    return [
      ...checkPromise(was, chain, comparison),
      ...checkOrder(was, chain, comparison),
      ...checkVolumesFrom(was, comparison),
    ];
  });
}

/** Where nobody but the conductor was at work: what users made is as it was, marks included. */
export function checkForeign({ before, now, options }: Comparison): Finding[] {
  if (options.strictForeign !== true) return [];
  const told = new Set([...(options.permittedPrunes ?? []), ...(options.adopted ?? [])]);
  return before.listed.flatMap((was): Finding[] => {
    const is = now.find(was.id);
    if (!is || before.isOfConductor(was) || told.has(was.id) || sameMarks(was, is)) return [];
    const text = `${nameOf(was)} of user ${was.userId ?? "unknown"} has other metadata than before`;
    return [{ code: "foreign-changed", severity: "failure", ...about(was), text }];
  });
}

function sameMarks(a: ListedBackup, b: ListedBackup): boolean {
  const keys = new Set([...Object.keys(a.metadata), ...Object.keys(b.metadata)]);
  return [...keys].every((key) => a.metadata[key] === b.metadata[key]);
}

function foreignRemoved(was: ListedBackup, { options }: Comparison): Finding {
  return {
    code: "foreign-removed",
    severity: options.strictForeign === true ? "failure" : "information",
    ...about(was),
    text: `${nameOf(was)} of user ${was.userId ?? "unknown"} is gone; it was not the conductor's to delete`,
  };
}

function checkPromise(was: ListedBackup, chain: readonly ListedBackup[], comparison: Comparison): Finding[] {
  const { before, now, options } = comparison;
  if (isPermitted(was, options)) return [];
  const failure = { severity: "failure", ...about(was) } as const;
  if (isHeld(was)) return [{ code: "held-removed", ...failure, text: `${nameOf(was)} was held and is gone` }];
  const keepUntil = promisedUntilMs(was);
  if (!isSuperseded(was, comparison)) {
    if (keepUntil === undefined) {
      const text = `${nameOf(was)} is gone and its ${mark.keepUntil} cannot be read`;
      return [{ code: "removed-without-promise", ...failure, text }];
    }
    if (keepUntil > now.endedMs) {
      const text = `${nameOf(was)} is gone although it was to be kept until ${new Date(keepUntil).toISOString()}`;
      return [{ code: "removed-too-early", ...failure, text }];
    }
    if (comparison.rules.wants(was)) {
      const rule = JSON.stringify(was.metadata[mark.retention]);
      const text = `${nameOf(was)} is gone although its ${mark.retention} ${rule} still wanted it`;
      return [{ code: "removed-though-wanted", ...failure, text }];
    }
  }
  const wanted = chain.filter((each) => before.find(each.id) && isWanted(each, comparison));
  if (wanted.length === 0) return [];
  const ids = wanted.map((each) => each.id);
  const text = `${nameOf(was)} is gone although its chain is still wanted (${ids.join(", ")})`;
  return [{ code: "removed-from-wanted-chain", ...failure, backupIds: [was.id, ...ids], text }];
}

/** What was adopted may be kept by its rule alone. */
function promisedUntilMs(each: ListedBackup): number | undefined {
  const marks = each.metadata;
  const isByRule = marks[mark.adopted] !== undefined && marks[mark.retention] !== undefined;
  return keepUntilMs(each) ?? (isByRule && marks[mark.keepUntil] === undefined ? -Infinity : undefined);
}

function isWanted(each: ListedBackup, comparison: Comparison): boolean {
  if (isPermitted(each, comparison.options)) return false;
  if (isHeld(each)) return true;
  if (isSuperseded(each, comparison)) return false;
  return (promisedUntilMs(each) ?? Infinity) > comparison.now.endedMs || comparison.rules.wants(each);
}

/** What was no point before, and a newer good one that is: nobody was promised the failed one. */
function isSuperseded(was: ListedBackup, { before, now }: Comparison): boolean {
  if (was.status !== "error" && was.status !== "creating") return false;
  return [before, now].some((view) =>
    view.oursOf(was.volumeId, was.mechanism).some((each) => createdMs(each) > createdMs(was) && view.isGood(each)),
  );
}

function checkOrder(was: ListedBackup, chain: readonly ListedBackup[], { now }: Comparison): Finding[] {
  const newer = chain.filter((each) => createdMs(each) > createdMs(was) && now.stays(each.id));
  if (newer.length === 0) return [];
  const ids = newer.map((each) => each.id);
  const text = `backup ${was.id} is gone before newer members of its chain (${ids.join(", ")})`;
  return [{ code: "removed-out-of-order", severity: "failure", ...about(was), backupIds: [was.id, ...ids], text }];
}

/** A snapshot that volumes were made from stays as long as they do. */
function checkVolumesFrom(was: ListedBackup, { before, now, options }: Comparison): Finding[] {
  if (isPermitted(was, options)) return [];
  const ids = before.volumesFrom(was.id).filter((id) => now.volume(id) !== undefined);
  if (ids.length === 0) return [];
  const text = `${nameOf(was)} is gone although volumes were made from it (${ids.join(", ")})`;
  return [{ code: "removed-under-volumes", severity: "failure", ...about(was), text }];
}

/** Whom a finding on one point is about. */
export const about = (backup: ListedBackup) => ({
  ...(backup.projectId !== null && { projectId: backup.projectId }),
  volumeId: backup.volumeId,
  backupIds: [backup.id] as readonly string[],
});
