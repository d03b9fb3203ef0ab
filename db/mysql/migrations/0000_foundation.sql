CREATE TABLE `jobs` (
	`work_key` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`run_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`project_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`volume_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`volume_name` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`server_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`server_name` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`policy` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`slot` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`set_id` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`mode` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`mode_reason` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`parent_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`size_gib` int NOT NULL,
	`volume_type` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`pool` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`shared` boolean NOT NULL,
	`window_ends_at` datetime(3) NOT NULL,
	`keep_until` datetime(3) NOT NULL,
	`backup_name` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`state` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`reason` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`message` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`request_id` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`backup_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`planned_at` datetime(3) NOT NULL,
	`submitted_at` datetime(3),
	`deadline_at` datetime(3),
	`stuck_reported_at` datetime(3),
	`ended_at` datetime(3),
	CONSTRAINT `jobs_work_key` PRIMARY KEY(`work_key`)
);
--> statement-breakpoint
CREATE TABLE `leases` (
	`name` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`owner` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`fence` bigint NOT NULL,
	`expires_at` datetime(3) NOT NULL,
	CONSTRAINT `leases_name` PRIMARY KEY(`name`)
);
--> statement-breakpoint
CREATE TABLE `operations` (
	`seq` bigint AUTO_INCREMENT NOT NULL,
	`id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`run_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`at` datetime(3) NOT NULL,
	`kind` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`reason` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`project_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`server_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`volume_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`backup_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`work_key` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`message` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`request_id` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	CONSTRAINT `operations_seq` PRIMARY KEY(`seq`),
	CONSTRAINT `operations_id` UNIQUE(`id`)
);
--> statement-breakpoint
CREATE TABLE `overrides_seen` (
	`resource_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`metadata_key` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`metadata_value` varbinary(1530) NOT NULL,
	`first_seen_at` datetime(3) NOT NULL,
	CONSTRAINT `overrides_seen_pk` PRIMARY KEY(`resource_id`,`metadata_key`,`metadata_value`)
);
--> statement-breakpoint
CREATE TABLE `quota_samples` (
	`project_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`at` datetime(3) NOT NULL,
	`backups_limit` int NOT NULL,
	`backups_used` int NOT NULL,
	`gigabytes_limit` int NOT NULL,
	`gigabytes_used` int NOT NULL,
	CONSTRAINT `quota_samples_pk` PRIMARY KEY(`project_id`,`at`)
);
--> statement-breakpoint
CREATE TABLE `reports` (
	`id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`run_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`project_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`at` datetime(3) NOT NULL,
	`body` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	CONSTRAINT `reports_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE TABLE `restore_points` (
	`backup_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`project_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`volume_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`work_key` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`policy` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`slot` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`server_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`set_id` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`is_incremental` boolean NOT NULL,
	`size_gib` int NOT NULL,
	`volume_type` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`parent_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`parent_verified` boolean NOT NULL,
	`keep_until` datetime(3),
	`held` boolean NOT NULL,
	`created_at` datetime(3) NOT NULL,
	`good_at` datetime(3),
	`delete_sent_at` datetime(3),
	`gone_at` datetime(3),
	CONSTRAINT `restore_points_backup_id` PRIMARY KEY(`backup_id`)
);
--> statement-breakpoint
CREATE TABLE `runs` (
	`id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`kind` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`started_at` datetime(3) NOT NULL,
	`ended_at` datetime(3),
	`outcome` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`servers` int,
	`volumes` int,
	`scan_good` boolean NOT NULL,
	`message` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	CONSTRAINT `runs_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE INDEX `jobs_state` ON `jobs` (`state`);--> statement-breakpoint
CREATE INDEX `jobs_slot_project_id` ON `jobs` (`slot`,`project_id`);--> statement-breakpoint
CREATE INDEX `jobs_project_id` ON `jobs` (`project_id`);--> statement-breakpoint
CREATE INDEX `jobs_run_id` ON `jobs` (`run_id`);--> statement-breakpoint
CREATE INDEX `operations_run_id` ON `operations` (`run_id`);--> statement-breakpoint
CREATE INDEX `operations_project_id_at` ON `operations` (`project_id`,`at`);--> statement-breakpoint
CREATE INDEX `operations_at` ON `operations` (`at`);--> statement-breakpoint
CREATE INDEX `reports_run_id` ON `reports` (`run_id`);--> statement-breakpoint
CREATE INDEX `reports_project_id_at` ON `reports` (`project_id`,`at`);--> statement-breakpoint
CREATE INDEX `reports_at` ON `reports` (`at`);--> statement-breakpoint
CREATE INDEX `restore_points_project_id` ON `restore_points` (`project_id`,`gone_at`);--> statement-breakpoint
CREATE INDEX `runs_started_at` ON `runs` (`started_at`);