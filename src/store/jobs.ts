import { setImmediate as turn } from "node:timers/promises";
import { and, asc, eq, gt, inArray, isNotNull, isNull } from "../../db/drizzle.ts";
import type { Job } from "../domain/catalogue.ts";
import type { Database, Statements } from "./database.ts";
import { chunksOf } from "./chunks.ts";
import { leaseHolds } from "./leases.ts";
import type { Repository } from "./repository.ts";
import type { OperationRow } from "./tables.ts";

type JobMethods = Pick<Repository, "insertJobs" | "jobs" | "moveJob">;

/** Rows of one statement: a slot has as many jobs as the cloud has volumes. */
const pageRows = 5000;

export function jobMethods(db: Database): JobMethods {
  const { jobs, leases, operations, restorePoints } = db.tables;
  return {
    insertJobs: (all, audit = []) =>
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
        const rows = audit.filter((operation) => operation.key !== null && fresh.has(operation.key));
        for (const some of chunksOf(rows)) await s.insert<OperationRow>(operations, some, "keep");
        return fresh;
      }),

    jobs: ({ states, slot, setId, projectId, runId, keys, temporaryLeft }) =>
      db.read(async (s) => {
        const found: Job[] = [];
        for (const some of keys === undefined ? [undefined] : chunksOf([...new Set(keys)].sort())) {
          const where = and(
            states && inArray(jobs.state, [...states]),
            slot === undefined ? undefined : eq(jobs.slot, slot),
            setId === undefined ? undefined : eq(jobs.setId, setId),
            projectId === undefined ? undefined : eq(jobs.projectId, projectId),
            runId === undefined ? undefined : eq(jobs.runId, runId),
            temporaryLeft && and(isNotNull(jobs.temporarySentAt), isNull(jobs.temporaryGoneAt)),
            some && inArray(jobs.key, some),
          );
          for (let last: string | undefined, more = true; more;) {
            const page = await s.selectPage(jobs, {
              where: and(where, last === undefined ? undefined : gt(jobs.key, last)),
              orderBy: [asc(jobs.key)],
              limit: pageRows,
            });
            for (const job of page) found.push(job);
            last = page.at(-1)?.key;
            more = page.length === pageRows;
          }
        }
        return found;
      }),

    moveJob: ({ key, from, to, patch, lease, operations: audit = [], entries = [] }) => {
      const where = and(eq(jobs.key, key), eq(jobs.state, from), lease && leaseHolds(leases, lease));
      const move = async (s: Statements): Promise<boolean> =>
        (await s.update(jobs, { ...patch, state: to }, where)) === 1;
      if (audit.length === 0 && entries.length === 0) return db.write(move);
      return db.transaction(async (s) => {
        if (!(await move(s))) return false;
        await s.insert(restorePoints, entries, "replace");
        await s.insert<OperationRow>(operations, audit, "keep");
        return true;
      });
    },
  };
}
