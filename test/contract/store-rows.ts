import assert from "node:assert/strict";
import { noTemporary, type CatalogueEntry, type Job, type Operation } from "../../src/domain/catalogue.ts";
import type { Delivery } from "../../src/domain/deliveries.ts";
import type { Order } from "../../src/domain/orders.ts";
import type { ProjectReport, Run } from "../../src/domain/runs.ts";
import { StoreError } from "../../src/store/errors.ts";

export const at = (time: string): Date => new Date(`2026-03-29T${time}Z`);
export const now = at("01:00:00.123");

export const later = (ms: number): Date => new Date(now.getTime() + ms);

/** Whether an error is ours, and of which of the two kinds. */
export const storeError = (transient: boolean, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StoreError, String(error));
  assert.equal(error.transient, transient, error.message);
  assert.match(error.message, message);
  return true;
};

/** A name as Nova takes it: 255 characters, some beyond the basic plane, quotes, a backslash, a newline. */
export const hardName = `Ångström 🦄 'q' "d" \\ %s ? \n ${"𝒳".repeat(100)}`.padEnd(255, "é").slice(0, 255);

export const run = (id: string, more: Partial<Run> = {}): Run => ({
  id,
  kind: "scheduled",
  startedAt: now,
  endedAt: null,
  outcome: null,
  servers: null,
  volumes: null,
  scanGood: false,
  message: null,
  policyVersion: null,
  ...more,
});

export const job = (key: string, more: Partial<Job> = {}): Job => ({
  key,
  mechanism: "backup",
  runId: "r1",
  projectId: "p1",
  volumeId: "v1",
  volumeName: "data",
  serverId: "s1",
  serverName: "db",
  policy: "default",
  slot: "2026-03-29T00:00:00Z",
  setId: "s1/2026-03-29T00:00:00Z",
  mode: "full",
  modeReason: "full_first",
  parentId: null,
  sizeGiB: 10,
  volumeType: "fast",
  pool: "host@lvm#pool",
  shared: false,
  windowEndsAt: at("06:00:00.000"),
  keepUntil: new Date("2026-04-28T00:00:00.001Z"),
  retention: null,
  container: null,
  archiveContainer: null,
  archiveZone: null,
  archiveKeepUntil: null,
  fullNumber: null,
  backupName: "data-2026-03-29",
  description: null,
  state: "planned",
  reason: null,
  message: null,
  requestId: null,
  backupId: null,
  plannedAt: now,
  submittedAt: null,
  deadlineAt: null,
  stuckReportedAt: null,
  endedAt: null,
  ...noTemporary,
  ...more,
});

export const entry = (backupId: string, more: Partial<CatalogueEntry> = {}): CatalogueEntry => ({
  backupId,
  mechanism: "backup",
  projectId: "p1",
  volumeId: "v1",
  key: "v1/default/2026-03-29T00:00:00Z",
  policy: "default",
  slot: "2026-03-29T00:00:00Z",
  serverId: "s1",
  setId: "s1/2026-03-29T00:00:00Z",
  isIncremental: false,
  sizeGiB: 10,
  volumeType: "fast",
  parentId: null,
  parentVerified: true,
  keepUntil: at("02:00:00.456"),
  retention: null,
  adopted: false,
  held: false,
  createdAt: now,
  goodAt: null,
  deleteSentAt: null,
  goneAt: null,
  ...more,
});

export const order = (id: string, more: Partial<Order> = {}): Order => ({
  id,
  body: { kind: "hold", backupIds: ["b1"], note: hardName },
  state: "waiting",
  askedAt: now,
  expiresAt: later(600_000),
  endedAt: null,
  result: null,
  ...more,
});

export const operation = (id: string, more: Partial<Operation> = {}): Operation => ({
  id,
  runId: "r1",
  at: now,
  kind: "create",
  reason: "due",
  projectId: "p1",
  serverId: "s1",
  volumeId: "v1",
  backupId: null,
  key: null,
  message: null,
  requestId: null,
  ...more,
});

export const report = (id: string, more: Partial<ProjectReport> = {}): ProjectReport => ({
  id,
  runId: "r1",
  projectId: "p1",
  projectName: hardName,
  at: now,
  startedAt: later(-5000),
  nextRunAt: later(5000),
  points: { count: 2, oldestAt: later(-9000), newestAt: null },
  snapshots: { count: 1, oldestAt: later(-9000), newestAt: later(-9000) },
  lines: [
    {
      policy: "nightly",
      mechanism: "snapshot",
      volumeId: "v1",
      volumeName: hardName,
      serverId: "s1",
      serverName: hardName,
      outcome: "failed",
      mode: "full",
      backupId: null,
      sizeGiB: 10,
      durationMs: 1234,
      reason: "due",
      message: "no 🦄",
      lastGoodAt: later(-1000),
    },
  ],
  sets: [
    {
      serverId: "s1",
      serverName: hardName,
      policy: "nightly",
      slot: "2026-11-21T00:00:00Z",
      complete: false,
      volumes: 2,
      made: 1,
      skewMs: null,
    },
  ],
  rotation: { deleted: 1, kept: 2, failed: 0, reasons: { keep_promised: 3 }, blocked: null },
  quota: { backups: { limit: -1, used: 3 }, gigabytes: { limit: 1000, used: 30 }, snapshots: { limit: 10, used: 1 } },
  notices: [],
  ...more,
});

export const delivery = (id: string, more: Partial<Delivery> = {}): Delivery => ({
  id,
  channel: "mail",
  subject: "project",
  runId: "r1",
  reportId: "1",
  projectId: "p1",
  receiver: "owner@example.org",
  state: "queued",
  attempts: 0,
  createdAt: now,
  nextAttemptAt: now,
  giveUpAt: later(172_800_000),
  endedAt: null,
  lastError: null,
  resendOf: null,
  ...more,
});
