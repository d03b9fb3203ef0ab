import { existsSync } from "node:fs";
import type { Client } from "@libsql/client";
import type { Io } from "../domain/io.ts";
import { parseStoreUrl } from "./address.ts";
import type { StoreAddress } from "./address.ts";
import { StoreError } from "./errors.ts";
import { migrateSqlite, readAppliedOnSqlite } from "./migrate-sqlite.ts";
import { checkComplete, checkSchema, migrationsFolder, readMigrations, statusOf } from "./migrations.ts";
import type { SchemaStatus } from "./migrations.ts";
import { repositoryOn } from "./repository-on.ts";
import type { Repository } from "./repository.ts";
import { sqliteDatabase } from "./sqlite.ts";
import { createSqliteFile, openSqliteClient } from "./sqlite-file.ts";

type SqliteAddress = Extract<StoreAddress, { dialect: "sqlite" }>;

export interface OpenOptions {
  readonly io: Io;
  /**
   * Whether missing migrations are applied at once. By default on SQLite, which is ours alone; elsewhere an administrator wants to take a copy
   * first and says `dirigent db migrate`. With `false` an SQLite file is not created either.
   */
  readonly migrate?: boolean;
}

/**
 * Opens the database of a URL (see {@link parseStoreUrl}).
 * @throws StoreError also when its schema is newer than this program, or older and not to be migrated
 */
export async function openStore(url: string, options: OpenOptions): Promise<Repository> {
  const address = parseStoreUrl(url);
  switch (address.dialect) {
    case "sqlite":
      return openSqlite(address, options);
    case "mysql":
      throw new StoreError("MySQL is not there yet", { transient: false });
  }
}

/**
 * Brings the database to the newest schema this program knows; harmless when it is there already and when several do it at once.
 * @returns the status afterwards
 */
export async function migrate(url: string): Promise<SchemaStatus> {
  const address = parseStoreUrl(url);
  switch (address.dialect) {
    case "sqlite":
      return withSqlite(await created(address), async (client, where, known) => {
        await migrateSqlite(client, where, known);
        return statusOf(known, await readAppliedOnSqlite(client, where));
      });
    case "mysql":
      throw new StoreError("MySQL is not there yet", { transient: false });
  }
}

/** What is applied, pending and newer; changes and creates nothing. */
export async function schemaStatus(url: string): Promise<SchemaStatus> {
  const address = parseStoreUrl(url);
  switch (address.dialect) {
    case "sqlite": {
      if (address.path === null || !existsSync(address.path))
        return statusOf(await readMigrations(migrationsFolder("sqlite")), []);
      return withSqlite(address, async (client, where, known) =>
        statusOf(known, await readAppliedOnSqlite(client, where)),
      );
    }
    case "mysql":
      throw new StoreError("MySQL is not there yet", { transient: false });
  }
}

const created = async ({ dialect, path }: SqliteAddress): Promise<SqliteAddress> => ({
  dialect,
  path: path === null ? null : await createSqliteFile(path),
});

async function withSqlite<T>(
  { path }: SqliteAddress,
  work: (client: Client, where: string, known: Awaited<ReturnType<typeof readMigrations>>) => Promise<T>,
): Promise<T> {
  const known = await readMigrations(migrationsFolder("sqlite"));
  const client = openSqliteClient(path);
  try {
    return await work(client, path ?? "in memory", known);
  } finally {
    client.close();
  }
}

async function openSqlite(address: SqliteAddress, { io, migrate: wanted = true }: OpenOptions): Promise<Repository> {
  if (!wanted && (address.path === null || !existsSync(address.path))) {
    throw new StoreError(`there is no database ${address.path ?? "in memory"} yet`, { transient: false });
  }
  const { path } = wanted ? await created(address) : address;
  const where = path ?? "in memory";
  const known = await readMigrations(migrationsFolder("sqlite"));
  const client = openSqliteClient(path);
  try {
    if (wanted) await migrateSqlite(client, where, known);
    const applied = await readAppliedOnSqlite(client, where);
    checkSchema(where, known, applied);
    checkComplete(where, statusOf(known, applied));
    return repositoryOn(sqliteDatabase(client, where), io);
  } catch (error) {
    client.close();
    throw error;
  }
}
