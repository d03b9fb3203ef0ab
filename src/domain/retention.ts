import type { BrakeOverride } from "./catalogue.ts";
import type { Point, VolumePoints } from "./points.ts";
import type { Policy } from "./policy.ts";
import type { Reason } from "./reasons.ts";

export interface RotationInput {
  readonly now: Date;
  readonly projectId: string;
  /** Every volume that has points of ours in this project; what is in other projects is only looked at. */
  readonly volumes: readonly VolumePoints[];
  /** `null` when the volumes were not listed. */
  readonly existingVolumeIds: ReadonlySet<string> | null;
  /** The retention in force now for the existing points of a volume. */
  readonly retentionMsOf: (volumeId: string) => number;
  readonly policy: Policy;
  /** Of this project: DELETEs sent in the last 24 hours. */
  readonly deletedLast24h: number;
  readonly override: BrakeOverride | null;
  /** Set when nothing may be deleted: `partial_scan`, `unproven_reader`, `clock_jump`. */
  readonly blocked: Reason | null;
}

/** A chain from which nothing is wanted any more. */
export interface DeadChain {
  readonly volumeId: string;
  readonly rootId: string;
  /** When the last of its promises passed. */
  readonly diedAt: Date;
  /** All that exist, oldest first. */
  readonly members: readonly Point[];
  /** What may be deleted now, newest first; each must be gone before the next is sent. Perhaps not all members: pace. */
  readonly deletions: readonly Point[];
}

/** What becomes of one point of ours, and why. */
export interface Decision {
  readonly point: Point;
  readonly action: "keep" | "delete";
  readonly reason: Reason;
}

export interface RotationPlan {
  /** In the order in which to work; only those with deletions. */
  readonly chains: readonly DeadChain[];
  /** One for every point of ours in the project. */
  readonly decisions: readonly Decision[];
  /** Why nothing at all is deleted, if so: the input's, or `brake`. */
  readonly blocked: Reason | null;
  /** Points that should have been deleted nights ago. */
  readonly overdue: number;
  /** How many may still be deleted. */
  readonly allowance: number;
  /** Backups whose children the reader must list before more can be decided; they stay until then. */
  readonly unverified: readonly string[];
}

/** Decides what rotation deletes in one project. Pure. */
export function planRotation(input: RotationInput): RotationPlan {
  throw new Error(`not written yet: ${input.projectId}`);
}
