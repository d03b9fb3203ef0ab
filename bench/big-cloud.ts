import { join } from "node:path";
import { Child } from "./processes.ts";
import type { CloudFacts, CloudOrder, CloudQuestion, Taken } from "./cloud.ts";
import type { CycleCost, CycleOrder } from "./conductor.ts";
import type { Figure } from "./figures.ts";
import type { PlannerCost } from "./planner.ts";

const pageSize = 1000;
const size = { projects: 200, servers: 10_000, volumesPerServer: 2, backupsPerVolume: 5 };
const volumes = size.servers * size.volumesPerServer;
const backups = volumes * size.backupsPerVolume;
/** Of the conductor's two accounts. */
const logins = 2;
/** Nova's and Cinder's version documents. */
const versionDocuments = 2;
/** A page that is full has a link to a next one: after a multiple of the page size comes an empty page. */
const pages = (rows: number): number => Math.floor(rows / pageSize) + 1;

/** Cycles with nothing due on a cloud of 10,000 servers, 20,000 volumes and 100,000 backups. */
export async function measureBigCloud(directory: string, note: (text: string) => void): Promise<Figure[]> {
  // Any day will do, but not around midnight, where a slot ends.
  const offsetMs = Date.parse("2026-03-05T06:00:00Z") - Date.now();
  note(
    `making a cloud of ${size.servers} servers, ${volumes} volumes and ${backups} backups in ${size.projects} projects`,
  );
  const cloud = new Child<CloudQuestion>("cloud", { ...size, offsetMs } satisfies CloudOrder);
  try {
    const facts = await cloud.first<CloudFacts>();
    const order = { cloud: facts, database: join(directory, "big.db"), offsetMs };
    const cycle = async (
      name: string,
      rotateAll: boolean,
    ): Promise<{ cost: CycleCost; calls: number; planner: PlannerCost | null }> => {
      note(name);
      const options = { kind: "scheduled", create: true, rotateAll } as const;
      const conductor = new Child<"planner">("conductor", { ...order, cycle: options } satisfies CycleOrder);
      try {
        const cost = await conductor.first<CycleCost>();
        if (cost.outcome !== "ok") throw new Error(`${name} ended with ${cost.outcome}`);
        const { requests } = await cloud.ask<Taken>({ offsetMs });
        const planner = rotateAll ? await conductor.ask<PlannerCost>("planner") : null;
        // What the planner read for itself does not count.
        await cloud.ask({ offsetMs });
        return { cost, calls: requests.length, planner };
      } finally {
        await conductor.end();
      }
    };
    const rebuild = await cycle("a cycle with an empty database", true);
    const rotation = await cycle("a planning cycle with nothing due", true);
    const idle = await cycle("an idle tick", false);
    if (!idle.cost.idle) throw new Error("the idle tick found work");
    const inventory = pages(size.servers) + pages(volumes) + logins + versionDocuments;
    const planner = rotation.planner ?? { nothingDueMs: NaN, dueMs: NaN };
    const goal = (value: number) => ({ kind: "goal", value }) as const;
    return [
      {
        what: "planning cycle, nothing due: API calls",
        unit: "calls",
        figure: rotation.calls,
        beside: goal(inventory + pages(backups)),
      },
      {
        what: "planning cycle, nothing due: planner CPU",
        unit: "s",
        figure: planner.nothingDueMs / 1000,
        beside: goal(1),
      },
      {
        what: "planning cycle, nothing due: peak memory",
        unit: "MiB",
        figure: rotation.cost.peakMiB,
        beside: goal(400),
      },
      { what: "planning cycle, nothing due: CPU in all", unit: "s", figure: rotation.cost.cpuMs / 1000, beside: null },
      { what: "idle tick: API calls", unit: "calls", figure: idle.calls, beside: goal(inventory) },
      { what: "idle tick: CPU in all", unit: "s", figure: idle.cost.cpuMs / 1000, beside: null },
      { what: "idle tick: peak memory", unit: "MiB", figure: idle.cost.peakMiB, beside: goal(400) },
      {
        what: "a new slot, all 20,000 volumes due: planner CPU on top",
        unit: "s",
        figure: planner.dueMs / 1000,
        beside: null,
      },
      {
        what: "first cycle after the database was lost: API calls",
        unit: "calls",
        figure: rebuild.calls,
        beside: null,
      },
      {
        what: "first cycle after the database was lost: CPU in all",
        unit: "s",
        figure: rebuild.cost.cpuMs / 1000,
        beside: null,
      },
      {
        what: "first cycle after the database was lost: peak memory",
        unit: "MiB",
        figure: rebuild.cost.peakMiB,
        beside: null,
      },
    ];
  } finally {
    await cloud.end();
  }
}
