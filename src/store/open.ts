import type { Io } from "../domain/io.ts";
import { parseStoreUrl } from "./address.ts";
import type { Connected } from "./connected.ts";
import { StoreError } from "./errors.ts";
import { checkComplete, checkSchema, migrationsFolder, readMigrations, statusOf } from "./migrations.ts";
import type { SchemaStatus } from "./migrations.ts";
import { repositoryOn } from "./repository-on.ts";
import type { Repository } from "./repository.ts";
import { sqliteFileExists } from "./sqlite-file.ts";

export interface OpenOptions {
  readonly io: Io;
  /**
   * Whether missing migrations are applied at once. By default on SQLite, which is ours alone; elsewhere an administrator wants to take a copy
   * first and says `dirigent db migrate`. With `false` an SQLite file is not created either.
   */
  readonly migrate?: boolean;
}

/** @returns null when there is no SQLite file, and `create` is false */
async function connect(url: string, { create }: { create: boolean }): Promise<Connected | null> {
  const address = parseStoreUrl(url);
  // Loading a dialect takes as long as all the rest of the program: only the one that is needed.
  switch (address.dialect) {
    case "sqlite": {
      if (!create && !sqliteFileExists(address.path)) return null;
      const { connectSqlite } = await import("./connect-sqlite.ts");
      return connectSqlite(address, { create });
    }
    case "mysql": {
      const { connectMysql } = await import("./connect-mysql.ts");
      return connectMysql(address);
    }
  }
}

/**
 * Opens the database of a URL (see {@link parseStoreUrl}).
 * @throws StoreError also when its schema is newer than this program, or older and not to be migrated
 */
export async function openStore(url: string, options: OpenOptions): Promise<Repository> {
  const migrates = options.migrate ?? parseStoreUrl(url).dialect === "sqlite";
  const connected = await connect(url, { create: migrates });
  if (connected === null) {
    const how = "it is made by the conductor's first start, or by `dirigent db migrate`";
    throw new StoreError(`the database file of ${url} does not exist: ${how}`, { transient: false });
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
