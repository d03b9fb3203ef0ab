import type { CatalogueWord, GuardedObject, VolumeWord } from "../../domain/guard.ts";

/**
 * The conductor's catalogue as the hook reads it. Answers `unavailable` when it cannot be read, is stale, or takes too long; never throws.
 */
export interface Catalogue {
  /** What it knows of a backup or snapshot. */
  point(id: string): CatalogueWord | Promise<CatalogueWord>;
  /** What it knows of a volume's snapshots. */
  volume(id: string): VolumeWord | Promise<VolumeWord>;
  /** Null when it can be used, else what is wrong with it, for operators. */
  problem(): string | null;
}

/** Asks OpenStack for an object that a body describes too little of; null when it is not there, could not be read, or took too long. */
export type LookUp = (kind: "backup" | "snapshot", id: string) => Promise<GuardedObject | null>;
