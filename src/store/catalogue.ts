import { setImmediate as turn } from "node:timers/promises";
import { and, asc, eq, gt, isNull } from "../../db/drizzle.ts";
import type { CatalogueEntry, OverrideSeen } from "../domain/catalogue.ts";
import type { Database } from "./database.ts";
import { chunksOf } from "./chunks.ts";
import { StoreError } from "./errors.ts";
import type { Repository } from "./repository.ts";

type CatalogueMethods = Pick<
  Repository,
  "catalogue" | "upsertCatalogue" | "patchCatalogueEntry" | "overridesSeen" | "replaceOverridesSeen"
>;

/** Pages keep the driver's own copy of the rows small beside the result. */
const pageRows = 5000;

export function catalogueMethods(db: Database): CatalogueMethods {
  const { restorePoints: points, overridesSeen: overrides } = db.tables;
  return {
    catalogue: ({ projectId, includeGone = false, after, limit = Infinity } = {}) =>
      db.read(async (s) => {
        const entries: CatalogueEntry[] = [];
        const share = sharer();
        for (let more = true; more;) {
          const last = entries.at(-1)?.backupId ?? after;
          const asked = Math.min(pageRows, limit - entries.length);
          const where = and(
            last === undefined ? undefined : gt(points.backupId, last),
            projectId === undefined ? undefined : eq(points.projectId, projectId),
            includeGone ? undefined : isNull(points.goneAt),
          );
          const page = await s.selectPage(points, { where, orderBy: [asc(points.backupId)], limit: asked });
          for (const entry of page) entries.push(share(entry));
          more = page.length === asked && entries.length < limit;
          await turn();
        }
        return entries;
      }),

    upsertCatalogue: (entries) =>
      db.transaction(async (s) => {
        for (const rows of chunksOf(entries)) {
          await s.insert(points, rows, "replace");
          await turn();
        }
      }),

    async patchCatalogueEntry(backupId, patch) {
      if (Object.keys(patch).length === 0) return;
      if ((await db.write((s) => s.update(points, patch, eq(points.backupId, backupId)))) === 0) {
        throw new StoreError(`the catalogue has no backup ${backupId}`, { transient: false });
      }
    },

    overridesSeen: () =>
      db.read((s) =>
        s.select(overrides, { orderBy: [asc(overrides.resourceId), asc(overrides.key), asc(overrides.value)] }),
      ),

    replaceOverridesSeen: (seen) =>
      db.transaction(async (s) => {
        const wanted = new Map(seen.map((o) => [identityOf(o), o]));
        for (const stored of await s.select(overrides, {})) {
          const same = wanted.get(identityOf(stored));
          if (same?.firstSeenAt.getTime() === stored.firstSeenAt.getTime()) wanted.delete(identityOf(stored));
          else {
            const { resourceId, key, value } = overrides;
            const where = and(eq(resourceId, stored.resourceId), eq(key, stored.key), eq(value, stored.value));
            await s.delete(overrides, where);
          }
        }
        for (const rows of chunksOf([...wanted.values()])) await s.insert(overrides, rows, "fail");
      }),
  };
}

const identityOf = (o: OverrideSeen): string => JSON.stringify([o.resourceId, o.key, o.value]);

/** Thousands of points share a project, a policy, a slot: one string each instead of the driver's fresh copies. */
function sharer(): (entry: CatalogueEntry) => CatalogueEntry {
  const known = new Map<string, string>();
  const one = (text: string): string => {
    const same = known.get(text);
    if (same === undefined) known.set(text, text);
    return same ?? text;
  };
  return (fresh) => {
    const entry: { -readonly [K in keyof CatalogueEntry]: CatalogueEntry[K] } = fresh;
    entry.projectId = one(entry.projectId);
    entry.volumeId = one(entry.volumeId);
    if (entry.policy !== null) entry.policy = one(entry.policy);
    if (entry.slot !== null) entry.slot = one(entry.slot);
    if (entry.serverId !== null) entry.serverId = one(entry.serverId);
    if (entry.setId !== null) entry.setId = one(entry.setId);
    if (entry.volumeType !== null) entry.volumeType = one(entry.volumeType);
    return entry;
  };
}
