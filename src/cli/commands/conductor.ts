import { Option } from "commander";
import { writeCatalogueFile } from "../../conductor/catalogue-file.ts";
import { observed } from "../../conductor/observed.ts";
import { runOnce } from "../../conductor/once.ts";
import { catalogueFileDeps } from "../catalogue-file.ts";
import type { Command, Context } from "../command.ts";
import { cycleValue, describeCycle } from "../describe-cycle.ts";
import { exit, exitOfOutcome, UsageError, type ExitCode } from "../exit-codes.ts";
import { openConductor } from "../open-conductor.ts";
import { whileSending } from "../reporting.ts";
import { narrateCycle, narrator } from "../service/narrator.ts";
import { printPlan } from "./plan.ts";

interface Options {
  readonly once?: true;
  readonly dryRun?: true;
}

export const conductorCommand: Command<Options> = {
  path: "conductor",
  summary: "back up what is due and rotate, as a daemon or once",
  description:
    "Scans the cloud, backs up the volumes of tagged servers whose slot is due, and rotates each project as soon as its own backups have ended. " +
    "Runs as a daemon, woken by conductor.backup_schedule and conductor.rotation_schedule, until SIGTERM (finishes what is in hand; a second one stops at once). SIGHUP reads the configuration again. " +
    "Whatever ends it, the next start resumes.",
  options: [
    new Option("--once", "one cycle: create what is due, rotate every project, and exit when the backups have ended"),
    new Option("--dry-run", "with --once: print what it would do; nothing is written anywhere"),
  ],
  printsData: true,
  drains: true,
  async run({ options }, context) {
    if (options.dryRun === true) {
      if (options.once !== true)
        throw new UsageError("--dry-run goes with --once: dirigent conductor --once --dry-run");
      return await printPlan(context);
    }
    if (options.once === true) return await once(context);
    const { runService } = await import("../service/run-service.ts");
    await runService(context);
    return exit.ok;
  },
};

async function once(context: Context): Promise<ExitCode> {
  const opened = await openConductor(context, "work");
  try {
    const { conductor, exclusive } = opened;
    const log = context.log();
    const repository = observed(conductor.repository, [narrator(log)]);
    const result = await whileSending(context, { ...conductor, repository }, (reporting) =>
      runOnce(reporting, exclusive, context.signals),
    );
    narrateCycle(log, result);
    const file = catalogueFileDeps(context, opened);
    if (file !== null) await writeCatalogueFile(file);
    context.output.progress(null);
    context.output.data(cycleValue(result), () => describeCycle(result));
    return exitOfOutcome[result.outcome];
  } finally {
    await opened.close();
  }
}
