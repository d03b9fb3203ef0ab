import { resolve } from "node:path";
import type { Environment } from "../../config/environment.ts";
import { UsageError } from "../exit-codes.ts";

/** Cinder's ids are UUIDs. */
const idPattern = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** @throws UsageError naming the first that is none */
export function pointIds(given: readonly string[], source = "--id"): readonly string[] {
  for (const id of given) {
    if (!idPattern.test(id)) {
      throw new UsageError(`${source}: ${JSON.stringify(id)} is not the id of a backup or snapshot, which is a UUID`);
    }
  }
  return [...new Set(given.map((id) => id.toLowerCase()))];
}

/**
 * Reads ids from a file, `-` being standard input: any number on a line, as a database's client prints a column.
 * @throws UsageError when there is no such file, nothing in it, or something that is no id; ConfigError when it cannot be read
 */
export function pointIdsFrom(path: string, { files, workingDirectory }: Environment): readonly string[] {
  const file = files.read(path === "-" ? "/dev/stdin" : resolve(workingDirectory, path));
  if (file === null) throw new UsageError(`--ids-from: there is no file ${path}`);
  const ids = file.text.split(/[\s,]+/).filter((word) => word !== "");
  if (ids.length === 0) throw new UsageError(`--ids-from: there is no id in ${path === "-" ? "standard input" : path}`);
  return pointIds(ids, `--ids-from ${path}`);
}
