import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { createConnection, type Connection } from "mysql2/promise";
import { catalogueDatabase } from "../../src/api/policy-hook/catalogue-database.ts";
import { hookWith, recordedCheck, recordedTarget } from "../../src/api/policy-hook/testing.ts";
import { directIo } from "../../src/domain/io.ts";
import { silentLogger } from "../../src/domain/log.ts";
import { openGuardedPoints, type GuardedPoints } from "../../src/store/guarded-points.ts";
import { openStore } from "../../src/store/open.ts";
import type { Repository } from "../../src/store/repository.ts";
import { entry, now, storeError } from "../contract/store-rows.ts";
import { startMariaDb, type MariaDb } from "./support/mariadb.ts";

const { id } = recordedTarget;

describe("the policy hook with a catalogue on MariaDB", () => {
  let server: MariaDb;
  let admin: Connection;
  let store: Repository;
  let points: GuardedPoints;
  let hookUrl: string;
  before(async () => {
    server = await startMariaDb();
    const url = await server.createDatabase("guarded");
    store = await openStore(url, { io: directIo, migrate: true });
    const parts = { host: "127.0.0.1", port: server.port };
    admin = await createConnection({ ...parts, user: "dirigent", password: "dirigent" });
    await admin.query("CREATE USER hook@'127.0.0.1' IDENTIFIED BY 'hook'");
    await admin.query("GRANT SELECT ON guarded.guarded_points TO hook@'127.0.0.1'");
    hookUrl = `mysql://hook:hook@127.0.0.1:${server.port}/guarded`;
    points = await openGuardedPoints(hookUrl, 2_000);
    await store.upsertCatalogue([
      { ...entry(id), held: false },
      { ...entry("held"), held: true },
      { ...entry("gone"), goneAt: now },
    ]);
  });
  after(async () => {
    await points.close();
    await store.close();
    await admin.end();
    await server.stop();
  });

  it("reads the view, whose user may read nothing else", async () => {
    assert.deepEqual(await Promise.all([id, "held", "gone", "other"].map((each) => points.point(each))), [
      { held: false },
      { held: true },
      null,
      null,
    ]);
    assert.equal(await points.snapshotsOf(entry(id).volumeId), null);
    const hook = await createConnection(hookUrl);
    const reading = ["SELECT * FROM restore_points", "SELECT * FROM jobs", "DELETE FROM guarded_points"];
    for (const sql of reading) await assert.rejects(hook.query(sql), { code: "ER_TABLEACCESS_DENIED_ERROR" }, sql);
    await hook.end();
  });

  it("denies what only the catalogue knows, and lets go what that does not know", async () => {
    const { check } = hookWith({ catalogue: catalogueDatabase(points, silentLogger), budgetMs: 30_000 });
    assert.equal(await check(recordedCheck), "401 False");
    assert.equal(await check({ ...recordedCheck, target: { ...recordedTarget, id: "other" } }), "200 True");
  });

  it("denies while the database hangs or is away, and not afterwards", async () => {
    const catalogue = catalogueDatabase(points, silentLogger);
    const { check } = hookWith({ catalogue, budgetMs: 30_000 });
    const other = { ...recordedCheck, target: { ...recordedTarget, id: "other" } };
    // An administrator's lock: the server is there, and its answer is not.
    await admin.query("LOCK TABLES guarded.restore_points WRITE");
    const asked = Array.from({ length: 50 }, () => check(other));
    assert.deepEqual([...new Set(await Promise.all(asked))], ["401 False"]);
    await assert.rejects(points.point("other"), storeError(true, /took too long/));
    await admin.query("UNLOCK TABLES");
    assert.equal(await check(other), "200 True");
    await server.kill();
    assert.equal(await check(other), "401 False");
    assert.equal(catalogue.problem(), "the catalogue's database does not answer");
    await server.restart();
    assert.equal(await check(other), "200 True");
    assert.equal(catalogue.problem(), null);
  });
});
