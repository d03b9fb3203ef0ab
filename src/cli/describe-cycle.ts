import type { CycleResult } from "../conductor/cycle.ts";
import { formatDuration } from "../domain/durations.ts";
import { operatorText, type Reason } from "../domain/reasons.ts";
import type { ProjectReport, ReportLine } from "../domain/runs.ts";
import { escapeText } from "../domain/escape.ts";
import { setText } from "../report/digest.ts";
import { table } from "./output.ts";

/** A cycle as `--json` shows it. */
export const cycleValue = ({ run, outcome, reports, rotated, idle }: CycleResult): object => ({
  run: {
    id: run.id,
    kind: run.kind,
    startedAt: run.startedAt,
    endedAt: run.endedAt,
    servers: run.servers,
    volumes: run.volumes,
  },
  outcome,
  idle,
  projects: reports,
  rotated,
});

/** A cycle for people: by project the volumes with their outcomes and reasons, and what rotation did. */
export function describeCycle({ outcome, reports, rotated, idle }: CycleResult): string {
  if (idle) return "Nothing was due and nothing to rotate.\n";
  const named = <T extends { readonly projectName: string }>(all: readonly T[]): readonly T[] =>
    all.toSorted((a, b) => a.projectName.localeCompare(b.projectName));
  const parts = [
    ...named(reports).map(describeProject),
    // One without restore points has nothing to say.
    ...named(rotated.filter(({ rotation }) => rotationText(rotation) !== "")).map(
      ({ projectName, rotation }) => `Project ${escapeText(projectName)}\n${rotationText(rotation)}`,
    ),
  ];
  return `${parts.join("\n")}${parts.length === 0 ? "" : "\n"}Outcome: ${outcome}\n`;
}

/** Nothing where there was nothing to rotate, or it was not to be. */
function rotationText({ blocked, deleted, failed, kept, reasons }: ProjectReport["rotation"]): string {
  if (blocked === null && deleted + failed + kept === 0) return "";
  return [
    `  rotation: ${deleted} deleted, ${kept} kept`,
    failed === 0 ? "" : `, ${failed} could not be deleted`,
    blocked === null ? "\n" : `; nothing deleted: ${operatorText(blocked)}\n`,
    ...Object.entries(reasons).map(([reason, count]) => `    ${count} ${operatorText(reason as Reason)}\n`),
  ].join("");
}

const duration = ({ durationMs }: ReportLine): string =>
  durationMs === null ? "" : formatDuration(Math.max(1000, Math.round(durationMs / 1000) * 1000));

const limit = (value: number): string => (value < 0 ? "unlimited" : String(value));

const snapshotQuota = ({ ofType = [], snapshots, volumeGigabytes }: NonNullable<ProjectReport["quota"]>): string =>
  snapshots === undefined || volumeGigabytes === undefined
    ? ""
    : `, ${snapshots.used} of ${limit(snapshots.limit)} snapshots, ${volumeGigabytes.used} of ${limit(volumeGigabytes.limit)} GiB of volumes and snapshots${ofType.map(typeQuota).join("")}`;

const typeQuota = ({
  type,
  snapshots,
  volumeGigabytes,
}: NonNullable<NonNullable<ProjectReport["quota"]>["ofType"]>[number]): string =>
  `; of type ${escapeText(type)} ${snapshots.used} of ${limit(snapshots.limit)} snapshots, ${volumeGigabytes.used} of ${limit(volumeGigabytes.limit)} GiB`;

/** One project's part of a cycle. */
export function describeProject({ projectName, lines, sets, rotation, notices, quota }: ProjectReport): string {
  const policies = new Set(lines.map(({ policy }) => policy));
  const rows = table(lines, [
    { title: "  SERVER", value: (line) => `  ${line.serverName}` },
    { title: "VOLUME", value: (line) => (line.volumeName === "" ? line.volumeId : line.volumeName) },
    ...(policies.size > 1 ? [{ title: "POLICY", value: (line: ReportLine) => line.policy }] : []),
    { title: "OUTCOME", value: (line) => line.outcome },
    { title: "MODE", value: modeOf },
    { title: "GiB", value: (line) => (line.mode === null ? "" : String(line.sizeGiB)), align: "right" },
    { title: "TIME", value: duration, align: "right" },
    { title: "REASON", value: describeReason },
  ]);
  return [
    `Project ${escapeText(projectName)}\n`,
    lines.length === 0 ? "  no volume was due\n" : rows,
    ...sets.map(
      (set) =>
        `  set of ${escapeText(set.serverName)}${policies.size > 1 ? ` by ${set.policy}` : ""}: ${setText(set)}\n`,
    ),
    rotationText(rotation),
    quota === null
      ? ""
      : `  quota: ${quota.backups.used} of ${limit(quota.backups.limit)} backups, ${quota.gigabytes.used} of ${limit(quota.gigabytes.limit)} GiB${snapshotQuota(quota)}\n`,
    ...notices.map(
      ({ reason, resourceId, message }) =>
        `  note: ${escapeText([resourceId, operatorText(reason), message].filter((part) => part !== null).join(": "))}\n`,
    ),
  ].join("");
}

const modeOf = ({ mechanism, mode }: ReportLine): string =>
  mode === null ? "" : mechanism === "snapshot" ? "snapshot" : mode;

const describeReason = ({ mechanism, reason, message, outcome }: ReportLine): string =>
  outcome === "succeeded" && reason !== "adopted"
    ? ""
    : [operatorText(reason, mechanism), message].filter((part) => part !== null).join(": ");
