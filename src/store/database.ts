import type { SQL } from "drizzle-orm";
import type { Dialect } from "./address.ts";
import type { StoredTable, Tables } from "./tables.ts";

export interface Query {
  readonly where?: SQL | undefined;
  readonly orderBy?: readonly SQL[];
  readonly limit?: number;
}

/** A query for thousands of rows; both are needed, so that the pages follow each other. */
export type PageQuery = Query & Required<Pick<Query, "orderBy" | "limit">>;

/** The few statements the repository is made of; each call is one statement. */
export interface Statements {
  select<R extends object>(table: StoredTable<R>, query: Query): Promise<R[]>;
  /** As select, at less cost for thousands of rows. */
  selectPage<R extends object>(table: StoredTable<R>, query: PageQuery): Promise<R[]>;
  /** `existing`: what becomes of a row with the same primary or unique key; `fail` throws. */
  insert<R extends object>(
    table: StoredTable<R>,
    rows: readonly Partial<R>[],
    existing: "fail" | "keep" | "replace",
  ): Promise<void>;
  /** @returns how many rows matched, changed or not */
  update<R extends object>(table: StoredTable<R>, patch: Partial<R>, where: SQL | undefined): Promise<number>;
  /** @returns how many rows there were */
  delete<R extends object>(table: StoredTable<R>, where: SQL | undefined): Promise<number>;
}

/** A connection to a database of one dialect. All failures that a caller may meet are StoreErrors. */
export interface Database {
  readonly dialect: Dialect;
  readonly tables: Tables;
  /** Reads, outside any transaction; tried again when that may help. */
  read<T>(work: (statements: Statements) => Promise<T>): Promise<T>;
  /** Runs work whose every statement commits by itself; tried again only while it is certain that nothing was committed. */
  write<T>(work: (statements: Statements) => Promise<T>): Promise<T>;
  /** All or nothing; `work` may run several times, each time after a rollback. */
  transaction<T>(work: (statements: Statements) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}
