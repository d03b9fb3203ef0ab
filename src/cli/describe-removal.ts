import type { RemovalPreview } from "../conductor/orders/removal.ts";
import { operatorText } from "../domain/reasons.ts";
import { table } from "./output.ts";
import { describeReason } from "./place-order.ts";

/** A plan to delete as `--json` shows it. */
export const removalValue = ({ plan, blocked }: RemovalPreview): object => ({
  blocked,
  delete: plan.removals.flatMap(({ deletions }) =>
    deletions.map(({ backup, projectId, marks }) => ({
      backupId: backup.id,
      volumeId: backup.volumeId,
      projectId,
      mode: backup.isIncremental ? "incremental" : "full",
      sizeGiB: backup.sizeGiB,
      status: backup.status,
      createdAt: backup.createdAt,
      keepUntil: marks.keepUntil,
    })),
  ),
  keep: plan.refusals,
});

/** The same for people. @param now what a promise that has not passed is told against */
export function describeRemoval({ plan, blocked }: RemovalPreview, now: Date): string {
  const points = plan.removals.flatMap(({ deletions }) => deletions);
  const promised = points.filter(({ marks }) => marks.keepUntil !== null && marks.keepUntil > now).length;
  return [
    points.length === 0 ? "Delete: 0\n" : `Delete: ${points.length}, in this order\n`,
    points.length === 0
      ? ""
      : table(points, [
          { title: "  BACKUP", value: ({ backup }) => `  ${backup.id}` },
          { title: "VOLUME", value: ({ backup }) => backup.volumeId },
          { title: "CREATED", value: ({ backup }) => backup.createdAt.toISOString() },
          { title: "MODE", value: ({ backup }) => (backup.isIncremental ? "incremental" : "full") },
          { title: "GiB", value: ({ backup }) => String(backup.sizeGiB), align: "right" },
          { title: "KEEP UNTIL", value: ({ marks }) => marks.keepUntil?.toISOString() ?? "" },
        ]),
    promised === 0 ? "" : `  ${promised} of them were promised for longer than now.\n`,
    plan.refusals.length === 0 ? "" : `Keep: ${plan.refusals.length}\n`,
    plan.refusals.length === 0
      ? ""
      : table(plan.refusals, [
          { title: "  BACKUP", value: ({ backupId }) => `  ${backupId}` },
          { title: "VOLUME", value: ({ volumeId }) => volumeId ?? "" },
          { title: "BECAUSE", value: describeReason },
        ]),
    blocked === null ? "" : `Nothing at all would be deleted now: ${operatorText(blocked)}\n`,
  ].join("");
}
