import { checkBrake } from "./brake.ts";
import type { Finding } from "./findings.ts";
import { checkLastGood } from "./last-good.ts";
import type { Listing } from "./listing.ts";
import { checkMarks } from "./mark-checks.ts";
import type { AuditOptions } from "./options.ts";
import { checkForeign, checkRemovals, compare } from "./removals.ts";
import { checkRepeats, checkSlots } from "./slots.ts";
import { checkParents, checkProjects, checkPromises } from "./standing.ts";
import { checkStates } from "./states.ts";
import { View } from "./view.ts";

/**
 * Judges rules 1 to 3 and the marks by what Cinder shows now and, if there is an earlier listing, by what went in
 * between. Decides and does nothing. Without an earlier listing nothing can be said about deletions.
 */
export function audit(before: Listing | undefined, now: Listing, options: AuditOptions): Finding[] {
  const unusable = checkListings(before, now);
  if (unusable.length > 0) return unusable;

  const ownership = { userIds: new Set(options.userIds), adoptedIds: new Set(options.adopted) };
  const was = before && new View(before, ownership);
  const is = new View(now, ownership, was);
  const comparison = was && compare(was, is, options);
  return [
    ...checkRights(now),
    ...(comparison ? checkLastGood(comparison) : []),
    ...(comparison ? checkRemovals(comparison) : []),
    ...(comparison ? checkForeign(comparison) : []),
    ...(comparison ? checkBrake(comparison) : []),
    ...(was ? checkPromises(is, was, options) : []),
    ...checkParents(is, was),
    ...checkSlots(is),
    ...(comparison ? checkRepeats(comparison) : []),
    ...checkProjects(is, was),
    ...checkMarks(is),
    ...checkStates(is, options),
  ];
}

/** With these, every other finding would be noise. */
function checkListings(before: Listing | undefined, now: Listing): Finding[] {
  const findings: Finding[] = [];
  const fail = (code: Finding["code"], text: string) =>
    findings.push({ code, severity: "failure", backupIds: [], text });
  const partial = "shows backups without their project: the reader is no admin and sees one project only";
  if (now.rights === "missing") fail("rights-missing", `the listing of ${now.startedAt} ${partial}`);
  if (before?.rights === "missing") fail("rights-missing", `the earlier listing of ${before.startedAt} ${partial}`);
  if (before && Date.parse(before.endedAt) > Date.parse(now.startedAt)) {
    fail("listings-out-of-order", `the earlier listing ended ${before.endedAt}, this one began ${now.startedAt}`);
  }
  return findings;
}

function checkRights(now: Listing): Finding[] {
  if (now.rights !== "unproven") return [];
  const text = "no backup and no second project is shown, so nothing proves that the reader may see all projects";
  return [{ code: "rights-unproven", severity: "warning", backupIds: [], text }];
}
