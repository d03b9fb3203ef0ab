import { readFile } from "node:fs/promises";
import { createPool } from "mysql2";
import type { Connection, Pool } from "mysql2";
import type { Pool as PromisePool } from "mysql2/promise";
import type { StoreAddress } from "./address.ts";
import { StoreError } from "./errors.ts";

export type MysqlAddress = Extract<StoreAddress, { dialect: "mysql" }>;

/** For people; without the password. */
export const mysqlWhere = ({ user, host, port, database }: MysqlAddress): string =>
  `${user}@${host}:${port}/${database}`;

/** What each new connection is told, whatever the server's defaults are. */
const settings = [
  // Strict: too long or invalid text is an error, never cut off silently. Naming the whole mode also turns off NO_BACKSLASH_ESCAPES, under which
  // the driver's quoting would be unsafe.
  "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', innodb_lock_wait_timeout = 3, default_storage_engine = InnoDB",
  // Every decision of ours is a conditional update, so nothing needs the gap locks of REPEATABLE READ and the deadlocks they bring.
  "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
];
/** On Galera each statement first waits for what other nodes have committed: a conditional update must not look at an old row. */
const galeraSetting = "SET SESSION wsrep_sync_wait = 7";
const ER_UNKNOWN_SYSTEM_VARIABLE = 1193;

/**
 * A pool of connections; none is made before it is needed.
 * @param connectionLimit how many at a time
 * @param queueLimit how many may wait for one; 0: any number
 * @throws StoreError when the CA file cannot be read
 */
export async function openMysqlPool(
  address: MysqlAddress,
  connectionLimit: number,
  queueLimit = 0,
): Promise<PromisePool> {
  const { host, port, user, password, database, tls } = address;
  const ca = await readCa(address);
  const pool: Pool = createPool({
    host,
    port,
    user,
    password,
    database,
    charset: "utf8mb4",
    connectionLimit,
    queueLimit,
    connectTimeout: 5_000,
    enableKeepAlive: true,
    keepAliveInitialDelay: 10_000,
    dateStrings: true,
    // The driver's default, said aloud: affectedRows counts the rows that matched, not those that changed.
    flags: ["FOUND_ROWS"],
    ...(tls ? { ssl: { rejectUnauthorized: true, verifyIdentity: true, ...(ca === null ? {} : { ca }) } } : {}),
  });
  pool.on("connection", (connection: Connection) => {
    // The driver sends these before anything that the borrower asks for.
    for (const setting of settings) {
      connection.query(setting, (error) => {
        if (error) connection.destroy();
      });
    }
    connection.query(galeraSetting, (error) => {
      if (error && error.errno !== ER_UNKNOWN_SYSTEM_VARIABLE) connection.destroy();
    });
  });
  return pool.promise();
}

async function readCa({ caFile }: MysqlAddress): Promise<string | null> {
  if (caFile === null) return null;
  try {
    return await readFile(caFile, "utf8");
  } catch (cause) {
    throw new StoreError(`the database's CA file ${caFile} cannot be read`, { transient: false, cause });
  }
}
