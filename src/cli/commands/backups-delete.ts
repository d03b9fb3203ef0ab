import { Option } from "commander";
import { previewRemoval } from "../../conductor/orders/removal.ts";
import { backupIds, backupIdsArgument } from "../backup-ids.ts";
import type { Command } from "../command.ts";
import { describeRemoval, removalValue } from "../describe-removal.ts";
import { exit, UsageError } from "../exit-codes.ts";
import { openConductor } from "../open-conductor.ts";
import { runOrder } from "../place-order.ts";

interface Options {
  readonly dryRun?: true;
  readonly yes?: true;
}

export const backupsDelete: Command<Options> = {
  path: "backups delete",
  summary: "delete backups of ours before their time",
  description:
    "Deletes the named backups, newest first, each seen gone before the next. Only backups that the conductor made and that are not held; nothing that another backup is built " +
    "on (name those, too), and nothing of a volume's newest good chain, whoever asks. A promise that has not passed is no obstacle here: tell the " +
    "next audit with --pruned. Shows the plan and deletes with --yes only.",
  arguments: [backupIdsArgument],
  options: [
    new Option("--dry-run", "only show what would be deleted and what not").conflicts("yes"),
    new Option("--yes", "delete what the plan allows"),
  ],
  printsData: true,
  async run({ options, arguments: given }, context) {
    const ids = backupIds(given);
    if (options.yes === true) return await runOrder(context, { kind: "delete", backupIds: ids });
    const opened = await openConductor(context, "look");
    try {
      const preview = await previewRemoval(opened.conductor, ids, context.signals.cut);
      context.output.data(removalValue(preview), () => describeRemoval(preview, context.clock.now()));
      if (options.dryRun === true) return exit.ok;
    } finally {
      await opened.close();
    }
    throw new UsageError("nothing was deleted; add --yes to delete what the plan allows, or --dry-run to only look");
  },
};
