import type { BackupMode, JobState, OperationKind, TemporaryState } from "../../src/domain/catalogue.ts";
import type { DeliveryChannel, DeliveryState, DeliverySubject } from "../../src/domain/deliveries.ts";
import type { Mechanism } from "../../src/domain/inventory.ts";
import type { OrderState } from "../../src/domain/orders.ts";
import type { Reason } from "../../src/domain/reasons.ts";
import type { RunKind, RunOutcome } from "../../src/domain/runs.ts";
import { customType, index, integer, primaryKey, sqliteTable, text } from "./drizzle.ts";

// Property names and types are those of the domain's rows (src/store/tables.ts checks it), so nothing is mapped by hand. There are no foreign
// keys: after a restore of an old database rows are healed from the cloud in any order.

/** Milliseconds since 1970 in UTC: no time zone can touch them. */
const instant = (name: string) => integer(name, { mode: "timestamp_ms" });
const flag = (name: string) => integer(name, { mode: "boolean" });
/** Text of a tenant in a key. libsql reads text only up to a NUL, so control characters are kept as JSON writes them. */
const tenantText = customType<{ data: string; driverData: string }>({
  dataType: () => "text",
  toDriver: (value) => JSON.stringify(value).slice(1, -1),
  fromDriver: (value) => JSON.parse(`"${value}"`) as string,
});

export const runs = sqliteTable(
  "runs",
  {
    id: text("id").primaryKey(),
    kind: text("kind").$type<RunKind>().notNull(),
    startedAt: instant("started_at").notNull(),
    endedAt: instant("ended_at"),
    outcome: text("outcome").$type<RunOutcome>(),
    servers: integer("servers"),
    volumes: integer("volumes"),
    scanGood: flag("scan_good").notNull(),
    policyVersion: text("policy_version"),
    message: text("message"),
  },
  (t) => [index("runs_started_at").on(t.startedAt)],
);

export const operations = sqliteTable(
  "operations",
  {
    /** Order of insertion, for operations of the same millisecond. */
    seq: integer("seq").primaryKey({ autoIncrement: true }),
    id: text("id").notNull().unique("operations_id"),
    runId: text("run_id").notNull(),
    at: instant("at").notNull(),
    kind: text("kind").$type<OperationKind>().notNull(),
    reason: text("reason").$type<Reason>().notNull(),
    projectId: text("project_id"),
    serverId: text("server_id"),
    volumeId: text("volume_id"),
    backupId: text("backup_id"),
    key: text("work_key"),
    message: text("message"),
    requestId: text("request_id"),
  },
  (t) => [
    index("operations_run_id").on(t.runId),
    index("operations_project_id_at").on(t.projectId, t.at),
    index("operations_at").on(t.at),
  ],
);

export const jobs = sqliteTable(
  "jobs",
  {
    key: text("work_key").primaryKey(),
    mechanism: text("mechanism").$type<Mechanism>().notNull().default("backup"),
    runId: text("run_id").notNull(),
    projectId: text("project_id").notNull(),
    volumeId: text("volume_id").notNull(),
    volumeName: text("volume_name").notNull(),
    serverId: text("server_id").notNull(),
    serverName: text("server_name").notNull(),
    policy: text("policy").notNull(),
    slot: text("slot").notNull(),
    setId: text("set_id").notNull(),
    mode: text("mode").$type<BackupMode>().notNull(),
    modeReason: text("mode_reason").$type<Reason>().notNull(),
    parentId: text("parent_id"),
    sizeGiB: integer("size_gib").notNull(),
    volumeType: text("volume_type"),
    pool: text("pool"),
    shared: flag("shared").notNull(),
    windowEndsAt: instant("window_ends_at").notNull(),
    keepUntil: instant("keep_until").notNull(),
    retention: text("retention"),
    container: text("container"),
    archiveContainer: text("archive_container"),
    archiveZone: text("archive_zone"),
    archiveKeepUntil: instant("archive_keep_until"),
    fullNumber: integer("full_number"),
    backupName: text("backup_name").notNull(),
    /** An operator's own; null: a sentence of ours. */
    description: text("description"),
    state: text("state").$type<JobState>().notNull(),
    reason: text("reason").$type<Reason>(),
    message: text("message"),
    requestId: text("request_id"),
    backupId: text("backup_id"),
    plannedAt: instant("planned_at").notNull(),
    submittedAt: instant("submitted_at"),
    deadlineAt: instant("deadline_at"),
    stuckReportedAt: instant("stuck_reported_at"),
    endedAt: instant("ended_at"),
    temporary: text("temporary").$type<TemporaryState>(),
    temporaryReason: text("temporary_reason").$type<Reason>(),
    temporaryId: text("temporary_id"),
    temporarySentAt: instant("temporary_sent_at"),
    temporaryAnsweredAt: instant("temporary_answered_at"),
    temporaryGoneAt: instant("temporary_gone_at"),
  },
  (t) => [
    index("jobs_state").on(t.state),
    index("jobs_slot_project_id").on(t.slot, t.projectId),
    index("jobs_project_id").on(t.projectId),
    index("jobs_run_id").on(t.runId),
    index("jobs_temporary").on(t.temporaryGoneAt, t.temporarySentAt),
  ],
);

/** The catalogue. */
export const restorePoints = sqliteTable(
  "restore_points",
  {
    backupId: text("backup_id").primaryKey(),
    mechanism: text("mechanism").$type<Mechanism>().notNull().default("backup"),
    projectId: text("project_id").notNull(),
    volumeId: text("volume_id").notNull(),
    key: text("work_key"),
    policy: text("policy"),
    slot: text("slot"),
    serverId: text("server_id"),
    setId: text("set_id"),
    isIncremental: flag("is_incremental").notNull(),
    sizeGiB: integer("size_gib").notNull(),
    volumeType: text("volume_type"),
    parentId: text("parent_id"),
    parentVerified: flag("parent_verified").notNull(),
    keepUntil: instant("keep_until"),
    retention: text("retention"),
    adopted: flag("adopted").notNull().default(false),
    held: flag("held").notNull(),
    createdAt: instant("created_at").notNull(),
    goodAt: instant("good_at"),
    deleteSentAt: instant("delete_sent_at"),
    goneAt: instant("gone_at"),
  },
  (t) => [index("restore_points_project_id").on(t.projectId, t.goneAt)],
);

export const leases = sqliteTable("leases", {
  name: text("name").primaryKey(),
  owner: text("owner").notNull(),
  fence: integer("fence").notNull(),
  expiresAt: instant("expires_at").notNull(),
});

export const reports = sqliteTable(
  "reports",
  {
    id: text("id").primaryKey(),
    runId: text("run_id").notNull(),
    projectId: text("project_id").notNull(),
    at: instant("at").notNull(),
    /** The rest of the report as JSON. */
    body: text("body").notNull(),
  },
  (t) => [
    index("reports_run_id").on(t.runId),
    index("reports_project_id_at").on(t.projectId, t.at),
    index("reports_at").on(t.at),
  ],
);

export const deliveries = sqliteTable(
  "deliveries",
  {
    id: text("id").primaryKey(),
    channel: text("channel").$type<DeliveryChannel>().notNull(),
    subject: text("subject").$type<DeliverySubject>().notNull(),
    runId: text("run_id").notNull(),
    reportId: text("report_id"),
    projectId: text("project_id"),
    receiver: text("receiver").notNull(),
    state: text("state").$type<DeliveryState>().notNull(),
    attempts: integer("attempts").notNull(),
    createdAt: instant("created_at").notNull(),
    nextAttemptAt: instant("next_attempt_at").notNull(),
    giveUpAt: instant("give_up_at").notNull(),
    endedAt: instant("ended_at"),
    lastError: text("last_error"),
    resendOf: text("resend_of"),
  },
  (t) => [
    index("deliveries_state_next_attempt_at").on(t.state, t.nextAttemptAt),
    index("deliveries_report_id").on(t.reportId),
    index("deliveries_run_id").on(t.runId),
    index("deliveries_created_at").on(t.createdAt),
  ],
);

/** What operators asked the conductor to do. */
export const orders = sqliteTable(
  "orders",
  {
    id: text("id").primaryKey(),
    /** What is to be done, as JSON. */
    body: text("body").notNull(),
    state: text("state").$type<OrderState>().notNull(),
    askedAt: instant("asked_at").notNull(),
    expiresAt: instant("expires_at").notNull(),
    endedAt: instant("ended_at"),
    /** What became of it, as JSON. */
    result: text("result"),
  },
  (t) => [index("orders_state").on(t.state)],
);

export const quotaSamples = sqliteTable(
  "quota_samples",
  {
    projectId: text("project_id").notNull(),
    at: instant("at").notNull(),
    backupsLimit: integer("backups_limit").notNull(),
    backupsUsed: integer("backups_used").notNull(),
    gigabytesLimit: integer("gigabytes_limit").notNull(),
    gigabytesUsed: integer("gigabytes_used").notNull(),
  },
  (t) => [primaryKey({ name: "quota_samples_pk", columns: [t.projectId, t.at] })],
);

export const overridesSeen = sqliteTable(
  "overrides_seen",
  {
    resourceId: text("resource_id").notNull(),
    key: text("metadata_key").notNull(),
    value: tenantText("metadata_value").notNull(),
    firstSeenAt: instant("first_seen_at").notNull(),
  },
  (t) => [primaryKey({ name: "overrides_seen_pk", columns: [t.resourceId, t.key, t.value] })],
);
