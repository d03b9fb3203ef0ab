import type { Pool, PoolConnection, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import { setTimeout as delay } from "node:timers/promises";
import { StoreError } from "./errors.ts";
import { failureOf } from "./failures.ts";
import { checkSchema } from "./migrations.ts";
import type { AppliedMigration, Migration } from "./migrations.ts";
import { withRetry } from "./retry.ts";

const bookkeeping = [
  `CREATE TABLE IF NOT EXISTS schema_migrations (
    id int NOT NULL PRIMARY KEY,
    name varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    hash char(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    statements_done int NOT NULL,
    attempting int NOT NULL,
    applied_at datetime(3) NULL
  )`,
  `CREATE TABLE IF NOT EXISTS schema_lock (
    id int NOT NULL PRIMARY KEY,
    owner varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    expires_at datetime(3) NOT NULL
  )`,
  "INSERT INTO schema_lock VALUES (1, '', '1970-01-01') ON DUPLICATE KEY UPDATE id = id",
];

/** How long a crashed migration blocks the next one. */
const lockTtlSeconds = 60;
const lockPollMs = 200;
const lockPatienceMs = 150_000;

/** What the server says to a statement that had been done before a crash, when it is sent again. */
const doneAlready = new Set([
  "ER_TABLE_EXISTS_ERROR",
  "ER_BAD_TABLE_ERROR",
  "ER_DUP_FIELDNAME",
  "ER_DUP_KEYNAME",
  "ER_MULTIPLE_PRI_KEY",
  "ER_CANT_DROP_FIELD_OR_KEY",
]);

interface AppliedRow extends RowDataPacket {
  readonly id: number;
  readonly name: string;
  readonly hash: string;
  readonly statements_done: number;
  readonly attempting: number;
  readonly applied_at: string | null;
}

async function appliedRows(db: Pool | PoolConnection): Promise<AppliedRow[]> {
  const [there] = await db.query<RowDataPacket[]>(
    "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'schema_migrations'",
  );
  if (there.length === 0) return [];
  return (await db.query<AppliedRow[]>("SELECT * FROM schema_migrations ORDER BY id"))[0];
}

const toApplied = ({ id, name, hash, applied_at }: AppliedRow): AppliedMigration => ({
  id,
  name,
  hash,
  appliedAt: applied_at === null ? null : new Date(`${applied_at.replace(" ", "T")}Z`),
});

/**
 * What the database has; nothing is created.
 * @throws StoreError
 */
export function readAppliedOnMysql(pool: Pool, where: string): Promise<AppliedMigration[]> {
  return withRetry(
    where,
    async () => (await appliedRows(pool)).map(toApplied),
    (f) => f.undone || f.lost,
  );
}

/**
 * Brings the database to the newest schema, if it is not there. One migrates at a time, by a lock row that expires (GET_LOCK does not reach
 * beyond one node of a Galera cluster). MySQL commits each change of a table by itself, so progress is kept by statement, and a migration that
 * was cut off goes on where it stopped.
 * @throws StoreError
 */
export async function migrateMysql(pool: Pool, where: string, known: readonly Migration[]): Promise<void> {
  const before = await readAppliedOnMysql(pool, where);
  checkSchema(where, known, before);
  if (before.length === known.length && before.every((row) => row.appliedAt !== null)) return;
  for (const statement of bookkeeping) {
    await withRetry(
      where,
      () => pool.query(statement),
      (f) => f.undone || f.lost,
    );
  }
  try {
    const lock = await takeLock(pool, where);
    try {
      const rows = await appliedRows(pool);
      checkSchema(where, known, rows.map(toApplied));
      for (const migration of known) {
        const row = rows.find((r) => r.id === migration.id);
        if (row?.applied_at == null) await applyMigration(pool, lock, migration, row);
      }
    } finally {
      await lock.release();
    }
  } catch (thrown) {
    throw failureOf(thrown, where)?.error ?? thrown;
  }
}

interface Lock {
  /** @throws StoreError when the lock has expired and another process has it */
  keep(): Promise<void>;
  release(): Promise<void>;
}

async function takeLock(pool: Pool, where: string): Promise<Lock> {
  const [[unique]] = await pool.query<RowDataPacket[]>("SELECT UUID() AS id");
  const owner = String(unique?.["id"]);
  const expiry = `UTC_TIMESTAMP(3) + INTERVAL ${lockTtlSeconds} SECOND`;
  // The server's clock decides: those of several controllers may differ.
  const take = `UPDATE schema_lock SET owner = ?, expires_at = ${expiry} WHERE id = 1 AND expires_at < UTC_TIMESTAMP(3)`;
  for (let waitedMs = 0; (await changed(pool, where, take, [owner])) !== 1; waitedMs += lockPollMs) {
    if (waitedMs >= lockPatienceMs) {
      throw new StoreError(`another process is changing the schema of the database ${where}: wait for its end`, {
        transient: true,
      });
    }
    await delay(lockPollMs);
  }
  const renew = `UPDATE schema_lock SET expires_at = ${expiry} WHERE id = 1 AND owner = ?`;
  // For a statement that takes longer than the lock lives. A failed beat shows at the next `keep`.
  const beat = setInterval(() => void pool.query(renew, [owner]).catch(() => undefined), (lockTtlSeconds * 1000) / 4);
  return {
    async keep() {
      if ((await changed(pool, where, renew, [owner])) === 1) return;
      throw new StoreError(`another process took over the change of the schema of the database ${where}`, {
        transient: true,
      });
    },
    async release() {
      clearInterval(beat);
      await changed(pool, where, "UPDATE schema_lock SET owner = '', expires_at = '1970-01-01' WHERE owner = ?", [
        owner,
      ]);
    },
  };
}

/** How many rows an update matched; the updates here may safely be sent twice. */
async function changed(pool: Pool, where: string, statement: string, values: readonly string[]): Promise<number> {
  return withRetry(
    where,
    async () => (await pool.query<ResultSetHeader>(statement, [...values]))[0].affectedRows,
    (f) => f.undone || f.lost,
  );
}

async function applyMigration(
  pool: Pool,
  lock: Lock,
  { id, name, hash, statements }: Migration,
  cutOff: AppliedRow | undefined,
): Promise<void> {
  if (cutOff === undefined)
    await pool.query("INSERT INTO schema_migrations VALUES (?, ?, ?, 0, 0, NULL)", [id, name, hash]);
  const connection = await pool.getConnection();
  try {
    for (const [index, statement] of statements.entries()) {
      const number = index + 1;
      if (number <= (cutOff?.statements_done ?? 0)) continue;
      await lock.keep();
      await connection.query("UPDATE schema_migrations SET attempting = ? WHERE id = ?", [number, id]);
      // A change of rows commits together with its record; a change of a table has committed by itself before.
      await connection.query("START TRANSACTION");
      try {
        await connection.query(statement);
      } catch (thrown) {
        const inDoubt = cutOff?.attempting === number;
        if (!inDoubt || !(thrown instanceof Error && "code" in thrown && doneAlready.has(String(thrown.code))))
          throw thrown;
      }
      await connection.query("UPDATE schema_migrations SET statements_done = ? WHERE id = ?", [number, id]);
      await connection.query("COMMIT");
    }
    await connection.query("UPDATE schema_migrations SET applied_at = UTC_TIMESTAMP(3) WHERE id = ?", [id]);
  } finally {
    connection.destroy();
  }
}
