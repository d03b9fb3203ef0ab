import type { Client, Row, Transaction, Value } from "@libsql/client";
import { checkSchema } from "./migrations.ts";
import type { AppliedMigration, Migration } from "./migrations.ts";
import { onSqlite } from "./sqlite-file.ts";

const bookkeeping = `CREATE TABLE IF NOT EXISTS schema_migrations (
  id integer PRIMARY KEY NOT NULL,
  name text NOT NULL,
  hash text NOT NULL,
  applied_at integer NOT NULL
)`;

async function appliedOnSqlite(db: Pick<Client | Transaction, "execute">): Promise<AppliedMigration[]> {
  const there = await db.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'");
  if (there.rows.length === 0) return [];
  const { rows } = await db.execute("SELECT id, name, hash, applied_at FROM schema_migrations ORDER BY id");
  return rows.map(toApplied);
}

const text = (value: Value | undefined): string => (typeof value === "string" ? value : "");

const toApplied = (row: Row): AppliedMigration => ({
  id: Number(row["id"]),
  name: text(row["name"]),
  hash: text(row["hash"]),
  appliedAt: new Date(Number(row["applied_at"])),
});

/**
 * Brings the file to the newest schema, if it is not there: all in one transaction that starts with the write lock, so that a crash leaves nothing half done and
 * several processes follow each other.
 * @throws StoreError
 */
export async function migrateSqlite(client: Client, where: string, known: readonly Migration[]): Promise<void> {
  const before = await readAppliedOnSqlite(client, where);
  checkSchema(where, known, before);
  if (before.length === known.length) return;
  // Outside of the transaction: SQLite refuses to change it there. It is kept in the file.
  await onSqlite(client, where, () => client.execute("PRAGMA journal_mode = WAL"));
  await onSqlite(client, where, async () => {
    const tx = await client.transaction("write");
    try {
      await tx.execute(bookkeeping);
      const applied = await appliedOnSqlite(tx);
      checkSchema(where, known, applied);
      for (const migration of known.slice(applied.length)) {
        for (const statement of migration.statements) await tx.execute(statement);
        await tx.execute({
          sql: "INSERT INTO schema_migrations VALUES (?, ?, ?, CAST(unixepoch('subsec') * 1000 AS INTEGER))",
          args: [migration.id, migration.name, migration.hash],
        });
      }
      await tx.commit();
    } finally {
      tx.close();
    }
  });
}

/**
 * What the file has; nothing is created.
 * @throws StoreError
 */
export function readAppliedOnSqlite(client: Client, where: string): Promise<AppliedMigration[]> {
  return onSqlite(client, where, () => appliedOnSqlite(client));
}
