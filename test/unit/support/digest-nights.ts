import type { ProjectReport, ReportLine, Run } from "../../../src/domain/runs.ts";

const start = new Date("2026-11-21T01:00:00Z");
const hours = (n: number): Date => new Date(start.getTime() + n * 3_600_000);

export const line = (n: number, more: Partial<ReportLine> = {}): ReportLine => ({
  policy: "default",
  mechanism: "backup",
  volumeId: `0f0e7d3c-0000-4000-8000-${String(n).padStart(12, "0")}`,
  volumeName: n % 2 === 0 ? "data" : "root",
  serverId: `5e5e0000-0000-4000-8000-${String(n >> 1).padStart(12, "0")}`,
  serverName: `web-${String((n >> 1) + 1).padStart(2, "0")}`,
  outcome: "succeeded",
  mode: n % 7 === 0 ? "full" : "incremental",
  backupId: `b0b00000-0000-4000-8000-${String(n).padStart(12, "0")}`,
  sizeGiB: 10 + 10 * (n % 5),
  durationMs: 4_000 + n * 7_300,
  reason: "succeeded",
  message: null,
  lastGoodAt: hours(0.1),
  ...more,
});

/** The same by a policy that makes snapshots. */
const snapshotLine = (n: number, more: Partial<ReportLine> = {}): ReportLine =>
  line(n, {
    policy: "daily_5",
    mechanism: "snapshot",
    mode: "full",
    durationMs: 1_000 + 200 * n,
    lastGoodAt: hours(0.05),
    ...more,
  });

export const nightReport = (more: Partial<ProjectReport> = {}): ProjectReport => ({
  id: "6b1f3c52-8a8e-4f5e-9c6d-1b6c1f0a9a01",
  runId: "e7c1b2aa-4b4e-4d54-8f0c-6f1f2a3b4c5d",
  projectId: "8d1f00ddba11c0ffee00000000000001",
  projectName: "web-shop",
  at: hours(0.4),
  startedAt: start,
  nextRunAt: hours(23),
  points: { count: 84, oldestAt: hours(-24 * 17), newestAt: hours(0.3) },
  snapshots: null,
  lines: [],
  sets: [],
  rotation: { deleted: 0, kept: 84, failed: 0, reasons: {}, blocked: null },
  quota: { backups: { limit: 200, used: 84 }, gigabytes: { limit: 2000, used: 940 } },
  notices: [],
  ...more,
});

export const run = (more: Partial<Run> = {}): Run => ({
  id: "e7c1b2aa-4b4e-4d54-8f0c-6f1f2a3b4c5d",
  kind: "scheduled",
  startedAt: start,
  endedAt: hours(0.5),
  outcome: "ok",
  servers: 214,
  volumes: 398,
  policyVersion: null,
  scanGood: true,
  message: null,
  ...more,
});

const cinderSays =
  "Backup driver reported an error: [Errno 28] No space left on device: '/var/lib/cinder/backup_mount/3f/volume_0f0e/backup_00001' on host ctl-2@nfs";

/** Nights as they happen. */
export const nights = {
  good: nightReport({
    lines: Array.from({ length: 12 }, (_, n) => line(n)),
    rotation: { deleted: 12, kept: 72, failed: 0, reasons: {}, blocked: null },
  }),
  bad: nightReport({
    quota: { backups: { limit: 100, used: 65 }, gigabytes: { limit: 1000, used: 801 } },
    lines: [
      line(0, { outcome: "failed", reason: "ended_in_error", message: cinderSays, lastGoodAt: hours(-24) }),
      line(3, {
        outcome: "failed",
        reason: "over_quota",
        message: "BackupLimitExceeded: 100",
        durationMs: null,
        lastGoodAt: null,
      }),
      line(5, {
        outcome: "skipped",
        mode: null,
        sizeGiB: 0,
        durationMs: null,
        reason: "volume_state",
        lastGoodAt: hours(-24),
      }),
      line(11, { outcome: "skipped", mode: null, sizeGiB: 0, durationMs: null, reason: "skip_requested" }),
      ...[1, 2, 4, 6, 7, 8, 9, 10].map((n) => line(n)),
    ],
    notices: [
      { reason: "request_bounded", resourceId: line(6).serverId, message: "backup_retention: 6h, at least 1d" },
      { reason: "request_invalid", resourceId: line(8).volumeId, message: "backup_retention: next tuesday" },
    ],
  }),
  /** Two policies, both mechanisms, whole and partial sets, a volume left out by the operators. */
  mixed: nightReport({
    points: { count: 71, oldestAt: hours(-24 * 30), newestAt: hours(0.3) },
    snapshots: { count: 18, oldestAt: hours(-24 * 5), newestAt: hours(0.05) },
    quota: {
      backups: { limit: 200, used: 71 },
      gigabytes: { limit: 2000, used: 1340 },
      snapshots: { limit: 20, used: 18 },
      volumeGigabytes: { limit: 1000, used: 470 },
      ofType: [{ type: "fast", snapshots: { limit: -1, used: 11 }, volumeGigabytes: { limit: 400, used: 310 } }],
    },
    lines: [
      snapshotLine(5, {
        outcome: "failed",
        reason: "over_quota",
        message: "snapshots: 20 of 20 in use or reserved",
        durationMs: null,
        lastGoodAt: hours(-24),
      }),
      line(3, {
        policy: "monthly",
        outcome: "failed",
        reason: "ended_in_error",
        message: cinderSays,
        lastGoodAt: null,
      }),
      snapshotLine(7, {
        outcome: "skipped",
        mode: null,
        sizeGiB: 0,
        durationMs: null,
        reason: "volume_state",
        lastGoodAt: null,
      }),
      line(9, {
        policy: "",
        outcome: "skipped",
        mode: null,
        sizeGiB: 0,
        durationMs: null,
        reason: "excluded",
        message: "scratch disk, until 2027-01-01",
      }),
      ...[0, 1, 2, 4].map((n) => line(n, n === 4 ? { policy: "monthly", mode: "full" } : {})),
      ...[0, 1, 4].map((n) => snapshotLine(n)),
    ],
    sets: [
      {
        serverId: line(4).serverId,
        serverName: "web-03",
        policy: "daily_5",
        slot: "2026-11-21T01:00:00Z",
        complete: false,
        volumes: 2,
        made: 1,
        skewMs: null,
      },
      {
        serverId: line(0).serverId,
        serverName: "web-01",
        policy: "daily_5",
        slot: "2026-11-21T01:00:00Z",
        complete: true,
        volumes: 2,
        made: 2,
        skewMs: 812,
      },
    ],
    rotation: { deleted: 9, kept: 80, failed: 0, reasons: { thinned: 9 }, blocked: null },
    notices: [
      { reason: "release_requested", resourceId: line(1).volumeId, message: "4 snapshots" },
      { reason: "request_invalid", resourceId: line(2).volumeId, message: "backup_policy: no policy hourly" },
    ],
  }),
  awful: nightReport({
    projectName: `<script>alert("web")</script> 🦄 & Söhne\r\nBcc: all@example.org`,
    points: { count: 0, oldestAt: null, newestAt: null },
    quota: { backups: { limit: 0, used: 3 }, gigabytes: { limit: -1, used: 940 } },
    lines: [
      ...Array.from({ length: 9 }, (_, n) =>
        line(n, {
          outcome: n === 4 ? "running" : "failed",
          reason: n === 4 ? "stuck" : n % 2 === 0 ? "unavailable" : "no_project_access",
          message: cinderSays,
          lastGoodAt: n % 3 === 0 ? null : hours(-24 * n),
          serverName:
            n === 2 ? `db-${"very-".repeat(30)}long` : n === 6 ? "<img src=x onerror=alert(1)>" : line(n).serverName,
          volumeName: n === 6 ? "\u001b[31mred\u001b[0m \u202egpj.exe" : line(n).volumeName,
          durationMs: n === 4 ? null : 90_000,
        }),
      ),
    ],
    rotation: { deleted: 0, kept: 0, failed: 0, reasons: {}, blocked: "brake" },
    notices: [
      {
        reason: "forged",
        resourceId: "b0b00000-0000-4000-8000-00000000beef",
        message: "backup of volume 0f0e on host ctl-2",
      },
    ],
  }),
} as const;
