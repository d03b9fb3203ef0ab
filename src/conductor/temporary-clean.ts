import { isOpen, type Job } from "../domain/catalogue.ts";
import type { Backup } from "../domain/inventory.ts";
import { readPoints, type Point } from "../domain/points.ts";
import type { Reason } from "../domain/reasons.ts";
import type { JobPatch } from "../store/repository.ts";
import { operation, type Conductor, type Signals } from "./context.ts";
import { deletePoint, failureRow } from "./delete.ts";
import type { LeaseKeeper } from "./lease.ts";
import { isOutage } from "./outage.ts";
import { subjectOf } from "./submit.ts";
import { findByKey, isSettled, temporaryOf } from "./temporary.ts";

/** Whether a job's temporary snapshot is to go: its backup has ended, well or not. */
export const isLeft = (job: Job): boolean => !isOpen(job);

/** The ones that nobody has tried to delete in vain: that is tried again when there is other work. */
export const leftUntried = async ({ repository }: Pick<Conductor, "repository">): Promise<boolean> =>
  (await repository.jobs({ temporaryLeft: true })).some(
    (job) => isLeft(job) && job.temporaryReason !== "delete_failed",
  );

/**
 * Deletes temporary snapshots whose backups have ended, beside the other work. Which they are only the database says, by their ids: marks can be written by tenants, so no
 * mark makes anything temporary enough to be deleted.
 */
export class TemporaryCleaner {
  readonly #conductor: Conductor;
  readonly #lease: LeaseKeeper;
  readonly #userIds: ReadonlySet<string>;
  readonly #concerns: (job: Job) => boolean;
  /** Keys of jobs whose snapshots are being deleted, or could not be. */
  readonly #begun = new Set<string>();
  #running: Promise<void>[] = [];
  #failure: { readonly error: unknown } | null = null;

  constructor(
    conductor: Conductor,
    lease: LeaseKeeper,
    { userIds, concerns }: { readonly userIds: ReadonlySet<string>; readonly concerns: (job: Job) => boolean },
  ) {
    this.#conductor = conductor;
    this.#lease = lease;
    this.#userIds = userIds;
    this.#concerns = concerns;
  }

  /** Begins with those that are left by now. */
  async start({ cut, drain }: Signals): Promise<void> {
    if (drain.aborted) return;
    const left = await this.#conductor.repository.jobs({ temporaryLeft: true });
    for (const job of left.filter((each) => isLeft(each) && this.#concerns(each) && !this.#begun.has(each.key))) {
      this.#begun.add(job.key);
      this.#running.push(
        this.#clean(job, cut).catch((error: unknown) => {
          if (isOutage(error)) this.#begun.delete(job.key);
          else this.#failure ??= { error };
        }),
      );
    }
  }

  /** Waits for what was begun. Throws the first failure that is not an outage. */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
    this.#running = [];
    if (this.#failure !== null) throw this.#failure.error;
  }

  async #clean(job: Job, signal: AbortSignal): Promise<void> {
    const conductor = this.#conductor;
    const seen =
      job.temporaryId === null
        ? await findByKey(conductor, job, this.#userIds, signal)
        : await temporaryOf(conductor, job, signal);
    if (seen === null) {
      if (job.temporaryId !== null || isSettled(conductor, job)) await this.#gone(job);
      else this.#begun.delete(job.key);
      return;
    }
    // Its backup may be being made still, whatever became of the job.
    if (seen.status === "backing-up" || seen.status === "creating") {
      this.#begun.delete(job.key);
      return;
    }
    const obstacle = await this.#obstacle(job, seen, signal);
    if (obstacle !== null) {
      await this.#failed(job, obstacle.reason, obstacle.message);
      return;
    }
    const point = this.#pointOf(seen);
    const failure = await deletePoint(conductor, this.#lease, {
      runId: job.runId,
      point,
      reason: "temporary",
      signal,
    });
    if (failure === null) {
      await this.#gone(job);
      return;
    }
    await conductor.repository.appendOperations([failureRow(conductor, job.runId, point, failure)]);
    await this.#patch(job, { temporaryReason: "delete_failed" });
  }

  /** What the id stands for now, right before its DELETE. */
  async #obstacle(
    job: Job,
    seen: Backup,
    signal: AbortSignal,
  ): Promise<{ readonly reason: Reason; readonly message: string | null } | null> {
    const { reader } = this.#conductor;
    const byUs = seen.userId !== null && this.#userIds.has(seen.userId);
    if (!byUs || seen.volumeId !== job.volumeId || seen.projectId !== job.projectId)
      return { reason: "keep_unverified", message: "the snapshot is not what it was" };
    if (seen.status !== "available" && seen.status !== "error")
      return { reason: "keep_running", message: `the snapshot is ${seen.status}` };
    const volumes = await reader.volumesOf(seen.id, signal);
    return volumes.length > 0 ? { reason: "keep_has_volumes", message: volumes.join(", ") } : null;
  }

  #pointOf(seen: Backup): Point {
    const [volume] = readPoints({ backups: [seen], catalogue: new Map(), userIds: this.#userIds }).values();
    const [point] = [...(volume?.points ?? []), ...(volume?.others ?? [])];
    if (point === undefined) throw new Error(`snapshot ${seen.id} could not be read`);
    return point;
  }

  async #failed(job: Job, reason: Reason, message: string | null): Promise<void> {
    // Told once, however often it is tried.
    if (job.temporaryReason === "delete_failed") return;
    await this.#patch(job, { temporaryReason: "delete_failed" }, { kind: "keep", reason, message });
  }

  async #gone(job: Job): Promise<void> {
    await this.#patch(job, { temporaryGoneAt: this.#conductor.clock.now() });
  }

  async #patch(
    job: Job,
    patch: JobPatch,
    told: { readonly kind: "keep"; readonly reason: Reason; readonly message: string | null } | null = null,
  ): Promise<void> {
    const { repository } = this.#conductor;
    const operations =
      told === null
        ? []
        : [operation(this.#conductor, job.runId, { ...told, ...subjectOf(job), backupId: job.temporaryId })];
    await repository.moveJob({ key: job.key, from: job.state, to: job.state, patch, operations });
  }
}
