import { and, asc, eq, inArray } from "drizzle-orm";
import { setImmediate as turn } from "node:timers/promises";
import type { Job } from "../domain/catalogue.ts";
import type { Database } from "./database.ts";
import { chunksOf } from "./chunks.ts";
import { leaseHolds } from "./leases.ts";
import type { Repository } from "./repository.ts";

type JobMethods = Pick<Repository, "insertJobs" | "jobs" | "moveJob">;

export function jobMethods(db: Database): JobMethods {
  const { jobs, leases } = db.tables;
  return {
    insertJobs: (all) =>
      db.transaction(async (s) => {
        // In the order of keys: two conductors that insert the same jobs wait for each other instead of running into a deadlock.
        const byKey = new Map(all.map((job) => [job.key, job]));
        const fresh = new Set<string>();
        for (const keys of chunksOf([...byKey.keys()].sort())) {
          const there = new Set((await s.select(jobs, { where: inArray(jobs.key, keys) })).map((job) => job.key));
          const rows = keys.flatMap((key) => (there.has(key) ? [] : (byKey.get(key) ?? [])));
          // A job that another conductor inserted since fails the transaction, which then runs again and sees it.
          await s.insert(jobs, rows, "fail");
          for (const { key } of rows) fresh.add(key);
          await turn();
        }
        return fresh;
      }),

    jobs: ({ states, slot, projectId, runId, keys }) =>
      db.read(async (s) => {
        const found: Job[] = [];
        for (const some of keys === undefined ? [undefined] : chunksOf([...new Set(keys)].sort())) {
          const where = and(
            states && inArray(jobs.state, [...states]),
            slot === undefined ? undefined : eq(jobs.slot, slot),
            projectId === undefined ? undefined : eq(jobs.projectId, projectId),
            runId === undefined ? undefined : eq(jobs.runId, runId),
            some && inArray(jobs.key, some),
          );
          found.push(...(await s.select(jobs, { where, orderBy: [asc(jobs.key)] })));
        }
        return found;
      }),

    async moveJob({ key, from, to, patch, lease }) {
      const where = and(eq(jobs.key, key), eq(jobs.state, from), lease && leaseHolds(leases, lease));
      return (await db.write((s) => s.update(jobs, { ...patch, state: to }, where))) === 1;
    },
  };
}
