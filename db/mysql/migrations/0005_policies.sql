ALTER TABLE `jobs` ADD `mechanism` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT 'backup' NOT NULL;--> statement-breakpoint
ALTER TABLE `jobs` ADD `retention` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `jobs` ADD `container` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `restore_points` ADD `mechanism` varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT 'backup' NOT NULL;--> statement-breakpoint
ALTER TABLE `restore_points` ADD `retention` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;--> statement-breakpoint
ALTER TABLE `restore_points` ADD `adopted` boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `runs` ADD `policy_version` varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;