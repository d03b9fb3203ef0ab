import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Command } from "../command.ts";
import { exit } from "../exit-codes.ts";
import { runCommandLine } from "../testing.ts";
import { conductorCommand } from "./conductor.ts";

/** Runs a command with the conductor's options that only tells the settings it got. */
async function settingsOf(...argv: string[]) {
  let seen: unknown = null;
  const probe: Command = {
    ...conductorCommand,
    run(_given, context) {
      const { conductor, metrics } = context.settings();
      seen = { create: conductor.backupSchedule, expire: conductor.rotationSchedule, metrics };
      return Promise.resolve(exit.ok);
    },
  };
  const ran = await runCommandLine(["conductor", ...argv], { commands: [probe] });
  return { seen, exitCode: ran.exitCode, stderr: ran.stderr };
}

void describe("dirigent conductor with the options of SnapSentry's daemon", () => {
  void it("has its schedules and its listener from them", async () => {
    const { seen } = await settingsOf(
      "--bind-address",
      "127.0.0.1:4005",
      "--create-schedule",
      "*/10 * * * *",
      "--expire-schedule",
      "*/30 * * * *",
    );
    const metrics = { address: "127.0.0.1", port: 4005, projects: 500 };
    assert.deepEqual(seen, { create: "*/10 * * * *", expire: "*/30 * * * *", metrics });
  });

  void it("takes an IPv6 address in brackets", async () => {
    const { seen } = await settingsOf("--bind-address", "[::1]:4005");
    assert.deepEqual((seen as { metrics: unknown }).metrics, { address: "::1", port: 4005, projects: 500 });
  });

  for (const { argv, exitCode, says } of [
    { argv: ["--create-schedule", "often"], exitCode: 10, says: "--create-schedule: conductor.backup_schedule is" },
    { argv: ["--expire-schedule", "61 * * * *"], exitCode: 10, says: "--expire-schedule: conductor.rotation_schedule" },
    { argv: ["--bind-address", "4005"], exitCode: 2, says: "--bind-address 4005: must be an address and a port" },
    { argv: ["--bind-address", "127.0.0.1:70000"], exitCode: 10, says: "--bind-address: metrics.port is 70000" },
    { argv: ["--timeout", "soon"], exitCode: 2, says: "It is a whole number of seconds" },
  ]) {
    void it(`refuses ${argv.join(" ")}`, async () => {
      const ran = await settingsOf(...argv);
      assert.equal(ran.exitCode, exitCode);
      assert.ok(ran.stderr.includes(says), ran.stderr);
    });
  }
});
