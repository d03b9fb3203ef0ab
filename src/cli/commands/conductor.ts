import { Option } from "commander";
import type { OptionValue } from "../../config/request.ts";
import type { Command } from "../command.ts";
import { exit, UsageError } from "../exit-codes.ts";
import { runOneCycle } from "../run-cycle.ts";
import { printPlan } from "./plan.ts";

interface Options {
  readonly once?: true;
  readonly dryRun?: true;
  readonly createSchedule?: string;
  readonly expireSchedule?: string;
  readonly bindAddress?: string;
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
    new Option("--create-schedule <cron>", "in place of conductor.backup_schedule, as SnapSentry's daemon has it"),
    new Option("--expire-schedule <cron>", "in place of conductor.rotation_schedule, as SnapSentry's daemon has it"),
    new Option("--bind-address <host:port>", "where metrics are served, in place of metrics.address and metrics.port"),
  ],
  overrides({ bindAddress, createSchedule, expireSchedule }) {
    const given = (option: string, value: unknown): OptionValue | undefined =>
      value === undefined ? undefined : { value, option };
    const [, host, port] = /^(.+):(\d+)$/.exec(bindAddress ?? "") ?? [];
    if (bindAddress !== undefined && host === undefined) {
      throw new UsageError(`--bind-address ${bindAddress}: must be an address and a port, such as 127.0.0.1:9808`);
    }
    return {
      "conductor.backup_schedule": given("--create-schedule", createSchedule),
      "conductor.rotation_schedule": given("--expire-schedule", expireSchedule),
      // Brackets are for URLs and such.
      "metrics.address": given("--bind-address", host?.replace(/^\[|\]$/g, "")),
      "metrics.port": given("--bind-address", port === undefined ? undefined : Number(port)),
    };
  },
  printsData: true,
  drains: true,
  async run({ options }, context) {
    if (options.dryRun === true) {
      if (options.once !== true)
        throw new UsageError("--dry-run goes with --once: dirigent conductor --once --dry-run");
      return await printPlan(context);
    }
    if (options.once === true) return await runOneCycle(context, { only: null, purpose: "work" });
    const { runService } = await import("../service/run-service.ts");
    await runService(context);
    return exit.ok;
  },
};
