import type { Command } from "../command.ts";
import { exit } from "../exit-codes.ts";
import { describeSchema } from "./db-status.ts";

export const dbMigrate: Command = {
  path: "db migrate",
  summary: "bring the database to this program's schema",
  description:
    "Brings the database to this program's schema. Harmless when it is there already, and when several do it at once. Take a copy of the " +
    "database first: there is no way back.",
  printsData: true,
  async run(_given, { settings, output }) {
    const { url, shownUrl } = settings().database;
    const { migrate, schemaStatus } = await import("../../store/open.ts");
    const before = await schemaStatus(url);
    const status = await migrate(url);
    const applied = before.pending;
    output.data({ database: shownUrl, applied, pending: status.pending, newer: status.newer }, () =>
      applied.length === 0
        ? `${shownUrl}: nothing to do\n${describeSchema(status)}`
        : `${shownUrl}: applied ${applied.join(", ")}\n`,
    );
    return exit.ok;
  },
};
