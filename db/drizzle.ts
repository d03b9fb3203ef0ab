import { createRequire } from "node:module";
import type * as drizzle from "drizzle-orm";

/**
 * Loads a part of drizzle in its CommonJS build. As ES modules its hundreds of files make Node.js read drizzle's package.json, with a list of
 * hundreds of exports, once for each of them: half a second and 200 MiB at every start.
 */
export const loadDrizzle = createRequire(import.meta.url);

export const { and, asc, desc, eq, getTableColumns, gt, gte, inArray, isNotNull, isNull, lt, lte, sql } = loadDrizzle(
  "drizzle-orm",
) as typeof drizzle;
