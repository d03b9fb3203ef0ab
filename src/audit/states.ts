import type { Finding } from "./findings.ts";
import type { ListedBackup } from "./listing.ts";
import { nameOf } from "./marks.ts";
import type { AuditOptions } from "./options.ts";
import { about } from "./removals.ts";
import { createdMs } from "./view.ts";
import type { View } from "./view.ts";

/** A slow cloud still copies this much. */
const copyMiBPerSecond = 20;

/** What somebody should look at: points in error, in a passing state for too long, or smaller than their volume was. */
export function checkStates(now: View, options: AuditOptions): Finding[] {
  return now.ours.flatMap((each): Finding[] => {
    const findings: Finding[] = [];
    const add = (code: Finding["code"], text: string) =>
      findings.push({ code, severity: "warning", ...about(each), text: `${nameOf(each)} ${text}` });

    if (each.status.startsWith("error"))
      add("in-error", `is in ${each.status}: ${each.failReason ?? "no reason given"}`);
    const since = passingSinceMs(each);
    const limitMs = (options.passingStateMs ?? 3_600_000) + copyMs(each);
    if (since !== undefined && now.endedMs - since > limitMs) {
      add("stuck", `has been ${each.status} since ${new Date(since).toISOString()}`);
    }
    if (now.isUndersized(each)) add("undersized", `has ${each.sizeGiB} GiB, less than its volume had then`);
    return findings;
  });
}

function passingSinceMs(each: ListedBackup): number | undefined {
  if (each.status === "creating") return createdMs(each);
  const isPassing = each.status === "deleting" || each.status === "restoring";
  return isPassing ? Date.parse(each.updatedAt ?? each.createdAt) : undefined;
}

const copyMs = ({ sizeGiB }: ListedBackup): number => ((sizeGiB * 1024) / copyMiBPerSecond) * 1000;
