import { Option } from "commander";
import { previewAdoption } from "../../conductor/orders/adoption.ts";
import type { AdoptionPlan } from "../../domain/adoption.ts";
import { mechanisms, type Backup } from "../../domain/inventory.ts";
import { madeByPeer, peerOf, peers, type Peer } from "../../domain/peers/peer.ts";
import { pointIds, pointIdsFrom } from "../adopt/ids.ts";
import { adoptionValue, describeAdoption } from "../adopt/words.ts";
import type { Command, Context } from "../command.ts";
import { exit, UsageError, type ExitCode } from "../exit-codes.ts";
import { openConductor } from "../open-conductor.ts";
import { runOrder } from "../place-order.ts";

interface Options {
  readonly id?: readonly string[];
  readonly idsFrom?: string;
  readonly from?: Peer;
  readonly createdBy?: string;
  readonly withRetention?: true;
  readonly policy?: string;
  readonly yes?: true;
}

export const adoptCommand: Command<Options> = {
  path: "adopt",
  summary: "take over backups and snapshots made by hand, by Staffeln, SnapSentry or Platform9",
  description:
    "Shows what would be adopted and what each would become; with --yes it is done. What is adopted gets our marks beside its own metadata, is guarded by the policy hook, and counts as a " +
    "restore point of ours. It is kept until a retention is set for it, unless --with-retention takes over the peer's own (SnapSentry's expiry, Platform9's count), or that of --policy. " +
    "An incremental backup is adopted only together with all that it is built on, or when that is ours. " +
    "Marks and names can be written by every member of a project, so --from takes only what the user named by --created-by has made; --id and --ids-from believe you. " +
    "Stop the other tool first: it goes on deleting what it finds expired. After a lost database adopt again: until then they are left alone.",
  options: [
    new Option("--id <id...>", "backups and snapshots by id")
      .argParser((id: string, before: readonly string[] | undefined) => [...(before ?? []), id])
      .conflicts("from"),
    new Option(
      "--ids-from <file>",
      "ids from a file, - being standard input; with blanks, commas or line ends between",
    ).conflicts("from"),
    new Option(
      "--from <peer>",
      "all snapshots that carry the marks of this tool, or backups named as it names them",
    ).choices(peers),
    new Option("--created-by <user id>", "only what this user has created; needed with --from"),
    new Option("--with-retention", "take over how long they are to be kept"),
    new Option("--policy <name>", "the policy they are to count for, in place of the one their marks name"),
    new Option("--yes", "do it"),
  ],
  printsData: true,
  async run({ options }, context) {
    const { createdBy = null, from } = options;
    const ids = new Set(idsOf(options, context));
    if (from === undefined && ids.size === 0) {
      throw new UsageError("name backups or snapshots with --id or --ids-from, or a tool with --from");
    }
    if (from !== undefined && createdBy === null) {
      throw new UsageError(
        `--from ${from} needs --created-by: marks and names can be written by anybody, the creator cannot be changed`,
      );
    }
    const wish = { createdBy, withRetention: options.withRetention === true, policy: options.policy ?? null };
    const isMeant = (point: Backup): boolean => (from === undefined ? ids.has(point.id) : peerOf(point) === from);
    const listed = from === undefined ? mechanisms : [madeByPeer[from]];
    const plan = await preview(context, (conductor) =>
      previewAdoption(conductor, { mechanisms: listed, isMeant, wish }, context.signals.cut),
    );
    const found = new Set([...plan.adoptions, ...plan.refusals].map(({ point }) => point.id));
    const missing = [...ids.difference(found)];
    if (options.yes !== true) return show(context, plan, missing);
    const wanted = from === undefined ? [...ids] : plan.adoptions.map(({ point }) => point.id);
    if (wanted.length === 0) {
      context.output.note("There is nothing to adopt.");
      return show(context, plan, missing);
    }
    return await runOrder(context, { kind: "adopt", ids: wanted, mechanisms: listed, wish });
  },
};

const idsOf = ({ id = [], idsFrom }: Options, { environment }: Context): readonly string[] => [
  ...pointIds(id),
  ...(idsFrom === undefined ? [] : pointIdsFrom(idsFrom, environment)),
];

async function preview(
  context: Context,
  work: (conductor: Parameters<typeof previewAdoption>[0]) => Promise<AdoptionPlan>,
): Promise<AdoptionPlan> {
  const opened = await openConductor(context, "look");
  try {
    return await work(opened.conductor);
  } finally {
    await opened.close();
  }
}

function show({ output }: Context, plan: AdoptionPlan, missing: readonly string[]): ExitCode {
  output.data(adoptionValue(plan, missing), () => describeAdoption(plan, missing));
  return exit.ok;
}
