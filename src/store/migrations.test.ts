import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { promisify } from "node:util";
import { directIo } from "../domain/io.ts";
import { StoreError } from "./errors.ts";
import { migrateSqlite, readAppliedOnSqlite } from "./migrate-sqlite.ts";
import { migrationsFolder, readMigrations } from "./migrations.ts";
import type { Migration } from "./migrations.ts";
import { migrate, openStore, schemaStatus } from "./open.ts";
import { openSqliteClient } from "./sqlite-file.ts";

const refusal = (message: RegExp) => (error: unknown) =>
  error instanceof StoreError && !error.transient && message.test(error.message);

describe("migrations", () => {
  let dir: string;
  let path: string;
  let known: Migration[];
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "dirigent-migrations-"));
    path = join(dir, "dirigent.db");
    known = await readMigrations(migrationsFolder("sqlite"));
  });
  afterEach(() => rm(dir, { recursive: true }));
  const names = () => known.map((m) => m.name);

  /** The next schema, as a later release brings it. */
  const next = (id: number, ...statements: string[]): Migration => ({
    id,
    name: `${id}_next`,
    hash: `hash ${id}`,
    statements,
  });
  const onFile = async <T>(work: (client: ReturnType<typeof openSqliteClient>) => Promise<T>): Promise<T> => {
    const client = openSqliteClient(path);
    try {
      return await work(client);
    } finally {
      client.close();
    }
  };

  for (const dialect of ["sqlite", "mysql"] as const) {
    it(`of ${dialect} lead to the schema: drizzle-kit finds nothing to add`, async () => {
      const folder = join(dir, "migrations");
      await cp(migrationsFolder(dialect), folder, { recursive: true });
      const before = await readdir(folder, { recursive: true });
      const root = join(import.meta.dirname, "../..");
      const kit = join(root, "node_modules/drizzle-kit/bin.cjs");
      const schema = join("db", dialect, "schema.ts");
      const args = ["generate", "--dialect", dialect, "--schema", schema, "--out", relative(root, folder)];
      const { stdout } = await promisify(execFile)(process.execPath, [kit, ...args], { cwd: root });
      assert.match(stdout, /No schema changes/);
      assert.deepEqual(await readdir(folder, { recursive: true }), before);
    });
  }

  it("are told as pending without making a file, then applied, once", async () => {
    const url = `sqlite:${path}`;
    assert.deepEqual(await schemaStatus(url), { applied: [], pending: names(), newer: [] });
    assert.deepEqual(await readdir(dir), []);
    const status = await migrate(url);
    assert.deepEqual(
      status.applied.map((row) => [row.id, row.name, row.hash]),
      known.map((m) => [m.id, m.name, m.hash]),
    );
    assert.deepEqual([status.pending, status.newer], [[], []]);
    assert.deepEqual(await migrate(url), status);
    assert.deepEqual(await schemaStatus(url), status);
  });

  it("are not made by an opening that must not", async () => {
    const opening = () => openStore(`sqlite:${path}`, { io: directIo, migrate: false });
    await assert.rejects(opening(), refusal(/does not exist/));
    assert.deepEqual(await readdir(dir), []);
    await writeFile(path, "");
    await assert.rejects(opening(), refusal(/lacks schema 0000_foundation, .*: run `dirigent db migrate`/));
    await migrate(`sqlite:${path}`);
    await (await opening()).close();
  });

  it("of a newer program are refused with the way out, and left alone", async () => {
    const id = known.length;
    await onFile((client) => migrateSqlite(client, path, [...known, next(id, "CREATE TABLE later (id integer)")]));
    const newer = refusal(
      new RegExp(`has schema ${id}_next, which is newer than ${known.at(-1)!.name}.*start the program`),
    );
    await assert.rejects(openStore(`sqlite:${path}`, { io: directIo }), newer);
    await assert.rejects(migrate(`sqlite:${path}`), newer);
    const status = await schemaStatus(`sqlite:${path}`);
    assert.deepEqual([status.pending, status.newer], [[], [`${id}_next`]]);
  });

  it("that were changed after they were applied are refused", async () => {
    await migrate(`sqlite:${path}`);
    await onFile((client) => client.execute("UPDATE schema_migrations SET hash = 'other' WHERE id = 0"));
    await assert.rejects(
      openStore(`sqlite:${path}`, { io: directIo }),
      refusal(/0000_foundation \(other\) that differs/),
    );
  });

  it("that fail in the middle leave nothing behind", async () => {
    await migrate(`sqlite:${path}`);
    const broken = next(known.length, "CREATE TABLE one (id integer)", "CREATE TABLE two (no such thing");
    await onFile(async (client) => {
      await assert.rejects(migrateSqlite(client, path, [...known, broken]), refusal(/failed/));
      assert.equal((await readAppliedOnSqlite(client, path)).length, known.length);
      const mended = next(known.length, "CREATE TABLE one (id integer)");
      await migrateSqlite(client, path, [...known, mended]);
      assert.deepEqual((await readAppliedOnSqlite(client, path)).at(-1)?.hash, mended.hash);
    });
  });

  it("are applied once by twenty connections that begin at the same time", async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => migrate(`sqlite:${path}`)));
    for (const status of all) assert.deepEqual(status, all[0]);
    assert.deepEqual(all[0]?.pending, []);
  });

  it("must be numbered without gaps", async () => {
    await writeFile(join(dir, "0000_a.sql"), "SELECT 1;--> statement-breakpoint\n\nSELECT 2;\n");
    assert.deepEqual(
      (await readMigrations(dir)).map((m) => m.statements),
      [["SELECT 1;", "SELECT 2;"]],
    );
    await writeFile(join(dir, "0002_c.sql"), "SELECT 3");
    await assert.rejects(readMigrations(dir), refusal(/0002_c\.sql is in place 1/));
    await writeFile(join(dir, "0000_b.sql"), "SELECT 3");
    await assert.rejects(readMigrations(dir), refusal(/0000_b\.sql is in place 1/));
  });

  it("have one hash on every system, whatever the line ends", async () => {
    await writeFile(join(dir, "0000_a.sql"), "SELECT\n1");
    const [unix] = await readMigrations(dir);
    await writeFile(join(dir, "0000_a.sql"), "SELECT\r\n1");
    assert.deepEqual(await readMigrations(dir), [unix]);
  });
});
