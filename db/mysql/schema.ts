import { sql } from "../drizzle.ts";
import type { BackupMode, JobState, OperationKind, TemporaryState } from "../../src/domain/catalogue.ts";
import type { DeliveryChannel, DeliveryState, DeliverySubject } from "../../src/domain/deliveries.ts";
import type { Mechanism } from "../../src/domain/inventory.ts";
import type { OrderState } from "../../src/domain/orders.ts";
import type { Reason } from "../../src/domain/reasons.ts";
import type { RunKind, RunOutcome } from "../../src/domain/runs.ts";
import {
  bigint,
  boolean,
  customType,
  datetime,
  index,
  int,
  mysqlTable,
  mysqlView,
  primaryKey,
  uniqueIndex,
} from "./drizzle.ts";

// The same tables as db/sqlite/schema.ts. Every table has a primary key, as Galera demands. Character set and collation are named with each
// column, whatever the database's defaults are: 4-byte UTF-8, and compared byte by byte as in SQLite.

const UTF8 = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";
const varchar = customType<{ data: string; config: { length: number }; configRequired: true }>({
  dataType: (config) => `varchar(${config.length}) ${UTF8}`,
});
const longtext = customType<{ data: string }>({ dataType: () => `longtext ${UTF8}` });
/** Text of a tenant in a key: the collations that MySQL and MariaDB share ignore trailing spaces, bytes are exact. As JSON, as on SQLite. */
const tenantText = customType<{ data: string; driverData: Buffer }>({
  dataType: () => "varbinary(1530)", // 255 characters, each perhaps as \uXXXX
  toDriver: (value) => Buffer.from(JSON.stringify(value).slice(1, -1), "utf8"),
  fromDriver: (value) => JSON.parse(`"${value.toString("utf8")}"`) as string,
});

/** Ids of ours and of OpenStack, names of states and reasons. */
const id = (name: string) => varchar(name, { length: 64 });
/** OpenStack's limit for names and metadata values. */
const label = (name: string) => varchar(name, { length: 255 });
/** UTC; no time zone can touch a DATETIME (it would a TIMESTAMP), and drizzle writes and reads it as UTC. */
const instant = (name: string) => datetime(name, { mode: "date", fsp: 3 });

export const runs = mysqlTable(
  "runs",
  {
    id: id("id").primaryKey(),
    kind: id("kind").$type<RunKind>().notNull(),
    startedAt: instant("started_at").notNull(),
    endedAt: instant("ended_at"),
    outcome: id("outcome").$type<RunOutcome>(),
    servers: int("servers"),
    volumes: int("volumes"),
    scanGood: boolean("scan_good").notNull(),
    policyVersion: label("policy_version"),
    message: longtext("message"),
  },
  (t) => [index("runs_started_at").on(t.startedAt)],
);

export const operations = mysqlTable(
  "operations",
  {
    /** Order of insertion, for operations of the same millisecond. */
    seq: bigint("seq", { mode: "number" }).primaryKey().autoincrement(),
    id: id("id").notNull(),
    runId: id("run_id").notNull(),
    at: instant("at").notNull(),
    kind: id("kind").$type<OperationKind>().notNull(),
    reason: id("reason").$type<Reason>().notNull(),
    projectId: id("project_id"),
    serverId: id("server_id"),
    volumeId: id("volume_id"),
    backupId: id("backup_id"),
    key: label("work_key"),
    message: longtext("message"),
    requestId: label("request_id"),
  },
  (t) => [
    uniqueIndex("operations_id").on(t.id),
    index("operations_run_id").on(t.runId),
    index("operations_project_id_at").on(t.projectId, t.at),
    index("operations_at").on(t.at),
  ],
);

export const jobs = mysqlTable(
  "jobs",
  {
    key: label("work_key").primaryKey(),
    mechanism: id("mechanism").$type<Mechanism>().notNull().default("backup"),
    runId: id("run_id").notNull(),
    projectId: id("project_id").notNull(),
    volumeId: id("volume_id").notNull(),
    volumeName: label("volume_name").notNull(),
    serverId: id("server_id").notNull(),
    serverName: label("server_name").notNull(),
    policy: label("policy").notNull(),
    slot: label("slot").notNull(),
    setId: label("set_id").notNull(),
    mode: id("mode").$type<BackupMode>().notNull(),
    modeReason: id("mode_reason").$type<Reason>().notNull(),
    parentId: id("parent_id"),
    sizeGiB: int("size_gib").notNull(),
    volumeType: label("volume_type"),
    pool: label("pool"),
    shared: boolean("shared").notNull(),
    windowEndsAt: instant("window_ends_at").notNull(),
    keepUntil: instant("keep_until").notNull(),
    retention: label("retention"),
    container: label("container"),
    archiveContainer: label("archive_container"),
    archiveZone: label("archive_zone"),
    archiveKeepUntil: instant("archive_keep_until"),
    fullNumber: int("full_number"),
    backupName: label("backup_name").notNull(),
    description: longtext("description"),
    state: id("state").$type<JobState>().notNull(),
    reason: id("reason").$type<Reason>(),
    message: longtext("message"),
    requestId: label("request_id"),
    backupId: id("backup_id"),
    plannedAt: instant("planned_at").notNull(),
    submittedAt: instant("submitted_at"),
    deadlineAt: instant("deadline_at"),
    stuckReportedAt: instant("stuck_reported_at"),
    endedAt: instant("ended_at"),
    temporary: id("temporary").$type<TemporaryState>(),
    temporaryReason: id("temporary_reason").$type<Reason>(),
    temporaryId: id("temporary_id"),
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
export const restorePoints = mysqlTable(
  "restore_points",
  {
    backupId: id("backup_id").primaryKey(),
    mechanism: id("mechanism").$type<Mechanism>().notNull().default("backup"),
    projectId: id("project_id").notNull(),
    volumeId: id("volume_id").notNull(),
    key: label("work_key"),
    policy: label("policy"),
    slot: label("slot"),
    serverId: id("server_id"),
    setId: label("set_id"),
    isIncremental: boolean("is_incremental").notNull(),
    sizeGiB: int("size_gib").notNull(),
    volumeType: label("volume_type"),
    parentId: id("parent_id"),
    parentVerified: boolean("parent_verified").notNull(),
    keepUntil: instant("keep_until"),
    retention: label("retention"),
    adopted: boolean("adopted").notNull().default(false),
    held: boolean("held").notNull(),
    createdAt: instant("created_at").notNull(),
    goodAt: instant("good_at"),
    deleteSentAt: instant("delete_sent_at"),
    goneAt: instant("gone_at"),
  },
  (t) => [index("restore_points_project_id").on(t.projectId, t.goneAt)],
);

/**
 * All that a policy hook may read (src/store/guarded-points.ts). By its definer's rights: the hook's user needs no other SELECT. On MySQL only,
 * as nobody else may open the conductor's SQLite file.
 */
export const guardedPoints = mysqlView("guarded_points", {
  id: id("id").notNull(),
  kind: varchar("kind", { length: 8 }).notNull(),
  volumeId: id("volume_id").notNull(),
  held: boolean("held").notNull(),
})
  .sqlSecurity("definer")
  .as(sql`select backup_id as id, mechanism as kind, volume_id, held from restore_points where gone_at is null`);

export const leases = mysqlTable("leases", {
  name: id("name").primaryKey(),
  owner: label("owner").notNull(),
  fence: bigint("fence", { mode: "number" }).notNull(),
  expiresAt: instant("expires_at").notNull(),
});

export const reports = mysqlTable(
  "reports",
  {
    id: id("id").primaryKey(),
    runId: id("run_id").notNull(),
    projectId: id("project_id").notNull(),
    at: instant("at").notNull(),
    /** The rest of the report as JSON. */
    body: longtext("body").notNull(),
  },
  (t) => [
    index("reports_run_id").on(t.runId),
    index("reports_project_id_at").on(t.projectId, t.at),
    index("reports_at").on(t.at),
  ],
);

export const deliveries = mysqlTable(
  "deliveries",
  {
    id: label("id").primaryKey(),
    channel: id("channel").$type<DeliveryChannel>().notNull(),
    subject: id("subject").$type<DeliverySubject>().notNull(),
    runId: id("run_id").notNull(),
    reportId: id("report_id"),
    projectId: id("project_id"),
    receiver: varchar("receiver", { length: 320 }).notNull(),
    state: id("state").$type<DeliveryState>().notNull(),
    attempts: int("attempts").notNull(),
    createdAt: instant("created_at").notNull(),
    nextAttemptAt: instant("next_attempt_at").notNull(),
    giveUpAt: instant("give_up_at").notNull(),
    endedAt: instant("ended_at"),
    lastError: longtext("last_error"),
    resendOf: label("resend_of"),
  },
  (t) => [
    index("deliveries_state_next_attempt_at").on(t.state, t.nextAttemptAt),
    index("deliveries_report_id").on(t.reportId),
    index("deliveries_run_id").on(t.runId),
    index("deliveries_created_at").on(t.createdAt),
  ],
);

export const orders = mysqlTable(
  "orders",
  {
    id: id("id").primaryKey(),
    /** What is to be done, as JSON. */
    body: longtext("body").notNull(),
    state: id("state").$type<OrderState>().notNull(),
    askedAt: instant("asked_at").notNull(),
    expiresAt: instant("expires_at").notNull(),
    endedAt: instant("ended_at"),
    /** What became of it, as JSON. */
    result: longtext("result"),
  },
  (t) => [index("orders_state").on(t.state)],
);

export const quotaSamples = mysqlTable(
  "quota_samples",
  {
    projectId: id("project_id").notNull(),
    at: instant("at").notNull(),
    backupsLimit: int("backups_limit").notNull(),
    backupsUsed: int("backups_used").notNull(),
    gigabytesLimit: int("gigabytes_limit").notNull(),
    gigabytesUsed: int("gigabytes_used").notNull(),
  },
  (t) => [primaryKey({ name: "quota_samples_pk", columns: [t.projectId, t.at] })],
);

export const overridesSeen = mysqlTable(
  "overrides_seen",
  {
    resourceId: id("resource_id").notNull(),
    key: label("metadata_key").notNull(),
    value: tenantText("metadata_value").notNull(),
    firstSeenAt: instant("first_seen_at").notNull(),
  },
  (t) => [primaryKey({ name: "overrides_seen_pk", columns: [t.resourceId, t.key, t.value] })],
);
