import { describeDrift } from "../../domain/compression.ts";
import type { Command } from "../command.ts";
import type { CompressionState } from "../compression.ts";
import { exit } from "../exit-codes.ts";

function describe(state: CompressionState): string {
  switch (state.kind) {
    case "none":
      return "No compression is configured (compression.driver), so there is nothing to check.";
    case "unseen":
      return (
        "It cannot be seen from here: no API shows cinder.conf, and for Ceph no client is configured (compression.ceph.executable). " +
        "`dirigent compression show` says what is to be set."
      );
    case "failed":
      return `Ceph could not be asked: ${state.message}`;
    case "seen":
      return state.drift.length === 0
        ? "The pool is as configured."
        : [...state.drift.map(describeDrift), "", "`dirigent compression show` has the commands."].join("\n");
  }
}

export const compressionCheck: Command = {
  path: "compression check",
  summary: "compare the backend's compression with the configuration",
  description:
    "Asks Ceph for the options of the pool and compares them with the section compression. Changes nothing. Exit status 1 when something differs or " +
    "Ceph could not be asked.",
  printsData: true,
  async run(_given, { io, output, settings, signals }) {
    const { compressionState } = await import("../compression.ts");
    const state = await compressionState(settings(), io, signals.cut);
    output.data(state, () => describe(state));
    return state.kind === "failed" || (state.kind === "seen" && state.drift.length > 0) ? exit.failed : exit.ok;
  },
};
