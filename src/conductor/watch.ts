import { promiseOf, type CatalogueEntry, type Job } from "../domain/catalogue.ts";
import type { Backup } from "../domain/inventory.ts";
import { readMarks } from "../domain/marks.ts";
import { judgeBackup } from "../domain/states.ts";
import { operation, type Conductor } from "./context.ts";
import { getPoint, listPoints } from "./mechanism.ts";
import { findParent, parentMark, writeMarks } from "./parents.ts";
import { isOurs } from "./scan.ts";
import { endJob } from "./sets.ts";
import { started, subjectOf } from "./submit.ts";

/**
 * Looks at every running job once: one listing for each mechanism of what Cinder is creating, and one GET for each job that left it.
 * @returns keys of the jobs that ended
 */
export async function watchRunning(
  conductor: Conductor,
  running: readonly Job[],
  signal: AbortSignal,
): Promise<string[]> {
  if (running.length === 0) return [];
  const { reader } = conductor;
  const creating = new Map<string, Backup>();
  for (const mechanism of new Set(running.map((job) => job.mechanism))) {
    for await (const row of listPoints(reader, mechanism, { status: "creating" }, signal)) creating.set(row.id, row);
  }
  const looks = await Promise.allSettled(
    running.map(async (job) => {
      if (job.backupId === null) return [];
      const seen = creating.get(job.backupId) ?? (await find(conductor, job, signal)) ?? "gone";
      return (await advance(conductor, job, seen, signal)) ? [job.key] : [];
    }),
  );
  return looks.flatMap((look) => {
    if (look.status === "rejected") throw look.reason;
    return look.value;
  });
}

/** A reader that lost its rights sees 404 everywhere, so "gone" is believed only when the project itself says so, too. */
const find = async (
  { reader, writer }: Conductor,
  { backupId, mechanism, projectId }: Job,
  signal: AbortSignal,
): Promise<Backup | null> => {
  const point = { mechanism, id: backupId ?? "" };
  return (await getPoint(reader, point, signal)) ?? (await getPoint(writer.forProject(projectId), point, signal));
};

/** Moves one running job by what Cinder shows of its backup. True when it ended. */
async function advance(conductor: Conductor, job: Job, seen: Backup | "gone", signal: AbortSignal): Promise<boolean> {
  const { clock, repository } = conductor;
  const now = clock.now();
  const verdict = judgeBackup(job, seen, now);
  switch (verdict.kind) {
    case "running":
      return false;
    case "stuck":
      if (job.stuckReportedAt === null) {
        await repository.moveJob({
          key: job.key,
          from: "running",
          to: "running",
          patch: { stuckReportedAt: now, reason: "stuck" },
          operations: [
            operation(conductor, job.runId, {
              kind: "report_stuck",
              reason: "stuck",
              ...subjectOf(job),
              backupId: job.backupId,
            }),
          ],
        });
      }
      return false;
    case "failed": {
      const own = seen === "gone" ? [] : await explain(conductor, seen.id, signal);
      const message = [verdict.message, ...own].filter((text) => text !== null && text !== "").join("; ") || null;
      await endJob(conductor, job, {
        from: "running",
        to: "failed",
        patch: { reason: verdict.reason, message, endedAt: now },
        operations: [
          operation(conductor, job.runId, {
            kind: "fail",
            reason: verdict.reason,
            ...subjectOf(job),
            backupId: job.backupId,
            message,
          }),
        ],
      });
      return true;
    }
    case "good":
      if (seen === "gone") return false;
      await complete(conductor, job, seen, signal);
      return true;
  }
}

/** Cinder's own user messages about an object; none is no failure. */
async function explain({ reader, log }: Conductor, backupId: string, signal: AbortSignal): Promise<readonly string[]> {
  try {
    return await reader.messages(backupId, signal);
  } catch (error) {
    log.warn({ error, backupId }, "Cinder's messages about a failed point could not be read");
    return [];
  }
}

async function complete(conductor: Conductor, job: Job, backup: Backup, signal: AbortSignal): Promise<void> {
  const { clock } = conductor;
  const notes = [];
  let parentId: string | null = null;
  if (backup.isIncremental) {
    parentId = await findParent(conductor, backup, job.parentId, signal);
    if (parentId !== job.parentId) {
      // Where the one before it was still to be made, none is expected: whatever it was built on is right.
      if (parentId === null || job.parentId !== null) {
        const reason = parentId === null ? "parent_unknown" : "foreign_parent_found";
        const message = `expected ${job.parentId ?? "none"}, found ${parentId ?? "none"}`;
        notes.push(
          operation(conductor, job.runId, { kind: "notice", reason, ...subjectOf(job), backupId: backup.id, message }),
        );
      }
      if (parentId !== null) await writeMarks(conductor, job.projectId, backup.id, parentMark(parentId), signal);
    }
  }
  const now = clock.now();
  await endJob(conductor, job, {
    from: "running",
    to: "succeeded",
    // Cinder may have made a full although an incremental was asked for, and the volume may have been extended: what is recorded is what is.
    patch: {
      reason: "succeeded",
      endedAt: now,
      mode: backup.isIncremental ? "incremental" : "full",
      sizeGiB: backup.sizeGiB,
    },
    entries: [
      entryOf(job, backup, { parentId, parentVerified: parentId !== null || !backup.isIncremental, goodAt: now }),
    ],
    operations: [
      operation(conductor, job.runId, {
        kind: "complete",
        reason: "succeeded",
        ...subjectOf(job),
        backupId: backup.id,
      }),
      ...notes,
    ],
  });
}

const entryOf = (
  job: Job,
  backup: Backup,
  found: Pick<CatalogueEntry, "parentId" | "parentVerified" | "goodAt">,
): CatalogueEntry => ({
  backupId: backup.id,
  mechanism: job.mechanism,
  projectId: job.projectId,
  volumeId: job.volumeId,
  key: job.key,
  policy: job.policy,
  slot: job.slot,
  serverId: job.serverId,
  setId: job.setId,
  isIncremental: backup.isIncremental,
  sizeGiB: backup.sizeGiB,
  volumeType: job.volumeType,
  keepUntil: promiseOf(job),
  retention: job.retention,
  adopted: false,
  held: readMarks(backup.metadata).held,
  createdAt: backup.createdAt,
  deleteSentAt: null,
  goneAt: null,
  ...found,
});

/**
 * Resolves jobs whose answer was lost: finds the point by its key, or, once `settle_time` has passed without one, gives the job back to be sent again
 * inside its window.
 */
export async function reconcileLost(
  conductor: Conductor,
  lost: readonly Job[],
  userIds: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  const { clock, reader, repository, settings } = conductor;
  for (const job of lost) {
    const { mechanism, volumeId } = job;
    const listed = await Array.fromAsync(listPoints(reader, mechanism, { volumeId }, signal));
    const matches = listed
      .filter((b) => isOurs(b, userIds) && readMarks(b.metadata).key === job.key)
      .sort((a, b) => Number(a.createdAt) - Number(b.createdAt));
    const submittedAt = job.submittedAt ?? job.plannedAt;
    const match = matches.find((b) => b.status === "available") ?? matches[0];
    if (match !== undefined) {
      await started(conductor, job, { backupId: match.id, requestId: job.requestId, submittedAt, adopted: true });
      continue;
    }
    const now = clock.now();
    if (Number(now) - Number(submittedAt) < settings.settleMs) continue;
    if (now < job.windowEndsAt) {
      await repository.moveJob({ key: job.key, from: "submitting", to: "planned", patch: { submittedAt: null } });
    } else {
      await cancelMissed(conductor, job, now);
    }
  }
}

/** Ends a job whose window has passed before it could be sent. */
export async function cancelMissed(conductor: Conductor, job: Job, now: Date): Promise<void> {
  await endJob(conductor, job, {
    from: job.state,
    to: "cancelled",
    patch: { reason: "window_missed", endedAt: now },
    operations: [
      operation(conductor, job.runId, {
        kind: "cancel",
        reason: "window_missed",
        ...subjectOf(job),
        message: job.message,
      }),
    ],
  });
}
