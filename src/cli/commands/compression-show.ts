import { renderCompression, wantedOptions } from "../../domain/compression.ts";
import type { Command } from "../command.ts";
import { exit } from "../exit-codes.ts";

export const compressionShow: Command = {
  path: "compression show",
  summary: "what to set at the backend for the configured compression",
  description:
    "Prints the commands for Ceph, or the options for cinder.conf of every cinder-backup, that the section compression asks for. Sends nothing.",
  printsData: true,
  run(_given, { settings, output }) {
    const { compression } = settings();
    const value = compression === null ? null : { driver: compression.driver, options: wantedOptions(compression) };
    output.data({ compression: value }, () =>
      compression === null
        ? "No compression is configured (compression.driver), so whatever the backend does is right."
        : renderCompression(compression),
    );
    return Promise.resolve(exit.ok);
  },
};
