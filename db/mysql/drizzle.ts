import type * as drizzle from "drizzle-orm/mysql-core";
import { loadDrizzle } from "../drizzle.ts";

const core = loadDrizzle("drizzle-orm/mysql-core") as typeof drizzle;
export const { bigint, boolean, customType, datetime, getTableConfig, index, int, mysqlTable, mysqlView, uniqueIndex } =
  core;
// eslint-disable-next-line @typescript-eslint/no-deprecated -- one of its two signatures is, and that one is not used
export const { primaryKey } = core;
