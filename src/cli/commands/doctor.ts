import type { Command } from "../command.ts";
import { findings, isRefused, type Finding } from "../doctor/findings.ts";
import { escapeText } from "../escape.ts";
import { exit } from "../exit-codes.ts";

const describe = ({ level, id, message, fix }: Finding): string =>
  [
    `${level.padEnd(7)}  ${id}: ${escapeText(message)}`,
    ...(fix === null ? [] : [`         to mend: ${escapeText(fix)}`]),
  ].join("\n");

const summary = (failed: number, warnings: number): string =>
  failed === 0 && warnings === 0 ? "All is well." : `${failed} failed, ${warnings} to think about.`;

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
      const failed = found.filter(({ level }) => level === "failed").length;
      const warnings = found.filter(({ level }) => level === "warning").length;
      context.output.data({ findings: found, failed, warnings }, () =>
        [...found.map(describe), "", summary(failed, warnings)].join("\n"),
      );
      if (isRefused(examination)) return exit.authentication;
      return failed === 0 ? exit.ok : exit.failed;
    } finally {
      clouds.close();
    }
  },
};
