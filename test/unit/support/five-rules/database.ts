import { entryFromMarks } from "../../../../src/conductor/sync.ts";
import type { CatalogueEntry, Job, OverrideSeen } from "../../../../src/domain/catalogue.ts";
import type { Backup } from "../../../../src/domain/inventory.ts";
import { readMarks } from "../../../../src/domain/marks.ts";
import { automated, us } from "./world.ts";

/** A DELETE that was sent. */
export interface Sent {
  readonly id: string;
  readonly projectId: string;
  readonly atMs: number;
  /** It had turned good not 24 hours before. */
  readonly wasNew: boolean;
}

/** What the conductor remembers, as its store does. */
export class Database {
  readonly jobs: Map<string, Job>;
  readonly catalogue: Map<string, CatalogueEntry>;
  overrides: readonly OverrideSeen[];
  readonly sent: Sent[];
  lastGood: { readonly startedAt: Date; readonly servers: number; readonly volumes: number } | null;

  constructor(from: Partial<Database> = {}) {
    this.jobs = new Map(from.jobs);
    this.catalogue = new Map(from.catalogue);
    this.overrides = from.overrides ?? [];
    this.sent = [...(from.sent ?? [])];
    this.lastGood = from.lastGood ?? null;
  }

  move(key: string, change: Partial<Job>): void {
    const job = this.jobs.get(key);
    if (job !== undefined) this.jobs.set(key, { ...job, ...change });
  }

  /** As `syncCatalogue` does it: learns what it does not know, and never shortens a promise or lifts a hold. */
  sync(rows: ReadonlyMap<string, Backup>): void {
    for (const [id, entry] of this.catalogue) {
      const row = rows.get(id);
      if (row === undefined) {
        this.catalogue.delete(id);
        continue;
      }
      const { held, keepUntil } = readMarks(row.metadata);
      if (held && !entry.held) this.catalogue.set(id, { ...entry, held });
      if (keepUntil !== null && entry.keepUntil !== null && keepUntil > entry.keepUntil) {
        this.catalogue.set(id, { ...entry, keepUntil });
      }
    }
    for (const row of rows.values()) {
      if (row.userId === us && row.metadata[automated] === "True" && !this.catalogue.has(row.id)) {
        this.catalogue.set(row.id, entryFromMarks(row));
      }
    }
  }

  /** Notes what somebody saw of a point's parent. */
  learn(id: string, parentId: string | null): void {
    const entry = this.catalogue.get(id);
    if (entry !== undefined) this.catalogue.set(id, { ...entry, parentId, parentVerified: true });
  }
}
