import { open, rename } from "node:fs/promises";
import type { Clock } from "../domain/clock.ts";
import { fileFooter, fileHeader, fileLine } from "../domain/catalogue-file.ts";
import type { Io } from "../domain/io.ts";
import type { Logger } from "../domain/log.ts";
import type { Repository } from "../store/repository.ts";

export interface CatalogueFileDeps {
  /** Absolute. */
  readonly path: string;
  readonly repository: Pick<Repository, "catalogue">;
  readonly clock: Clock;
  readonly io: Io;
  readonly log: Logger;
}

/** Rows held in memory at once. */
const pageEntries = 5000;

/** A hook takes the file for stale after `policy_hook.catalogue.max_age`, an hour by default. */
const everyMs = 5 * 60_000;

/**
 * Writes the ids of all automated backups and snapshots for policy hooks. Readers see the old file or the new one, never a part, also after a power cut.
 * @throws StoreError, Error of Node.js
 */
export async function writeCatalogueFile({ path, repository, clock, io }: CatalogueFileDeps): Promise<void> {
  // Read after this moment: what happens meanwhile may be in the file, what happened before is.
  const writtenAt = clock.now();
  const temporary = `${path}.new`;
  // Ids and nothing else, and the hook runs as a user of its own.
  const file = await io.run({ kind: "file", name: "openCatalogueFile" }, () => open(temporary, "w", 0o644));
  try {
    await file.write(fileHeader(writtenAt));
    let points = 0;
    let page = await repository.catalogue({ limit: pageEntries });
    for (let last = page.at(-1); last !== undefined; last = page.at(-1)) {
      await file.write(
        page
          .map(({ backupId: id, held, mechanism: kind, volumeId }) => fileLine({ kind, id, volumeId, held }))
          .join(""),
      );
      points += page.length;
      page = await repository.catalogue({ limit: pageEntries, after: last.backupId });
    }
    await file.write(fileFooter(points));
    await file.sync();
  } finally {
    await file.close();
  }
  await io.run({ kind: "file", name: "replaceCatalogueFile" }, () => rename(temporary, path));
}

/**
 * Keeps the file fresh until `stop`, beside the cycles: one that waits for a long backup must not let it grow stale. A failure is logged and
 * tried again; hooks deny more meanwhile.
 */
export async function keepCatalogueFile(deps: CatalogueFileDeps, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    try {
      await writeCatalogueFile(deps);
    } catch (error) {
      deps.log.error({ error, path: deps.path }, "the catalogue file for policy hooks could not be written");
    }
    await deps.clock.sleep(everyMs, stop).catch(() => undefined); // rejects only when stopped
  }
}
