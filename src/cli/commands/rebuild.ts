import { Option } from "commander";
import { previewRebuild } from "../../conductor/orders/rebuild.ts";
import type { CatalogueDifference } from "../../domain/orders.ts";
import type { Command } from "../command.ts";
import { CommandError, exit, exitOfOutcome } from "../exit-codes.ts";
import { openConductor } from "../open-conductor.ts";
import { table } from "../output.ts";
import { placeOrder } from "../place-order.ts";

interface Options {
  readonly dryRun?: true;
}

export const rebuildCommand: Command<Options> = {
  path: "rebuild",
  summary: "make the catalogue anew from Cinder alone, and print the difference",
  description:
    "Reads every backup of ours with its marks and its real parent from Cinder, compares that with the database's catalogue, and brings the catalogue in line. Holds, longer promises and " +
    "sent DELETEs that only the database remembers stay in force, and are shown. Needed after nothing: every cycle heals the catalogue from the marks by itself. It is for " +
    "who wants to know now, and it verifies all parents at one call for each backup that may be one. Nothing in the cloud is changed.",
  options: [new Option("--dry-run", "only print the difference")],
  printsData: true,
  async run({ options }, context) {
    if (options.dryRun === true) {
      const opened = await openConductor(context, "look");
      try {
        const { differences, proven } = await previewRebuild(opened.conductor, context.signals.cut);
        if (!proven) throw new CommandError(exit.failed, unproven);
        context.output.data({ outcome: "ok", count: differences.length, differences }, () =>
          describe(differences, differences.length),
        );
        return exit.ok;
      } finally {
        await opened.close();
      }
    }
    const { differenceCount, differences, message, outcome } = await placeOrder(context, { kind: "rebuild" });
    if (message !== null) throw new CommandError(exit.failed, message);
    context.output.data({ outcome, count: differenceCount, differences }, () => describe(differences, differenceCount));
    return exitOfOutcome[outcome];
  },
};

const unproven = "Cinder does not show that the reader is an admin, or there is no backup at all; see dirigent doctor";

function describe(differences: readonly CatalogueDifference[], count: number): string {
  if (count === 0) return "The catalogue says what Cinder says.\n";
  const rows = table(differences, [
    { title: "BACKUP", value: ({ backupId }) => backupId },
    { title: "FIELD", value: ({ field }) => field ?? "(whole entry)" },
    { title: "DATABASE", value: ({ database }) => database ?? "" },
    { title: "CINDER", value: ({ cinder }) => cinder ?? "" },
    { title: "KEPT", value: ({ kept }) => kept },
  ]);
  const rest = count - differences.length;
  return `${rows}${rest > 0 ? `... and ${rest} more\n` : ""}${count} differences\n`;
}
