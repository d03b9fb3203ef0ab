CREATE TABLE `jobs` (
	`work_key` text PRIMARY KEY NOT NULL,
	`run_id` text NOT NULL,
	`project_id` text NOT NULL,
	`volume_id` text NOT NULL,
	`volume_name` text NOT NULL,
	`server_id` text NOT NULL,
	`server_name` text NOT NULL,
	`policy` text NOT NULL,
	`slot` text NOT NULL,
	`set_id` text NOT NULL,
	`mode` text NOT NULL,
	`mode_reason` text NOT NULL,
	`parent_id` text,
	`size_gib` integer NOT NULL,
	`volume_type` text,
	`pool` text,
	`shared` integer NOT NULL,
	`window_ends_at` integer NOT NULL,
	`keep_until` integer NOT NULL,
	`backup_name` text NOT NULL,
	`state` text NOT NULL,
	`reason` text,
	`message` text,
	`request_id` text,
	`backup_id` text,
	`planned_at` integer NOT NULL,
	`submitted_at` integer,
	`deadline_at` integer,
	`stuck_reported_at` integer,
	`ended_at` integer
);
--> statement-breakpoint
CREATE INDEX `jobs_state` ON `jobs` (`state`);--> statement-breakpoint
CREATE INDEX `jobs_slot_project_id` ON `jobs` (`slot`,`project_id`);--> statement-breakpoint
CREATE INDEX `jobs_project_id` ON `jobs` (`project_id`);--> statement-breakpoint
CREATE INDEX `jobs_run_id` ON `jobs` (`run_id`);--> statement-breakpoint
CREATE TABLE `leases` (
	`name` text PRIMARY KEY NOT NULL,
	`owner` text NOT NULL,
	`fence` integer NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `operations` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`id` text NOT NULL,
	`run_id` text NOT NULL,
	`at` integer NOT NULL,
	`kind` text NOT NULL,
	`reason` text NOT NULL,
	`project_id` text,
	`server_id` text,
	`volume_id` text,
	`backup_id` text,
	`work_key` text,
	`message` text,
	`request_id` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `operations_id` ON `operations` (`id`);--> statement-breakpoint
CREATE INDEX `operations_run_id` ON `operations` (`run_id`);--> statement-breakpoint
CREATE INDEX `operations_project_id_at` ON `operations` (`project_id`,`at`);--> statement-breakpoint
CREATE INDEX `operations_at` ON `operations` (`at`);--> statement-breakpoint
CREATE TABLE `overrides_seen` (
	`resource_id` text NOT NULL,
	`metadata_key` text NOT NULL,
	`metadata_value` text NOT NULL,
	`first_seen_at` integer NOT NULL,
	PRIMARY KEY(`resource_id`, `metadata_key`, `metadata_value`)
);
--> statement-breakpoint
CREATE TABLE `quota_samples` (
	`project_id` text NOT NULL,
	`at` integer NOT NULL,
	`backups_limit` integer NOT NULL,
	`backups_used` integer NOT NULL,
	`gigabytes_limit` integer NOT NULL,
	`gigabytes_used` integer NOT NULL,
	PRIMARY KEY(`project_id`, `at`)
);
--> statement-breakpoint
CREATE TABLE `reports` (
	`id` text PRIMARY KEY NOT NULL,
	`run_id` text NOT NULL,
	`project_id` text NOT NULL,
	`at` integer NOT NULL,
	`body` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `reports_run_id` ON `reports` (`run_id`);--> statement-breakpoint
CREATE INDEX `reports_project_id_at` ON `reports` (`project_id`,`at`);--> statement-breakpoint
CREATE INDEX `reports_at` ON `reports` (`at`);--> statement-breakpoint
CREATE TABLE `restore_points` (
	`backup_id` text PRIMARY KEY NOT NULL,
	`project_id` text NOT NULL,
	`volume_id` text NOT NULL,
	`work_key` text,
	`policy` text,
	`slot` text,
	`server_id` text,
	`set_id` text,
	`is_incremental` integer NOT NULL,
	`size_gib` integer NOT NULL,
	`volume_type` text,
	`parent_id` text,
	`parent_verified` integer NOT NULL,
	`keep_until` integer,
	`held` integer NOT NULL,
	`created_at` integer NOT NULL,
	`good_at` integer,
	`delete_sent_at` integer,
	`gone_at` integer
);
--> statement-breakpoint
CREATE INDEX `restore_points_project_id` ON `restore_points` (`project_id`,`gone_at`);--> statement-breakpoint
CREATE TABLE `runs` (
	`id` text PRIMARY KEY NOT NULL,
	`kind` text NOT NULL,
	`started_at` integer NOT NULL,
	`ended_at` integer,
	`outcome` text,
	`servers` integer,
	`volumes` integer,
	`scan_good` integer NOT NULL,
	`message` text
);
--> statement-breakpoint
CREATE INDEX `runs_started_at` ON `runs` (`started_at`);