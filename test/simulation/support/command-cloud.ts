import { commands } from "../../../src/cli/commands.ts";
import { runCommandLine, type Ran } from "../../../src/cli/testing.ts";
import { environmentOf } from "../../../src/config/testing.ts";
import type { Accounts } from "../../../src/simulator/cloud.ts";
import { startSimulator, type Simulator } from "../../../src/simulator/simulator.ts";
import { seededRandom } from "./random.ts";
import { virtualClock, type VirtualClock } from "./virtual-clock.ts";

export interface CommandCloud {
  readonly simulator: Simulator;
  readonly accounts: Accounts;
  readonly clock: VirtualClock;
  /** Runs a command of the whole program as one process after the other, with nothing but clouds.yaml and one admin credential. */
  readonly run: (...argv: string[]) => Promise<Ran>;
  close(): Promise<void>;
}

/** A simulated cloud and the command line, on a virtual clock. The admin of the cloud `sim` is a member of every project. */
export async function openCommandCloud(
  start: string,
  files: Readonly<Record<string, string>> = {},
): Promise<CommandCloud> {
  const clock = virtualClock(start);
  const random = seededRandom(5);
  const simulator = await startSimulator({ now: () => Number(clock.now()), random });
  const accounts = simulator.seedAccounts();
  simulator.seed.setRole(accounts.admin.id, "member", { domainId: "default" });
  const clouds = {
    clouds: {
      sim: {
        auth: {
          auth_url: simulator.authUrl,
          username: accounts.admin.name,
          password: accounts.admin.password,
          project_name: accounts.adminProject.name,
          user_domain_id: "default",
          project_domain_id: "default",
        },
      },
    },
  };
  let ids = 0;
  return {
    simulator,
    accounts,
    clock,
    run: (...argv) =>
      runCommandLine(argv, {
        commands,
        environment: environmentOf({
          // JSON is YAML.
          files: { "/clouds.yaml": JSON.stringify(clouds), ...files },
          variables: { OS_CLOUD: "sim" },
        }),
        world: { clock, random, newId: () => `id-${++ids}` },
      }),
    close: () => simulator.close(),
  };
}
