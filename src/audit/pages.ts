import { Checked } from "./check.ts";
import type { BlockStorageReader } from "./cloud.ts";
import { AuditError, AuditHttpError } from "./errors.ts";

/** What one listing asks for. */
export interface PageQuery {
  readonly resource: "backups" | "snapshots" | "volumes";
  readonly filters?: Readonly<Record<string, string>>;
  /** Rows a page; Cinder gives fewer when its own limit is lower. */
  readonly pageSize: number;
}

/**
 * All rows of a resource in all projects, oldest first, each id once.
 *
 * Oldest first makes a listing sound while backups are being deleted: a parent is older than its children, so when a
 * child is seen and its parent was not, the parent was gone while the child still existed.
 * @throws AuditHttpError, AuditError
 */
export async function readAll(cinder: BlockStorageReader, query: PageQuery): Promise<Checked[]> {
  const rows = new Map<string, Checked>();
  const followed = new Set<string>();
  let marker: string | undefined;
  let stepBack = 1;
  for (;;) {
    let body: Checked;
    try {
      body = await readPage(cinder, query, marker);
    } catch (error) {
      if (marker === undefined || !(error instanceof AuditHttpError) || error.status !== 404) throw error;
      // The marker was deleted meanwhile: go on from an earlier row, further back each time.
      const ids = [...rows.keys()];
      marker = ids[ids.indexOf(marker) - stepBack];
      stepBack *= 2;
      followed.clear();
      continue;
    }
    const page = body.at(query.resource).list();
    for (const row of page) rows.set(row.at("id").string(), row);
    const next = nextMarker(body.at(`${query.resource}_links`));
    if (next === undefined) return [...rows.values()];
    if (followed.has(next)) throw new AuditError("malformed", `${query.resource}: page ${next} leads back to itself`);
    followed.add(next);
    marker = next;
  }
}

async function readPage(cinder: BlockStorageReader, query: PageQuery, marker: string | undefined): Promise<Checked> {
  const path = `${query.resource}/detail`;
  const body = await cinder.get(path, {
    all_tenants: "1",
    sort: "created_at:asc,id:asc",
    limit: String(query.pageSize),
    ...query.filters,
    ...(marker !== undefined && { marker }),
  });
  return new Checked(body, path);
}

/** Only the marker of the link is of use: its host is the server's guess, and often a wrong one behind a proxy. */
function nextMarker(links: Checked): string | undefined {
  if (links.isAbsent) return undefined;
  const next = links.list().find((link) => link.at("rel").string() === "next");
  if (!next) return undefined;
  const href = next.at("href").string();
  const marker = new URLSearchParams(href.slice(href.indexOf("?") + 1)).get("marker");
  return marker ?? next.at("href").fail("a link with a marker");
}
