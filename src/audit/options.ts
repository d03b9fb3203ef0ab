/** What the audit has to be told, since Cinder cannot say it. */
export interface AuditOptions {
  /** `conductor.user_ids`: who creates what may be ours. */
  readonly userIds: readonly string[];
  /**
   * What an operator pruned or disowned on purpose, by id of the volume (all of its points but held ones) or of single backups
   * (held ones too). Such points may go whatever their keep-until or place, and the brake does not count them.
   */
  readonly permittedPrunes?: readonly string[];
  /** Snapshots that their owner released, by id of the volume or of single snapshots; held ones are never covered. Not counted by the brake. */
  readonly permittedReleases?: readonly string[];
  /** What others created and the conductor adopted, by id: ours once it is marked. */
  readonly adopted?: readonly string[];
  readonly brake?: BrakeLimits;
  readonly brakeOverrides?: readonly BrakeOverride[];
  /** Users' own backups and snapshots may neither go nor change: where nobody but the conductor was at work in between. */
  readonly strictForeign?: boolean;
  /** How long a passing state may last, apart from the time that copying takes; default one hour. */
  readonly passingStateMs?: number;
}

/** How many deletions a project may see within 24 hours, apart from as many as turned good there. */
export interface BrakeLimits {
  readonly least: number;
  readonly percentOfPoints: number;
}

/** Lets `count` more deletions pass in a project. */
export interface BrakeOverride {
  readonly projectId: string;
  readonly count: number;
  readonly expiresAt: Date;
}

export const designBrake: BrakeLimits = { least: 10, percentOfPoints: 15 };
