import { Option } from "commander";
import { backupIds, backupIdsArgument } from "../backup-ids.ts";
import type { Command } from "../command.ts";
import { runOrder } from "../place-order.ts";

interface Options {
  readonly reason?: string;
}

export const holdCommand: Command<Options> = {
  path: "hold",
  summary: "put backups on hold: nothing deletes them until they are unheld",
  description:
    "Writes the mark dirigent:hold on the backups, with the time and the reason, and remembers it in the database. Rotation, `backups delete` and the " +
    "policy hook refuse to let a held backup go, and whatever it is built on stays, too.",
  arguments: [backupIdsArgument],
  options: [
    new Option("--reason <text>", "why, for those who find it; ends at 255 characters with the time before it"),
  ],
  printsData: true,
  run: (given, context) =>
    runOrder(context, { kind: "hold", backupIds: backupIds(given.arguments), note: given.options.reason ?? null }),
};
