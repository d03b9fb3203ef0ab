import type { Mechanism } from "./inventory.ts";
import type { Reason } from "./reasons.ts";

export type RunKind = "scheduled" | "manual" | "rotation";

/** `partial`: some volumes failed. `interrupted`: stopped by a signal or a crash before its end. */
export type RunOutcome = "ok" | "partial" | "failed" | "interrupted";

/** One pass of the conductor. */
export interface Run {
  readonly id: string;
  readonly kind: RunKind;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  readonly outcome: RunOutcome | null;
  /** What the scan saw; `null` when it failed. The last good run's counts are the measure of a partial scan. */
  readonly servers: number | null;
  readonly volumes: number | null;
  /** Whether servers and volumes were listed whole, with proven rights. */
  readonly scanGood: boolean;
  readonly message: string | null;
  /** Which state of the policy and rule files it went by; `null` where there are none. */
  readonly policyVersion: string | null;
}

/** A run that begins: nothing is known of it yet. */
export function newRun(begun: Pick<Run, "id" | "kind" | "startedAt"> & Partial<Pick<Run, "message">>): Run {
  return {
    endedAt: null,
    outcome: null,
    servers: null,
    volumes: null,
    scanGood: false,
    message: null,
    policyVersion: null,
    ...begun,
  };
}

/** What one policy did with one volume of a project by one mechanism in a run, for its report. */
export interface ReportLine {
  /** Empty for a volume that the operators have left out of all. */
  readonly policy: string;
  readonly mechanism: Mechanism;
  readonly volumeId: string;
  readonly volumeName: string;
  readonly serverId: string;
  readonly serverName: string;
  readonly outcome: "succeeded" | "failed" | "skipped" | "running";
  /** A snapshot is a full one. */
  readonly mode: "full" | "incremental" | null;
  /** Of the backup, or of the snapshot. */
  readonly backupId: string | null;
  readonly sizeGiB: number;
  readonly durationMs: number | null;
  readonly reason: Reason;
  /** The service's own words, for operators only. */
  readonly message: string | null;
  /** When the volume's newest good restore point by the same mechanism was made; null: it has none, or nobody asked. */
  readonly lastGoodAt: Date | null;
}

/** The good restore points by one mechanism that a project has after a run. */
export interface PointsSummary {
  readonly count: number;
  /** Null when there is none. */
  readonly oldestAt: Date | null;
  readonly newestAt: Date | null;
}

/** What the restore points of a server's volumes in one slot are worth together: snapshots, or backups of one moment. */
export interface SetSummary {
  readonly serverId: string;
  readonly serverName: string;
  readonly policy: string;
  readonly slot: string;
  /** All of its volumes have theirs, of nearly one moment. */
  readonly complete: boolean;
  readonly volumes: number;
  /** How many of them have. */
  readonly made: number;
  /** Milliseconds from the first request to the last answer; null where it is not known. */
  readonly skewMs: number | null;
}

export interface QuotaFigures {
  /** -1 is unlimited. */
  readonly limit: number;
  readonly used: number;
}

export interface RotationSummary {
  readonly deleted: number;
  readonly kept: number;
  /** DELETEs that did not lead to a gone backup. */
  readonly failed: number;
  /** How many were deleted and kept for each reason. */
  readonly reasons: Readonly<Partial<Record<Reason, number>>>;
  /** Set when nothing was deleted in the whole project, and why. */
  readonly blocked: Reason | null;
}

/** One project's report of a run; what the digest is made of. Stored as JSON in the `reports` table. */
export interface ProjectReport {
  readonly id: string;
  readonly runId: string;
  readonly projectId: string;
  readonly projectName: string;
  readonly at: Date;
  /** Of the run. Null in reports of before it was noted, as in the two below. */
  readonly startedAt: Date | null;
  /** The start of the next slot. */
  readonly nextRunAt: Date | null;
  /** Its backups. */
  readonly points: PointsSummary | null;
  /** Its snapshots; null where it has none. */
  readonly snapshots: PointsSummary | null;
  readonly lines: readonly ReportLine[];
  /** Of servers with several volumes that were snapshotted. */
  readonly sets: readonly SetSummary[];
  readonly rotation: RotationSummary;
  readonly quota: {
    readonly backups: QuotaFigures;
    /** Of backups. */
    readonly gigabytes: QuotaFigures;
    /** Only where snapshots are made; also the one below. */
    readonly snapshots?: QuotaFigures;
    /** Of volumes and snapshots together. */
    readonly volumeGigabytes?: QuotaFigures;
    /** The same two of volume types that have a limit of their own. */
    readonly ofType?: readonly {
      readonly type: string;
      readonly snapshots: QuotaFigures;
      readonly volumeGigabytes: QuotaFigures;
    }[];
  } | null;
  /** Things both operators and tenants are told beside the volumes, e.g. forged marks, bounded requests. */
  readonly notices: readonly (RunNotice & { readonly resourceId: string | null })[];
}

/** Something to tell beside the volumes. */
export interface RunNotice {
  readonly reason: Reason;
  /** For operators. */
  readonly message: string | null;
}
