ALTER TABLE `jobs` ADD `temporary` text;--> statement-breakpoint
ALTER TABLE `jobs` ADD `temporary_reason` text;--> statement-breakpoint
ALTER TABLE `jobs` ADD `temporary_id` text;--> statement-breakpoint
ALTER TABLE `jobs` ADD `temporary_sent_at` integer;--> statement-breakpoint
ALTER TABLE `jobs` ADD `temporary_answered_at` integer;--> statement-breakpoint
ALTER TABLE `jobs` ADD `temporary_gone_at` integer;--> statement-breakpoint
CREATE INDEX `jobs_temporary` ON `jobs` (`temporary_gone_at`,`temporary_sent_at`);