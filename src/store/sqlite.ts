import type { Client } from "@libsql/client";
import type * as libsql from "drizzle-orm/libsql";
import type { BaseSQLiteDatabase, SQLiteTable } from "drizzle-orm/sqlite-core";
import { getTableColumns, loadDrizzle, sql } from "../../db/drizzle.ts";
import { getTableConfig } from "../../db/sqlite/drizzle.ts";
import * as schema from "../../db/sqlite/schema.ts";
import type { Database, PageQuery, Query, Statements } from "./database.ts";
import { mutex } from "./mutex.ts";
import { onSqlite } from "./sqlite-file.ts";
import type { StoredTable } from "./tables.ts";

const { drizzle } = loadDrizzle("drizzle-orm/libsql") as typeof libsql;

type Runner = BaseSQLiteDatabase<"async", { rowsAffected: number }>;

const native = <R extends object>(table: StoredTable<R>): SQLiteTable => table as unknown as SQLiteTable;

/** All columns but the key's take what the insert brought. */
function replacement(table: SQLiteTable) {
  const { primaryKeys } = getTableConfig(table);
  const columns = Object.entries(getTableColumns(table));
  const target = primaryKeys[0]?.columns ?? columns.map(([, c]) => c).filter((c) => c.primary);
  const brought = columns.filter(([, c]) => !target.includes(c));
  return { target, set: Object.fromEntries(brought.map(([p, c]) => [p, sql`excluded.${sql.identifier(c.name)}`])) };
}

function statementsOn(db: Runner): Statements {
  return {
    async select<R extends object>(table: StoredTable<R>, { where, orderBy = [], limit }: Query) {
      const query = db
        .select()
        .from(native(table))
        .where(where)
        .orderBy(...orderBy);
      return (await (limit === undefined ? query : query.limit(limit))) as R[];
    },
    async selectPage<R extends object>(table: StoredTable<R>, { where, orderBy, limit }: PageQuery) {
      const columns = Object.entries(getTableColumns(native(table)));
      const names = sql.join(
        columns.map(([, c]) => sql.identifier(c.name)),
        sql`, `,
      );
      const rows = db
        .select()
        .from(native(table))
        .where(where)
        .orderBy(...orderBy)
        .limit(limit);
      // libsql takes four times as long to hand over the values one by one. The limit keeps SQLite from dropping the order of the inner query.
      const page = sql`select json_group_array(json_array(${names})) as page from (${rows.getSQL()})`;
      const { page: json } = await db.get<{ page: string }>(page);
      return (JSON.parse(json) as unknown[][]).map((values) => {
        const row: Record<string, unknown> = {};
        for (const [i, [property, column]] of columns.entries()) {
          const value = values[i] ?? null;
          row[property] = value === null ? null : column.mapFromDriverValue(value);
        }
        return row as R;
      });
    },
    async insert(table, rows, existing) {
      if (rows.length === 0) return;
      const query = db.insert(native(table)).values(rows as Record<string, unknown>[]);
      if (existing === "fail") await query;
      else if (existing === "keep") await query.onConflictDoNothing();
      else await query.onConflictDoUpdate(replacement(native(table)));
    },
    async update(table, patch, where) {
      return (await db.update(native(table)).set(patch).where(where)).rowsAffected;
    },
    async delete(table, where) {
      return (await db.delete(native(table)).where(where)).rowsAffected;
    },
  };
}

/**
 * The repository's statements on an SQLite file. libsql's build gives every connection synchronous=FULL (a test holds it), which the order of
 * writes needs: the intent row is on the disk before the POST leaves, through a power cut.
 * @param where the file, for people
 */
export function sqliteDatabase(client: Client, where: string): Database {
  const alone = mutex();
  const db = drizzle({ client });
  const single: Database["write"] = (work) => alone(() => onSqlite(client, where, () => work(statementsOn(db))));
  return {
    dialect: "sqlite",
    tables: schema,
    read: single,
    write: single,
    // BEGIN IMMEDIATE: a transaction that first reads and then writes would fail on another process's write in between.
    transaction: (work) =>
      alone(() =>
        onSqlite(client, where, async () => {
          const first: unknown[] = [];
          try {
            return await db.transaction(async (tx) => {
              try {
                return await work(statementsOn(tx));
              } catch (thrown) {
                first.push(thrown);
                throw thrown;
              }
            });
          } catch (thrown) {
            // SQLite ends a transaction by itself on a full disk; drizzle's rollback then fails and hides the reason.
            throw first.length > 0 ? first[0] : thrown;
          }
        }),
      ),
    close: () =>
      alone(() => {
        client.close();
        return Promise.resolve();
      }),
  };
}
