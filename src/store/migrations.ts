import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Dialect } from "./address.ts";
import { StoreError } from "./errors.ts";

/** A numbered file of db/<dialect>/migrations. */
export interface Migration {
  readonly id: number;
  /** File name without `.sql`. */
  readonly name: string;
  readonly hash: string;
  readonly statements: readonly string[];
}

/** A row of `schema_migrations`. */
export interface AppliedMigration {
  readonly id: number;
  readonly name: string;
  readonly hash: string;
  /** When it was complete; null: a crash left it in the middle (MySQL only). */
  readonly appliedAt: Date | null;
}

export interface SchemaStatus {
  readonly applied: readonly AppliedMigration[];
  /** Names of files of this program that the database does not have yet, in order. */
  readonly pending: readonly string[];
  /** Names in the database that are beyond what this program knows. */
  readonly newer: readonly string[];
}

/** Beside the sources, or beside dist/ when compiled. */
export function migrationsFolder(dialect: Dialect): string {
  const candidates = ["../..", "../../.."].map((up) => join(import.meta.dirname, up, "db", dialect, "migrations"));
  const found = candidates.find((folder) => existsSync(join(folder, "meta", "_journal.json")));
  if (found === undefined) {
    throw new StoreError(`this installation has no ${dialect} migrations; looked in ${candidates.join(" and ")}`, {
      transient: false,
    });
  }
  return found;
}

/**
 * Reads the migrations in order. They are made by drizzle-kit, which marks the end of each statement.
 * @throws StoreError when a number is missing or there twice
 */
export async function readMigrations(folder: string): Promise<Migration[]> {
  const files = (await readdir(folder)).filter((file) => /^\d{4}_.*\.sql$/.test(file)).sort();
  return Promise.all(
    files.map(async (file, id) => {
      if (Number(file.slice(0, 4)) !== id) {
        throw new StoreError(`the migrations in ${folder} are not numbered without gaps: ${file} is in place ${id}`, {
          transient: false,
        });
      }
      const text = (await readFile(join(folder, file), "utf8")).replaceAll("\r\n", "\n");
      const statements = text.split("--> statement-breakpoint").map((s) => s.trim());
      const hash = createHash("sha256").update(text).digest("hex");
      return { id, name: file.slice(0, -".sql".length), hash, statements: statements.filter((s) => s !== "") };
    }),
  );
}

export function statusOf(known: readonly Migration[], applied: readonly AppliedMigration[]): SchemaStatus {
  const done = new Set(applied.flatMap((row) => (row.appliedAt === null ? [] : [row.id])));
  return {
    applied,
    pending: known.filter((m) => !done.has(m.id)).map((m) => m.name),
    newer: applied.filter((row) => row.id >= known.length).map((row) => row.name),
  };
}

/**
 * Refuses a database that this program must not touch.
 * @throws StoreError naming both sides and the way out
 */
export function checkSchema(where: string, known: readonly Migration[], applied: readonly AppliedMigration[]): void {
  const refuse = (why: string): StoreError => new StoreError(`the database ${where} ${why}`, { transient: false });
  const ours = known.at(-1)?.name ?? "none";
  for (const row of [...applied].sort((a, b) => b.id - a.id)) {
    const file = known[row.id];
    if (file === undefined) {
      throw refuse(
        `has schema ${row.name}, which is newer than ${ours}, the newest this program knows: start the program that made it, ` +
          "or restore the copy of the database from before the upgrade",
      );
    }
    if (file.name !== row.name || file.hash !== row.hash) {
      throw refuse(
        `was made by a migration ${row.name} (${row.hash.slice(0, 12)}) that differs from this program's ${file.name} ` +
          `(${file.hash.slice(0, 12)}): start the program that made it, or mend the installation`,
      );
    }
  }
}

/** Refuses a database that still lacks migrations. */
export function checkComplete(where: string, status: SchemaStatus): void {
  if (status.pending.length === 0) return;
  throw new StoreError(
    `the database ${where} lacks schema ${status.pending.join(", ")}: run \`dirigent db migrate\` (after a copy of the database)`,
    { transient: false },
  );
}
