import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { createConnection } from "mysql2/promise";
import type { Connection, RowDataPacket } from "mysql2/promise";
import { directIo } from "../../src/domain/io.ts";
import { parseStoreUrl } from "../../src/store/address.ts";
import { migrateMysql } from "../../src/store/migrate-mysql.ts";
import { migrationsFolder, readMigrations } from "../../src/store/migrations.ts";
import type { Migration } from "../../src/store/migrations.ts";
import { migrate, openStore, schemaStatus } from "../../src/store/open.ts";
import { openMysqlPool } from "../../src/store/mysql-pool.ts";
import type { Repository } from "../../src/store/repository.ts";
import { storeContract } from "../contract/store.ts";
import { entry, job, now, operation, run, storeError } from "../contract/store-rows.ts";
import { startMariaDb } from "./support/mariadb.ts";
import type { MariaDb } from "./support/mariadb.ts";
import { mustRun } from "./support/processes.ts";
import { until } from "./support/wait.ts";

// West of Greenwich, and the server east of it: an instant read or written in local time shows.
process.env["TZ"] = "America/Los_Angeles";
const serverZone = "+05:30";

describe("the store on MariaDB", () => {
  let server: MariaDb;
  let admin: Connection;
  let databases = 0;
  const fresh = () => server.createDatabase(`store_${(databases += 1)}`);
  const connectAdmin = async () => {
    admin = await createConnection({
      host: "127.0.0.1",
      port: server.port,
      user: "dirigent",
      password: "dirigent",
      dateStrings: true,
    });
    await admin.query(`SET GLOBAL time_zone = '${serverZone}'`);
  };
  const rowsOf = async (sql: string, values: string[] = []): Promise<RowDataPacket[]> =>
    (await admin.query<RowDataPacket[]>(sql, values))[0];
  const tablesOf = async (url: string): Promise<string[]> => {
    const { database } = mysqlAddress(url);
    const sql =
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ? AND table_type = 'BASE TABLE' ORDER BY 1";
    return (await rowsOf(sql, [database])).map((row) => String(row["name"]));
  };
  before(async () => {
    server = await startMariaDb();
    await connectAdmin();
  });
  after(async () => {
    await admin.end();
    await server.stop();
  });

  describe("contract", () => {
    // One database, emptied each time: making tables costs a hundred times as much.
    let url: string;
    before(async () => {
      url = await fresh();
      await migrate(url);
    });
    storeContract(async () => {
      for (const table of await tablesOf(url)) {
        if (!table.startsWith("schema_"))
          await admin.query(`DELETE FROM \`${mysqlAddress(url).database}\`.\`${table}\``);
      }
      return url;
    });
  });

  describe("tables", () => {
    let url: string;
    let store: Repository;
    before(async () => {
      url = await fresh();
      store = await openStore(url, { io: directIo, migrate: true });
    });
    after(() => store.close());

    it("have primary keys, InnoDB and four-byte UTF-8, whatever the database's default is", async () => {
      const { database } = mysqlAddress(await server.createDatabase("store_latin"));
      await admin.query(`ALTER DATABASE ${database} CHARACTER SET latin1`);
      await migrate(url.replace(/[^/]*$/, database));
      const names = await tablesOf(url.replace(/[^/]*$/, database));
      assert.deepEqual(names, await tablesOf(url));
      assert.equal(names.length, 12);
      const sql = `SELECT t.table_name, t.engine, k.constraint_name FROM information_schema.tables t
        LEFT JOIN information_schema.table_constraints k ON k.table_schema = t.table_schema AND k.table_name = t.table_name
        AND k.constraint_type = 'PRIMARY KEY' WHERE t.table_schema = ? AND t.table_type = 'BASE TABLE'`;
      for (const row of await rowsOf(sql, [database])) {
        assert.deepEqual([row["engine"], row["constraint_name"]], ["InnoDB", "PRIMARY"], String(row["table_name"]));
      }
      const odd = await rowsOf(
        `SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables t USING (table_schema, table_name)
         WHERE table_schema = ? AND t.table_type = 'BASE TABLE' AND character_set_name IS NOT NULL AND collation_name <> 'utf8mb4_bin'`,
        [database],
      );
      assert.deepEqual(odd, []);
    });

    it("hold instants in UTC, whatever the time zones of program, server and reader", async () => {
      await store.insertRun(run("r1"));
      const { database } = mysqlAddress(url);
      for (const zone of ["SYSTEM", "-08:00", serverZone]) {
        await admin.query("SET SESSION time_zone = ?", [zone]);
        const [row] = await rowsOf(`SELECT started_at FROM ${database}.runs`);
        assert.equal(row?.["started_at"], "2026-03-29 01:00:00.123");
      }
    });

    it("refuse what does not fit instead of cutting it", async () => {
      const long = store.insertJobs([job("long", { volumeName: "x".repeat(256) })]);
      await assert.rejects(long, storeError(false, /failed \(Data too long for column 'volume_name'/));
      assert.deepEqual(await store.jobs({}), []);
    });
  });

  describe("connections", () => {
    let url: string;
    let store: Repository;
    beforeEach(async () => {
      url = await fresh();
      store = await openStore(url, { io: directIo, migrate: true });
    });
    afterEach(() => store.close());
    /** Ends every connection of the store from the server's side. */
    const cut = async () => {
      const list = "SELECT id FROM information_schema.processlist WHERE db = ?";
      const ids = (await rowsOf(list, [mysqlAddress(url).database])).map((row) => Number(row["id"]));
      for (const id of ids) await admin.query(`KILL ${id}`);
      return ids.length;
    };

    /** Until statements have begun to wait for a lock so many times: twice shows that the store tried again. */
    const waitsForLock = async (times: number) => {
      const seen = new Set<string>();
      const sql = "SELECT trx_wait_started AS since FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'";
      const look = async () => {
        for (const row of await rowsOf(sql)) seen.add(String(row["since"]));
        return seen.size >= times;
      };
      // The server answers from a cache that it renews only when nobody has asked for 100 ms.
      await until(`a statement waits for a lock (${times})`, look, { timeoutMs: 60_000, everyMs: 250 });
    };

    it("that were cut are replaced: reads and transactions go on", async () => {
      await store.insertRun(run("r1"));
      assert.ok((await cut()) > 0);
      assert.deepEqual(await store.runs({ limit: 1 }), [run("r1")]);
      assert.ok((await cut()) > 0);
      await store.upsertCatalogue([entry("b1")]);
      assert.deepEqual(await store.catalogue(), [entry("b1")]);
    });

    it("cut in the middle of a transaction lose nothing: it is done again", async () => {
      const database = mysqlAddress(url).database;
      const many = Array.from({ length: 3000 }, (_, i) => entry(`b${String(i).padStart(5, "0")}`));
      // Holds a row that the transaction reaches late, so that it is certain to be in the middle.
      await store.upsertCatalogue([entry("b02999")]);
      await admin.query("START TRANSACTION");
      await admin.query(`UPDATE ${database}.restore_points SET held = 1 WHERE backup_id = 'b02999'`);
      const upsert = store.upsertCatalogue(many);
      await waitsForLock(1);
      await cut();
      await admin.query("ROLLBACK");
      await upsert;
      assert.deepEqual(await store.catalogue(), many);
    });

    it("wait for a locked row, longer than the server lets one statement wait", async () => {
      await store.insertJobs([job("a")]);
      await admin.query("START TRANSACTION");
      await admin.query(`UPDATE ${mysqlAddress(url).database}.jobs SET message = 'x'`);
      const move = store.moveJob({ key: "a", from: "planned", to: "submitting", patch: {} });
      await Promise.race([move, waitsForLock(2)]);
      await admin.query("ROLLBACK");
      assert.equal(await move, true);
    });

    it("that find no server say so as a passing failure, and work again when it is back", async () => {
      await store.insertRun(run("r1"));
      await server.kill();
      await assert.rejects(store.runs({ limit: 1 }), storeError(true, /lost the connection|cannot be reached/));
      await assert.rejects(store.insertRun(run("r2")), storeError(true, /cannot be reached/));
      await assert.rejects(store.insertJobs([job("a")]), storeError(true, /cannot be reached/));
      await assert.rejects(openStore(url, { io: directIo }), storeError(true, /cannot be reached/));
      await server.restart();
      await connectAdmin();
      assert.deepEqual(await store.runs({ limit: 1 }), [run("r1")]);
      await store.insertRun(run("r2"));
      await store.insertJobs([job("a")]);
    });

    it("refused by the server say why, without the password", async () => {
      const wrong = url.replace(":dirigent@", ":hunter2@");
      await assert.rejects(openStore(wrong, { io: directIo }), (error) => {
        assert.ok(storeError(false, /dirigent@127\.0\.0\.1:\d+\/store_\d+ refused the user name or password/)(error));
        assert.doesNotMatch(String((error as Error).stack), /hunter2/);
        return true;
      });
      const plain = `${url.replace("127.0.0.1", "localhost")}?tls=require`;
      await assert.rejects(openStore(plain, { io: directIo }), storeError(false, /offers no TLS/));
      const missing = url.replace(/[^/]*$/, "no_such_database");
      await assert.rejects(openStore(missing, { io: directIo }), storeError(false, /no such database/));
    });
  });

  describe("migrations", () => {
    let url: string;
    let known: Migration[];
    beforeEach(async () => {
      url = await fresh();
      known = await readMigrations(migrationsFolder("mysql"));
    });
    const apply = async (migrations: readonly Migration[]) => {
      const pool = await openMysqlPool(mysqlAddress(url), 2);
      try {
        await migrateMysql(pool, "here", migrations);
      } finally {
        await pool.end();
      }
    };
    const run1 = async (sql: string, database = mysqlAddress(url).database) => {
      await admin.query(`USE ${database}`);
      await admin.query(sql);
    };
    const definitions = async (of: string) => {
      const all: string[] = [];
      for (const table of await tablesOf(of)) {
        const [row] = await rowsOf(`SHOW CREATE TABLE ${mysqlAddress(of).database}.${table}`);
        all.push(String(row?.["Create Table"]));
      }
      return all;
    };

    it("are asked for, never made by opening alone", async () => {
      const says = storeError(false, /lacks schema 0000_foundation, .*: run `dirigent db migrate`/);
      await assert.rejects(openStore(url, { io: directIo }), says);
      assert.deepEqual(await schemaStatus(url), { applied: [], pending: known.map((m) => m.name), newer: [] });
      assert.deepEqual(await tablesOf(url), []);
      const status = await migrate(url);
      assert.deepEqual([status.pending, status.newer, status.applied.length], [[], [], known.length]);
      assert.ok(Math.abs(status.applied[0]!.appliedAt!.getTime() - Date.now()) < 600_000, "in UTC");
      assert.deepEqual(await migrate(url), status);
      await (await openStore(url, { io: directIo })).close();
    });

    it("go on where a crash cut them off, at whatever statement, recorded or not", async () => {
      const whole = await fresh();
      await migrate(whole);
      const [first] = known as [Migration];
      const cutAt = (done: number): Migration => ({
        ...first,
        statements: [...first.statements.slice(0, done), "SELECT the crash"],
      });
      for (const recorded of [true, false]) {
        for (const done of [0, 3, first.statements.length - 1]) {
          url = await fresh();
          await assert.rejects(apply([cutAt(done)]), storeError(false, /Unknown column 'the'/));
          const status = await schemaStatus(url);
          assert.deepEqual([status.pending, status.applied[0]?.appliedAt], [known.map((m) => m.name), null]);
          await assert.rejects(openStore(url, { io: directIo }), storeError(false, /lacks schema/));
          if (!recorded) await run1(first.statements[done]!);
          await apply(known);
          assert.deepEqual(await definitions(url), await definitions(whole), `${done} ${recorded}`);
          assert.deepEqual((await schemaStatus(url)).pending, []);
        }
      }
    });

    it("do not take a foreign table for their own", async () => {
      await run1("CREATE TABLE jobs (id int PRIMARY KEY)");
      await assert.rejects(migrate(url), storeError(false, /Table 'jobs' already exists/));
    });

    it("that change rows commit them together with their record", async () => {
      await migrate(url);
      await run1("INSERT INTO leases VALUES ('a', '', 0, '1970-01-01')");
      const id = known.length;
      const raise = "UPDATE leases SET fence = fence + 1";
      const next = (...statements: string[]): Migration => ({
        id,
        name: `${id}_rows`,
        hash: "h".repeat(64),
        statements,
      });
      await assert.rejects(apply([...known, next(raise, "SELECT the crash")]), storeError(false, /Unknown column/));
      await apply([...known, next(raise, raise)]);
      assert.deepEqual((await rowsOf("SELECT fence FROM leases"))[0]?.["fence"], 2);
    });

    it("wait for another process's lock, and take over one that has expired", async () => {
      await assert.rejects(apply([{ ...known[0]!, statements: ["SELECT the crash"] }]), storeError(false, /Unknown/));
      await run1("UPDATE schema_lock SET owner = 'dead', expires_at = UTC_TIMESTAMP(3) + INTERVAL 2 SECOND");
      await apply(known);
      const [{ lateMs }] = (await rowsOf(
        `SELECT TIMESTAMPDIFF(MICROSECOND, (SELECT MIN(applied_at) FROM schema_migrations), UTC_TIMESTAMP(6)) / 1000 AS lateMs`,
      )) as [RowDataPacket];
      assert.ok(Number(lateMs) >= 0);
      assert.deepEqual((await schemaStatus(url)).pending, []);
    });

    it("stop when another process has taken over", async () => {
      const stolen = ["UPDATE schema_lock SET owner = 'thief'", "CREATE TABLE never (id int PRIMARY KEY)"];
      const lost = apply([{ ...known[0]!, statements: stolen }]);
      await assert.rejects(lost, storeError(true, /another process took over/));
      assert.deepEqual(await tablesOf(url), ["schema_lock", "schema_migrations"]);
    });

    it("of a newer program are refused with the way out", async () => {
      await migrate(url);
      const id = known.length;
      await run1(`INSERT INTO schema_migrations VALUES (${id}, '${id}_later', 'h', 1, 1, UTC_TIMESTAMP(3))`);
      const newer = storeError(false, new RegExp(`has schema ${id}_later, which is newer than.*start the program`));
      await assert.rejects(openStore(url, { io: directIo }), newer);
      await assert.rejects(migrate(url), newer);
      assert.deepEqual((await schemaStatus(url)).newer, [`${id}_later`]);
    });

    it("that were changed after they were applied are refused", async () => {
      await migrate(url);
      await run1("UPDATE schema_migrations SET hash = 'other' WHERE id = 0");
      await assert.rejects(
        openStore(url, { io: directIo }),
        storeError(false, /0000_foundation \(other\) that differs/),
      );
    });

    it("are made once by twenty that start together in five processes, here and on SQLite", async () => {
      const dir = await mkdtemp(join(tmpdir(), "dirigent-twenty-"));
      try {
        for (const shared of [url, `sqlite:${join(dir, "state", "dirigent.db")}`]) {
          const script = join(import.meta.dirname, "support", "migrate-once.ts");
          const said = await Promise.all(
            Array.from({ length: 5 }, () => mustRun(process.execPath, [script, shared, "4"], { timeoutMs: 300_000 })),
          );
          const fences = said.flatMap((text) => JSON.parse(text) as (number | null)[]);
          assert.deepEqual(fences.sort(), [1, ...Array.from({ length: 19 }, () => null)]);
          assert.deepEqual((await schemaStatus(shared)).pending, []);
        }
      } finally {
        await rm(dir, { recursive: true });
      }
    });
  });

  it("appends operations of several processes in the order of their instants", async () => {
    const url = await fresh();
    const [one, two] = [await openStore(url, { io: directIo, migrate: true }), await openStore(url, { io: directIo })];
    try {
      const later = new Date(now.getTime() + 1);
      await one.appendOperations([operation("3", { at: later })]);
      await two.appendOperations([operation("1"), operation("2")]);
      assert.deepEqual(
        (await one.operations({})).map((o) => o.id),
        ["1", "2", "3"],
      );
    } finally {
      await one.close();
      await two.close();
    }
  });
});

function mysqlAddress(url: string) {
  const address = parseStoreUrl(url);
  assert.ok(address.dialect === "mysql");
  return address;
}
