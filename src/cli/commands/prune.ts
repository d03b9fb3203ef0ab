import { Argument, Option } from "commander";
import { previewPrune, type RemovalPreview } from "../../conductor/orders/removal.ts";
import type { Command, Context } from "../command.ts";
import { describeRemoval, removalValue } from "../describe-removal.ts";
import { exit, UsageError } from "../exit-codes.ts";
import { openConductor } from "../open-conductor.ts";
import { runOrder } from "../place-order.ts";

interface Options {
  readonly gone?: true;
  readonly yes?: true;
}

export const pruneCommand: Command<Options> = {
  path: "prune",
  summary: "delete the last backups of volumes that are gone",
  description:
    "Rotation never deletes the last chain of a volume, even when the volume is gone. This shows which chains of gone volumes hold nothing any more that is promised or held, " +
    "and with --yes deletes exactly those, newest first, each seen gone before the next. Nothing is deleted when the listing of volumes may not be whole. " +
    "The brake does not count it; the next audit has to be told, which the last line says how.",
  arguments: [new Argument("[volume...]", "only these volumes, by id (default: all that are gone)")],
  options: [
    new Option("--gone", "chains of volumes that are gone: the only thing there is to prune").makeOptionMandatory(),
    new Option("--yes", "delete what is shown; without it nothing is deleted"),
  ],
  printsData: true,
  async run({ options, arguments: volumes }, context) {
    const preview = await look(context, volumes.length === 0 ? null : volumes);
    const points = preview.plan.removals.flatMap(({ deletions }) => deletions);
    if (options.yes !== true || points.length === 0 || preview.blocked !== null) {
      context.output.data(removalValue(preview), () => describeRemoval(preview, context.clock.now()));
      if (options.yes === true && preview.blocked !== null) return exit.failed;
      if (points.length > 0 && options.yes !== true) {
        context.output.note("Nothing was deleted; --yes deletes what is shown.");
      }
      return exit.ok;
    }
    return await runOrder(context, { kind: "prune", backupIds: points.map(({ backup }) => backup.id) });
  },
};

async function look(context: Context, volumeIds: readonly string[] | null): Promise<RemovalPreview> {
  const opened = await openConductor(context, "look");
  try {
    const { signals } = context;
    if (volumeIds !== null) {
      for await (const volume of opened.conductor.reader.listVolumes(signals.cut)) {
        if (volumeIds.includes(volume.id)) {
          throw new UsageError(`volume ${volume.id} is not gone; \`dirigent backups delete\` deletes single backups`);
        }
      }
    }
    return await previewPrune(opened.conductor, volumeIds, signals.cut);
  } finally {
    await opened.close();
  }
}
