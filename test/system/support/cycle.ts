import { randomUUID } from "node:crypto";
import { conductorCommand } from "../../../src/cli/commands/conductor.ts";
import { systemClock } from "../../../src/cli/system-clock.ts";
import { runCommandLine, type Ran } from "../../../src/cli/testing.ts";
import { systemFiles } from "../../../src/config/environment.ts";
import type { Installation } from "./dirigent.ts";

/**
 * One cycle of the conductor of an installation, in this process, with its clock ahead of the cloud's: the next slot is due without waiting for
 * it, and what an earlier cycle made has expired. The product allows a clock five minutes.
 * @param options.speed how many seconds its clock goes in one, for a cycle that has to wait
 */
export const cycleAhead = (
  { configFile, environment }: Installation,
  { aheadMs, speed = 1 }: { readonly aheadMs: number; readonly speed?: number },
): Promise<Ran> => {
  const beganMs = performance.now();
  const now = Date.now() + aheadMs;
  return runCommandLine(["--config", configFile, "conductor", "--once", "--json"], {
    commands: [conductorCommand],
    environment: {
      variables: environment,
      workingDirectory: "/",
      homeDirectory: null,
      hostName: "test",
      files: systemFiles,
    },
    world: {
      clock: {
        now: () => new Date(now + (performance.now() - beganMs) * speed),
        monotonicMs: () => performance.now() * speed,
        sleep: (ms, signal) => systemClock.sleep(ms / speed, signal),
      },
      random: Math.random,
      newId: randomUUID,
    },
  });
};
