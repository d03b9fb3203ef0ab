import type { SchemaStatus } from "../../store/migrations.ts";
import type { Command } from "../command.ts";
import { exit } from "../exit-codes.ts";

/** A schema's state in words, one line each. */
export function describeSchema({ applied, pending, newer }: SchemaStatus): string {
  const lines = [
    ...applied.map(({ name, appliedAt }) =>
      appliedAt === null ? `  ${name}  interrupted` : `  ${name}  ${appliedAt.toISOString()}`,
    ),
    ...pending.map((name) => `  ${name}  pending: run dirigent db migrate`),
    ...newer.map((name) => `  ${name}  newer than this program: run the program that made it`),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

export const dbStatus: Command = {
  path: "db status",
  summary: "show the database's schema; fails when it is not this program's",
  description:
    "Shows what of this program's schema the database has. Changes and creates nothing. Exit status 1 when something is pending or newer.",
  printsData: true,
  async run(_given, { settings, output }) {
    const { url, shownUrl } = settings().database;
    const { schemaStatus } = await import("../../store/open.ts");
    const status = await schemaStatus(url);
    const value = {
      database: shownUrl,
      applied: status.applied.map(({ name, appliedAt }) => ({ name, appliedAt: appliedAt?.toISOString() ?? null })),
      pending: status.pending,
      newer: status.newer,
    };
    output.data(value, () => `${shownUrl}\n${describeSchema(status)}`);
    return status.pending.length === 0 && status.newer.length === 0 ? exit.ok : exit.failed;
  },
};
