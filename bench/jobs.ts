import { join } from "node:path";
import type { CeilingAnswer, CeilingOrder, CeilingQuestion } from "./ceiling.ts";
import type { CloudFacts, CloudOrder, CloudQuestion, Taken } from "./cloud.ts";
import type { CycleCost, CycleOrder } from "./conductor.ts";
import type { Figure } from "./figures.ts";
import { Child } from "./processes.ts";

const dayMs = 24 * 60 * 60 * 1000;
const size = { projects: 20, servers: 500, volumesPerServer: 2, backupsPerVolume: 0 };
const jobs = size.servers * size.volumesPerServer;
/** Backups in flight at once; the default would be that of a cloud which needs time for them. */
const inFlight = 64;
/** Requests at once to one service, as by default. */
const concurrency = 8;

/** Nights on a cloud where nothing takes time, beside the same calls sent without any conductor. */
export async function measureJobs(directory: string, note: (text: string) => void): Promise<Figure[]> {
  const offsetMs = Date.parse("2026-03-05T06:00:00Z") - Date.now();
  const makeCloud = (): Child<CloudQuestion> => new Child("cloud", { ...size, offsetMs } satisfies CloudOrder);
  const [cloud, twin] = [makeCloud(), makeCloud()];
  const figures: Figure[] = [];
  try {
    const facts = await cloud.first<CloudFacts>();
    const order: CeilingOrder = { cloud: await twin.first<CloudFacts>(), concurrency };
    const ceiling = new Child<CeilingQuestion>("ceiling", order);
    try {
      await ceiling.first();
      let known: Taken["creations"] = new Map();
      for (const [day, name] of ["full", "mostly incremental"].entries()) {
        note(`a night of ${jobs} ${name} backups`);
        const night = {
          cloud: facts,
          database: join(directory, "jobs.db"),
          offsetMs: offsetMs + day * dayMs,
          inFlight,
        };
        const cost = await runNight({ ...night, cycle: { kind: "scheduled", create: true, rotateAll: true } });
        const { creations, requests } = await cloud.ask<Taken>({ offsetMs: offsetMs + (day + 1) * dayMs });
        const fresh = [...creations].filter(([id]) => !known.has(id)).map(([, creation]) => creation);
        if (cost.outcome !== "ok" || fresh.length !== jobs)
          throw new Error(`${name}: ${cost.outcome}, ${fresh.length} backups`);
        known = creations;
        const replay = await ceiling.ask<CeilingAnswer>({ requests, creations: fresh });
        await twin.ask({ offsetMs: offsetMs + (day + 1) * dayMs });
        figures.push(...figuresOf(name, { cost, calls: requests.length, ceilingMs: replay.wallMs }));
      }
    } finally {
      await ceiling.end();
    }
  } finally {
    await cloud.end();
    await twin.end();
  }
  return figures;
}

async function runNight(order: CycleOrder): Promise<CycleCost> {
  const conductor = new Child("conductor", order);
  try {
    return await conductor.first<CycleCost>();
  } finally {
    await conductor.end();
  }
}

function figuresOf(name: string, night: { cost: CycleCost; calls: number; ceilingMs: number }): Figure[] {
  const { calls, ceilingMs, cost } = night;
  const seconds = cost.wallMs / 1000;
  const ceiling = (count: number) => ({ kind: "ceiling", value: count / (ceilingMs / 1000) }) as const;
  return [
    { what: `night of ${name} backups: jobs`, unit: "jobs/s", figure: jobs / seconds, beside: ceiling(jobs) },
    { what: `night of ${name} backups: API calls`, unit: "calls/s", figure: calls / seconds, beside: ceiling(calls) },
    { what: `night of ${name} backups: API calls a job`, unit: "calls", figure: calls / jobs, beside: null },
    { what: `night of ${name} backups: CPU a job`, unit: "ms", figure: cost.cpuMs / jobs, beside: null },
  ];
}
