import type { Only } from "../../conductor/once.ts";
import { previewCycle, type Preview } from "../../conductor/preview.ts";
import { isOpenFor } from "../../domain/tracks.ts";
import { markTime } from "../../domain/marks.ts";
import { operatorText } from "../../domain/reasons.ts";
import type { Decision } from "../../domain/retention.ts";
import type { Command, Context } from "../command.ts";
import { escapeText } from "../../domain/escape.ts";
import { exit, type ExitCode } from "../exit-codes.ts";
import { openConductor } from "../open-conductor.ts";
import { modeOf } from "./backups-list.ts";
import { table } from "../output.ts";

export const planCommand: Command = {
  path: "plan",
  summary: "show what the next cycle would create, skip, keep and delete, and why",
  description:
    "Lists the cloud, plans a cycle as the conductor would now, and prints it. Writes nothing anywhere; may run beside the conductor.",
  printsData: true,
  run: (_given, context) => printPlan(context),
};

/** Also `dirigent conductor --once --dry-run` and `dirigent run --dry-run`. @param only the half of the cycle that is shown; `null` is all of it */
export async function printPlan(context: Context, only: Only | null = null): Promise<ExitCode> {
  const opened = await openConductor(context, "look");
  try {
    const whole = await previewCycle(opened.conductor, context.signals.cut);
    const preview = only === null ? whole : { ...whole, ...leftOut[only] };
    context.output.data(planValue(preview), () => describePlan(preview));
    return exit.ok;
  } finally {
    await opened.close();
  }
}

const leftOut = {
  create: { rotations: [] },
  expire: { create: [], refused: [], skips: [] },
} as const satisfies Record<Only, Partial<Preview>>;

const decisionValue = ({ action, reason, point }: Decision): object => ({
  action,
  reason,
  backupId: point.backup.id,
  mechanism: point.backup.mechanism,
  policy: point.marks.policy ?? point.entry?.policy ?? null,
  volumeId: point.backup.volumeId,
  createdAt: point.backup.createdAt,
  keepUntil: point.marks.keepUntil,
  good: point.good,
});

const planValue = (preview: Preview): object => ({
  slots: preview.tracks.map((track) => ({
    policy: track.policy.name,
    mechanism: track.mechanism,
    slot: track.slot.id,
    windowEndsAt: track.slot.windowEndsAt,
    windowOpen: isOpenFor(track, preview.now),
    volumes: new Set(track.targets.flatMap(({ volumeIds }) => volumeIds)).size,
  })),
  create: preview.create.map(
    ({ key, mechanism, policy, projectId, serverId, serverName, volumeId, volumeName, ...job }) => ({
      key,
      mechanism,
      policy,
      projectId,
      serverId,
      serverName,
      volumeId,
      volumeName,
      mode: job.mode,
      reason: job.modeReason,
      sizeGiB: job.sizeGiB,
      keepUntil: job.keepUntil,
    }),
  ),
  refused: preview.refused.map(({ key, mechanism, policy, projectId, volumeId, reason, message }) => ({
    key,
    mechanism,
    policy,
    projectId,
    volumeId,
    reason,
    message,
  })),
  skip: preview.skips,
  notices: preview.notices,
  rotation: preview.rotations.map(({ project, plan }) => ({
    projectId: project.id,
    projectName: project.name,
    blocked: plan.blocked,
    overdue: plan.overdue,
    allowance: plan.allowance,
    decisions: plan.decisions.map(decisionValue),
  })),
});

function describePlan(preview: Preview): string {
  const { tracks, now, create, refused, skips, notices, rotations } = preview;
  const parts = tracks.map((track) => {
    const { mechanism, policy, slot } = track;
    const window = isOpenFor(track, now) ? `open until ${markTime(slot.windowEndsAt)}` : "over";
    return `Policy ${policy.name} (${mechanism}): slot ${slot.id}, window ${window}\n`;
  });
  if (parts.length === 0) parts.push("No policy protects anything.\n");
  parts.push(`\nCreate: ${create.length}\n`);
  if (create.length > 0) {
    parts.push(
      table(create, [
        { title: "  SERVER", value: (job) => `  ${job.serverName}` },
        { title: "VOLUME", value: (job) => job.volumeName || job.volumeId },
        { title: "GiB", value: (job) => String(job.sizeGiB), align: "right" },
        { title: "POLICY", value: (job) => job.policy },
        { title: "MODE", value: (job) => (job.mechanism === "snapshot" ? "snapshot" : job.mode) },
        { title: "BECAUSE", value: (job) => operatorText(job.modeReason) },
      ]),
    );
  }
  const against = [...refused.map((job) => ({ ...job, reason: job.reason ?? ("over_quota" as const) })), ...skips];
  parts.push(`\nNot created: ${against.length}\n`);
  if (against.length > 0) {
    parts.push(
      table(against, [
        { title: "  SERVER", value: (skip) => `  ${skip.serverName}` },
        { title: "VOLUME", value: (skip) => skip.volumeName || (skip.volumeId ?? "") },
        { title: "POLICY", value: (skip) => skip.policy },
        {
          title: "BECAUSE",
          value: ({ reason, message }) => operatorText(reason) + (message === null ? "" : `: ${message}`),
        },
      ]),
    );
  }
  for (const { project, plan } of rotations) {
    const deletions = plan.decisions.filter((decision) => decision.action === "delete");
    parts.push(
      `\nRotation of ${escapeText(project.name)}: delete ${deletions.length}, keep ${plan.decisions.length - deletions.length}\n`,
    );
    const nothing = deletions.length === 0 ? "nothing" : "nothing else";
    if (plan.blocked !== null) parts.push(`  ${nothing} would be deleted: ${operatorText(plan.blocked)}\n`);
    if (plan.unverified.length > 0) {
      parts.push(`  the real parents of ${plan.unverified.length} backups would be looked up first\n`);
    }
    parts.push(
      table(plan.decisions, [
        { title: "  BACKUP", value: ({ point }) => `  ${point.backup.id}` },
        { title: "VOLUME", value: ({ point }) => point.backup.volumeId },
        { title: "CREATED", value: ({ point }) => point.backup.createdAt.toISOString() },
        { title: "POLICY", value: ({ point }) => point.marks.policy ?? point.entry?.policy ?? "" },
        { title: "MODE", value: ({ point }) => modeOf(point.backup) },
        { title: "ACTION", value: ({ action }) => action },
        { title: "BECAUSE", value: ({ reason }) => operatorText(reason) },
      ]),
    );
  }
  for (const { reason, resourceId, message } of notices) {
    parts.push(
      `\nnote: ${escapeText([resourceId, operatorText(reason), message].filter((part) => part !== null).join(": "))}`,
    );
  }
  return parts.join("");
}
