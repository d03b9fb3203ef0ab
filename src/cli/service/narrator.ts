import type { Job, Operation } from "../../domain/catalogue.ts";
import type { Observer } from "../../conductor/observed.ts";
import type { CycleResult } from "../../conductor/cycle.ts";
import { formatDuration } from "../../domain/durations.ts";
import type { Mechanism } from "../../domain/inventory.ts";
import type { Logger } from "../../domain/log.ts";
import { defaultPolicy } from "../../domain/policy.ts";
import { operatorText, type Reason } from "../../domain/reasons.ts";
import type { ProjectReport } from "../../domain/runs.ts";
import { commonUnit, unitOf } from "../../report/digest.ts";

type Level = "debug" | "info" | "warn" | "error";

/**
 * Writes a line for each outcome as it is recorded: what happened to which volume of whom, why, and the request to look for in Cinder's log.
 * @param builtIn name of the policy that goes without saying
 */
export const narrator = (log: Logger, builtIn: string = defaultPolicy.name): Observer => ({
  onRunStarted: ({ id, kind }) => log.debug({ run: id, kind }, "a run begins"),
  onOperation(operation, job) {
    const [level, message] = sentenceOf(operation, mechanismOf(operation, job));
    log[level](fieldsOf(operation, job, builtIn), message);
  },
});

function sentenceOf({ kind, reason }: Operation, made: Mechanism): readonly [Level, string] {
  switch (kind) {
    case "create":
      return ["info", `${made} started`];
    case "temporary":
      return ["info", "temporary snapshot requested"];
    case "adopt":
      return ["info", `${made} found again`];
    case "complete":
      return ["info", `${made} succeeded`];
    case "fail":
      return reason === "delete_failed" ? ["error", "deletion failed"] : ["error", `${made} failed`];
    case "cancel":
      return ["error", `${made} not made`];
    case "report_stuck":
      return ["error", `${made} is stuck`];
    case "skip":
      return [wished.has(reason) ? "info" : "warn", "volume skipped"];
    case "keep":
      return ["debug", "restore point kept"];
    case "delete":
      return ["debug", "deletion sent"];
    case "delete_verified":
      return ["info", "restore point deleted"];
    case "mark_server":
      return reason === "succeeded" ? ["debug", "server marked"] : ["warn", "server not marked"];
    case "set":
      return reason === "set_complete"
        ? ["info", "snapshots of a server made"]
        : ["warn", "snapshots of a server not all made"];
    case "mark_backup":
      return ["info", "backup marked"];
    case "notice":
      return [alarming.has(reason) ? "error" : "warn", "notice"];
  }
}

/** Skipping for these is as it should be. */
const wished: ReadonlySet<Reason> = new Set(["skip_requested", "shared_volume", "too_soon"]);
/** Something does not work as it should until somebody looks. */
const alarming: ReadonlySet<Reason> = new Set([
  "brake",
  "clock_jump",
  "unproven_reader",
  "partial_scan",
  "policies_invalid",
]);

/** Of what was refused before there was a job the key tells. */
const mechanismOf = ({ key }: Operation, job: Job | null): Mechanism =>
  job?.mechanism ?? (key?.endsWith("/snapshot") === true ? "snapshot" : "backup");

function fieldsOf(operation: Operation, job: Job | null, builtIn: string): object {
  const made = mechanismOf(operation, job);
  const { kind, reason, message, requestId } = operation;
  const ended = job?.endedAt ?? null;
  return compact({
    server: job?.serverName,
    volumeName: job === null || job.volumeName === "" ? null : job.volumeName,
    policy: job === null || job.policy === builtIn ? null : job.policy,
    why: kind === "create" || reason === "succeeded" ? null : operatorText(reason, made),
    message: message === operatorText(reason, made) ? null : message,
    mode: job?.mechanism === "snapshot" ? "snapshot" : job?.mode,
    reason: reason === "succeeded" ? null : reason,
    sizeGiB: job?.sizeGiB,
    took: ended === null || job?.submittedAt == null ? null : span(Number(ended) - Number(job.submittedAt)),
    project: operation.projectId,
    serverId: job === null ? operation.serverId : null,
    volume: operation.volumeId,
    backup: operation.backupId,
    request: requestId ?? (kind === "complete" ? null : job?.requestId),
    run: operation.runId,
  });
}

const compact = (fields: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));

/** A duration in whole seconds. */
export const span = (ms: number): string => formatDuration(Math.max(1000, Math.round(ms / 1000) * 1000));

/** The end of a run: a line for each project that had work, and one for all of it. */
export function narrateCycle(log: Logger, { run, outcome, reports, idle }: CycleResult): void {
  if (idle) {
    log.debug({ run: run.id }, "nothing is due");
    return;
  }
  for (const report of reports) {
    const { projectId, projectName, rotation } = report;
    const counts = countsOf([report]);
    const fields = { ...counts, blocked: rotation.blocked, project: projectId, projectName, run: run.id };
    log[counts.failed > 0 ? "warn" : "info"](compact(fields), "a project's run has ended");
  }
  const level = { ok: "info", partial: "warn", failed: "error", interrupted: "info" } as const;
  const took = run.endedAt === null ? null : span(Number(run.endedAt) - Number(run.startedAt));
  const fields = { outcome, kind: run.kind, took, ...countsOf(reports), projects: reports.length, run: run.id };
  log[level[outcome]](compact({ ...fields, servers: run.servers, volumes: run.volumes }), summary(outcome, reports));
}

const count = (reports: readonly ProjectReport[], wanted: string): number =>
  reports.flatMap(({ lines }) => lines).filter(({ outcome }) => outcome === wanted).length;

const countsOf = (reports: readonly ProjectReport[]) => ({
  succeeded: count(reports, "succeeded"),
  failed: count(reports, "failed"),
  running: count(reports, "running"),
  skipped: count(reports, "skipped"),
  deleted: reports.reduce((sum, { rotation }) => sum + rotation.deleted, 0),
});

function summary(outcome: CycleResult["outcome"], reports: readonly ProjectReport[]): string {
  switch (outcome) {
    case "ok":
      return "the run has ended: all went well";
    case "partial":
    case "failed": {
      const all = reports.flatMap(({ lines }) => lines);
      const { noun } = commonUnit(reports.filter(({ lines }) => lines.length > 0).map(({ lines }) => unitOf(lines)));
      const what = noun === "volume" ? "volumes have no new backup" : `${noun}s were not made`;
      return `the run has ended: ${count(reports, "failed")} of ${all.length} ${what}`;
    }
    case "interrupted":
      return "the run was interrupted; the next start goes on with it";
  }
}
