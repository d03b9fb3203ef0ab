import type { OverrideSeen } from "../domain/catalogue.ts";
import type { Run, RunKind } from "../domain/runs.ts";
import type { CloudAssignment } from "./assign.ts";
import type { Track } from "../domain/tracks.ts";
import type { Conductor, Signals } from "./context.ts";
import type { LeaseKeeper } from "./lease.ts";
import type { Listings } from "./recall.ts";
import type { Inventory } from "./scan.ts";

export interface CycleOptions {
  readonly kind: RunKind;
  /** Plan and create what is due. */
  readonly create: boolean;
  /** False: what waits is left waiting; only what runs already is watched. */
  readonly begin?: boolean;
  /** Rotate every project, not only those whose jobs ended in this cycle. */
  readonly rotateAll: boolean;
  /** Ends the cycle although backups are still running; the next one goes on with them. */
  readonly interrupt?: AbortSignal;
  /** Told what comes next, as soon as the cycle knows. */
  readonly onPlanned?: (next: NextWork) => void;
  /** Called after every round of work. */
  readonly onRound?: () => void;
}

/** What is to be begun after what a cycle has begun. */
export interface NextWork {
  /** The nearest slot of all policies in use. */
  readonly slotAt: Date;
  /** Something of the slots of now waits: for its own time within the slot, or for other work on its volume. */
  readonly waits: boolean;
}

/** What every step of one cycle shares. */
export interface Cycle {
  readonly conductor: Conductor;
  readonly lease: LeaseKeeper;
  readonly signals: Signals;
  readonly options: CycleOptions;
  readonly run: Run;
  readonly inventory: Inventory;
  /** What is remembered of tenants' requests from the cycles before. */
  readonly overridesSeen: readonly OverrideSeen[];
  readonly listings: Listings;
  /** Who is protected by what. */
  readonly assignment: CloudAssignment;
  /** What the policies have to do in the slots of now. */
  readonly tracks: readonly Track[];
  readonly userIds: ReadonlySet<string>;
  readonly partial: boolean;
  readonly clockTrusted: () => boolean;
  readonly interrupt: AbortSignal;
}
