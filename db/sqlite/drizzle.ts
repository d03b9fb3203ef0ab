import type * as drizzle from "drizzle-orm/sqlite-core";
import { loadDrizzle } from "../drizzle.ts";

const core = loadDrizzle("drizzle-orm/sqlite-core") as typeof drizzle;
export const { customType, getTableConfig, index, integer, sqliteTable, text } = core;
// eslint-disable-next-line @typescript-eslint/no-deprecated -- one of its two signatures is, and that one is not used
export const { primaryKey } = core;
