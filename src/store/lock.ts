import { StoreError, StoreLockedError } from "./errors.ts";
import { createSqliteFile, openSqliteClient } from "./sqlite-file.ts";
import { failureOf } from "./failures.ts";

/**
 * Lets one conductor work on an SQLite file: holds a write transaction on a database of its own beside it, `<file>.lock`. The operating system
 * frees it when the process ends in any way, so nothing is ever left behind that blocks a restart; the file itself stays, empty.
 * Readers and `dirigent db` are not hindered.
 * @param path the database file, as in its URL; it is created when missing, so that links to it lead to one lock
 * @throws StoreLockedError when another process, or this one, holds it
 */
export async function lockExclusively(path: string): Promise<{ release(): Promise<void> }> {
  const file = `${await createSqliteFile(path)}.lock`;
  await createSqliteFile(file);
  const client = openSqliteClient(file);
  try {
    const held = await client.transaction("write");
    return {
      async release() {
        await held.rollback();
        client.close();
      },
    };
  } catch (thrown) {
    client.close();
    const failure = failureOf(thrown, file);
    if (failure?.undone) {
      throw new StoreLockedError(
        `another conductor works on ${path} (it holds ${file}): SQLite serves one; stop the other, or use MySQL or MariaDB for several`,
        { transient: false, cause: thrown },
      );
    }
    throw failure?.error ?? new StoreError(`cannot lock ${file}`, { transient: false, cause: thrown });
  }
}
