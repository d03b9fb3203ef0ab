import { Option } from "commander";
import type { Only } from "../../conductor/once.ts";
import type { Command, Context } from "../command.ts";
import { isStateless } from "../open-conductor.ts";
import { runOneCycle } from "../run-cycle.ts";
import { type ExitCode } from "../exit-codes.ts";
import { printPlan } from "./plan.ts";

interface Options {
  readonly only?: Only;
  readonly dryRun?: true;
}

const dryRun = (): Option => new Option("--dry-run", "print what it would do; nothing is written anywhere");

const withoutState =
  "Where there is a cloud and nothing else (no file of the configuration, no database), it works by what stands on volumes and snapshots, with a database in memory: " +
  "for Argo, CronJobs and the like. Run twice, it makes nothing twice. What it guarantees less then is printed, and is in docs/stateless.md.";

export const runCommand: Command<Options> = {
  path: "run",
  summary: "one cycle, or half of one: create what is due, remove what has expired",
  description: `Creates what is due and rotates every project, as \`dirigent conductor --once\` does, and ends when the restore points are made. ${withoutState}`,
  options: [
    new Option(
      "--only <half>",
      "create: make what is due and delete nothing; expire: rotate and begin nothing",
    ).choices(["create", "expire"]),
    dryRun(),
  ],
  printsData: true,
  drains: true,
  run: ({ options }, context) => cycle(context, options.only ?? null, options.dryRun === true),
};

/** SnapSentry's names for the two halves. */
const half = (path: string, only: Only, summary: string): Command<Options> => ({
  path,
  summary,
  description: `The same as \`dirigent run --only ${only}\`, under the name it has in SnapSentry. ${withoutState}`,
  options: [dryRun()],
  printsData: true,
  drains: true,
  run: ({ options }, context) => cycle(context, only, options.dryRun === true),
});

export const createSnapshotsCommand = half(
  "create-snapshots",
  "create",
  "make what is due and delete nothing: run --only create",
);

export const expireSnapshotsCommand = half(
  "expire-snapshots",
  "expire",
  "remove what has expired and begin nothing: run --only expire",
);

async function cycle(context: Context, only: Only | null, isDryRun: boolean): Promise<ExitCode> {
  if (isDryRun) return await printPlan(context, only);
  const stateless = isStateless(context);
  if (stateless) for (const line of lessGuaranteed) context.output.note(line);
  return await runOneCycle(context, { only, purpose: stateless ? "alone" : "work" });
}

const lessGuaranteed: readonly string[] = [
  "No configuration and no database: working by the marks in Cinder alone. Less is guaranteed than with a database:",
  "  - the brake on deletions counts from zero in each run, not over 24 hours, and a cloud that seems to shrink is not noticed;",
  "  - a creation whose answer was lost is found by its mark only, and two runs at the same time can make one twice: let none overlap;",
  "  - what tenants ask for is remembered on restore points alone: less counts by what was asked for when each was made, and released snapshots stay;",
  "  - nothing remembers the real parent of an incremental: every second backup is a full one (snapshots have none);",
  "  - no reports, no orders, no holds but those on the objects.",
];
