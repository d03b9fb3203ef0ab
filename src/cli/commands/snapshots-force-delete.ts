import { Option } from "commander";
import { loadNamedConnection } from "../../config/connections.ts";
import { forceDelete, planForceDelete, type ForcePlan } from "../../conductor/orders/force-delete.ts";
import { operatorText } from "../../domain/reasons.ts";
import { openSnapshotAdmin } from "../../openstack/admin.ts";
import { backupIds, snapshotIdsArgument } from "../backup-ids.ts";
import type { Command } from "../command.ts";
import { exit, exitOfOutcome, UsageError } from "../exit-codes.ts";
import { openConductor } from "../open-conductor.ts";
import { table } from "../output.ts";
import { describeOrder, describeReason } from "../place-order.ts";

interface Options {
  readonly adminCloud?: string;
  readonly dryRun?: true;
  readonly yes?: true;
}

export const snapshotsForceDelete: Command<Options> = {
  path: "snapshots force-delete",
  summary: "delete stuck snapshots of ours with an admin's credential",
  description:
    "Deletes snapshots that the conductor made and that are stuck: in error_deleting, or in creating or deleting past their deadline. Cinder lets " +
    "only admins do that, and the conductor is none: name a cloud of clouds.yaml whose credential is. Refused are snapshots that are not ours, " +
    "held, good, or that a volume was made from. Shows the plan and deletes with --yes only. Each one is recorded; tell the next audit with --pruned.",
  arguments: [snapshotIdsArgument],
  options: [
    new Option("--admin-cloud <cloud>", "cloud in clouds.yaml: an admin, for this command only"),
    new Option("--dry-run", "only show what would be deleted and what not").conflicts("yes"),
    new Option("--yes", "delete what the plan allows"),
  ],
  printsData: true,
  async run({ options, arguments: given }, context) {
    const ids = backupIds(given);
    const { adminCloud, dryRun, yes } = options;
    if (yes === true && adminCloud === undefined) throw new UsageError("--yes needs --admin-cloud");
    const { clock, environment, io, random, signals } = context;
    const opened = await openConductor(context, yes === true ? "order" : "look");
    try {
      const plans = await planForceDelete(opened.conductor, ids, signals.cut);
      if (yes === true) {
        const parameters = loadNamedConnection({
          cloud: adminCloud ?? "",
          origin: "--admin-cloud",
          settings: context.settings(),
          environment,
        });
        const admin = await openSnapshotAdmin(parameters, { clock, io, random, log: context.log() });
        try {
          const result = await forceDelete(opened.conductor, admin, plans, signals.cut);
          const { lines, outcome } = result;
          const audit = lines.flatMap((line) =>
            line.outcome === "done" && line.backupId !== null ? ["--pruned", line.backupId] : [],
          );
          context.output.data({ outcome, lines, audit }, () => describeOrder(result));
          if (audit.length > 0) context.output.note(`Tell the next audit: dirigent audit ${audit.join(" ")}`);
          return exitOfOutcome[outcome];
        } finally {
          admin.close();
        }
      }
      context.output.data(plans.map(planValue), () => describePlans(plans));
      if (dryRun === true) return exit.ok;
    } finally {
      await opened.close();
    }
    throw new UsageError("nothing was deleted; add --yes to delete what the plan allows, or --dry-run to only look");
  },
};

const planValue = ({ id, point, refusal }: ForcePlan): object => ({
  id,
  volumeId: point?.backup.volumeId ?? null,
  status: point?.backup.status ?? null,
  forced: refusal === null,
  reason: refusal?.reason ?? "forced",
  message: refusal?.message ?? null,
});

const describePlans = (plans: readonly ForcePlan[]): string =>
  table(plans, [
    { title: "SNAPSHOT", value: ({ id }) => id },
    { title: "VOLUME", value: ({ point }) => point?.backup.volumeId ?? "" },
    { title: "STATUS", value: ({ point }) => point?.backup.status ?? "" },
    { title: "WOULD BE", value: ({ refusal }) => (refusal === null ? "deleted" : "kept") },
    { title: "BECAUSE", value: ({ refusal }) => (refusal === null ? operatorText("stuck") : describeReason(refusal)) },
  ]);
