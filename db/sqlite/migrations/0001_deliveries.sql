CREATE TABLE `deliveries` (
	`id` text PRIMARY KEY NOT NULL,
	`channel` text NOT NULL,
	`subject` text NOT NULL,
	`run_id` text NOT NULL,
	`report_id` text,
	`project_id` text,
	`receiver` text NOT NULL,
	`state` text NOT NULL,
	`attempts` integer NOT NULL,
	`created_at` integer NOT NULL,
	`next_attempt_at` integer NOT NULL,
	`give_up_at` integer NOT NULL,
	`ended_at` integer,
	`last_error` text,
	`resend_of` text
);
--> statement-breakpoint
CREATE INDEX `deliveries_state_next_attempt_at` ON `deliveries` (`state`,`next_attempt_at`);--> statement-breakpoint
CREATE INDEX `deliveries_report_id` ON `deliveries` (`report_id`);--> statement-breakpoint
CREATE INDEX `deliveries_run_id` ON `deliveries` (`run_id`);--> statement-breakpoint
CREATE INDEX `deliveries_created_at` ON `deliveries` (`created_at`);