import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readByMechanism } from "../../domain/points.ts";
import { directIo } from "../../domain/io.ts";
import type { Backup, BackupQuota, QuotaUse } from "../../domain/inventory.ts";
import { automatedMark } from "../../domain/marks.ts";
import { settingsFrom } from "../../config/load.ts";
import { conductorMetrics } from "./conductor-metrics.ts";

const dayMs = 24 * 60 * 60 * 1000;
const now = Date.parse("2026-11-21T06:00:00Z");
const clock = { now: () => new Date(now), monotonicMs: () => 0, sleep: () => Promise.resolve() };

const metricsFor = (projects: number) =>
  conductorMetrics({
    version: "1.2.3",
    clock,
    settings: () => settingsFrom({}),
    projects,
    deliveries: async () => [],
    serviceDate: () => new Date(now - 1500),
  });

const backup = (volumeId: string, ageDays: number): Backup => ({
  id: `${volumeId}-${ageDays}`,
  mechanism: "backup",
  projectId: "p",
  userId: "us",
  volumeId,
  snapshotId: null,
  name: "",
  status: "available",
  failReason: null,
  sizeGiB: 1,
  isIncremental: false,
  metadata: { [automatedMark]: "True" },
  createdAt: new Date(now - ageDays * dayMs),
  dataTimestamp: null,
  updatedAt: null,
  availabilityZone: null,
  objectCount: 1,
  container: null,
  hasDependents: false,
});

const pointsOf = (...backups: Backup[]) => readByMechanism({ backups, catalogue: new Map(), userIds: new Set(["us"]) });

const nightly = { policy: "default", mechanism: "backup", periodMs: dayMs } as const;

async function samples(metrics: ReturnType<typeof metricsFor>, pattern: RegExp): Promise<readonly string[]> {
  const text = await (await metrics.app.request("/metrics")).text();
  return text.split("\n").filter((line) => !line.startsWith("#") && pattern.test(line));
}

const use = (limit: number, inUse: number): QuotaUse => ({ limit, inUse, reserved: 0 });
const quotaOf = (own: Partial<BackupQuota>): BackupQuota => ({
  backups: use(-1, 0),
  backupGiB: use(-1, 0),
  snapshots: use(-1, 0),
  gigabytes: use(-1, 0),
  ofType: new Map(),
  ...own,
});

describe("conductorMetrics", () => {
  it("judges the protected volumes of a project by their newest good restore points", async () => {
    const metrics = metricsFor(10);
    metrics.onProtected(new Map(["fresh", "late", "never"].map((id) => [id, { projectId: "p", by: [nightly] }])));
    // Untagged since: its age is nobody's worry.
    metrics.onPoints("p", pointsOf(backup("fresh", 0.5), backup("fresh", 1.5), backup("late", 3), backup("old", 90)));
    assert.deepEqual(await samples(metrics, /^dirigent_(volumes|rpo|newest|backups\{|projects)/), [
      "dirigent_projects 1",
      `dirigent_newest_good_point_timestamp_seconds{project="p"} ${(now - 3 * dayMs) / 1000}`,
      'dirigent_backups{project="p",status="good",mechanism="backup"} 4',
      'dirigent_backups{project="p",status="not_good",mechanism="backup"} 0',
      'dirigent_backups{project="p",status="good",mechanism="snapshot"} 0',
      'dirigent_backups{project="p",status="not_good",mechanism="snapshot"} 0',
      'dirigent_volumes_protected{project="p"} 3',
      'dirigent_volumes_unprotected{project="p"} 1',
      'dirigent_rpo_violations{project="p"} 2',
      "dirigent_projects_omitted 0",
    ]);
  });

  it("goes by each policy's own period, and takes a snapshot for no backup", async () => {
    const metrics = metricsFor(10);
    const monthly = { policy: "monthly", mechanism: "backup", periodMs: 31 * dayMs } as const;
    const daily = { policy: "daily_5", mechanism: "snapshot", periodMs: dayMs } as const;
    const snapshot = (volumeId: string, ageDays: number): Backup => ({
      ...backup(volumeId, ageDays),
      id: `${volumeId} ${ageDays}`,
      mechanism: "snapshot",
    });
    metrics.onProtected(
      new Map([
        ["day 20", { projectId: "p", by: [monthly] }],
        ["both", { projectId: "p", by: [monthly, daily] }],
        ["snapshots late", { projectId: "p", by: [monthly, daily] }],
        ["no backup", { projectId: "p", by: [monthly, daily] }],
      ]),
    );
    metrics.onPoints(
      "p",
      pointsOf(
        backup("day 20", 20),
        ...[backup("both", 20), snapshot("both", 0.5)],
        ...[backup("snapshots late", 20), snapshot("snapshots late", 3)],
        snapshot("no backup", 0.5),
      ),
    );
    for (const [policy, mechanism] of [
      ["monthly", "backup"],
      ["daily_5", "snapshot"],
      ["gone", "backup"],
    ] as const) {
      metrics.book.succeeded("p", { policy, mechanism, at: new Date(now) });
    }
    assert.deepEqual(await samples(metrics, /^dirigent_(schedule|last_success|volumes|rpo)/), [
      `dirigent_schedule_expected_interval_seconds{policy="monthly"} ${31 * 86_400}`,
      'dirigent_schedule_expected_interval_seconds{policy="daily_5"} 86400',
      `dirigent_last_success_timestamp_seconds{project="p",policy="monthly",mechanism="backup"} ${now / 1000}`,
      `dirigent_last_success_timestamp_seconds{project="p",policy="daily_5",mechanism="snapshot"} ${now / 1000}`,
      'dirigent_volumes_protected{project="p"} 4',
      'dirigent_volumes_unprotected{project="p"} 1',
      'dirigent_rpo_violations{project="p"} 2',
    ]);
  });

  it("has series of its own for the projects that are worst off, and counts the others", async () => {
    const metrics = metricsFor(2);
    metrics.onProtected(new Map(["a", "b", "c", "d"].map((id) => [`${id}-volume`, { projectId: id, by: [nightly] }])));
    for (const [id, age] of [
      ["a", 0.1],
      ["b", 5],
      ["c", 0.2],
      ["d", 0.3],
    ] as const) {
      metrics.onPoints(id, pointsOf(backup(`${id}-volume`, age)));
    }
    assert.deepEqual(await samples(metrics, /^dirigent_(rpo|projects)/), [
      "dirigent_projects 4",
      'dirigent_rpo_violations{project="b"} 1',
      'dirigent_rpo_violations{project="d"} 0',
      "dirigent_projects_omitted 2",
    ]);
  });

  it("knows the share of a quota, also of none at all and of one without a limit", async () => {
    const metrics = metricsFor(10);
    metrics.onQuota("p", quotaOf({ backups: use(0, 0), backupGiB: use(200, 50) }));
    metrics.onQuota("q", quotaOf({ backups: use(-1, 7), backupGiB: use(-1, 9) }));
    assert.deepEqual(await samples(metrics, /^dirigent_quota_(ratio|used)/), [
      'dirigent_quota_used{project="p",resource="backups"} 0',
      'dirigent_quota_used{project="p",resource="gigabytes"} 50',
      'dirigent_quota_used{project="q",resource="backups"} 7',
      'dirigent_quota_used{project="q",resource="gigabytes"} 9',
      'dirigent_quota_ratio{project="p",resource="backups"} 1',
      'dirigent_quota_ratio{project="p",resource="gigabytes"} 0.25',
    ]);
  });

  it("knows the quota of snapshots where some are made, of volume types, too, and no other where nothing else is", async () => {
    const metrics = metricsFor(10);
    const daily = { policy: "daily_5", mechanism: "snapshot", periodMs: 86_400_000 } as const;
    metrics.onProtected(new Map([["v", { projectId: "p", by: [daily] }]]));
    const ofType = new Map([["fast", { snapshots: use(8, 6), gigabytes: use(-1, 5) }]]);
    metrics.onQuota("p", quotaOf({ backups: use(0, 0), snapshots: use(10, 9), gigabytes: use(-1, 70), ofType }));
    assert.deepEqual(await samples(metrics, /^dirigent_quota_/), [
      'dirigent_quota_used{project="p",resource="snapshots"} 9',
      'dirigent_quota_used{project="p",resource="volume_gigabytes"} 70',
      'dirigent_quota_used{project="p",resource="snapshots_fast"} 6',
      'dirigent_quota_limit{project="p",resource="snapshots"} 10',
      'dirigent_quota_limit{project="p",resource="snapshots_fast"} 8',
      'dirigent_quota_ratio{project="p",resource="snapshots"} 0.9',
      'dirigent_quota_ratio{project="p",resource="snapshots_fast"} 0.75',
    ]);
  });

  it("measures requests by service, method and status, those without an answer, too", async () => {
    const metrics = metricsFor(10);
    const io = metrics.io(directIo);
    const step = { kind: "http", name: "GET block-storage/backups/{id}" } as const;
    await io.run(step, async () => ({ status: 404 }));
    await assert.rejects(
      io.run(step, () => Promise.reject(new Error("cut"))),
      /cut/,
    );
    await io.run({ kind: "db", name: "jobs" }, async () => undefined);
    assert.deepEqual(await samples(metrics, /^dirigent_api_request_duration_seconds_count/), [
      'dirigent_api_request_duration_seconds_count{service="block-storage",method="GET",code="404"} 1',
      'dirigent_api_request_duration_seconds_count{service="block-storage",method="GET",code="none"} 1',
    ]);
  });

  it("begins failures at zero, so that the first one shows as an increase, and tells the clock's error", async () => {
    const metrics = metricsFor(10);
    assert.ok(
      (await samples(metrics, /^dirigent_backup_failures_total\{reason="over_quota",mechanism="\w+"\} 0$/)).length ===
        2,
    );
    assert.deepEqual(await samples(metrics, /^dirigent_clock_skew_seconds/), ["dirigent_clock_skew_seconds 1.5"]);
  });
});
