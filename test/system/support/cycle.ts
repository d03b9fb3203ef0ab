import { randomUUID } from "node:crypto";
import { conductorCommand } from "../../../src/cli/commands/conductor.ts";
import { systemClock } from "../../../src/cli/system-clock.ts";
import { runCommandLine, type Ran } from "../../../src/cli/testing.ts";
import { systemFiles } from "../../../src/config/environment.ts";
import type { Installation } from "./dirigent.ts";

/**
 * One cycle of the conductor of an installation, in this process, with its clock ahead of the cloud's: the next slot is due without waiting for
 * it, and what an earlier cycle made has expired. The product allows a clock five minutes.
 */
export const cycleAhead = ({ configFile, environment }: Installation, aheadMs: number): Promise<Ran> =>
  runCommandLine(["--config", configFile, "conductor", "--once", "--json"], {
    commands: [conductorCommand],
    environment: {
      variables: environment,
      workingDirectory: "/",
      homeDirectory: null,
      hostName: "test",
      files: systemFiles,
    },
    world: {
      clock: { ...systemClock, now: () => new Date(Date.now() + aheadMs) },
      random: Math.random,
      newId: randomUUID,
    },
  });
