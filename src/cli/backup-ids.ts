import { Argument } from "commander";
import { UsageError } from "./exit-codes.ts";

export const backupIdsArgument = new Argument("<id...>", "ids of backups, as `dirigent backups list` shows them");

export const snapshotIdsArgument = new Argument("<id...>", "ids of snapshots");

/** Cinder's ids are UUIDs. @throws UsageError naming the first that is none */
export function backupIds(given: readonly string[]): readonly string[] {
  for (const id of given) {
    if (!/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id)) {
      throw new UsageError(`${id} is not the id of a backup; \`dirigent backups list\` shows them`);
    }
  }
  return [...new Set(given.map((id) => id.toLowerCase()))];
}

export const backupIdArgument = new Argument("<id>", "id of a backup, as `dirigent backups list` shows it");
