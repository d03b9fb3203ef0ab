import assert from "node:assert/strict";
import { mkdtemp, open, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { Client } from "@libsql/client";
import { sql } from "../../db/drizzle.ts";
import type { Run } from "../domain/runs.ts";
import { directIo } from "../domain/io.ts";
import type { Repository } from "./repository.ts";
import { StoreError } from "./errors.ts";
import { openStore } from "./open.ts";
import { repositoryOn } from "./repository-on.ts";
import { sqliteDatabase } from "./sqlite.ts";
import { openSqliteClient } from "./sqlite-file.ts";

// West of Greenwich, so that an instant read or written in local time shows.
process.env["TZ"] = "America/Los_Angeles";

const run = (id: string, message: string | null = null): Run => ({
  id,
  kind: "scheduled",
  startedAt: new Date("2026-03-08T10:00:00.123Z"),
  endedAt: null,
  outcome: null,
  servers: null,
  volumes: null,
  scanGood: false,
  message,
  policyVersion: null,
});
const fails = (transient: boolean, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StoreError, String(error));
  assert.equal(error.transient, transient);
  assert.match(error.message, message);
  return true;
};

describe("SQLite files", () => {
  let dir: string;
  let path: string;
  let closers: (() => unknown)[];
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "dirigent-sqlite-"));
    path = join(dir, "state", "dirigent.db");
    closers = [];
  });
  afterEach(async () => {
    for (const close of closers.toReversed()) await close();
    await rm(dir, { recursive: true });
  });
  const opened = async (): Promise<Repository> => {
    const store = await openStore(`sqlite:${path}`, { io: directIo });
    closers.push(() => store.close());
    return store;
  };
  /** A store whose connection the test can reach. */
  const onClient = async (): Promise<{ store: Repository; client: Client }> => {
    await (await openStore(`sqlite:${path}`, { io: directIo })).close();
    const client = openSqliteClient(path);
    closers.push(() => client.close());
    return { store: repositoryOn(sqliteDatabase(client, path), directIo), client };
  };

  it("are made on the first start, readable by their owner alone", async () => {
    const store = await opened();
    await store.insertRun(run("r1"));
    const modes = [dirOf(path), path, `${path}-wal`, `${path}-shm`].map(async (f) => (await stat(f)).mode & 0o777);
    assert.deepEqual(await Promise.all(modes), [0o750, 0o600, 0o600, 0o600]);
  });

  it("keep instants as milliseconds in UTC, whatever the time zone", async () => {
    const store = await opened();
    await store.insertRun(run("r1"));
    const client = openSqliteClient(path);
    closers.push(() => client.close());
    const { rows } = await client.execute("SELECT started_at FROM runs");
    assert.equal(rows[0]?.["started_at"], Date.UTC(2026, 2, 8, 10, 0, 0, 123));
  });

  it("are written through to the disk on every connection, in transactions and after a reconnect", async () => {
    const client = openSqliteClient(path.replace("state", "."));
    closers.push(() => client.close());
    const pragmas = async (on: Pick<Client, "execute">) => [
      (await on.execute("PRAGMA synchronous")).rows[0]?.["synchronous"],
      (await on.execute("PRAGMA busy_timeout")).rows[0]?.["timeout"],
    ];
    const FULL = 2;
    assert.deepEqual(await pragmas(client), [FULL, 40]);
    const tx = await client.transaction("write");
    assert.deepEqual(await pragmas(tx), [FULL, 40]);
    await tx.rollback();
    client.reconnect();
    assert.deepEqual(await pragmas(client), [FULL, 40]);
  });
  it("are in WAL mode, so that a reader never waits for the conductor", async () => {
    const { store, client } = await onClient();
    await store.insertRun(run("r1"));
    assert.equal((await client.execute("PRAGMA journal_mode")).rows[0]?.["journal_mode"], "wal");
    const writing = await client.transaction("write");
    await writing.execute("DELETE FROM runs");
    assert.deepEqual(await (await opened()).runs({ limit: 9 }), [run("r1")]);
    await writing.rollback();
  });

  it("that are full are named, keep what they had, and work again when there is room", async () => {
    const { store, client } = await onClient();
    await store.insertRun(run("small"));
    const { rows } = await client.execute("PRAGMA page_count");
    await client.execute(`PRAGMA max_page_count = ${Number(rows[0]?.["page_count"]) + 3}`);
    const full = fails(false, /dirigent\.db cannot grow: the disk is full/);
    await assert.rejects(store.insertRun(run("large", "x".repeat(100_000))), full);
    const operations = Array.from({ length: 1000 }, (_, i) => ({
      id: `o${i}`,
      runId: "r1",
      at: new Date(0),
      kind: "notice" as const,
      reason: "due" as const,
      projectId: null,
      serverId: null,
      volumeId: null,
      backupId: null,
      key: null,
      message: "x".repeat(100),
      requestId: null,
    }));
    await assert.rejects(store.appendOperations(operations), full);
    assert.deepEqual(await store.operations({}), [], "all or nothing");
    assert.deepEqual(await store.runs({ limit: 9 }), [run("small")]);
    await client.execute("PRAGMA max_page_count = 100000");
    await store.appendOperations(operations);
    assert.equal((await store.operations({})).length, 1000);
  });

  it("that cannot be written are named", async () => {
    const { store, client } = await onClient();
    await client.execute("PRAGMA query_only = 1");
    await assert.rejects(store.insertRun(run("r1")), fails(false, /cannot be written/));
    assert.deepEqual(await store.runs({ limit: 9 }), []);
  });

  it("that are something else, or damaged, are named and left alone", async () => {
    await (await opened()).insertRun(run("r1"));
    await closers.pop()?.();
    const client = openSqliteClient(path);
    const { rows } = await client.execute("SELECT rootpage FROM sqlite_master WHERE name = 'runs'");
    await client.execute("PRAGMA wal_checkpoint(TRUNCATE)");
    client.close();
    const pageBytes = 4096;
    const file = await open(path, "r+");
    await file.write(Buffer.alloc(pageBytes, 0xee), 0, pageBytes, (Number(rows[0]?.["rootpage"]) - 1) * pageBytes);
    await file.close();
    const damaged = await opened();
    await assert.rejects(damaged.runs({ limit: 9 }), fails(false, /is damaged/));
    await assert.rejects(damaged.insertRun(run("r2")), fails(false, /is damaged/));
    const text = "-----BEGIN SOMETHING ELSE-----\n".repeat(1000);
    await writeFile(path, text);
    await assert.rejects(opened(), fails(false, /is not an SQLite database/));
    assert.equal(await readFile(path, "utf8"), text);
  });

  it("in a place that cannot be are named", async () => {
    await writeFile(join(dir, "file"), "");
    const bad = openStore(`sqlite:${join(dir, "file", "dirigent.db")}`, { io: directIo });
    await assert.rejects(bad, fails(false, /cannot be created \(E/));
  });

  it("locked by another process are waited for, and what is written then is committed at once", async () => {
    const { store, client } = await onClient();
    const other = openSqliteClient(path);
    closers.push(() => other.close());
    const reconnect = client.reconnect.bind(client);
    for (const method of ["insertRun", "appendOperations"] as const) {
      const held = await other.transaction("write");
      let met = 0;
      client.reconnect = () => {
        met += 1;
        reconnect();
        void held.rollback();
      };
      if (method === "insertRun") await store.insertRun(run("r1"));
      else await store.insertQuotaSamples([]);
      assert.equal(met, 1, "the lock was met");
      // libsql would otherwise leave the write uncommitted, and its lock in place.
      assert.equal((await other.execute("SELECT id FROM runs")).rows.length, 1);
      await (await other.transaction("write")).rollback();
    }
  });

  it("take a transaction's failure for what it is, and roll back", async () => {
    const { client } = await onClient();
    const db = sqliteDatabase(client, path);
    const { runs } = db.tables;
    const work = db.transaction(async (s) => {
      await s.insert(runs, [run("r1")], "fail");
      throw new RangeError("a bug in the work");
    });
    await assert.rejects(work, RangeError);
    assert.deepEqual(await db.read((s) => s.select(runs, { where: sql`true` })), []);
  });

  it("reached by a link are the same file", async () => {
    await (await opened()).insertRun(run("r1"));
    const link = join(dir, "link.db");
    await symlink(path, link);
    const store = await openStore(`sqlite:${link}`, { io: directIo });
    closers.push(() => store.close());
    assert.deepEqual(await store.runs({ limit: 9 }), [run("r1")]);
    await assert.rejects(stat(`${link}-wal`), /ENOENT/, "the companions lie beside the file itself");
  });

  it("in memory are their own each time", async () => {
    const [one, two] = [
      await openStore("sqlite::memory:", { io: directIo }),
      await openStore("sqlite::memory:", { io: directIo }),
    ];
    closers.push(
      () => one.close(),
      () => two.close(),
    );
    await one.insertRun(run("r1"));
    await one.appendOperations([]);
    assert.deepEqual(await one.runs({ limit: 9 }), [run("r1")]);
    assert.deepEqual(await two.runs({ limit: 9 }), []);
  });
});

const dirOf = (path: string): string => join(path, "..");
