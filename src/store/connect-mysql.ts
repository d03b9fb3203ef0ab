import type { Connected } from "./connected.ts";
import { migrateMysql, readAppliedOnMysql } from "./migrate-mysql.ts";
import { migrationsFolder, readMigrations } from "./migrations.ts";
import { mysqlDatabase } from "./mysql.ts";
import { mysqlWhere, openMysqlPool } from "./mysql-pool.ts";
import type { MysqlAddress } from "./mysql-pool.ts";

const connectionsPerProcess = 4;

/** Nothing is sent before it is needed. @throws StoreError */
export async function connectMysql(address: MysqlAddress): Promise<Connected> {
  const known = await readMigrations(migrationsFolder("mysql"));
  const pool = await openMysqlPool(address, connectionsPerProcess);
  const where = mysqlWhere(address);
  return {
    where,
    known,
    applied: () => readAppliedOnMysql(pool, where),
    migrate: () => migrateMysql(pool, where, known),
    database: () => mysqlDatabase(pool, where),
    close: () => pool.end(),
  };
}
