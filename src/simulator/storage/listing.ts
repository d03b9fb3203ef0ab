import { byAge, type Collection, placeOf } from "../collection.ts";
import { fault, type Reply } from "../reply.ts";
import { isBooleanText, isTrue } from "../schema.ts";
import { type StorageCall, visible } from "./call.ts";

const maxLimit = 1000;

interface Row {
  readonly id: string;
  readonly projectId: string;
  readonly createdAtMs: number;
}

/** How one kind of object is listed. */
export interface Listing<T extends Row> {
  readonly collection: string;
  readonly rows: Collection<T>;
  /** What a member may filter by. */
  readonly memberFilters: readonly string[];
  /** A quick way to all rows that a filter can match, where there is an index. */
  readonly narrow?: (name: string, value: string) => Iterable<T> | undefined;
  /** undefined: not a column; the database then finds nothing. */
  readonly filter: (name: string, value: string) => ((row: T) => boolean) | undefined;
  readonly sortValue: (name: string) => ((row: T) => string | number) | undefined;
  readonly notFound: (id: string) => Error;
  readonly view: (row: T) => unknown;
  /** The end of the path in the next link. */
  readonly path: string;
  /** From this minor version on `with_count` is understood. */
  readonly countSince?: number;
}

/** Names that the services take out of the query before they look at filters. */
const paging = new Set(["limit", "marker", "offset", "sort", "sort_key", "sort_dir"]);

export function list<T extends Row>(call: StorageCall, listing: Listing<T>): Reply {
  const { query } = call.exchange;
  const size = limitOf(query.get("limit"));
  const offset = offsetOf(query.get("offset"));
  const filters = [...query].filter(([name]) => !paging.has(name));
  const counted = call.minor >= (listing.countSince ?? 45) && query.has("with_count");
  const tests = filterTests(call, listing, counted ? filters.filter(([name]) => name !== "with_count") : filters);
  const passes = (row: T) => tests.every((test) => test(row));
  const { rows, start, step } = walk(call, listing, filters);

  const page: T[] = [];
  let skip = offset;
  for (let at = start; page.length < size; at += step) {
    const row = rows[at];
    if (row === undefined) break;
    if (!passes(row)) continue;
    if (skip > 0) skip -= 1;
    else page.push(row);
  }
  const count = counted && isTrue(query.get("with_count")) ? listing.rows.filter(passes).length : undefined;
  const body: Record<string, unknown> = { [listing.collection]: page.map((row) => listing.view(row)) };
  const last = page.at(-1);
  // With a count Cinder compares the limit with the whole list, so that even the last page has a link.
  if (last !== undefined && size <= (count || page.length)) {
    const next = new URLSearchParams(query);
    next.delete("marker");
    next.set("marker", last.id);
    body[`${listing.collection}_links`] = [
      { rel: "next", href: `${call.linkBase}/${listing.path}?${next.toString()}` },
    ];
  }
  if (count !== undefined) body.count = count;
  return { status: 200, body };
}

function limitOf(text: string | null): number {
  if (text === null) return maxLimit;
  if (!/^-?\d+$/.test(text)) throw fault(400, "limit param must be an integer");
  if (Number(text) < 0) throw fault(400, "limit param must be positive");
  return Math.min(Number(text), maxLimit);
}

function offsetOf(text: string | null): number {
  if (text === null) return 0;
  if (!/^-?\d+$/.test(text)) throw fault(400, "offset must be an integer");
  if (Number(text) < 0) throw fault(400, "offset must be >= 0");
  return Number(text);
}

function filterTests<T extends Row>(
  call: StorageCall,
  listing: Listing<T>,
  filters: readonly (readonly [string, string])[],
): ((row: T) => boolean)[] {
  const { isAdmin } = call.auth;
  const bad = filters
    .filter(([name]) => name !== "all_tenants" && !listing.memberFilters.includes(name))
    .map(([name]) => name);
  const strict = call.minor >= 31;
  if (!isAdmin && strict && bad.length > 0)
    throw fault(400, `Invalid filters ${bad.join(",")} are found in query options.`);
  const everywhere = filters.find(([name]) => name === "all_tenants")?.[1];
  if (isAdmin && everywhere !== undefined && !isBooleanText(everywhere))
    throw fault(400, `all_tenants must be a boolean, got '${everywhere}'.`);
  const tests: ((row: T) => boolean)[] = [];
  if (!isAdmin || everywhere === undefined || !isTrue(everywhere))
    tests.push((row) => row.projectId === call.project.id);
  for (const [name, value] of filters) {
    if (name === "all_tenants" || (!isAdmin && !listing.memberFilters.includes(name))) continue;
    tests.push(listing.filter(name, value) ?? (() => false));
  }
  return tests;
}

type Filters = readonly (readonly [string, string])[];

interface Walk<T> {
  readonly rows: readonly T[];
  readonly start: number;
  readonly step: 1 | -1;
}

/** The rows in the order asked for, newest first by default, and where behind the marker to begin. */
function walk<T extends Row>(call: StorageCall, listing: Listing<T>, filters: Filters): Walk<T> {
  const keys = sortKeys(call, listing);
  const ascending = keys[0]?.sign === 1;
  const marker = call.exchange.query.get("marker");
  const last = marker === null ? undefined : listing.rows.get(marker);
  if (marker !== null && !visible(call, last)) throw listing.notFound(marker);
  if (keys.length === 1 && keys[0]?.name === "created_at") {
    const narrowed = narrow(listing, filters);
    const rows = narrowed === undefined ? listing.rows.values() : [...narrowed].sort(byAge);
    if (last === undefined) return { rows, start: ascending ? 0 : rows.length - 1, step: ascending ? 1 : -1 };
    const place = placeOf(last, rows);
    if (!ascending) return { rows, start: place - 1, step: -1 };
    return { rows, start: rows[place] === last ? place + 1 : place, step: 1 };
  }
  const byKeys = (a: T, b: T) => {
    for (const { value, sign } of keys) {
      const x = value(a);
      const y = value(b);
      if (x !== y) return x < y ? -sign : sign;
    }
    return ascending ? byAge(a, b) : byAge(b, a);
  };
  const rows = listing.rows.values().toSorted(byKeys);
  return { rows, start: last === undefined ? 0 : rows.indexOf(last) + 1, step: 1 };
}

function narrow<T extends Row>(listing: Listing<T>, filters: Filters): Iterable<T> | undefined {
  for (const [name, value] of filters) {
    const found = listing.narrow?.(name, value);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface SortKey<T> {
  readonly name: string;
  readonly value: (row: T) => string | number;
  readonly sign: 1 | -1;
}

function sortKeys<T extends Row>(call: StorageCall, listing: Listing<T>): SortKey<T>[] {
  const { query } = call.exchange;
  if (query.has("sort") && (query.has("sort_key") || query.has("sort_dir"))) {
    throw fault(
      400,
      "The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with the 'sort' parameter.",
    );
  }
  const wanted = query.has("sort")
    ? (query.get("sort") ?? "").split(",").map((part) => part.split(":"))
    : [[query.get("sort_key") ?? "created_at", query.get("sort_dir") ?? "desc"]];
  return wanted.map(([key = "", direction = "desc"]) => {
    const value = listing.sortValue(key.trim());
    if (value === undefined) throw fault(400, "Invalid input received: Invalid sort key");
    if (direction !== "asc" && direction !== "desc")
      throw fault(400, "Invalid input received: Unknown sort direction, must be 'desc' or 'asc'.");
    return { name: key.trim(), value, sign: direction === "asc" ? 1 : -1 };
  });
}

/** Compares as the database would: `size=1` finds the number. */
export function equals<T>(column: (row: T) => string | number | null, value: string): (row: T) => boolean {
  const number = Number(value);
  return (row) => {
    const there = column(row);
    return there === value || there === number;
  };
}

/** `gt:2026-01-01T00:00:00`, several joined by commas. */
export function timeTest(text: string): (ms: number) => boolean {
  const parts = text.split(",").map((part) => /^(gt|gte|eq|neq|lt|lte):(.+)$/.exec(part));
  return (ms) =>
    parts.every((part) => {
      const than = Date.parse(`${(part?.[2] ?? "").replace(/Z$/, "")}Z`);
      const [, operator = ""] = part ?? [];
      switch (operator) {
        case "gt":
          return ms > than;
        case "gte":
          return ms >= than;
        case "lt":
          return ms < than;
        case "lte":
          return ms <= than;
        case "neq":
          return ms !== than;
        case "eq":
          return ms === than;
        default:
          return false;
      }
    });
}

/** Cinder takes `{'key':'value'}` as well as JSON. */
export function metadataTest(text: string): (metadata: Readonly<Record<string, string>>) => boolean {
  let wanted: unknown;
  try {
    wanted = JSON.parse(text.replaceAll("'", '"'));
  } catch {
    return () => false;
  }
  const pairs = typeof wanted === "object" && wanted !== null ? Object.entries(wanted) : [];
  return (metadata) => pairs.every(([key, value]) => metadata[key] === value);
}
