/** How a report reaches people or machines. `members`: to be replaced by one `mail` for each member of the project who has an address. */
export type DeliveryChannel = "mail" | "members" | "webhook" | "ping";

/** `queued` until it is `sent`, or `failed` for good: refused, or not accepted in time. */
export type DeliveryState = "queued" | "sent" | "failed";

/** What is told: one project's report of a run, the run as a whole (to operators), or only that it is complete. */
export type DeliverySubject = "project" | "run";

/**
 * One message to one receiver. Queued in the same transaction as what it tells of, and sent from there until it is accepted: at least
 * once, and each time under the same id, so that what arrives twice can be recognised.
 */
export interface Delivery {
  /** Made of what is told and to whom (see `src/report/routing.ts`): the same work is queued once. Part of the Message-ID. */
  readonly id: string;
  readonly channel: DeliveryChannel;
  readonly subject: DeliverySubject;
  readonly runId: string;
  /** Null for a run's. */
  readonly reportId: string | null;
  readonly projectId: string | null;
  /** A mail address; empty for the other channels, whose addresses are the configuration's. */
  readonly receiver: string;
  readonly state: DeliveryState;
  /** How often it was tried. */
  readonly attempts: number;
  readonly createdAt: Date;
  readonly nextAttemptAt: Date;
  /** After it nothing is tried any more. */
  readonly giveUpAt: Date;
  readonly endedAt: Date | null;
  /** The last failure's words, for operators. */
  readonly lastError: string | null;
  /** Id of the delivery that this one repeats at an operator's wish. */
  readonly resendOf: string | null;
}
