import type { Command } from "../command.ts";
import { exit } from "../exit-codes.ts";

export const configCheck: Command = {
  path: "config check",
  summary: "check the configuration and the credentials' files",
  description:
    "Reads the configuration and the credentials as the conductor would, and reports everything that is wrong with them. Sends nothing to the cloud.",
  printsData: true,
  run(_given, { settings, connections, output }) {
    const { files, database } = settings();
    const { reader, writer } = connections();
    const value = { files, database: database.shownUrl, reader: reader.authUrl, writer: writer.authUrl };
    output.data(value, () =>
      [
        "The configuration is good.",
        `  files     ${files.length === 0 ? "none; all keys have their defaults or come from the environment" : files.join(", ")}`,
        `  database  ${database.shownUrl}`,
        `  reader    ${reader.authUrl}`,
        `  writer    ${writer.authUrl}`,
      ].join("\n"),
    );
    return Promise.resolve(exit.ok);
  },
};
