import type { Command } from "../command.ts";
import { findings, isRefused } from "../doctor/findings.ts";
import { describeFindings, exitOfFindings } from "../doctor/show.ts";
import { exit } from "../exit-codes.ts";

export const doctorCommand: Command = {
  path: "doctor",
  summary: "check credentials, rights, services, clock and database",
  description:
    "Checks the credentials and their rights, the services' versions and clocks, and the database. Changes nothing. Exit status 1 when something " +
    "failed, 12 when a credential was not accepted; warnings do not count.",
  printsData: true,
  async run(_given, context) {
    const { openConfiguredClouds } = await import("../open.ts");
    const { examine } = await import("../doctor/examine.ts");
    const { schemaStatus } = await import("../../store/open.ts");
    const clouds = await openConfiguredClouds(context);
    try {
      const examination = await examine(clouds, () => schemaStatus(context.settings().database.url), context);
      const found = findings(examination);
      describeFindings(found, context.output);
      return isRefused(examination) ? exit.authentication : exitOfFindings(found);
    } finally {
      clouds.close();
    }
  },
};
