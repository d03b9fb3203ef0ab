import { backupIds, backupIdsArgument } from "../backup-ids.ts";
import type { Command } from "../command.ts";
import { runOrder } from "../place-order.ts";

export const unholdCommand: Command = {
  path: "unhold",
  summary: "lift the hold on backups",
  description:
    "Takes the mark dirigent:hold away. From then on the backups are kept as long as their own retention says.",
  arguments: [backupIdsArgument],
  printsData: true,
  run: (given, context) => runOrder(context, { kind: "unhold", backupIds: backupIds(given.arguments) }),
};
