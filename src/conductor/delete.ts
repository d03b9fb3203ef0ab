import type { Operation } from "../domain/catalogue.ts";
import type { Backup } from "../domain/inventory.ts";
import { readMarks, type Marks } from "../domain/marks.ts";
import type { Point } from "../domain/points.ts";
import type { Reason } from "../domain/reasons.ts";
import { CloudError } from "../openstack/errors.ts";
import { operation, type Conductor } from "./context.ts";
import type { LeaseKeeper } from "./lease.ts";
import { getPoint, sendDelete } from "./mechanism.ts";
import { isOurs } from "./scan.ts";

/** How long a DELETE may take until its chain is left for the next pass. */
const deletionTimeoutMs = 30 * 60 * 1000;
/** An answer of another API server may be behind by so much: a DELETE that was accepted has begun. */
const takenMs = 5_000;
/** A DELETE that Cinder took shows as `deleting` at once. */
const untakenMs = 30_000;

/** Reads the object and its children again, right before its DELETE (rule 1). */
export async function checkBeforeDelete(
  { reader }: Conductor,
  input: {
    readonly userIds: ReadonlySet<string>;
    readonly projectId: string;
    readonly point: Point;
    /** Why it is still wanted, by what Cinder shows of it now. */
    readonly wantedBecause: (seen: Backup, marks: Marks) => Reason | null;
  },
  signal: AbortSignal,
): Promise<Reason | "gone" | null> {
  const seen = await getPoint(reader, input.point.backup, signal);
  if (seen === null) return "gone";
  if (!isOurs(seen, input.userIds, input.point.entry) || seen.projectId !== input.projectId) return "keep_unverified";
  const marks = readMarks(seen.metadata);
  if (marks.held) return "keep_held";
  if (seen.status !== "available" && seen.status !== "error") return "keep_running";
  const wanted = input.wantedBecause(seen, marks);
  if (wanted !== null) return wanted;
  if (seen.mechanism === "snapshot") {
    // Some backends would refuse only after they have said yes, others copied the data; which it is cannot be seen.
    return (await reader.volumesOf(seen.id, signal)).length > 0 ? "keep_has_volumes" : null;
  }
  return (await reader.childrenOf(seen.id, signal)).length > 0 ? "keep_has_children" : null;
}

export interface DeleteFailure {
  readonly message: string;
  readonly requestId: string | null;
}

/** Sends one DELETE and waits until the object is gone. @returns null when it is, else what went wrong */
export async function deletePoint(
  conductor: Conductor,
  lease: LeaseKeeper,
  { runId, point, reason, signal }: { runId: string; point: Point; reason: Reason; signal: AbortSignal },
): Promise<DeleteFailure | null> {
  const { clock, reader, repository, writer } = conductor;
  const { id, mechanism } = point.backup;
  const projectId = point.projectId ?? "";
  await lease.prove();
  const sentAt = clock.now();
  // Both rows before anything is sent: the brake must count a DELETE whose answer a crash swallowed.
  await repository.appendOperations([
    operation(conductor, runId, { kind: "delete", reason, ...subjectOfPoint(point) }),
  ]);
  if (point.entry !== null) await repository.patchCatalogueEntry(id, { deleteSentAt: sentAt });
  let accepted = false;
  let begun = false;
  try {
    await sendDelete(writer.forProject(projectId), point.backup, signal);
    accepted = true;
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    if (error.status !== 404 && error.reached !== "maybe")
      return { message: error.message, requestId: error.requestId };
  }
  return await waitUntilGone();

  async function waitUntilGone(): Promise<DeleteFailure | null> {
    for (let waitMs = 250; ; waitMs = Math.min(waitMs * 1.5, conductor.settings.pollMs)) {
      const seen = await getPoint(reader, point.backup, signal);
      if (seen === null) return await gone();
      if (seen.status !== "deleting" && seen.status !== "available") {
        return {
          message: `it is ${seen.status} after its DELETE: ${seen.failReason ?? "no reason given"}`,
          requestId: null,
        };
      }
      const waitedMs = Number(clock.now()) - Number(sentAt);
      begun ||= seen.status === "deleting" || (accepted && waitedMs > takenMs);
      if (begun && mechanism === "snapshot" && seen.status === "available") {
        return { message: await whyBack(), requestId: null };
      }
      // A DELETE may be sent again: the next pass checks everything anew.
      if (seen.status === "available" && waitedMs > untakenMs) {
        return { message: "Cinder has not begun to delete it", requestId: null };
      }
      if (waitedMs > deletionTimeoutMs) {
        return {
          message: `it is still ${seen.status} ${deletionTimeoutMs / 60_000} minutes after its DELETE`,
          requestId: null,
        };
      }
      await clock.sleep(waitMs, signal);
    }
  }

  /** A backend that cannot let go of a snapshot puts it back, and tells only the project why. */
  async function whyBack(): Promise<string> {
    const said = await reader.messages(id, signal);
    return ["Cinder began to delete the snapshot and put it back to available: it is busy", ...said].join("; ");
  }

  async function gone(): Promise<null> {
    if (point.entry !== null) await repository.patchCatalogueEntry(id, { goneAt: clock.now() });
    await repository.appendOperations([
      operation(conductor, runId, { kind: "delete_verified", reason, ...subjectOfPoint(point) }),
    ]);
    return null;
  }
}

export const subjectOfPoint = (
  point: Point,
): Pick<Operation, "projectId" | "serverId" | "volumeId" | "backupId" | "key"> => ({
  projectId: point.projectId,
  serverId: point.marks.serverId,
  volumeId: point.backup.volumeId,
  backupId: point.backup.id,
  key: point.marks.key,
});

export const keepRow = (conductor: Conductor, runId: string, point: Point, reason: Reason): Operation =>
  operation(conductor, runId, { kind: "keep", reason, ...subjectOfPoint(point) });

/** A DELETE that did not lead to a gone backup. */
export const failureRow = (conductor: Conductor, runId: string, point: Point, failure: DeleteFailure): Operation =>
  operation(conductor, runId, { kind: "fail", reason: "delete_failed", ...subjectOfPoint(point), ...failure });
