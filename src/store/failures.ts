import { LibsqlError } from "@libsql/client";
import { StoreError } from "./errors.ts";

/** What a driver's error means. */
export interface Failure {
  readonly error: StoreError;
  /** Nothing of the statement or its transaction was done, and the same may succeed at once: worth another try inside the store. */
  readonly undone: boolean;
  /** The connection is gone; whether a statement under way was done is unknown. */
  readonly lost: boolean;
}

interface Verdict {
  readonly says: string;
  readonly transient?: boolean;
  readonly undone?: boolean;
  readonly lost?: boolean;
}

const sqliteVerdicts: Readonly<Record<string, Verdict>> = {
  SQLITE_BUSY: { says: "is locked by another process", transient: true, undone: true },
  SQLITE_LOCKED: { says: "is locked by another process", transient: true, undone: true },
  SQLITE_FULL: { says: "cannot grow: the disk is full" },
  SQLITE_IOERR: { says: "cannot be read or written: the disk reports an error" },
  SQLITE_READONLY: { says: "cannot be written: the file or its directory is read-only" },
  SQLITE_PERM: { says: "cannot be opened: permission denied" },
  SQLITE_CANTOPEN: { says: "cannot be opened: see the file's and its directory's permissions" },
  SQLITE_CORRUPT: { says: "is damaged: restore it from a copy, or move it away and let it be rebuilt from the cloud" },
  SQLITE_NOTADB: { says: "is not an SQLite database" },
  SQLITE_CONSTRAINT: { says: "refused a row" },
  CLIENT_CLOSED: { says: "was closed by this program" },
};

const gone: Verdict = { says: "lost the connection", transient: true, lost: true };
const unreachable: Verdict = { says: "cannot be reached", transient: true };
const mysqlVerdicts: Readonly<Record<string, Verdict>> = {
  ER_LOCK_DEADLOCK: { says: "ended a transaction for the sake of another", transient: true, undone: true },
  ER_LOCK_WAIT_TIMEOUT: { says: "waited too long for a lock", transient: true, undone: true },
  ER_CHECKREAD: { says: "saw a row change under a transaction", transient: true, undone: true },
  // Somebody else's insert came between our look and ours: another look sees it.
  ER_DUP_ENTRY: { says: "refused a row", undone: true },
  ER_CON_COUNT_ERROR: { says: "has too many connections", transient: true },
  ER_USER_LIMIT_REACHED: { says: "has too many connections", transient: true },
  ER_TOO_MANY_USER_CONNECTIONS: { says: "has too many connections", transient: true },
  ER_SERVER_SHUTDOWN: gone,
  ER_QUERY_INTERRUPTED: gone,
  ER_CONNECTION_KILLED: gone,
  ER_OPTION_PREVENTS_STATEMENT: { says: "is read-only", transient: true },
  ER_READ_ONLY_MODE: { says: "is read-only", transient: true },
  // A Galera node that left its cluster, or is joining it.
  ER_UNKNOWN_COM_ERROR: { says: "is not ready", transient: true },
  ER_RECORD_FILE_FULL: { says: "cannot grow: its disk is full" },
  ER_DISK_FULL: { says: "cannot grow: its disk is full" },
  PROTOCOL_CONNECTION_LOST: gone,
  PROTOCOL_SEQUENCE_TIMEOUT: { ...gone, says: "does not answer" },
  ECONNRESET: gone,
  EPIPE: gone,
  ECONNREFUSED: unreachable,
  ETIMEDOUT: unreachable,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  ENOTFOUND: unreachable,
  EAI_AGAIN: unreachable,
  HANDSHAKE_NO_SSL_SUPPORT: { says: "offers no TLS" },
  HANDSHAKE_SSL_ERROR: { says: "fails to prove who it is, or to encrypt" },
  ER_HOST_NOT_PRIVILEGED: { says: "lets nobody in from this host" },
  ER_ACCESS_DENIED_ERROR: { says: "refused the user name or password" },
  ER_DBACCESS_DENIED_ERROR: { says: "does not let this user use the database" },
  ER_BAD_DB_ERROR: { says: "has no such database: an administrator must create it" },
};

/**
 * Names what a driver threw, at whatever depth (drizzle wraps), with the driver's error as cause.
 * @param where the database without its password, for people
 * @returns null for what is no failure of a database: a bug, which keeps its own error
 */
export function failureOf(thrown: unknown, where: string): Failure | null {
  for (let e = thrown, depth = 0; e instanceof Error && depth < 5; e = e.cause, depth += 1) {
    if (e instanceof StoreError) return { error: e, undone: false, lost: false };
    const known = e instanceof LibsqlError ? (sqliteVerdicts[e.code] ?? { says: "failed" }) : mysqlVerdict(e);
    if (known === null) continue;
    const { says, transient = false, undone = false, lost = false } = known;
    return {
      error: new StoreError(`the database ${where} ${says} (${e.message || e.name})`, { transient, cause: e }),
      undone,
      lost,
    };
  }
  return null;
}

function mysqlVerdict(e: Error): Verdict | null {
  if (!("code" in e) || typeof e.code !== "string") return null;
  const verdict = mysqlVerdicts[e.code];
  if (verdict) return verdict;
  return "errno" in e && "sqlState" in e ? { says: "failed" } : null;
}
