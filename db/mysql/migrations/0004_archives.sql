ALTER TABLE `jobs` ADD `archive_container` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `jobs` ADD `archive_zone` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `jobs` ADD `archive_keep_until` datetime(3);--> statement-breakpoint
ALTER TABLE `jobs` ADD `full_number` int;