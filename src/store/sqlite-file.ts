import { existsSync } from "node:fs";
import { chmod, mkdir, open, realpath } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { createClient } from "@libsql/client";
import type { Client } from "@libsql/client";
import { StoreError } from "./errors.ts";
import { failureOf } from "./failures.ts";
import { withRetry } from "./retry.ts";

/**
 * How long the driver waits for another process's lock. It blocks the whole program meanwhile, so the patience is in our own retries, which
 * do not.
 */
const busyTimeoutMs = 40;

/**
 * Opens a database file, or memory for null, on one connection.
 * @throws StoreError
 */
export function openSqliteClient(path: string | null): Client {
  try {
    return createClient({
      url: path === null ? ":memory:" : pathToFileURL(resolve(path)).href,
      // Statements block the program anyway; and with a second connection a transaction's lock would make the first wait without end.
      concurrency: 1,
      timeout: busyTimeoutMs,
    });
  } catch (thrown) {
    throw failureOf(thrown, path ?? "in memory")?.error ?? thrown;
  }
}

/**
 * Works on a database, again while another process holds its lock.
 * @throws StoreError
 */
export function onSqlite<T>(client: Client, where: string, work: () => Promise<T>): Promise<T> {
  return withRetry(where, work, ({ undone }) => {
    // libsql leaves a statement that found the lock taken unfinished until it is garbage, and while one is, SQLite puts off the commit of
    // every later statement on the same connection: done in our eyes, lost in a crash. So never use that connection again.
    if (undone) client.reconnect();
    return undone;
  });
}

/**
 * Makes the file (0600; SQLite gives its companions the same mode) and its directory (0750) where they are missing.
 * @returns its path without symbolic links, so that one file has one name
 * @throws StoreError
 */
export async function createSqliteFile(path: string): Promise<string> {
  try {
    const directory = dirname(resolve(path));
    const made = await mkdir(directory, { recursive: true, mode: 0o750 });
    if (made !== undefined) await chmod(directory, 0o750); // whatever the umask
    // Never opened when it exists: closing any handle of a file drops the locks that SQLite in this process holds on it.
    const file = await open(path, "wx", 0o600).catch((e: unknown) => {
      if (e instanceof Error && "code" in e && e.code === "EEXIST") return null;
      throw e;
    });
    await file?.close();
    return await realpath(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StoreError(`the database file ${path} cannot be created (${why})`, { transient: false, cause });
  }
}

/** A database in memory never exists before it is opened. */
export const sqliteFileExists = (path: string | null): boolean => path !== null && existsSync(path);
