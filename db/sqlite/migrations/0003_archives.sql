ALTER TABLE `jobs` ADD `archive_container` text;--> statement-breakpoint
ALTER TABLE `jobs` ADD `archive_zone` text;--> statement-breakpoint
ALTER TABLE `jobs` ADD `archive_keep_until` integer;--> statement-breakpoint
ALTER TABLE `jobs` ADD `full_number` integer;