import type { CatalogueEntry, Job, JobState, Operation, OverrideSeen } from "../domain/catalogue.ts";
import type { Delivery, DeliveryChannel, DeliveryState } from "../domain/deliveries.ts";
import type { Order, OrderState } from "../domain/orders.ts";
import type { ProjectReport, Run, RunOutcome } from "../domain/runs.ts";

/** A lease with its fencing number, which grows with every change of owner. */
export interface Lease {
  readonly name: string;
  readonly owner: string;
  readonly fence: number;
  readonly expiresAt: Date;
}

/** The columns of a job that change while it is worked, or when it begins anew. */
export type JobPatch = Partial<
  Pick<
    Job,
    | "runId"
    | "setId"
    | "plannedAt"
    | "reason"
    | "sizeGiB"
    | "archiveContainer"
    | "archiveZone"
    | "archiveKeepUntil"
    | "message"
    | "requestId"
    | "backupId"
    | "submittedAt"
    | "deadlineAt"
    | "stuckReportedAt"
    | "endedAt"
    | "mode"
    | "modeReason"
    | "parentId"
    | "temporary"
    | "temporaryReason"
    | "temporaryId"
    | "temporarySentAt"
    | "temporaryAnsweredAt"
    | "temporaryGoneAt"
  >
>;

export interface JobFilter {
  readonly states?: readonly JobState[];
  readonly slot?: string;
  readonly setId?: string;
  readonly projectId?: string;
  readonly runId?: string;
  readonly keys?: readonly string[];
  /** Those whose temporary snapshot was requested and not yet seen gone. */
  readonly temporaryLeft?: true;
}

export interface QuotaSample {
  readonly projectId: string;
  readonly at: Date;
  readonly backupsLimit: number;
  readonly backupsUsed: number;
  readonly gigabytesLimit: number;
  readonly gigabytesUsed: number;
}

/**
 * All that is kept between two runs. One contract suite holds it on both dialects. Every method is one I/O step; those that write several rows
 * write all or none. Instants are stored in UTC with milliseconds. Methods throw {@link import("./errors.ts").StoreError}: after a transient
 * one a write may have been done or not (the answer was lost). Calling it again is safe: inserts leave rows that are there as they are, and a
 * {@link Repository.moveJob} that was done answers false, so read the job.
 */
export interface Repository {
  close(): Promise<void>;

  /**
   * Takes the lease when it is free, expired, or already the owner's (then only renewed). Taking it from another owner raises the fence.
   * `force` takes it whatever it says: only for SQLite, where the exclusive lock proves that no other conductor lives.
   * @returns null when another owner holds it.
   */
  acquireLease(request: {
    name: string;
    owner: string;
    now: Date;
    ttlMs: number;
    force?: boolean;
  }): Promise<Lease | null>;
  /** Extends the lease; null when the fence has moved on: the caller must stop sending. */
  renewLease(lease: Lease, now: Date, ttlMs: number): Promise<Lease | null>;
  /** Frees it at once, if still ours. */
  releaseLease(lease: Lease): Promise<void>;

  insertRun(run: Run): Promise<void>;
  /**
   * Patches a run and, in the same transaction, queues what is to be told of it.
   * @throws StoreError when there is no such run
   */
  updateRun(id: string, patch: Partial<Omit<Run, "id">>, deliveries?: readonly Delivery[]): Promise<void>;
  /** Newest first. */
  runs(filter: {
    limit: number;
    id?: string;
    outcome?: RunOutcome;
    scanGood?: boolean;
    open?: boolean;
  }): Promise<Run[]>;

  /** Inserts the jobs whose key is new, with the operations of those, and returns the keys that were. */
  insertJobs(jobs: readonly Job[], operations?: readonly Operation[]): Promise<ReadonlySet<string>>;
  /** Ordered by key. */
  jobs(filter: JobFilter): Promise<Job[]>;
  /**
   * Moves a job from one state to another and patches it, by one conditional statement. `lease`, when given, must still be the current one, by
   * owner and fence (checked in the same statement; one that has expired is current until somebody else takes it). `operations` and `entries` are written in the same transaction, and only when the move took place: what happened and its
   * audit row are never apart.
   * @returns false when the job was not in `from`, or the lease is lost.
   */
  moveJob(change: {
    key: string;
    from: JobState;
    to: JobState;
    patch: JobPatch;
    lease?: Lease;
    operations?: readonly Operation[];
    entries?: readonly CatalogueEntry[];
  }): Promise<boolean>;

  /** All entries that are not gone, or those of one project; ordered by backup id, so that `after` and `limit` read them in parts. */
  catalogue(filter?: {
    projectId?: string;
    includeGone?: boolean;
    after?: string;
    limit?: number;
  }): Promise<CatalogueEntry[]>;
  upsertCatalogue(entries: readonly CatalogueEntry[]): Promise<void>;
  /** @throws StoreError when there is no such entry */
  patchCatalogueEntry(backupId: string, patch: Partial<Omit<CatalogueEntry, "backupId">>): Promise<void>;

  appendOperations(operations: readonly Operation[]): Promise<void>;
  /** Oldest first; those of one instant in the order of writing. */
  operations(filter: {
    runId?: string;
    kinds?: readonly Operation["kind"][];
    projectId?: string;
    since?: Date;
    limit?: number;
  }): Promise<Operation[]>;

  overridesSeen(): Promise<OverrideSeen[]>;
  /** Makes the stored set equal to `seen`: adds new ones, removes those not in it. */
  replaceOverridesSeen(seen: readonly OverrideSeen[]): Promise<void>;

  /** Inserts a report and, in the same transaction, queues it for those who are to get it. */
  insertReport(report: ProjectReport, deliveries?: readonly Delivery[]): Promise<void>;
  /** Newest first. */
  reports(filter: { id?: string; runId?: string; projectId?: string; limit: number }): Promise<ProjectReport[]>;

  insertDeliveries(deliveries: readonly Delivery[]): Promise<void>;
  /** In the order of their next attempts. `dueBy`: the next attempt is not later than that. */
  deliveries(filter: {
    states?: readonly DeliveryState[];
    channel?: DeliveryChannel;
    dueBy?: Date;
    reportId?: string;
    runId?: string;
    since?: Date;
    limit: number;
  }): Promise<Delivery[]>;
  /**
   * Patches a queued delivery by one conditional statement. `attempts`, when given, must still be its number of attempts: of several who want to
   * make the next attempt one wins. `insert` is queued in the same transaction.
   * @returns false when it is no longer queued, or another one was quicker
   */
  moveDelivery(change: {
    id: string;
    attempts?: number;
    patch: Partial<Omit<Delivery, "id">>;
    insert?: readonly Delivery[];
  }): Promise<boolean>;
  /** Removes those that ended before an instant. @returns how many */
  purgeDeliveries(endedBefore: Date): Promise<number>;

  insertOrder(order: Order): Promise<void>;
  /** In the order in which they were asked for. */
  orders(filter: { id?: string; states?: readonly OrderState[] }): Promise<Order[]>;
  /**
   * Moves an order from one state to another by one conditional statement. `lease`, when given, must still be the current one, as in
   * {@link Repository.moveJob}.
   * @returns false when the order was not in `from`, or the lease is lost
   */
  moveOrder(change: {
    id: string;
    from: OrderState;
    to: OrderState;
    patch?: Partial<Pick<Order, "endedAt" | "result">>;
    lease?: Lease;
  }): Promise<boolean>;

  /**
   * Deletes the oldest few runs that started before `before` with their jobs, operations and reports, and quota samples, orders and rows of backups that were over or gone by
   * then. A run with an open job stays.
   * @returns how many runs; 0 when none is left
   */
  forgetRuns(before: Date): Promise<number>;

  insertQuotaSamples(samples: readonly QuotaSample[]): Promise<void>;
  /** Newest first. */
  quotaSamples(filter: { projectId: string; limit: number }): Promise<QuotaSample[]>;
}
