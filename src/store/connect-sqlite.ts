import type { StoreAddress } from "./address.ts";
import type { Connected } from "./connected.ts";
import { migrateSqlite, readAppliedOnSqlite } from "./migrate-sqlite.ts";
import { migrationsFolder, readMigrations } from "./migrations.ts";
import { sqliteDatabase } from "./sqlite.ts";
import { createSqliteFile, openSqliteClient } from "./sqlite-file.ts";

/**
 * @param create makes a missing file; otherwise it must exist
 * @throws StoreError
 */
export async function connectSqlite(
  address: Extract<StoreAddress, { dialect: "sqlite" }>,
  { create }: { create: boolean },
): Promise<Connected> {
  const known = await readMigrations(migrationsFolder("sqlite"));
  const path = create && address.path !== null ? await createSqliteFile(address.path) : address.path;
  const where = path ?? "in memory";
  const client = openSqliteClient(path);
  return {
    where,
    known,
    applied: () => readAppliedOnSqlite(client, where),
    migrate: () => migrateSqlite(client, where, known),
    database: () => sqliteDatabase(client, where),
    close: () => {
      client.close();
      return Promise.resolve();
    },
  };
}
