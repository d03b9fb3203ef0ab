import { Argument, Option } from "commander";
import { isSnapSentryKind, snapSentryKinds } from "../../domain/peers/snapsentry-keys.ts";
import { keysToRemove } from "../../domain/peers/subscription.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../exit-codes.ts";
import { openConfiguredClouds } from "../open.ts";
import { table } from "../output.ts";
import { exitOf, findVolumes, volumeIdOption, volumeIds, writeToEach } from "../subscriptions.ts";

interface Options {
  readonly volumeId: readonly string[];
  readonly all?: true;
}

export const unsubscribeCommand: Command<Options> = {
  path: "unsubscribe",
  summary: "end what subscribe began: take SnapSentry's metadata off volumes",
  description:
    "Takes the metadata of one policy, or with --all every x-snapsentry- key, off the volumes. No new snapshots are made by it from then on. Snapshots that exist stay " +
    "as long as was promised when they were made, and the newest good one of a volume stays until somebody lets it go: `dirigent release --volume` does.",
  arguments: [new Argument("[policy]", "the policy to end").choices(snapSentryKinds)],
  options: [volumeIdOption(), new Option("--all", "all four policies, and whatever else SnapSentry keeps on a volume")],
  printsData: true,
  async run({ arguments: [policy], options }, context) {
    const ids = volumeIds(options.volumeId);
    if ((policy === undefined) === (options.all !== true)) {
      throw new UsageError(`name one policy (${snapSentryKinds.join(", ")}) or give --all`);
    }
    const kinds = policy !== undefined && isSnapSentryKind(policy) ? [policy] : null;
    const clouds = await openConfiguredClouds(context);
    try {
      const { cut } = context.signals;
      const volumes = await findVolumes(clouds, ids, cut);
      const keysOf = new Map(volumes.map(({ id, metadata }) => [id, keysToRemove(metadata, kinds)]));
      const written = await writeToEach(context, volumes, async ({ id, projectId }) => {
        const keys = keysOf.get(id) ?? [];
        if (keys.length > 0) await clouds.writer.forProject(projectId).removeVolumeMetadata(id, keys, cut);
      });
      const rows = written.map(({ volume: { id, projectId }, error }) => ({
        id,
        projectId,
        removed: error === null ? (keysOf.get(id) ?? []) : [],
        error,
      }));
      context.output.data({ volumes: rows }, () =>
        table(rows, [
          { title: "VOLUME", value: ({ id }) => id },
          { title: "PROJECT", value: ({ projectId }) => projectId },
          {
            title: "OUTCOME",
            value: ({ error, removed }) =>
              error ?? (removed.length === 0 ? "was not subscribed" : `${removed.length} keys removed`),
          },
        ]),
      );
      context.output.note("Snapshots that exist stay as long as was promised when they were made.");
      return exitOf(written);
    } finally {
      clouds.close();
    }
  },
};
