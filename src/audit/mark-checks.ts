import type { Finding } from "./findings.ts";
import type { ListedBackup } from "./listing.ts";
import { areRequests, isMarked, isSlot, mark, nameOf, utcInstantMs } from "./marks.ts";
import { about } from "./removals.ts";
import { readRule } from "./retention-rule.ts";
import { createdMs, type View } from "./view.ts";

/** The marks: all that a rebuild needs, readable, and in agreement with Cinder and each other. */
export function checkMarks(now: View): Finding[] {
  return now.listed.flatMap((each) => {
    const ofConductor = now.isOfConductor(each);
    if (now.isOurs(each)) return checkOurMarks(each, now);
    if (now.isTemporary(each)) return leftOver(each, now);
    if (ofConductor) {
      const text = `${nameOf(each)} was created by the conductor's user and has no marks`;
      return [{ code: "unmarked", severity: "warning", ...about(each), text } as const];
    }
    return isMarked(each) ? [forged(each)] : [];
  });
}

/** After this long no backup is made from it any more, or something is wrong with that. */
const temporaryMs = 24 * 3_600_000;

function leftOver(each: ListedBackup, now: View): Finding[] {
  if (now.endedMs - createdMs(each) <= temporaryMs) return [];
  const text = `${nameOf(each)} was made at ${each.createdAt} for a backup, and is still there`;
  return [{ code: "temporary-left", severity: "warning", ...about(each), text }];
}

const forged = (each: ListedBackup): Finding => ({
  code: "forged",
  severity: "information",
  ...about(each),
  text: `${nameOf(each)} is marked as the conductor's, but user ${each.userId ?? "unknown"} created it`,
});

/** What was adopted may never have had a slot, and promises nothing until it is given a retention. */
const neededOfAdopted = [mark.automated] as const;
const needed = [mark.automated, mark.key, mark.policy, mark.slot, mark.server, mark.set, mark.keepUntil] as const;

function checkOurMarks(each: ListedBackup, now: View): Finding[] {
  const marks = each.metadata;
  const findings: Finding[] = [];
  const add = (code: Finding["code"], text: string) =>
    findings.push({ code, severity: "failure", ...about(each), text: `${nameOf(each)}: ${text}` });

  // Written once Cinder has been asked which parent it chose, when the backup is done.
  const needsParent = each.isIncremental && each.status === "available";
  const missing = [
    ...(marks[mark.adopted] === undefined ? needed : neededOfAdopted),
    ...(needsParent ? [mark.parent] : []),
  ].filter((key) => marks[key] === undefined);
  if (missing.length > 0) add("marks-missing", `no ${missing.join(", ")}`);

  const unreadable = Object.entries(readable).filter(
    ([key, accepts]) => marks[key] !== undefined && !accepts(marks[key]),
  );
  for (const [key] of unreadable) add("marks-unreadable", `${key} is ${JSON.stringify(marks[key])}`);

  const [key, policy, slot] = [marks[mark.key], marks[mark.policy], marks[mark.slot]];
  const ending = each.mechanism === "snapshot" ? "/snapshot" : "";
  if (key !== undefined && policy !== undefined && slot !== undefined) {
    const right = `${each.volumeId}/${policy}/${slot}${ending}`;
    if (key !== right) add("key-disagrees", `${mark.key} is ${JSON.stringify(key)}, not ${JSON.stringify(right)}`);
  }

  const [named, real] = [marks[mark.parent] ?? "", now.parentId(each) ?? ""];
  const isKnown = real !== "" || !each.isIncremental;
  if (marks[mark.parent] !== undefined && isKnown && named !== real) {
    add("parent-mark-wrong", `${mark.parent} is ${JSON.stringify(named)}, Cinder says ${real || "there is none"}`);
  }
  return findings;
}

const isFilled = (value: string): boolean => value !== "";
/** What a rebuild accepts. The server may be empty: an unattached volume has none. */
const readable: Readonly<Record<string, (value: string) => boolean>> = {
  [mark.automated]: (value) => value === "True",
  [mark.key]: isFilled,
  [mark.policy]: isFilled,
  [mark.slot]: isSlot,
  [mark.set]: isFilled,
  [mark.retention]: (value) => readRule(value) !== undefined,
  [mark.asked]: areRequests,
  [mark.askedPolicies]: areRequests,
  [mark.keepUntil]: (value) => utcInstantMs(value) !== undefined,
};
