import { startSimulator } from "../../src/simulator/simulator.ts";
import { declareContract } from "./run.ts";

/** The random numbers of the test: the same in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 0x1_0000_0000;
  };
}

declareContract("the simulated cloud", { concurrency: 1, open });

async function open() {
  let nowMs = Date.parse("2026-01-15T12:00:00.123Z");
  const simulator = await startSimulator({ now: () => nowMs, random: seeded(1) });
  simulator.seedAccounts();
  return {
    authUrl: simulator.authUrl,
    adminName: "admin",
    adminPassword: "openstack",
    adminProject: "admin",
    prefix: "contract",
    pause: async (ms: number) => {
      nowMs += ms;
    },
    close: () => simulator.close(),
  };
}
