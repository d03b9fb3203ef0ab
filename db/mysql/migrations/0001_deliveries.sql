CREATE TABLE `deliveries` (
	`id` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`channel` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`subject` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`run_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`report_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`project_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`receiver` varchar(320) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`state` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
	`attempts` int NOT NULL,
	`created_at` datetime(3) NOT NULL,
	`next_attempt_at` datetime(3) NOT NULL,
	`give_up_at` datetime(3) NOT NULL,
	`ended_at` datetime(3),
	`last_error` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	`resend_of` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin,
	CONSTRAINT `deliveries_id` PRIMARY KEY(`id`)
);
--> statement-breakpoint
CREATE INDEX `deliveries_state_next_attempt_at` ON `deliveries` (`state`,`next_attempt_at`);--> statement-breakpoint
CREATE INDEX `deliveries_report_id` ON `deliveries` (`report_id`);--> statement-breakpoint
CREATE INDEX `deliveries_run_id` ON `deliveries` (`run_id`);--> statement-breakpoint
CREATE INDEX `deliveries_created_at` ON `deliveries` (`created_at`);