import { Option } from "commander";
import { backupIds, backupIdsArgument } from "../backup-ids.ts";
import type { Command } from "../command.ts";
import { runOrder } from "../place-order.ts";

export const disownCommand: Command<{ snapshot?: true }> = {
  path: "disown",
  summary: "let go of backups or snapshots: remove our marks, also forged ones",
  description:
    "Removes __automated_backup and every dirigent: mark from the backups; other metadata stays. Nothing is deleted, and Dirigent never deletes them from then on. " +
    "A backup that somebody else marked is its owner's to delete again. One that the conductor made stays guarded by the policy hook, as its creator cannot be changed: administrators " +
    "delete it where policy_hook.admins_may_delete says so. It is refused for held backups, for those that another restore point is built on, and for a part of a " +
    "volume's newest good chain: name everything the volume has, or make a newer full first. " +
    "Needed is the writer's credential with the role member in the backup's own project: Cinder lets members of a project change its backups' metadata, whoever made them.",
  options: [new Option("--snapshot", "the ids are those of snapshots")],
  arguments: [backupIdsArgument],
  printsData: true,
  run: ({ arguments: given, options }, context) => {
    const ids = backupIds(given);
    return runOrder(
      context,
      options.snapshot === true ? { kind: "disown_snapshots", snapshotIds: ids } : { kind: "disown", backupIds: ids },
    );
  },
};
