import type { PoolConnection, RowDataPacket } from "mysql2/promise";
import { parseStoreUrl } from "./address.ts";
import { StoreError } from "./errors.ts";
import { failureOf } from "./failures.ts";
import { mysqlWhere, openMysqlPool } from "./mysql-pool.ts";

/** The view `guarded_points` of a conductor's MySQL database: all that a policy hook may read. */
export interface GuardedPoints {
  /** Null: no automated backup or snapshot has the id. @throws StoreError */
  point(id: string): Promise<{ readonly held: boolean } | null>;
  /** Null: the volume has no automated snapshots. @throws StoreError */
  snapshotsOf(volumeId: string): Promise<{ readonly held: boolean } | null>;
  close(): Promise<void>;
}

const connectionLimit = 4;
/** Questions that wait for a connection; more are refused at once, so that a database that hangs does not fill the memory. */
const queueLimit = 256;

/**
 * Sends nothing before the first question.
 * @param timeoutMs what takes longer fails, and its connection is given up
 * @throws StoreError when the URL is not MySQL's
 */
export async function openGuardedPoints(url: string, timeoutMs: number): Promise<GuardedPoints> {
  const address = parseStoreUrl(url);
  if (address.dialect !== "mysql") {
    throw new StoreError("only a MySQL database can be read beside its conductor", { transient: false });
  }
  const where = mysqlWhere(address);
  const pool = await openMysqlPool(address, connectionLimit, queueLimit);
  const late = (): StoreError => new StoreError(`the database ${where} took too long`, { transient: true });

  async function heldWhere(condition: string, id: string): Promise<{ readonly held: boolean } | null> {
    const deadline = AbortSignal.timeout(timeoutMs);
    try {
      const connection = await connectionBefore(deadline);
      try {
        const sql = `SELECT MAX(held) AS held FROM guarded_points WHERE ${condition}`;
        const [[row]] = await before(deadline, connection.query<RowDataPacket[]>(sql, [id]), late);
        connection.release();
        const held: unknown = row?.["held"];
        return held === null || held === undefined ? null : { held: Number(held) !== 0 };
      } catch (error) {
        connection.destroy();
        throw error;
      }
    } catch (error) {
      throw failureOf(error, where)?.error ?? error;
    }
  }

  async function connectionBefore(deadline: AbortSignal): Promise<PoolConnection> {
    const connecting = pool.getConnection();
    try {
      return await before(deadline, connecting, late);
    } catch (error) {
      // One that comes after all is for the next question.
      connecting.then((connection) => connection.release()).catch(() => undefined);
      throw error;
    }
  }

  return {
    point: (id) => heldWhere("id = ?", id),
    snapshotsOf: (volumeId) => heldWhere("kind = 'snapshot' AND volume_id = ?", volumeId),
    close: () => pool.end(),
  };
}

/** Rejects with `late` when `deadline` comes first. */
function before<T>(deadline: AbortSignal, work: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const onDeadline = (): void => reject(late());
    if (deadline.aborted) onDeadline();
    deadline.addEventListener("abort", onDeadline, { once: true });
    work.then(resolve, reject).finally(() => deadline.removeEventListener("abort", onDeadline));
  });
}
