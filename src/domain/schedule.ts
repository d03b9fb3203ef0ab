/** When slots begin. Times of day are local to the policy's zone. */
export type Schedule =
  /** From local midnight; divides a day, or is a whole number of days since 1970-01-01. Milliseconds. */
  | { readonly kind: "every"; readonly periodMs: number }
  /** `at` is `HH:MM`. */
  | { readonly kind: "daily"; readonly at: string }
  /** Monday is 1, Sunday 7. */
  | { readonly kind: "weekly"; readonly weekDay: number; readonly at: string }
  /** 1 to 31; in shorter months the last day. */
  | { readonly kind: "monthly"; readonly day: number; readonly at: string }
  | { readonly kind: "yearly"; readonly month: number; readonly day: number; readonly at: string }
  /** Five fields: minute, hour, day, month, weekday. */
  | { readonly kind: "cron"; readonly expression: string }
  /** Elapsed time from an instant, whatever the calendar says. Milliseconds. */
  | { readonly kind: "interval"; readonly everyMs: number; readonly anchor: Date };
