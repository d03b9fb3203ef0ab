import type { Compliance } from "../../domain/compliance.ts";
import type { ExplainedRule, Explanation } from "../../conductor/explain.ts";
import type { RemovalPreview } from "../../conductor/orders/removal.ts";
import type { ExplainedPoint } from "../../conductor/explained-points.ts";
import type { ExplainedProtection, ExplainedTrack } from "../../conductor/explained-slots.ts";
import { describeMatch } from "../../domain/describe-match.ts";
import { describeRetention } from "../../domain/describe-policy.ts";
import { escapeText } from "../../domain/escape.ts";
import type { Point } from "../../domain/points.ts";
import { countedKeeps, operatorText, type Reason } from "../../domain/reasons.ts";
import { describeSchedule } from "../../domain/schedule.ts";
import { localMinute } from "../simulate/words.ts";
import { wrapped } from "../wrapped.ts";

/** An explanation for a terminal. All text of the cloud is escaped. */

export const nothingToExplain = "The server has no volumes; its local disk is not backed up.\n";

export type PointKind = "full" | "incremental" | "snapshot";

export const kindOf = ({ backup }: Point): PointKind =>
  backup.mechanism === "snapshot" ? "snapshot" : backup.isIncremental ? "incremental" : "full";

/** @param times restore points are told in one zone, slots each in its policy's */
export function describeExplanation(
  explained: Explanation,
  { timeZone, now }: { readonly timeZone: string; readonly now: Date },
): string {
  const { volumeId, protections, points, others, rules, notices, prune, releasedAt } = explained;
  const parts = [...volumePart(explained), "\n", protectedBy(explained)];
  if (releasedAt !== null) {
    const at = localMinute(releasedAt, timeZone);
    parts.push(
      "\n",
      wrapped("  Released by its owner: ", `no new snapshots; those that nothing holds go on ${at} (${timeZone})`),
    );
  }
  if (rules.length > 0) parts.push("\n  Rules\n", ...rules.map(ruleLine));
  for (const protection of protections) parts.push("\n", policyPart(protection));
  if (notices.length > 0) {
    parts.push("\n  To be known\n");
    for (const { reason, resourceId, message } of notices) {
      const about = resourceId === null || resourceId === volumeId ? "" : `${resourceId}: `;
      parts.push(wrapped("    ", `${about}${operatorText(reason)}${message === null ? "" : `: ${message}`}`));
    }
  }
  parts.push(`\n  Restore points: ${points.length === 0 ? "none" : `${points.length}, times in ${timeZone}`}\n`);
  parts.push(...blockedPart(explained));
  const width = Math.max(0, ...points.map(({ point }) => policyOf(point).length));
  for (const point of points) parts.push(pointPart(point, { timeZone, now, width }));
  if (others.length > 0)
    parts.push(wrapped("    ", `beside them ${others.length} that are not ours: ${othersOf(others)}`));
  if (prune !== null) parts.push("\n", prunePart(prune));
  return parts.join("");
}

function volumePart({ project, servers, volume, volumeId }: Explanation): string[] {
  if (volume === null)
    return [`VOLUME ${volumeId}\n`, wrapped("  ", `of ${project.name}, gone: Cinder does not list it`)];
  const name = volume.name.trim() === "" ? "" : ` ${volume.name}`;
  const attached =
    servers.length === 0
      ? "attached to nothing"
      : `attached to ${servers.map((s) => `${s.name} (${s.id})`).join(", ")}`;
  return [
    wrapped("VOLUME ", `${volumeId}${name}`),
    wrapped("  ", `of ${project.name}, ${volume.sizeGiB} GiB, ${volume.status}, ${attached}`),
  ];
}

/** What keeps rotation from deleting anything at all. */
function blockedPart({ blocked, braked, rotationEnabled }: Explanation): string[] {
  if (!rotationEnabled) return [wrapped("    ", "nothing is deleted: rotation.enabled is false")];
  if (blocked === null) return [];
  const figures =
    braked === null
      ? ""
      : `: ${braked.overdue} overdue, ${braked.allowance} may go in 24 hours; rotation.brake_overrides allows more for project ${braked.projectId}`;
  return [wrapped("    ", `nothing would be deleted: ${operatorText(blocked)}${figures}`)];
}

function prunePart({ blocked, plan }: RemovalPreview): string {
  const count = plan.removals.reduce((sum, { deletions }) => sum + deletions.length, 0);
  const first = "  dirigent prune --gone  ";
  if (blocked !== null) return wrapped(first, `would delete nothing: ${operatorText(blocked)}`);
  const lines = [wrapped(first, `would delete ${count === 0 ? "nothing of it" : `${count} of them`}`)];
  for (const { backupId, reason, message } of plan.refusals) {
    lines.push(wrapped(`    ${backupId}  `, `stays: ${because(reason, message)}`));
  }
  return lines.join("");
}

function protectedBy({ excluded, exclusion, protections, volume }: Explanation): string {
  if (volume === null) return "  Nothing protects it any more; what there is of it stays as said below.\n";
  const width = Math.max(0, ...protections.map(({ policy }) => policy.name.length));
  if (excluded !== null) {
    const until =
      exclusion === null
        ? ""
        : exclusion.until === null
          ? ", without an end"
          : `, until ${exclusion.until.toISOString()}`;
    return wrapped("  Left out by ", `${excluded}${until}`);
  }
  if (protections.length === 0) return "  Nothing protects it.\n";
  return (
    "  Protected by\n" +
    protections.map((each) => wrapped(`    ${each.policy.name.padEnd(width)}  `, sourceText(each))).join("")
  );
}

function sourceText({ source, server }: ExplainedProtection): string {
  switch (source.kind) {
    case "tag":
      return `the tag of server ${server?.name ?? source.serverId}`;
    case "rule":
      return `the rule ${source.rule}`;
    case "request":
      return source.resourceId === server?.id
        ? `${source.key} of server ${server.name}`
        : `${source.key} of the volume`;
  }
}

const ruleLine = ({ rule, matched, lookedAt }: ExplainedRule): string => {
  const { effect } = rule;
  const does =
    effect.kind === "exclude" ? "excludes" : `${effect.policies.join(", ")}${effect.continue ? ", and goes on" : ""}`;
  const said = !lookedAt ? "not looked at, one before it ended" : matched ? `matches: ${does}` : "does not match";
  return wrapped(`    ${String(rule.priority).padStart(4)}  `, `${rule.name}  ${said} (${describeMatch(rule.match)})`);
};

function policyPart({ policy, tracks, nextSlots }: ExplainedProtection): string {
  const at = (date: Date): string => localMinute(date, policy.timeZone);
  return [
    wrapped(
      `  ${policy.name}  `,
      `${describeSchedule(policy.schedule)}, ${policy.timeZone}; keeps ${describeRetention(policy)}`,
    ),
    ...tracks.flatMap((track) => [
      wrapped(
        `    ${track.mechanism.padEnd(8)}  `,
        `${track.slot === null ? "" : `slot ${at(track.slot.startsAt)} `}${stateText(track, at)}`,
      ),
      wrapped("              ", complianceText(track.compliance, at)),
    ]),
    wrapped("    next      ", nextSlots.map(at).join(", ")),
  ].join("");
}

function complianceText(compliance: Compliance, at: (date: Date) => string): string {
  switch (compliance.state) {
    case "compliant":
      return `compliant since ${at(compliance.since)}`;
    case "overdue":
      return `overdue since ${at(compliance.since)}: nothing of the slot ${at(new Date(compliance.lacking))}`;
    case "never":
      return `never made, overdue since ${at(compliance.since)}: nothing of the slot ${at(new Date(compliance.lacking))}`;
    case "pending":
      return `nothing was due before; its first slot has time until ${at(compliance.until)}`;
    case "excused":
      return `lacks nothing that is wanted: ${operatorText(compliance.reason)}`;
  }
}

const because = (reason: Reason | null, message: string | null): string =>
  [reason === null ? null : operatorText(reason), message].filter((part) => part !== null).join(": ");

function stateText({ now, slot }: ExplainedTrack, at: (date: Date) => string): string {
  switch (now.state) {
    case "before_first":
      return "has not begun yet";
    case "done":
      return `done${now.pointId === null ? "" : `: ${now.pointId}`}`;
    case "running":
      return `${now.job.state}, planned ${at(now.job.plannedAt)}`;
    case "failed":
      return `${now.job.state}: ${because(now.job.reason, now.job.message)}`;
    case "due": {
      const what =
        now.job.mechanism === "snapshot" ? "a snapshot" : `${now.job.mode} (${operatorText(now.job.modeReason)})`;
      return `due: the next cycle makes it, ${what}${slot === null ? "" : `; open until ${at(slot.windowEndsAt)}`}`;
    }
    case "waiting":
    case "missed":
    case "skipped":
      return `${now.state}: ${because(now.reason, now.message)}`;
  }
}

const counted: ReadonlySet<Reason> = new Set(countedKeeps);

function pointPart(
  { point, action, reason, because: reasons, keptUntil, duplicateOf, wouldGo }: ExplainedPoint,
  { timeZone, now, width }: { readonly timeZone: string; readonly now: Date; readonly width: number },
): string {
  const at = (date: Date): string => localMinute(date, timeZone);
  const { backup } = point;
  const isCounted = action === "keep" && reasons.some((reason) => counted.has(reason));
  const ownTime =
    keptUntil === null
      ? isCounted
        ? ", until newer ones take its place"
        : ""
      : keptUntil > now
        ? `, until ${at(keptUntil)}`
        : `; its own time ended ${at(keptUntil)}`;
  const also = [
    ...(point.marks.adopted ? ["adopted"] : []),
    ...(duplicateOf === null ? [] : [`a duplicate of ${duplicateOf}`]),
    ...(point.good ? [] : ["not a good one"]),
  ];
  const say = (each: Reason): string => operatorText(each, backup.mechanism);
  const what =
    wouldGo !== null
      ? `waits: ${say(wouldGo)}; not now: ${say(reason)}`
      : `${action === "keep" ? "kept" : "goes"}: ${reasons.map(say).join("; ")}`;
  const line = [at(backup.createdAt), policyOf(point).padEnd(width), kindOf(point).padEnd(11), backup.status.padEnd(9)];
  return (
    `    ${escapeText(`${line.join("  ")}  ${backup.id}`)}\n` +
    wrapped(
      `      ${what.slice(0, what.indexOf(" ") + 1)}`,
      `${what.slice(what.indexOf(" ") + 1)}${ownTime}${also.length === 0 ? "" : ` (${also.join(", ")})`}`,
    )
  );
}

const policyOf = ({ entry, marks }: Point): string => marks.policy ?? entry?.policy ?? "no policy";

const othersOf = (others: readonly Point[]): string =>
  others.map(({ backup, kind }) => `${backup.id} (${kind}, ${backup.status})`).join(", ");
