ALTER TABLE `jobs` ADD `temporary` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `jobs` ADD `temporary_reason` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `jobs` ADD `temporary_id` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `jobs` ADD `temporary_sent_at` datetime(3);--> statement-breakpoint
ALTER TABLE `jobs` ADD `temporary_answered_at` datetime(3);--> statement-breakpoint
ALTER TABLE `jobs` ADD `temporary_gone_at` datetime(3);--> statement-breakpoint
CREATE INDEX `jobs_temporary` ON `jobs` (`temporary_gone_at`,`temporary_sent_at`);