import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { CatalogueFileParser } from "../../domain/catalogue-file.ts";
import type { Clock } from "../../domain/clock.ts";
import type { Logger } from "../../domain/log.ts";
import type { Catalogue } from "./sources.ts";

export interface CatalogueFileOptions {
  readonly path: string;
  /** Older is stale. */
  readonly maxAgeMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface WatchedCatalogue extends Catalogue {
  /** Looks whether the file was replaced, and reads it then. Never throws. */
  refresh(): Promise<void>;
}

/** How often the file is looked at. */
export const refreshEveryMs = 5_000;
/** The clocks of two machines differ. */
const skewMs = 5 * 60_000;

interface Contents {
  readonly writtenAt: Date;
  readonly held: ReadonlyMap<string, boolean>;
  /** Of volumes with automated snapshots: whether one of them is held. */
  readonly volumes: ReadonlyMap<string, boolean>;
}

/**
 * The catalogue as the conductor's file has it. While a new file is being read the old one answers; one that cannot be read leaves it in force
 * until that is stale.
 */
export function catalogueFile({ path, maxAgeMs, clock, log }: CatalogueFileOptions): WatchedCatalogue {
  let contents: Contents | null = null;
  let version: string | null = null;
  let trouble: string | null = "has not been read yet";

  const problem = (): string | null => {
    if (contents === null) return `the catalogue file ${trouble ?? "has not been read yet"}`;
    const ageMs = clock.now().getTime() - contents.writtenAt.getTime();
    // Written so that an age which is no number is stale, too.
    return ageMs >= -skewMs && ageMs <= maxAgeMs ? null : `the catalogue file is stale`;
  };
  const usable = (): Contents | null => (problem() === null ? contents : null);

  return {
    problem,
    point(id) {
      const now = usable();
      if (now === null) return "unavailable";
      const held = now.held.get(id);
      return held === undefined ? { automated: false, held: false } : { automated: true, held };
    },
    volume(id) {
      const now = usable();
      if (now === null) return "unavailable";
      const held = now.volumes.get(id);
      return { automatedSnapshots: held !== undefined, heldSnapshots: held === true };
    },
    async refresh() {
      try {
        const { ino, mtimeMs, size } = await stat(path);
        const seen = `${ino} ${mtimeMs} ${size}`;
        if (seen === version) return;
        contents = await read(path);
        version = seen;
        trouble = null;
        log.info({ points: contents.held.size, writtenAt: contents.writtenAt }, "read the catalogue file");
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        const now = `cannot be read: ${why}`;
        if (now !== trouble) log.warn({ path, error }, "the catalogue file cannot be read");
        trouble = now;
      }
    },
  };
}

async function read(path: string): Promise<Contents> {
  const held = new Map<string, boolean>();
  const volumes = new Map<string, boolean>();
  const parser = new CatalogueFileParser((point) => {
    held.set(point.id, point.held);
    if (point.kind === "snapshot") volumes.set(point.volumeId, point.held || volumes.get(point.volumeId) === true);
  });
  // In pieces, with requests answered between two of them.
  for await (const piece of createReadStream(path, { encoding: "utf8", highWaterMark: 64 * 1024 })) {
    parser.push(String(piece));
  }
  return { writtenAt: parser.end(), held, volumes };
}
