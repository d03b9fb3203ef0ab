import type { Command } from "../command.ts";
import { exit } from "../exit-codes.ts";
import { readBook } from "../policy-files.ts";

export const configCheck: Command = {
  path: "config check",
  summary: "check the configuration, the credentials' files and those of policies",
  description:
    "Reads the configuration, the credentials and the files of policies and rules as the conductor would, and reports everything that is wrong with them. Sends nothing to the cloud.",
  printsData: true,
  run(_given, context) {
    const { settings, connections, output } = context;
    const { files, database } = settings();
    const { reader, writer } = connections();
    // A conductor would not start with files of policies that are wrong.
    const { version } = readBook(context);
    const { file, rulesFile } = settings().policies;
    const policyFiles = [file, rulesFile].filter((path) => path !== null);
    const value = {
      files,
      database: database.shownUrl,
      reader: reader.authUrl,
      writer: writer.authUrl,
      policyFiles,
      policyVersion: version,
    };
    output.data(value, () =>
      [
        "The configuration is good.",
        `  files     ${files.length === 0 ? "none; all keys have their defaults or come from the environment" : files.join(", ")}`,
        `  database  ${database.shownUrl}`,
        `  reader    ${reader.authUrl}`,
        `  writer    ${writer.authUrl}`,
        `  policies  ${policyFiles.length === 0 ? "no files: the built-in one and the presets" : policyFiles.join(", ")}`,
      ].join("\n"),
    );
    return Promise.resolve(exit.ok);
  },
};
