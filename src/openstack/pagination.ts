import { CloudError, isNotFound } from "./errors.ts";
import type { ServiceClient } from "./service.ts";
import type { Row } from "./wire.ts";

export interface Listing<T> {
  /** E.g. `volumes/detail`. */
  readonly route: string;
  /** The list's name in the answer. */
  readonly key: string;
  readonly query: Readonly<Record<string, string>>;
  readonly read: (row: Row) => T;
  /** The link to the next page; by default Cinder's and Nova's, beside the list as `<key>_links`. */
  readonly nextLink?: (body: Row) => string | null;
}

interface Item<T> {
  readonly id: string;
  readonly value: T;
}

interface Page<T> {
  readonly items: readonly Item<T>[];
  readonly next: URLSearchParams | null;
  /** The error that says that this page's link leads nowhere. */
  readonly astray: () => CloudError;
}

/**
 * All rows of a listing, one page at a time, each once.
 *
 * Of a `next` link only the query counts: its host is the server's guess, often wrong behind a proxy. When the marker's row is deleted before the next page is
 * asked for, the listing goes on after the last row that still exists; the ids of the last two pages are remembered for that.
 */
export async function* paginate<T>(
  client: ServiceClient,
  listing: Listing<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const recent = new RecentIds();
  let query = new URLSearchParams(listing.query);
  let stale = 0;
  for (;;) {
    const page = await fetchFrom(client, listing, { query, recent, signal });
    const fresh = page.items.filter(({ id }) => !recent.has(id));
    for (const { value } of fresh) yield value;
    if (page.next === null) return;
    // After a step back, pages of known rows come first. More of them than there are known rows are a circle.
    stale = fresh.length === 0 ? stale + 1 : 0;
    if (stale > recent.size) throw page.astray();
    if (fresh.length > 0) recent.add(fresh.map(({ id }) => id));
    query = new URLSearchParams(listing.query);
    for (const [name, value] of page.next) query.set(name, value);
  }
}

/** Fetches a page; when its marker is gone, the one after the last of the remembered rows that still exists. */
async function fetchFrom<T>(
  client: ServiceClient,
  listing: Listing<T>,
  { query, recent, signal }: { query: URLSearchParams; recent: RecentIds; signal: AbortSignal },
): Promise<Page<T>> {
  try {
    return await fetchPage(client, listing, query, signal);
  } catch (error) {
    if (!isMarkerLost(error, query)) throw error;
    for (const marker of recent.wayBack()) {
      const earlier = new URLSearchParams(query);
      if (marker === null) earlier.delete("marker");
      else earlier.set("marker", marker);
      try {
        return await fetchPage(client, listing, earlier, signal);
      } catch (again) {
        if (!isMarkerLost(again, earlier)) throw again;
      }
    }
    throw error;
  }
}

async function fetchPage<T>(
  client: ServiceClient,
  { route, key, read, nextLink = linkBeside(key) }: Listing<T>,
  query: URLSearchParams,
  signal: AbortSignal,
): Promise<Page<T>> {
  const call = { method: "GET", route, query, expect: 200, signal } as const;
  const { value, malformed } = await client.read(call, (body) => ({
    items: body.rows(key).map((row) => ({ id: row.text("id"), value: read(row) })),
    next: queryOf(nextLink(body)),
  }));
  return { ...value, astray: () => malformed("the links to the next page go in a circle") };
}

const linkBeside =
  (key: string) =>
  (body: Row): string | null =>
    body
      .rowsOrNone(`${key}_links`)
      .find((link) => link.text("rel") === "next")
      ?.text("href") ?? null;

const queryOf = (link: string | null): URLSearchParams | null => {
  const at = link?.indexOf("?") ?? -1;
  return link === null || at === -1 ? null : new URLSearchParams(link.slice(at + 1));
};

/** Cinder answers 404 to an unknown marker, Nova 400 with its name in the message. */
const isMarkerLost = (error: unknown, query: URLSearchParams): boolean =>
  query.has("marker") &&
  (isNotFound(error) || (error instanceof CloudError && error.status === 400 && error.detail.includes("marker")));

/** The ids of the last two pages: enough to find the way back, and to leave out what a step back brings again. */
class RecentIds {
  #previous: readonly string[] = [];
  #last: readonly string[] = [];
  #forgotten = false;
  #known = new Set<string>();
  /** What was known at the last step back. From the start of a listing, new rows come before those that are known. */
  #pinned = new Set<string>();

  add(ids: readonly string[]): void {
    this.#forgotten ||= this.#previous.length > 0;
    this.#previous = this.#last;
    this.#last = ids;
    this.#known = new Set([...this.#previous, ...this.#last]);
  }

  get size(): number {
    return this.#known.size + this.#pinned.size;
  }

  has(id: string): boolean {
    return this.#known.has(id) || this.#pinned.has(id);
  }

  /**
   * Markers to try, from the newest back, in growing steps: what lies between comes again and is left out. At the end `null`, the start of the
   * listing, as long as all its rows are remembered.
   */
  *wayBack(): Generator<string | null> {
    this.#pinned = new Set(this.#forgotten ? this.#known : [...this.#pinned, ...this.#known]);
    const ids = [...this.#previous, ...this.#last];
    let at = ids.length - 1;
    for (let step = 1; at > 0; step *= 2) {
      at = Math.max(0, at - step);
      yield ids[at] ?? null;
    }
    if (!this.#forgotten) yield null;
  }
}
