import { Option } from "commander";
import { previewAdoption } from "../../conductor/orders/adoption.ts";
import type { Adoption, AdoptionPlan } from "../../domain/adoption.ts";
import type { Backup } from "../../domain/inventory.ts";
import { peers, readPeerSnapshot, type Peer } from "../../domain/peers/snapshots.ts";
import type { Command, Context } from "../command.ts";
import { exit, UsageError, type ExitCode } from "../exit-codes.ts";
import { openConductor } from "../open-conductor.ts";
import { table } from "../output.ts";
import { describeReason, runOrder } from "../place-order.ts";

interface Options {
  readonly id?: readonly string[];
  readonly from?: Peer;
  readonly createdBy?: string;
  readonly withRetention?: true;
  readonly policy?: string;
  readonly yes?: true;
}

export const adoptCommand: Command<Options> = {
  path: "adopt",
  summary: "take over snapshots that were made by hand, by SnapSentry or by Platform9",
  description:
    "Shows what would be adopted and what each would become; with --yes it is done. Adopted snapshots get our marks beside their own metadata, are guarded by the policy hook, and count as our " +
    "restore points. They are kept until a retention is set for them, unless --with-retention takes over the peer's own (SnapSentry's expiry, Platform9's count), or that of --policy. " +
    "Marks can be written by every member of a project, so --from takes only what the user named by --created-by has made; --id believes you. " +
    "Stop the other tool first: it goes on deleting what it finds expired. After a lost database adopt again: until then they are left alone.",
  options: [
    new Option("--id <id...>", "snapshots by id")
      .argParser((id: string, before: readonly string[] | undefined) => [...(before ?? []), id])
      .conflicts("from"),
    new Option("--from <peer>", "all snapshots that carry the marks of this tool").choices(peers),
    new Option("--created-by <user id>", "only what this user has created; needed with --from"),
    new Option("--with-retention", "take over how long they are to be kept"),
    new Option("--policy <name>", "the policy they are to count for, in place of the one their marks name"),
    new Option("--yes", "do it"),
  ],
  printsData: true,
  async run({ options }, context) {
    const { createdBy = null, from, id } = options;
    if (id === undefined && from === undefined) throw new UsageError("name snapshots with --id, or a tool with --from");
    if (from !== undefined && createdBy === null) {
      throw new UsageError(
        `--from ${from} needs --created-by: marks can be written by anybody, the creator of a snapshot cannot be changed`,
      );
    }
    const wish = { createdBy, withRetention: options.withRetention === true, policy: options.policy ?? null };
    const ids = new Set(id);
    const isMeant = (snapshot: Backup): boolean =>
      from === undefined ? ids.has(snapshot.id) : readPeerSnapshot(snapshot)?.peer === from;
    const plan = await preview(context, (conductor) =>
      previewAdoption(conductor, { isMeant, wish }, context.signals.cut),
    );
    const found = new Set([...plan.adoptions, ...plan.refusals].map(({ snapshot }) => snapshot.id));
    const missing = [...ids.difference(found)];
    if (options.yes !== true) return show(context, plan, missing);
    const snapshotIds = from === undefined ? [...ids] : plan.adoptions.map(({ snapshot }) => snapshot.id);
    if (snapshotIds.length === 0) {
      context.output.note("There is nothing to adopt.");
      return show(context, plan, missing);
    }
    return await runOrder(context, { kind: "adopt", snapshotIds, wish });
  },
};

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

function show({ output }: Context, { adoptions, refusals }: AdoptionPlan, missing: readonly string[]): ExitCode {
  const refused = [
    ...refusals.map(({ snapshot, reason, message }) => ({ snapshotId: snapshot.id, reason, message })),
    ...missing.map((snapshotId) => ({ snapshotId, reason: "no_such_snapshot" as const, message: null })),
  ];
  output.data({ written: false, adopt: adoptions.map(valueOf), refused }, () =>
    [
      adoptions.length === 0
        ? ""
        : table(adoptions.map(valueOf), [
            { title: "SNAPSHOT", value: ({ snapshotId }) => snapshotId },
            { title: "VOLUME", value: ({ volumeId }) => volumeId },
            { title: "CREATED", value: ({ createdAt }) => createdAt.toISOString() },
            { title: "BY", value: ({ createdBy }) => createdBy ?? "" },
            { title: "POLICY", value: ({ policy }) => policy },
            { title: "SLOT", value: ({ slot }) => (slot.startsWith("manual:") ? "none" : slot) },
            { title: "KEPT", value: kept },
          ]),
      refused.length === 0
        ? ""
        : `\n${table(refused, [
            { title: "NOT ADOPTED", value: ({ snapshotId }) => snapshotId },
            { title: "BECAUSE", value: describeReason },
          ])}`,
      `${adoptions.length} would be adopted${adoptions.length === 0 ? "" : "; nothing is written without --yes"}.\n`,
    ].join(""),
  );
  return exit.ok;
}

const valueOf = ({ keepUntil, peer, policy, retention, slot, snapshot }: Adoption) => ({
  snapshotId: snapshot.id,
  volumeId: snapshot.volumeId,
  projectId: snapshot.projectId,
  createdAt: snapshot.createdAt,
  createdBy: snapshot.userId,
  peer,
  policy,
  slot,
  keepUntil,
  retention,
});

const kept = ({ keepUntil, retention }: ReturnType<typeof valueOf>): string =>
  [keepUntil === null ? "" : `until ${keepUntil.toISOString()}`, retention ?? ""]
    .filter((part) => part !== "")
    .join(", ") || "until a retention is set";
