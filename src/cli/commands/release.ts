import { Option } from "commander";
import { formatDuration } from "../../domain/durations.ts";
import type { Command } from "../command.ts";
import { openConfiguredClouds } from "../open.ts";
import { table } from "../output.ts";
import { exitOf, findVolumes, volumeIdOption, volumeIds, writeToEach } from "../subscriptions.ts";

interface Options {
  readonly volume: readonly string[];
  readonly cancel?: true;
}

export const releaseCommand: Command<Options> = {
  path: "release",
  summary: "let go of the automated snapshots of volumes, after a delay: they block deleting a volume",
  description:
    "Writes selection.release_key (release-snapshots: yes) on the volumes, as their owner may do himself. From then on no new snapshots are made of them. selection.release_delay after the " +
    "conductor first saw it, the automated snapshots of the volume are deleted, the newest good one included; backups never, nor what is held. Project and operators are told when it is seen, and when " +
    "it is done. There is no way to have it at once. --cancel, or taking the metadata off, ends it; asking again begins anew. It needs a conductor with a database: nothing else remembers since when it was asked for.",
  options: [
    volumeIdOption("--volume"),
    new Option("--cancel", "take the request back: snapshots stay, and new ones are made"),
  ],
  printsData: true,
  async run({ options }, context) {
    const ids = volumeIds(options.volume, "--volume");
    const { key, delayMs } = context.settings().release;
    const isCancelled = options.cancel === true;
    const clouds = await openConfiguredClouds(context);
    try {
      const { cut } = context.signals;
      const volumes = await findVolumes(clouds, ids, cut);
      const written = await writeToEach(context, volumes, ({ id, projectId }) => {
        const project = clouds.writer.forProject(projectId);
        return isCancelled
          ? project.removeVolumeMetadata(id, [key], cut)
          : project.setVolumeMetadata(id, { [key]: "yes" }, cut);
      });
      const rows = written.map(({ volume: { id, projectId }, error }) => ({ id, projectId, error }));
      const said = isCancelled ? "taken back" : `asked for; ${formatDuration(delayMs)} after a conductor has seen it`;
      context.output.data({ key, released: !isCancelled, delayMs, volumes: rows }, () =>
        table(rows, [
          { title: "VOLUME", value: ({ id }) => id },
          { title: "PROJECT", value: ({ projectId }) => projectId },
          { title: "RELEASE", value: ({ error }) => error ?? said },
        ]),
      );
      return exitOf(written);
    } finally {
      clouds.close();
    }
  },
};
