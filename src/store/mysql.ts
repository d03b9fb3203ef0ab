import type { MySqlTable } from "drizzle-orm/mysql-core";
import type * as mysql2 from "drizzle-orm/mysql2";
import type { MySql2Database } from "drizzle-orm/mysql2";
import type { QueryValues } from "mysql2";
import type { Pool, PoolConnection, QueryOptions } from "mysql2/promise";
import { getTableColumns, loadDrizzle, sql } from "../../db/drizzle.ts";
import { getTableConfig } from "../../db/mysql/drizzle.ts";
import * as schema from "../../db/mysql/schema.ts";
import type { Database, Query, Statements } from "./database.ts";
import { StoreError } from "./errors.ts";
import { failureOf } from "./failures.ts";
import { withRetry } from "./retry.ts";
import type { StoredTable } from "./tables.ts";

const { drizzle } = loadDrizzle("drizzle-orm/mysql2") as typeof mysql2;

/** A statement without an answer for so long means that the connection is dead: keep-alive probes alone take minutes to see it. */
const statementTimeoutMs = 60_000;

/** Between tries after a deadlock and the like, in ms. A lock is waited for in the server, so these are few. */
const waitsMs = [10, 20, 50, 100, 200, 400, 800];

const native = <R extends object>(table: StoredTable<R>): MySqlTable => table as unknown as MySqlTable;

function keyAndRest(table: MySqlTable) {
  const { primaryKeys } = getTableConfig(table);
  const columns = Object.entries(getTableColumns(table));
  const key = columns.filter(([, c]) => primaryKeys[0]?.columns.includes(c) ?? c.primary);
  return { key, rest: columns.filter((column) => !key.includes(column)) };
}

/** IGNORE would also let broken values pass; this touches nothing and hides nothing. */
function untouched(table: MySqlTable) {
  const { key } = keyAndRest(table);
  return Object.fromEntries(key.map(([property, c]) => [property, sql`${sql.identifier(c.name)}`]));
}

/** All columns but the key's take what the insert brought. */
function replacement(table: MySqlTable) {
  const { rest } = keyAndRest(table);
  return Object.fromEntries(rest.map(([property, c]) => [property, sql`values(${sql.identifier(c.name)})`]));
}

function statementsOn(db: MySql2Database): Statements {
  async function select<R extends object>(table: StoredTable<R>, { where, orderBy = [], limit }: Query) {
    const query = db
      .select()
      .from(native(table))
      .where(where)
      .orderBy(...orderBy);
    return (await (limit === undefined ? query : query.limit(limit))) as R[];
  }
  return {
    select,
    selectPage: select,
    async insert(table, rows, existing) {
      if (rows.length === 0) return;
      const query = db.insert(native(table)).values(rows as Record<string, unknown>[]);
      if (existing === "fail") await query;
      else {
        const set = existing === "keep" ? untouched(native(table)) : replacement(native(table));
        await query.onDuplicateKeyUpdate({ set });
      }
    },
    async update(table, patch, where) {
      return (await db.update(native(table)).set(patch).where(where))[0].affectedRows;
    },
    async delete(table, where) {
      return (await db.delete(native(table)).where(where))[0].affectedRows;
    },
  };
}

/** drizzle needs `query` alone of a connection; each statement gets its time limit here. */
function drizzleOn(connection: PoolConnection): MySql2Database {
  const client = {
    query: (options: QueryOptions, values: QueryValues) =>
      connection.query({ ...options, timeout: statementTimeoutMs }, values),
  };
  return drizzle({ client: client as unknown as PoolConnection });
}

/**
 * The repository's statements on MySQL or MariaDB.
 * @param where the server, for people
 */
export function mysqlDatabase(pool: Pool, where: string): Database {
  let closed = false;

  async function borrow<T>(work: (connection: PoolConnection) => Promise<T>): Promise<T> {
    if (closed) throw new StoreError(`the database ${where} was closed by this program`, { transient: false });
    const connection = await pool.getConnection();
    try {
      const result = await work(connection);
      connection.release();
      return result;
    } catch (thrown) {
      // What state it is in is anybody's guess; the server rolls back what was open.
      connection.destroy();
      throw thrown;
    }
  }

  /** From here on a lost connection leaves open whether the work was done: no retry, the caller must look. */
  async function inDoubtWhenLost<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (thrown) {
      const failure = failureOf(thrown, where);
      throw failure?.lost ? failure.error : thrown;
    }
  }

  return {
    dialect: "mysql",
    tables: schema,
    read: (work) =>
      withRetry(
        where,
        () => borrow((connection) => work(statementsOn(drizzleOn(connection)))),
        (f) => f.undone || f.lost,
        waitsMs,
      ),
    write: (work) =>
      withRetry(
        where,
        () => borrow((connection) => inDoubtWhenLost(work(statementsOn(drizzleOn(connection))))),
        (f) => f.undone || f.lost,
        waitsMs,
      ),
    transaction: (work) =>
      withRetry(
        where,
        () =>
          borrow(async (connection) => {
            const db = drizzleOn(connection);
            await db.execute(sql`start transaction`);
            const result = await work(statementsOn(db));
            await inDoubtWhenLost(db.execute(sql`commit`));
            return result;
          }),
        (f) => f.undone || f.lost,
        waitsMs,
      ),
    async close() {
      closed = true;
      await pool.end();
    },
  };
}
