import type { Job } from "./catalogue.ts";
import type { Backup } from "./inventory.ts";
import type { Reason } from "./reasons.ts";

/** What Cinder's word on a running job's backup means. `stuck` goes on running: it is reported, watched and never deleted. */
export type Verdict =
  | { readonly kind: "running" }
  | { readonly kind: "stuck" }
  | { readonly kind: "good" }
  | { readonly kind: "failed"; readonly reason: Reason; readonly message: string | null };

/** When a point that takes longer is reported as stuck: a base, and for a backup the time its size takes at a given speed. */
export function deadlineOf(
  { mechanism, sizeGiB }: Pick<Job, "mechanism" | "sizeGiB">,
  submittedAt: Date,
  speed: { readonly baseMs: number; readonly bytesPerSecond: number },
): Date {
  if (mechanism === "snapshot") return new Date(submittedAt.getTime() + speed.baseMs);
  const transferMs = Math.ceil((sizeGiB * 2 ** 30 * 1000) / speed.bytesPerSecond);
  return new Date(submittedAt.getTime() + speed.baseMs + transferMs);
}

/**
 * Judges a job that is running by what Cinder shows of its backup; `"gone"` stands for a 404. Only `available` without a fail reason and at
 * least of the size that its source had when it was planned is success. A word of a later Cinder counts as running, until the deadline.
 */
export function judgeBackup(
  job: Pick<Job, "sizeGiB" | "deadlineAt" | "archiveZone">,
  seen: Backup | "gone",
  now: Date,
): Verdict {
  if (seen === "gone") return { kind: "failed", reason: "vanished", message: null };
  switch (seen.status) {
    case "available":
      return judgeAvailable(job, seen);
    case "error":
    case "error_deleting":
      return { kind: "failed", reason: "ended_in_error", message: said(seen) ?? `status ${seen.status}` };
    case "deleting":
    case "deleted":
      return { kind: "failed", reason: "vanished", message: `status ${seen.status}` };
    default:
      // Also `restoring`: somebody restores from it already, and only its return to `available` tells that it is whole.
      return { kind: job.deadlineAt !== null && now > job.deadlineAt ? "stuck" : "running" };
  }
}

function judgeAvailable({ sizeGiB, archiveZone }: Pick<Job, "sizeGiB" | "archiveZone">, seen: Backup): Verdict {
  const failReason = said(seen);
  if (failReason !== null) return { kind: "failed", reason: "ended_in_error", message: failReason };
  // Volumes only grow. One that was extended after it was planned is backed up as large as it was then (its row takes the size from the volume).
  if (!(seen.sizeGiB >= sizeGiB)) {
    const message = `the backup has ${seen.sizeGiB} GiB, the volume ${sizeGiB} GiB`;
    return { kind: "failed", reason: "wrong_size", message };
  }
  if (archiveZone !== null && seen.availabilityZone !== archiveZone) {
    const shown = seen.availabilityZone ?? "none, as releases do that take no notice of the zone (Zed)";
    const message = `asked for zone ${archiveZone}, Cinder shows ${shown}`;
    return { kind: "failed", reason: "archive_wrong_zone", message };
  }
  return { kind: "good" };
}

const said = (backup: Backup): string | null => (backup.failReason === "" ? null : backup.failReason);
