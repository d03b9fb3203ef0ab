import type { Finding } from "./findings.ts";
import { designBrake } from "./options.ts";
import type { BrakeOverride } from "./options.ts";
import { isPermitted } from "./removals.ts";
import type { Comparison } from "./removals.ts";
import { createdMs, isLeaving } from "./view.ts";

const dayMs = 24 * 3_600_000;

/**
 * Rule 1's brake: deletions of ours in a project, against the most that it can have let through between the listings.
 * Two listings do not show when each deletion happened, so the bound is the loosest that a working brake allows.
 */
export function checkBrake(comparison: Comparison): Finding[] {
  const { before, removed, options } = comparison;
  // What was already leaving was counted when it began to.
  const counted = removed.filter((was) => before.isOurs(was) && !isLeaving(was) && !isPermitted(was, options));
  return [...Map.groupBy(counted, (was) => was.projectId ?? "").entries()].flatMap(([projectId, gone]) => {
    const allowed = mostAllowed(projectId, comparison);
    if (gone.length <= allowed) return [];
    const text = `${gone.length} points of project ${projectId} are gone; the brake allows ${allowed} at most`;
    return [{ code: "brake-exceeded", severity: "failure", projectId, backupIds: gone.map((was) => was.id), text }];
  });
}

function mostAllowed(projectId: string, { before, now, options }: Comparison): number {
  const { least, percentOfPoints } = options.brake ?? designBrake;
  const earlier = before.oursIn(projectId);
  const newer = now.oursIn(projectId).filter((each) => !before.find(each.id));
  const points = earlier.length + newer.length;

  // 24 hours that begin just after the earlier listing, and again for every full 24 hours between the two.
  const periods = Math.floor((now.endedMs - before.startedMs) / dayMs) + 1;
  const base = periods * Math.max(least, Math.floor((points * percentOfPoints) / 100));

  const turnedGood = now.oursIn(projectId).filter((each) => {
    const was = before.find(each.id);
    return now.isGood(each) && !(was && before.isGood(was));
  });
  // The 24 hours of a deletion right after the earlier listing began a day before it.
  const goodJustBefore = earlier.filter((each) => before.isGood(each) && createdMs(each) > before.startedMs - dayMs);

  const overrides = (options.brakeOverrides ?? []).filter((each) => isFor(each, projectId, before.startedMs));
  const lifted = overrides.reduce((sum, each) => sum + each.count, 0);
  return base + turnedGood.length + goodJustBefore.length + lifted;
}

const isFor = (override: BrakeOverride, projectId: string, sinceMs: number): boolean =>
  override.projectId === projectId && override.expiresAt.getTime() > sinceMs;
