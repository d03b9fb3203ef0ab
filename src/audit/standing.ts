import type { Finding } from "./findings.ts";
import { keepUntilMs, mark, nameOf } from "./marks.ts";
import type { ListedBackup } from "./listing.ts";
import type { AuditOptions } from "./options.ts";
import { about } from "./removals.ts";
import { isAtLeast, readRule } from "./retention-rule.ts";
import type { View } from "./view.ts";

/** Every present incremental has its parent, and a point of ours depends on ours only. Rule 1. */
export function checkParents(now: View, before: View | undefined): Finding[] {
  return now.listed.flatMap((each): Finding[] => {
    if (!each.isIncremental) return [];
    const parentId = now.parentId(each);
    if (parentId === null || !now.stays(parentId)) {
      const parent = parentId === null ? undefined : (now.find(parentId) ?? before?.find(parentId));
      const isOurBusiness = now.isOurs(each) || (parent !== undefined && now.isOurs(parent));
      const severity = isOurBusiness ? "failure" : "information";
      const text = `backup ${each.id} is left without its parent ${parentId ?? "(which no backup of its volume is)"}`;
      return [{ code: "parent-gone", severity, ...about(each), text }];
    }
    const parent = now.find(parentId);
    if (!now.isOurs(each) || !parent) return [];
    if (now.isOurs(parent) && parent.metadata[mark.archive] !== undefined) {
      const text = `backup ${each.id} depends on ${parentId}, which is an archive`;
      return [{ code: "archive-parent", severity: "warning", ...about(each), backupIds: [each.id, parentId], text }];
    }
    if (now.isOurs(parent)) return [];
    const text = `backup ${each.id} depends on ${parentId}, which is not ours, so it cannot be a good point`;
    return [{ code: "foreign-parent", severity: "warning", ...about(each), backupIds: [each.id, parentId], text }];
  });
}

/** Rule 1: what a point was promised when it was made is never taken back. */
export function checkPromises(now: View, before: View, { permittedPrunes = [] }: AuditOptions): Finding[] {
  return before.ours.flatMap((was): Finding[] => {
    const is = now.find(was.id);
    const promised = keepUntilMs(was);
    // An operator let go of it: it is nobody's restore point any more.
    if (is && !now.isOurs(is) && permittedPrunes.includes(was.id)) return [];
    if (is && keepsLess(was, is)) {
      const [then, today] = [was, is].map((each) => JSON.stringify(each.metadata[mark.retention] ?? null));
      const text = `${nameOf(is)} was made under the rule ${then}, and now carries ${today}`;
      return [{ code: "promise-shortened", severity: "failure", ...about(is), text }];
    }
    if (!is || promised === undefined || (keepUntilMs(is) ?? 0) >= promised) return [];
    const [then, today] = [was, is].map((each) => JSON.stringify(each.metadata[mark.keepUntil] ?? null));
    const text = `${nameOf(is)} was promised to stay until ${then}, and now only until ${today}`;
    return [{ code: "promise-shortened", severity: "failure", ...about(is), text }];
  });
}

function keepsLess(was: ListedBackup, is: ListedBackup): boolean {
  const [then, today] = [was, is].map((each) => readRule(each.metadata[mark.retention] ?? ""));
  return then !== undefined && (today === undefined || !isAtLeast(today, then));
}

/** Rule 3: each point of ours is in the project of its volume. */
export function checkProjects(now: View, before: View | undefined): Finding[] {
  return now.ours.flatMap((each): Finding[] => {
    const owner = now.volume(each.volumeId)?.projectId;
    if (owner === undefined || owner === each.projectId) return [];
    // A volume may be transferred to another project; what was made before that stays where it was. Others may have put
    // what we adopted anywhere.
    const isOld = before?.find(each.id) !== undefined || now.isAdopted(each);
    const project = each.projectId ?? "unknown";
    const text = `${nameOf(each)} is in project ${project}, its volume ${each.volumeId} in project ${owner}`;
    return [{ code: "wrong-project", severity: isOld ? "warning" : "failure", ...about(each), text }];
  });
}
