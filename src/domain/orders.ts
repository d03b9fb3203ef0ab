import type { AdoptionWish } from "./adoption.ts";
import type { Mechanism } from "./inventory.ts";
import type { Reason } from "./reasons.ts";
import type { RunOutcome } from "./runs.ts";

/**
 * What an operator asked the conductor to do. Whoever holds the lease does it: a running conductor, or the command itself where none runs. So
 * whatever changes the cloud has one author at a time.
 */
export type OrderBody =
  | {
      readonly kind: "protect";
      readonly volumeIds: readonly string[];
      /** The server they are backed up as a set of; `null`: whichever each is attached to. */
      readonly serverId: string | null;
      /** Template of the backups' names; `null` is the configured one. */
      readonly name: string | null;
      readonly description: string | null;
      /** Also volumes that ask to be skipped, and those whose newest backup is younger than the minimum interval. */
      readonly force: boolean;
      /** Counts as the current slot's. */
      readonly forSchedule: boolean;
      /** Name of the policy that they are kept by; without it the built-in one. */
      readonly policy?: string;
      /** Without it the first that the policy makes. */
      readonly mechanism?: Mechanism;
    }
  | { readonly kind: "delete"; readonly backupIds: readonly string[] }
  | { readonly kind: "unhold"; readonly backupIds: readonly string[] }
  | { readonly kind: "disown"; readonly backupIds: readonly string[] }
  | { readonly kind: "disown_snapshots"; readonly snapshotIds: readonly string[] }
  | { readonly kind: "hold"; readonly backupIds: readonly string[]; readonly note: string | null }
  /** Of the backups that the operator was shown, those that may still go. */
  | { readonly kind: "prune"; readonly backupIds: readonly string[] }
  /** Backups and snapshots that somebody else made become ours. */
  | {
      readonly kind: "adopt";
      readonly ids: readonly string[];
      /** What they are. */
      readonly mechanisms: readonly Mechanism[];
      readonly wish: AdoptionWish;
    }
  | { readonly kind: "rebuild" };

export type OrderKind = OrderBody["kind"];

/** `withdrawn`: before anybody had begun with it, by the operator or because nobody came in time. */
export type OrderState = "waiting" | "working" | "ended" | "withdrawn";

export const openOrderStates = ["waiting", "working"] as const satisfies readonly OrderState[];

export interface Order {
  /** Also the id of the run in which it is done, and with it part of a manual slot. */
  readonly id: string;
  readonly body: OrderBody;
  readonly state: OrderState;
  readonly askedAt: Date;
  /** Whoever asked is not waiting any more: nothing is begun after it. */
  readonly expiresAt: Date;
  readonly endedAt: Date | null;
  readonly result: OrderResult | null;
}

/** What became of one volume or backup of an order. */
export interface OrderLine {
  readonly volumeId: string | null;
  readonly backupId: string | null;
  readonly outcome: "done" | "refused" | "failed";
  readonly reason: Reason;
  /** The service's own words, or ids that explain the reason. */
  readonly message: string | null;
}

/** One field of one catalogue entry that Cinder shows otherwise than the database remembers it. */
export interface CatalogueDifference {
  readonly backupId: string;
  /** `null`: the whole entry. */
  readonly field: string | null;
  readonly database: string | null;
  readonly cinder: string | null;
  /** What the catalogue says now: a promise, a hold or a sent DELETE that only the database knows is not forgotten. */
  readonly kept: "database" | "cinder";
}

export interface OrderResult {
  readonly outcome: RunOutcome;
  /** What went wrong with the whole of it, for operators. */
  readonly message: string | null;
  readonly lines: readonly OrderLine[];
  /** Of `rebuild`: the first {@link shownDifferences}. */
  readonly differences: readonly CatalogueDifference[];
  readonly differenceCount: number;
}

export const shownDifferences = 1000;

/** The outcome of an order by what became of its parts. Nothing asked for and nothing done is fine. */
export function outcomeOfLines(lines: readonly OrderLine[]): RunOutcome {
  const bad = lines.filter(({ outcome }) => outcome !== "done").length;
  if (bad === 0) return "ok";
  return bad === lines.length ? "failed" : "partial";
}

export const resultOfLines = (lines: readonly OrderLine[]): OrderResult => ({
  outcome: outcomeOfLines(lines),
  message: null,
  lines,
  differences: [],
  differenceCount: 0,
});

const manualPrefix = "manual:";

/** The slot of a manual run, which satisfies no schedule. */
export const manualSlotId = (runId: string): string => `${manualPrefix}${runId}`;

export const isManualSlot = (slotId: string): boolean => slotId.startsWith(manualPrefix);
