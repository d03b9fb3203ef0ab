import { Hono } from "hono";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ConductorSettings, PointsByMechanism } from "../../conductor/context.ts";
import type { CycleResult } from "../../conductor/cycle.ts";
import type { Observer } from "../../conductor/observed.ts";
import type { Job, Operation } from "../../domain/catalogue.ts";
import type { Delivery } from "../../domain/deliveries.ts";
import type { Clock } from "../../domain/clock.ts";
import type { Io } from "../../domain/io.ts";
import type { Reason } from "../../domain/reasons.ts";
import { mechanisms, type BackupQuota } from "../../domain/inventory.ts";
import type { ProtectedVolume } from "../../domain/protected.ts";
import { apiIo } from "./api-io.ts";
import { ProjectBook } from "./projects.ts";
import { projectGauges } from "./project-gauges.ts";

/** What the conductor counts of its own work, for Prometheus. Only projects, policies and reasons are labels. */
export interface ConductorMetrics {
  /** Counts what passes the repository. */
  readonly observer: Observer;
  /** Measures what is asked of OpenStack. */
  io(inner: Io): Io;
  readonly onProgress: (open: readonly Job[]) => void;
  readonly onProtected: (volumes: ReadonlyMap<string, ProtectedVolume>) => void;
  readonly onPoints: (projectId: string, points: PointsByMechanism) => void;
  readonly onQuota: (projectId: string, quota: BackupQuota) => void;
  onCycle(result: CycleResult): void;
  /** A cycle ended by an error. */
  onFailure(): void;
  onReload(succeeded: boolean): void;
  readonly onPolicyFiles: (valid: boolean) => void;
  readonly book: ProjectBook;
  /** Serves `/metrics`. */
  readonly app: Hono;
}

export interface MetricsOptions {
  readonly version: string;
  readonly clock: Clock;
  /** As they are in force. */
  readonly settings: () => Pick<ConductorSettings, "policy">;
  /** How many projects have series of their own. */
  readonly projects: number;
  /** Messages that wait to be sent. */
  readonly deliveries: () => Promise<readonly Delivery[]>;
  /** Cinder's own time, as far as it is known. */
  readonly serviceDate: () => Date | null;
}

const channels: readonly Delivery["channel"][] = ["mail", "members", "webhook", "ping"];
/** What backups fail for. */
const failureReasons: readonly Reason[] = [
  "ended_in_error",
  "no_project_access",
  "over_quota",
  "refused",
  "vanished",
  "volume_limit",
  "window_missed",
  "wrong_size",
];
/** Notices after which nothing is deleted until somebody looks. */
const alarms: readonly Reason[] = ["brake", "clock_jump", "partial_scan", "unproven_reader"];

export function conductorMetrics(options: MetricsOptions): ConductorMetrics {
  const { clock, settings } = options;
  const registry = new Registry();
  const registers = [registry];
  const nowSeconds = (): number => Number(clock.now()) / 1000;
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]): Counter<L> =>
    new Counter({ name, help, labelNames, registers });

  collectDefaultMetrics({ register: registry });
  new Gauge({ name: "dirigent_build_info", help: "Always 1.", labelNames: ["version"], registers }).set(
    { version: options.version },
    1,
  );
  const leader = gauge("dirigent_leader", "1 when this conductor holds the lease, 0 on a standby.");
  leader.set(0);

  const runs = counter("dirigent_runs_total", "Runs that had something to do.", "kind", "outcome");
  const lastRun = new Gauge({
    name: "dirigent_last_run_timestamp_seconds",
    help: "When a pass over the cloud last ended, whether or not anything was due.",
    labelNames: ["outcome"],
    registers,
  });
  const runDuration = new Gauge({
    name: "dirigent_last_run_duration_seconds",
    help: "How long the last run of each kind took that had something to do.",
    labelNames: ["kind"],
    registers,
  });
  const attempts = counter(
    "dirigent_backup_attempts_total",
    "Backups, and snapshots as a type of their own, that Cinder took on.",
    "policy",
    "type",
  );
  const successes = counter("dirigent_backup_success_total", "Those that succeeded.", "policy", "type");
  const failures = counter(
    "dirigent_backup_failures_total",
    "Backups and snapshots that failed or were not made.",
    "reason",
    "mechanism",
  );
  const stuck = counter("dirigent_backup_stuck_total", "Backups reported as stuck.");
  const skipped = counter("dirigent_backup_skipped_total", "Volumes left out of a slot.", "reason");
  const deletions = counter("dirigent_deletions_total", "Restore points deleted and seen gone.", "reason");
  const deletionFailures = counter("dirigent_deletion_failures_total", "Deletions that did not complete.");
  const notices = counter("dirigent_notices_total", "What operators were told beside outcomes.", "reason");
  // A series that begins with its first event shows no increase by it.
  for (const reason of failureReasons) for (const mechanism of mechanisms) failures.inc({ reason, mechanism }, 0);
  for (const reason of alarms) notices.inc({ reason }, 0);
  for (const kind of ["scheduled", "rotation", "unknown"]) runs.inc({ kind, outcome: "failed" }, 0);
  const durations = new Histogram({
    name: "dirigent_backup_duration_seconds",
    help: "From the request to the end of a backup or snapshot that succeeded.",
    labelNames: ["type"],
    buckets: [10, 30, 60, 300, 900, 1800, 3600, 7200, 14_400, 28_800, 57_600, 86_400],
    registers,
  });

  const inFlight = gauge("dirigent_inflight", "Backups that Cinder is making for this conductor.");
  const queued = gauge("dirigent_queue_depth", "Backups that wait for their turn.");
  let openSince: number | null = null;
  new Gauge({
    name: "dirigent_oldest_pending_seconds",
    help: "Age of the oldest work that has not ended, from its planning.",
    registers,
    collect() {
      this.set(openSince === null ? 0 : nowSeconds() - openSince / 1000);
    },
  });
  // Without the database the figures stay as they were.
  const waiting = (): Promise<readonly Delivery[] | null> => options.deliveries().catch(() => null);
  new Gauge({
    name: "dirigent_deliveries_pending",
    help: "Messages (digests, webhook, ping) that wait to be sent.",
    labelNames: ["channel"],
    registers,
    async collect() {
      const found = await waiting();
      if (found === null) return;
      for (const channel of channels) {
        this.set({ channel }, found.filter((delivery) => delivery.channel === channel).length);
      }
    },
  });
  new Gauge({
    name: "dirigent_deliveries_oldest_pending_seconds",
    help: "Age of the oldest message that waits to be sent.",
    registers,
    async collect() {
      const found = await waiting();
      if (found === null) return;
      const oldestMs = found.reduce((oldest, { createdAt }) => Math.min(oldest, Number(createdAt)), Infinity);
      this.set(oldestMs === Infinity ? 0 : nowSeconds() - oldestMs / 1000);
    },
  });
  new Gauge({
    name: "dirigent_clock_skew_seconds",
    help: "This machine's clock minus that of Cinder's API.",
    registers,
    collect() {
      const theirs = options.serviceDate();
      if (theirs !== null) this.set(nowSeconds() - Number(theirs) / 1000);
    },
  });
  new Gauge({
    name: "dirigent_schedule_expected_interval_seconds",
    help: "Period of each policy that protects something: a success of each of its volumes is expected this often.",
    labelNames: ["policy"],
    registers,
    collect() {
      const { policy } = settings();
      this.reset();
      const periods = book.periods() ?? new Map([[policy.name, policy.periodMs]]);
      for (const [name, ms] of periods) this.set({ policy: name }, ms / 1000);
    },
  });
  const reloadGood = gauge("dirigent_config_last_reload_successful", "0 when the newest configuration was not valid.");
  reloadGood.set(1);
  const reloadTime = gauge("dirigent_config_last_reload_success_timestamp_seconds", "When it was last read and valid.");
  reloadTime.set(nowSeconds());

  const policyFiles = gauge("dirigent_policy_file_valid", "0 when the files of policies or rules are not valid.");
  policyFiles.set(1);

  const book = new ProjectBook();
  projectGauges(registers, {
    limit: options.projects,
    figures: () => book.figures(Number(clock.now())),
  });

  const onOperation = ({ kind, projectId, reason, at }: Operation, job: Job | null): void => {
    const mechanism = job?.mechanism ?? "backup";
    const type = mechanism === "snapshot" ? mechanism : (job?.mode ?? "unknown");
    const policy = job?.policy ?? "unknown";
    switch (kind) {
      case "create":
        attempts.inc({ policy, type });
        break;
      case "complete":
        successes.inc({ policy, type });
        if (projectId !== null) book.succeeded(projectId, { policy, mechanism, at });
        if (job?.submittedAt != null) durations.observe({ type }, (Number(at) - Number(job.submittedAt)) / 1000);
        break;
      case "fail":
        if (reason === "delete_failed") deletionFailures.inc();
        else failures.inc({ reason, mechanism });
        break;
      case "cancel":
        failures.inc({ reason, mechanism });
        break;
      case "report_stuck":
        stuck.inc();
        break;
      case "skip":
        skipped.inc({ reason });
        break;
      case "delete_verified":
        deletions.inc({ reason });
        break;
      case "notice":
        notices.inc({ reason });
        break;
      case "temporary":
      case "adopt":
      case "delete":
      case "keep":
      case "mark_server":
      case "mark_backup":
      case "set":
        break;
    }
  };

  const app = new Hono();
  app.get("/metrics", async (c) => c.body(await registry.metrics(), 200, { "content-type": registry.contentType }));
  return {
    observer: {
      onOperation,
      onLease: (held) => leader.set(held ? 1 : 0),
    },
    io: apiIo(registers, clock),
    onProgress(open) {
      queued.set(open.filter((job) => job.state === "planned").length);
      inFlight.set(open.filter((job) => job.state !== "planned").length);
      openSince = open.reduce<number | null>((oldest, { plannedAt }) => Math.min(oldest ?? Infinity, +plannedAt), null);
    },
    onProtected: (volumes) => book.setProtected(volumes),
    onPoints: (projectId, points) => book.setPoints(projectId, points),
    onQuota: (projectId, quota) => book.setQuota(projectId, quota),
    onCycle({ run, outcome, idle }) {
      lastRun.set({ outcome }, nowSeconds());
      if (idle) return;
      runs.inc({ kind: run.kind, outcome });
      if (run.endedAt !== null) {
        runDuration.set({ kind: run.kind }, (Number(run.endedAt) - Number(run.startedAt)) / 1000);
      }
    },
    onFailure() {
      lastRun.set({ outcome: "failed" }, nowSeconds());
      runs.inc({ kind: "unknown", outcome: "failed" });
    },
    onReload(succeeded) {
      reloadGood.set(succeeded ? 1 : 0);
      if (succeeded) reloadTime.set(nowSeconds());
    },
    onPolicyFiles: (valid) => policyFiles.set(valid ? 1 : 0),
    book,
    app,
  };
}
