import type { Database } from "./database.ts";
import type { AppliedMigration, Migration } from "./migrations.ts";

/** A connection below the repository, while the schema may still be anything. */
export interface Connected {
  /** The database for people, without its password. */
  readonly where: string;
  /** The migrations of this program. */
  readonly known: readonly Migration[];
  /** What the database has. @throws StoreError */
  applied(): Promise<AppliedMigration[]>;
  /** Brings it to the newest schema. @throws StoreError */
  migrate(): Promise<void>;
  /** From here on the database's own `close` ends the connection. */
  database(): Database;
  close(): Promise<void>;
}
