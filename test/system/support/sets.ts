import { randomUUID } from "node:crypto";
import { stringify } from "yaml";
import { systemClock } from "../../../src/cli/system-clock.ts";
import type { Conductor } from "../../../src/conductor/context.ts";
import { readPolicyBook } from "../../../src/config/policies/read-book.ts";
import { directIo } from "../../../src/domain/io.ts";
import { silentLogger } from "../../../src/domain/log.ts";
import { openStore } from "../../../src/store/open.ts";
import { settings } from "../../simulation/support/night.ts";
import type { Cloud } from "./cloud.ts";
import { makeReader, makeWriter } from "./credentials.ts";
import { openProductClouds } from "./product.ts";
import { removeWorld, seed, type World } from "./world.ts";

/** Length of the policy's slots, ms. */
const slotMs = 30_000;

/** One server whose volumes a policy backs up as a set, every 30 seconds, and a conductor for it. */
export interface SetStage {
  readonly conductor: Conductor;
  readonly server: World["servers"][number];
  /** Waits for the beginning of the next slot, so that a cycle ends within it. */
  readonly nextSlot: (signal: AbortSignal) => Promise<void>;
  close(): Promise<void>;
}

/** @param from the volume types of `backup.from_snapshot_types` */
export async function openSetStage(
  cloud: Cloud,
  { from, prefix, volumes, type }: { prefix: string; volumes: number; from: readonly string[]; type?: string },
): Promise<SetStage> {
  await removeWorld(cloud, prefix);
  const world = await seed(cloud, {
    prefix,
    servers: 1,
    volumesEach: volumes,
    projects: 1,
    share: 0,
    ...(type === undefined ? {} : { type }),
  });
  const [server] = world.servers;
  if (server === undefined) throw new Error("no server was made");
  const clouds = await openProductClouds(cloud, await makeReader(cloud, prefix), await makeWriter(cloud, prefix));
  const repository = await openStore("sqlite::memory:", { io: directIo });
  const text = stringify({
    policies: {
      together: {
        schedule: { interval: { every: "30s", from: "2026-01-01T00:00:00Z" } },
        consistency: "set",
        retention: { last: 9 },
        full_every: 9,
      },
    },
    rules: [{ name: "ours", match: { project: { name: { prefix } } }, policies: ["together"] }],
  });
  const book = readPolicyBook(
    { policies: { path: "/policies.yaml", text }, rules: null },
    { builtIn: settings.policy, timeZone: "UTC", container: null },
  );
  return {
    conductor: {
      settings: { ...settings, pollMs: 1000, fromSnapshotTypes: from },
      reader: clouds.reader,
      writer: clouds.writer,
      repository,
      clock: systemClock,
      log: silentLogger,
      newId: randomUUID,
      policyBook: () => book,
    },
    server,
    nextSlot: (signal) => systemClock.sleep(slotMs + 500 - (Date.now() % slotMs), signal),
    close: async () => {
      clouds.close();
      await repository.close();
      await removeWorld(cloud, prefix);
    },
  };
}
