import { Option } from "commander";
import { describeRetention } from "../../domain/describe-policy.ts";
import { mechanisms, type Mechanism } from "../../domain/inventory.ts";
import { readPoints, type Point, type VolumePoints } from "../../domain/points.ts";
import { parseRule } from "../../domain/thinning-text.ts";
import { ourUserIds, scanPoints } from "../../conductor/scan.ts";
import type { Command } from "../command.ts";
import { exit } from "../exit-codes.ts";
import { openConductor } from "../open-conductor.ts";
import { table } from "../output.ts";

interface Options {
  readonly project?: string;
  readonly volume?: string;
  readonly policy?: string;
  readonly mechanism?: Mechanism;
  readonly all?: true;
}

export const backupsList: Command<Options> = {
  path: "backups list",
  summary: "list the restore points as Cinder has them now",
  description:
    "Lists the backups and snapshots of ours, newest first, with what the marks and the database say of them. Changes nothing; may run beside the conductor.",
  options: [
    new Option("--project <id>", "only of this project"),
    new Option("--volume <id>", "only of this volume"),
    new Option("--policy <name>", "only of this policy"),
    new Option("--mechanism <mechanism>", "only backups, or only snapshots").choices([...mechanisms]),
    new Option("--all", "also those that are not ours: users' own, forged, unmarked"),
  ],
  printsData: true,
  async run({ options }, context) {
    const opened = await openConductor(context, "look");
    try {
      const { conductor } = opened;
      const signal = context.signals.cut;
      const userIds = await ourUserIds(conductor, signal);
      const catalogue = new Map((await conductor.repository.catalogue()).map((entry) => [entry.backupId, entry]));
      const read: VolumePoints[] = [];
      let doubtful = false;
      for (const mechanism of options.mechanism === undefined ? mechanisms : [options.mechanism]) {
        const { points, proven } = await scanPoints(conductor, mechanism, signal);
        doubtful ||= !proven && points.length > 0;
        read.push(...readPoints({ backups: points, catalogue, userIds }).values());
      }
      if (doubtful) {
        context.output.note(
          "the reader is not an admin for Cinder: this is its own project only (see dirigent doctor)",
        );
      }
      const points = read
        .flatMap((volume) => [...volume.points, ...(options.all === true ? volume.others : [])])
        .filter(({ projectId }) => options.project === undefined || projectId === options.project)
        .filter(({ marks }) => options.policy === undefined || marks.policy === options.policy)
        .filter(({ backup }) => options.volume === undefined || backup.volumeId === options.volume)
        .sort((a, b) => Number(b.backup.createdAt) - Number(a.backup.createdAt));
      context.output.data(points.map(pointValue), () =>
        points.length === 0 ? "No restore points.\n" : describePoints(points),
      );
      return exit.ok;
    } finally {
      await opened.close();
    }
  },
};

/** What it is, for people. */
export const modeOf = ({ isIncremental, mechanism }: Point["backup"]): string =>
  mechanism === "snapshot" ? "snapshot" : isIncremental ? "incremental" : "full";

const pointValue = ({ backup, entry, marks, good, kind, parentId, projectId }: Point): object => ({
  id: backup.id,
  mechanism: backup.mechanism,
  name: backup.name,
  kind,
  projectId,
  volumeId: backup.volumeId,
  serverId: marks.serverId,
  policy: marks.policy,
  slot: marks.slot,
  status: backup.status,
  good,
  mode: backup.isIncremental ? "incremental" : "full",
  parentId,
  sizeGiB: backup.sizeGiB,
  createdAt: backup.createdAt,
  keepUntil: marks.keepUntil,
  retention: marks.retention,
  held: marks.held || entry?.held === true,
});

/** Where counts keep it, its date is no end: it says what the least is. */
export const keepText = ({ marks }: Point): string => {
  const until = marks.keepUntil?.toISOString() ?? "";
  const rule = marks.retention === null ? null : parseRule(marks.retention);
  return rule === null
    ? until
    : `${describeRetention({ retentionMs: 0, thinning: rule })}${until === "" ? "" : `, at least ${until}`}`;
};

const describePoints = (points: readonly Point[]): string =>
  table(points, [
    { title: "BACKUP", value: ({ backup }) => backup.id },
    { title: "PROJECT", value: ({ projectId }) => projectId ?? "" },
    { title: "VOLUME", value: ({ backup }) => backup.volumeId },
    { title: "CREATED", value: ({ backup }) => backup.createdAt.toISOString() },
    { title: "POLICY", value: ({ marks }) => marks.policy ?? "" },
    { title: "MODE", value: ({ backup }) => modeOf(backup) },
    { title: "GiB", value: ({ backup }) => String(backup.sizeGiB), align: "right" },
    { title: "STATUS", value: ({ backup }) => backup.status },
    { title: "GOOD", value: ({ good }) => (good ? "yes" : "no") },
    { title: "KIND", value: ({ kind }) => kind },
    { title: "HELD", value: ({ marks, entry }) => (marks.held || entry?.held === true ? "held" : "") },
    { title: "KEEP UNTIL", value: keepText },
  ]);
