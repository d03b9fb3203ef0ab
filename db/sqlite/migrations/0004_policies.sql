ALTER TABLE `jobs` ADD `mechanism` text DEFAULT 'backup' NOT NULL;--> statement-breakpoint
ALTER TABLE `jobs` ADD `retention` text;--> statement-breakpoint
ALTER TABLE `jobs` ADD `container` text;--> statement-breakpoint
ALTER TABLE `restore_points` ADD `mechanism` text DEFAULT 'backup' NOT NULL;--> statement-breakpoint
ALTER TABLE `restore_points` ADD `retention` text;--> statement-breakpoint
ALTER TABLE `restore_points` ADD `adopted` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `runs` ADD `policy_version` text;