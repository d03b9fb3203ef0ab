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

/** What happened to one volume of a project in a run, for its report. */
export interface ReportLine {
  readonly volumeId: string;
  readonly volumeName: string;
  readonly serverId: string;
  readonly serverName: string;
  readonly outcome: "succeeded" | "failed" | "skipped" | "running";
  readonly mode: "full" | "incremental" | null;
  readonly backupId: string | null;
  readonly sizeGiB: number;
  readonly durationMs: number | null;
  readonly reason: Reason;
  /** The service's own words, for operators only. */
  readonly message: string | null;
  /** When the volume's newest good restore point was made; null: it has none, or nobody asked. */
  readonly lastGoodAt: Date | null;
}

/** The good restore points that a project has after a run. */
export interface PointsSummary {
  readonly count: number;
  /** Null when there is none. */
  readonly oldestAt: Date | null;
  readonly newestAt: Date | null;
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
  readonly points: PointsSummary | null;
  readonly lines: readonly ReportLine[];
  readonly rotation: RotationSummary;
  readonly quota: {
    readonly backups: { readonly limit: number; readonly used: number };
    readonly gigabytes: { readonly limit: number; readonly used: number };
  } | null;
  /** Things both operators and tenants are told beside the volumes, e.g. forged marks, bounded requests. */
  readonly notices: readonly {
    readonly reason: Reason;
    readonly resourceId: string | null;
    readonly message: string | null;
  }[];
}
