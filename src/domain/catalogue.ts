import type { Mechanism } from "./inventory.ts";
import type { Reason } from "./reasons.ts";

/** What the database knows about the work. Rows are written by the store; the planner only reads them. */

/** `failed` and `cancelled` are ends; `submitting` found after a crash is reconciled by key, never resent blindly. */
export type JobState = "planned" | "submitting" | "running" | "succeeded" | "failed" | "cancelled";

export const openJobStates = ["planned", "submitting", "running"] as const satisfies readonly JobState[];

export type BackupMode = "full" | "incremental";

/**
 * How far the temporary snapshot is that a backup is made from. `refused`: none is made, the volume is backed up the ordinary way. `wanted`: to be requested.
 * `requesting`: sent, and the answer is not known. `ready`: available. `abandoned`: it could not be had, so the backup is an ordinary one after all.
 */
export type TemporaryState = "refused" | "wanted" | "requesting" | "creating" | "ready" | "abandoned";

/** One unit of work: a volume in a slot. */
export interface Job {
  /** The unit's {@link import("./marks.ts").workKey}; primary key. */
  readonly key: string;
  readonly mechanism: Mechanism;
  readonly runId: string;
  readonly projectId: string;
  readonly volumeId: string;
  readonly volumeName: string;
  readonly serverId: string;
  readonly serverName: string;
  readonly policy: string;
  /** As in the key: ISO 8601 UTC, or `manual:<run id>`. */
  readonly slot: string;
  /** Id of the set: the work key with the server in place of the volume. */
  readonly setId: string;
  readonly mode: BackupMode;
  /** Why full or incremental. */
  readonly modeReason: Reason;
  /** The backup an incremental is expected to build on. */
  readonly parentId: string | null;
  readonly sizeGiB: number;
  readonly volumeType: string | null;
  readonly pool: string | null;
  /** More than one server: worked one at a time. */
  readonly shared: boolean;
  /** Work may start until then. */
  readonly windowEndsAt: Date;
  readonly keepUntil: Date;
  /** Text of the thinning rule that it is made under, for its mark; `null` where only its age keeps it. */
  readonly retention: string | null;
  /** The policy's own container; `null`: the configured one. */
  readonly container: string | null;
  /** Set when it goes to the archive. */
  readonly archiveContainer: string | null;
  readonly archiveZone: string | null;
  /** In place of {@link keepUntil} when it goes to the archive. */
  readonly archiveKeepUntil: Date | null;
  /** Of a full, where every Nth is archived: its number since the last archive. */
  readonly fullNumber: number | null;
  readonly backupName: string;
  /** An operator's own; `null`: a sentence of ours. */
  readonly description: string | null;
  readonly state: JobState;
  readonly reason: Reason | null;
  /** The service's own words, for operators. */
  readonly message: string | null;
  readonly requestId: string | null;
  /** Of the backup, or of the snapshot. */
  readonly backupId: string | null;
  readonly plannedAt: Date;
  readonly submittedAt: Date | null;
  /** A running backup past it is reported as stuck, and stays watched. */
  readonly deadlineAt: Date | null;
  readonly stuckReportedAt: Date | null;
  readonly endedAt: Date | null;
  /** `null` where the policy asks for no backup from a temporary snapshot, and for snapshots. */
  readonly temporary: TemporaryState | null;
  /** Why it is refused or abandoned, or why it is still there. */
  readonly temporaryReason: Reason | null;
  /** Of the temporary snapshot. */
  readonly temporaryId: string | null;
  /** When it was requested, and when Cinder's answer came; `null` also where that was lost. */
  readonly temporarySentAt: Date | null;
  readonly temporaryAnsweredAt: Date | null;
  /** When it was seen that there is none, or none any more. */
  readonly temporaryGoneAt: Date | null;
}

/** Of a job that has nothing to do with temporary snapshots. */
export const noTemporary = {
  temporary: null,
  temporaryReason: null,
  temporaryId: null,
  temporarySentAt: null,
  temporaryAnsweredAt: null,
  temporaryGoneAt: null,
} as const satisfies Partial<Job>;

export const isOpen = (job: Pick<Job, "state">): boolean => openJobStates.some((state) => state === job.state);

/** Whether somebody waits for its end: a stuck one is watched, but not waited for. */
export const isGoingOn = (job: Pick<Job, "state" | "stuckReportedAt">): boolean =>
  isOpen(job) && job.stuckReportedAt === null;

/** What is promised to the backup that the job makes. */
export const promiseOf = (job: Pick<Job, "keepUntil" | "archiveKeepUntil">): Date =>
  job.archiveKeepUntil ?? job.keepUntil;

/** What the database remembers of a restore point beyond what Cinder shows. */
export interface CatalogueEntry {
  /** Of the backup, or of the snapshot. */
  readonly backupId: string;
  readonly mechanism: Mechanism;
  readonly projectId: string;
  readonly volumeId: string;
  readonly key: string | null;
  readonly policy: string | null;
  readonly slot: string | null;
  readonly serverId: string | null;
  readonly setId: string | null;
  readonly isIncremental: boolean;
  readonly sizeGiB: number;
  readonly volumeType: string | null;
  /** Cinder's real parent as the reader found it; the expected one while {@link parentVerified} is false. */
  readonly parentId: string | null;
  readonly parentVerified: boolean;
  readonly keepUntil: Date | null;
  /** Text of the thinning rule that it was made under. */
  readonly retention: string | null;
  /** An operator took it over from somebody else: ours although another user created it. */
  readonly adopted: boolean;
  readonly held: boolean;
  readonly createdAt: Date;
  /** When we first saw it good; `null` if never. */
  readonly goodAt: Date | null;
  /** When we sent its DELETE. */
  readonly deleteSentAt: Date | null;
  /** When it was first seen gone. */
  readonly goneAt: Date | null;
}

/** A tenant's request for another retention, and since when a scan has seen it. */
export interface OverrideSeen {
  /** Server or volume id. */
  readonly resourceId: string;
  readonly key: string;
  readonly value: string;
  readonly firstSeenAt: Date;
}

/** An operator's permission to delete more than the brake allows. */
export interface BrakeOverride {
  readonly projectId: string;
  /** Points that may be deleted in 24 hours, where that is more than the brake allows. */
  readonly count: number;
  readonly expiresAt: Date;
}

export type OperationKind =
  | "create"
  | "temporary"
  | "complete"
  | "skip"
  | "fail"
  | "delete"
  | "delete_verified"
  | "keep"
  | "adopt"
  | "cancel"
  | "report_stuck"
  | "mark_server"
  | "mark_backup"
  | "set"
  | "notice";

/** The audit trail: append-only, one row for every create, delete, skip, release and failure. */
export interface Operation {
  readonly id: string;
  readonly runId: string;
  readonly at: Date;
  readonly kind: OperationKind;
  readonly reason: Reason;
  readonly projectId: string | null;
  readonly serverId: string | null;
  readonly volumeId: string | null;
  readonly backupId: string | null;
  readonly key: string | null;
  readonly message: string | null;
  readonly requestId: string | null;
}
