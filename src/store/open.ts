import type { Io } from "../domain/io.ts";
import { parseStoreUrl } from "./address.ts";
import type { Database } from "./database.ts";
import { StoreError } from "./errors.ts";
import { checkComplete, checkSchema, migrationsFolder, readMigrations, statusOf } from "./migrations.ts";
import type { AppliedMigration, Migration, SchemaStatus } from "./migrations.ts";
import { migrateMysql, readAppliedOnMysql } from "./migrate-mysql.ts";
import { migrateSqlite, readAppliedOnSqlite } from "./migrate-sqlite.ts";
import { mysqlDatabase } from "./mysql.ts";
import { mysqlWhere, openMysqlPool } from "./mysql-pool.ts";
import { repositoryOn } from "./repository-on.ts";
import type { Repository } from "./repository.ts";
import { sqliteDatabase } from "./sqlite.ts";
import { createSqliteFile, openSqliteClient, sqliteFileExists } from "./sqlite-file.ts";

export interface OpenOptions {
  readonly io: Io;
  /**
   * Whether missing migrations are applied at once. By default on SQLite, which is ours alone; elsewhere an administrator wants to take a copy
   * first and says `dirigent db migrate`. With `false` an SQLite file is not created either.
   */
  readonly migrate?: boolean;
}

/** A connection below the repository, while the schema may still be anything. */
interface Connected {
  readonly where: string;
  readonly known: readonly Migration[];
  applied(): Promise<AppliedMigration[]>;
  migrate(): Promise<void>;
  database(): Database;
  close(): Promise<void>;
}

const connectionsPerProcess = 4;

/** @returns null when there is no SQLite file, and `create` is false */
async function connect(url: string, { create }: { create: boolean }): Promise<Connected | null> {
  const address = parseStoreUrl(url);
  const known = await readMigrations(migrationsFolder(address.dialect));
  if (address.dialect === "sqlite") {
    if (!create && !sqliteFileExists(address.path)) return null;
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
  const pool = await openMysqlPool(address, connectionsPerProcess);
  const where = mysqlWhere(address);
  return {
    where,
    known,
    applied: () => readAppliedOnMysql(pool, where),
    migrate: () => migrateMysql(pool, where, known),
    database: () => mysqlDatabase(pool, where),
    close: () => pool.end(),
  };
}

/**
 * Opens the database of a URL (see {@link parseStoreUrl}).
 * @throws StoreError also when its schema is newer than this program, or older and not to be migrated
 */
export async function openStore(url: string, options: OpenOptions): Promise<Repository> {
  const migrates = options.migrate ?? parseStoreUrl(url).dialect === "sqlite";
  const connected = await connect(url, { create: migrates });
  if (connected === null) {
    throw new StoreError(
      "the database file does not exist: it is made by the conductor's first start, or `dirigent db migrate`",
      {
        transient: false,
      },
    );
  }
  try {
    if (migrates) await connected.migrate();
    else {
      const applied = await connected.applied();
      checkSchema(connected.where, connected.known, applied);
      checkComplete(connected.where, statusOf(connected.known, applied));
    }
    return repositoryOn(connected.database(), options.io);
  } catch (error) {
    await connected.close();
    throw error;
  }
}

/**
 * Brings the database to the newest schema this program knows; harmless when it is there already and when several do it at once.
 * @returns the status afterwards
 * @throws StoreError
 */
export async function migrate(url: string): Promise<SchemaStatus> {
  return withConnected(url, { create: true }, async (connected) => {
    await connected.migrate();
    return statusOf(connected.known, await connected.applied());
  });
}

/**
 * What is applied, pending and newer; changes and creates nothing.
 * @throws StoreError
 */
export async function schemaStatus(url: string): Promise<SchemaStatus> {
  return withConnected(url, { create: false }, async (connected) =>
    statusOf(connected.known, await connected.applied()),
  );
}

async function withConnected(
  url: string,
  options: { create: boolean },
  work: (connected: Connected) => Promise<SchemaStatus>,
): Promise<SchemaStatus> {
  const connected = await connect(url, options);
  if (connected === null) return statusOf(await readMigrations(migrationsFolder("sqlite")), []);
  try {
    return await work(connected);
  } finally {
    await connected.close();
  }
}
