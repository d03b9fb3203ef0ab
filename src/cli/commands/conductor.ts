import { Option } from "commander";
import { keepCatalogueFile, writeCatalogueFile, type CatalogueFileDeps } from "../../conductor/catalogue-file.ts";
import { runDaemon } from "../../conductor/daemon.ts";
import type { CycleResult } from "../../conductor/cycle.ts";
import { runOnce } from "../../conductor/once.ts";
import { cronWakes } from "../../conductor/wake.ts";
import type { Command, Context } from "../command.ts";
import { cycleValue, describeCycle } from "../describe-cycle.ts";
import { exit, exitOfOutcome, UsageError, type ExitCode } from "../exit-codes.ts";
import { openConductor, type OpenedConductor } from "../open-conductor.ts";
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
    "Runs as a daemon, woken by conductor.backup_schedule and conductor.rotation_schedule, until SIGTERM (finishes what is in hand; a second one stops at once). " +
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
    const opened = await openConductor(context, "work");
    try {
      if (options.once === true) return await once(context, opened);
      const { backupSchedule, rotationSchedule, timeZone } = context.settings().conductor;
      const file = catalogueFileDeps(context, opened);
      const ended = new AbortController();
      const keeping = file === null ? null : keepCatalogueFile(file, ended.signal);
      try {
        await runDaemon(
          opened.conductor,
          {
            wakes: cronWakes({ create: backupSchedule, rotate: rotationSchedule, timeZone }),
            exclusive: opened.exclusive,
            onCycle: (result) => logCycle(context, result),
          },
          context.signals,
        );
      } finally {
        ended.abort();
        await keeping;
      }
      return exit.ok;
    } finally {
      await opened.close();
    }
  },
};

/** Null: no policy hook reads a file. */
function catalogueFileDeps(context: Context, { conductor }: OpenedConductor): CatalogueFileDeps | null {
  const path = context.settings().conductor.catalogueFile;
  const { repository, clock, log } = conductor;
  return path === null ? null : { path, repository, clock, io: context.io, log };
}

async function once(context: Context, opened: OpenedConductor): Promise<ExitCode> {
  const result = await runOnce(opened.conductor, opened.exclusive, context.signals);
  const file = catalogueFileDeps(context, opened);
  if (file !== null) await writeCatalogueFile(file);
  context.output.progress(null);
  context.output.data(cycleValue(result), () => describeCycle(result));
  return exitOfOutcome[result.outcome];
}

/** A night's summary: one line a project. */
function logCycle(context: Context, { run, outcome, reports, idle }: CycleResult): void {
  const log = context.log();
  if (idle) log.debug({ run: run.id }, "nothing is due");
  for (const { projectId, projectName, lines, rotation } of reports) {
    const count = (wanted: string): number => lines.filter((line) => line.outcome === wanted).length;
    const counts = {
      succeeded: count("succeeded"),
      failed: count("failed"),
      skipped: count("skipped"),
      deleted: rotation.deleted,
      blocked: rotation.blocked,
    };
    log.info({ run: run.id, projectId, projectName, outcome, ...counts }, "a project's run has ended");
  }
}
