import { Argument, Option } from "commander";
import { bookOf } from "../../conductor/assign.ts";
import { scanInventory, type Inventory } from "../../conductor/scan.ts";
import { mechanisms, type Mechanism } from "../../domain/inventory.ts";
import type { Command, Context } from "../command.ts";
import { CommandError, exit, UsageError } from "../exit-codes.ts";
import { findTarget, volumesOfTarget } from "../find-target.ts";
import { openConductor } from "../open-conductor.ts";
import { runOrder } from "../place-order.ts";

interface Options {
  readonly name?: string;
  readonly snapshotName?: string;
  readonly description?: string;
  readonly force?: true;
  readonly forSchedule?: true;
  readonly policy?: string;
  readonly mechanism?: Mechanism;
}

export const protectCommand: Command<Options> = {
  path: "protect",
  summary: "back up or snapshot a volume, or all volumes of a server, now",
  description:
    "Backs up what is named, whether it is tagged or not, and waits until the backups have ended. They are full or incremental as any other, carry our marks, are kept as long as the " +
    "policy and the owner's requests say, and are reported to their project. They satisfy no schedule, unless --for-schedule is given. " +
    "A running conductor does the work; where none runs, this command does it itself. " +
    "With --policy they are made and kept as that policy says, with --mechanism snapshot as snapshots on the volumes' own storage. " +
    "Karbor's --force allowed a snapshot of a volume that is attached, which needs no permission here: attached volumes are " +
    "always taken, too (as after a power cut: crash-consistent).",
  arguments: [new Argument("<volume|server>", "id or name of a volume or server of any project")],
  options: [
    new Option(
      "--name <template>",
      "name of the backups, with the variables of backup.name_template; several get the volume's name behind it",
    ),
    new Option("--snapshot-name <template>", "the same, under the name it had in Karbor").conflicts("name"),
    new Option("--description <text>", "description of the backups (default: what they are)"),
    new Option("--force", "also volumes that ask to be skipped, or have a backup younger than policy.minimum_interval"),
    new Option("--for-schedule", "let them count as those of the current slot"),
    new Option("--policy <name>", "the policy they are made under (default: the built-in one)"),
    new Option("--mechanism <mechanism>", "backup or snapshot (default: the first that the policy makes)").choices([
      ...mechanisms,
    ]),
  ],
  printsData: true,
  drains: true,
  async run({ options, arguments: [text = ""] }, context) {
    for (const [name, given] of [
      ["--name", options.name ?? options.snapshotName],
      ["--description", options.description],
    ] as const) {
      if (given !== undefined && Array.from(given).length > 255) {
        throw new UsageError(`${name} has ${Array.from(given).length} characters; Cinder takes 255`);
      }
    }
    const force = options.force === true;
    const inventory = await listCloud(context, options.policy);
    const target = findTarget(inventory, text);
    const { volumeIds, left } = volumesOfTarget(target, inventory, { selection: context.settings().selection, force });
    for (const { id } of left) context.output.note(`volume ${id} asks to be skipped; --force takes it, too`);
    if (volumeIds.length === 0) {
      throw new CommandError(exit.failed, `server ${text} has no volumes to back up; its local disk is not backed up`);
    }
    return await runOrder(context, {
      kind: "protect",
      volumeIds,
      serverId: target.kind === "server" ? target.server.id : null,
      name: options.name ?? options.snapshotName ?? null,
      description: options.description ?? null,
      force,
      forSchedule: options.forSchedule === true,
      ...(options.policy === undefined ? {} : { policy: options.policy }),
      ...(options.mechanism === undefined ? {} : { mechanism: options.mechanism }),
    });
  },
};

/** @throws UsageError when there is no policy of the name: before anything is asked of anybody */
async function listCloud(context: Context, policy: string | undefined): Promise<Inventory> {
  const opened = await openConductor(context, "look");
  try {
    const names = [...bookOf(opened.conductor).policies.keys()];
    if (policy !== undefined && !names.includes(policy)) {
      throw new UsageError(`there is no policy ${policy}; there are: ${names.join(", ")}`);
    }
    return await scanInventory(opened.conductor, context.signals.cut);
  } finally {
    await opened.close();
  }
}
