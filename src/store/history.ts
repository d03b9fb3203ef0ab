import { and, asc, desc, eq, gte, inArray, isNotNull, isNull, lt, sql } from "../../db/drizzle.ts";
import { openJobStates, type Operation } from "../domain/catalogue.ts";
import { defaultPolicy } from "../domain/policy.ts";
import type { PointsSummary, ProjectReport, ReportLine } from "../domain/runs.ts";
import type { Database, Statements } from "./database.ts";
import { chunksOf } from "./chunks.ts";
import { queueDeliveries } from "./deliveries.ts";
import { StoreError } from "./errors.ts";
import type { Repository } from "./repository.ts";
import type { OperationRow, ReportRow } from "./tables.ts";

type HistoryMethods = Pick<
  Repository,
  | "insertRun"
  | "updateRun"
  | "runs"
  | "appendOperations"
  | "operations"
  | "insertReport"
  | "reports"
  | "insertQuotaSamples"
  | "quotaSamples"
  | "forgetRuns"
>;

/** Runs forgotten at once: with 20,000 volumes a run has some 60,000 rows. */
const forgottenAtOnce = 5;

export function historyMethods(db: Database): HistoryMethods {
  const { jobs, runs, operations, orders, reports, restorePoints, quotaSamples } = db.tables;
  return {
    insertRun: (run) => db.write((s) => s.insert(runs, [run], "keep")),
    async updateRun(id, patch, queued = []) {
      if (Object.keys(patch).length === 0) return;
      const update = async (s: Statements): Promise<number> => s.update(runs, patch, eq(runs.id, id));
      const updated = await (queued.length === 0
        ? db.write(update)
        : db.transaction(async (s) => {
            const count = await update(s);
            if (count > 0) await queueDeliveries(db, s, queued);
            return count;
          }));
      if (updated === 0) throw new StoreError(`there is no run ${id}`, { transient: false });
    },
    runs: ({ id, limit, outcome, scanGood, open }) =>
      db.read((s) =>
        s.select(runs, {
          where: and(
            id === undefined ? undefined : eq(runs.id, id),
            outcome === undefined ? undefined : eq(runs.outcome, outcome),
            scanGood === undefined ? undefined : eq(runs.scanGood, scanGood),
            open === undefined ? undefined : open ? isNull(runs.endedAt) : isNotNull(runs.endedAt),
          ),
          orderBy: [desc(runs.startedAt), desc(runs.id)],
          limit,
        }),
      ),

    appendOperations: (all) =>
      db.transaction(async (s) => {
        for (const rows of chunksOf(all)) await s.insert<OperationRow>(operations, rows, "keep");
      }),
    operations: ({ runId, kinds, projectId, since, limit }) =>
      db.read(async (s) => {
        const where = and(
          runId === undefined ? undefined : eq(operations.runId, runId),
          kinds && inArray(operations.kind, [...kinds]),
          projectId === undefined ? undefined : eq(operations.projectId, projectId),
          since && gte(operations.at, since),
        );
        const orderBy = [asc(operations.at), asc(operations.seq)];
        const rows = await s.select(operations, { where, orderBy, ...(limit === undefined ? {} : { limit }) });
        return rows.map(fromOperationRow);
      }),

    insertReport: (report, queued = []) => {
      const insert = (s: Statements): Promise<void> => s.insert(reports, [toRow(report)], "keep");
      if (queued.length === 0) return db.write(insert);
      return db.transaction(async (s) => {
        await insert(s);
        await queueDeliveries(db, s, queued);
      });
    },
    reports: ({ id, runId, projectId, limit }) =>
      db.read(async (s) => {
        const where = and(
          id === undefined ? undefined : eq(reports.id, id),
          runId === undefined ? undefined : eq(reports.runId, runId),
          projectId === undefined ? undefined : eq(reports.projectId, projectId),
        );
        return (await s.select(reports, { where, orderBy: [desc(reports.at), desc(reports.id)], limit })).map(fromRow);
      }),

    insertQuotaSamples: (samples) =>
      db.transaction(async (s) => {
        for (const rows of chunksOf(samples)) await s.insert(quotaSamples, rows, "keep");
      }),
    quotaSamples: ({ projectId, limit }) =>
      db.read((s) =>
        s.select(quotaSamples, {
          where: eq(quotaSamples.projectId, projectId),
          orderBy: [desc(quotaSamples.at)],
          limit,
        }),
      ),

    forgetRuns: (before) =>
      db.transaction(async (s) => {
        const atWork = sql`select ${jobs.runId} from ${jobs} where ${inArray(jobs.state, [...openJobStates])}`;
        const old = await s.select(runs, {
          where: and(lt(runs.startedAt, before), sql`${runs.id} not in (${atWork})`),
          orderBy: [asc(runs.startedAt), asc(runs.id)],
          limit: forgottenAtOnce,
        });
        if (old.length === 0) return 0;
        const ids = old.map((run) => run.id);
        await s.delete(jobs, inArray(jobs.runId, ids));
        await s.delete(operations, inArray(operations.runId, ids));
        await s.delete(reports, inArray(reports.runId, ids));
        await s.delete(runs, inArray(runs.id, ids));
        await s.delete(quotaSamples, lt(quotaSamples.at, before));
        await s.delete(orders, lt(orders.endedAt, before));
        await s.delete(restorePoints, lt(restorePoints.goneAt, before));
        return old.length;
      }),
  };
}

/** Without the database's own number. */
function fromOperationRow(row: OperationRow): Operation {
  const operation: Operation & { seq?: number } = { ...row };
  delete operation.seq;
  return operation;
}

function toRow({ id, runId, projectId, at, ...body }: ProjectReport): ReportRow {
  return { id, runId, projectId, at, body: JSON.stringify(body) };
}

/** As JSON keeps it: instants as texts. Reports of earlier versions lack what was added since. */
type Stored<T> = { readonly [K in keyof T]?: T[K] extends Date | null ? string | null : T[K] };
type StoredPoints = Pick<PointsSummary, "count"> & Stored<PointsSummary>;
type Added = "policy" | "mechanism";
type StoredLine = Omit<ReportLine, "lastGoodAt" | Added> &
  Stored<Pick<ReportLine, "lastGoodAt">> &
  Partial<Pick<ReportLine, Added>>;
type StoredBody = Omit<
  ProjectReport,
  keyof ReportRow | "startedAt" | "nextRunAt" | "points" | "snapshots" | "lines" | "sets"
> &
  Stored<Pick<ProjectReport, "startedAt" | "nextRunAt">> & {
    readonly points?: StoredPoints | null;
    readonly snapshots?: StoredPoints | null;
    readonly lines: readonly StoredLine[];
    readonly sets?: ProjectReport["sets"];
  };

const instant = (text: string | null | undefined): Date | null =>
  text === null || text === undefined ? null : new Date(text);

const pointsOf = (points: StoredPoints | null | undefined): PointsSummary | null =>
  points ? { count: points.count, oldestAt: instant(points.oldestAt), newestAt: instant(points.newestAt) } : null;

function fromRow({ id, runId, projectId, at, body }: ReportRow): ProjectReport {
  const { startedAt, nextRunAt, points, snapshots, lines, sets, ...rest } = JSON.parse(body) as StoredBody;
  return {
    id,
    runId,
    projectId,
    at,
    ...rest,
    startedAt: instant(startedAt),
    nextRunAt: instant(nextRunAt),
    points: pointsOf(points),
    snapshots: pointsOf(snapshots),
    lines: lines.map((line) => ({
      // There was one policy, which made backups.
      policy: defaultPolicy.name,
      mechanism: "backup",
      ...line,
      lastGoodAt: instant(line.lastGoodAt),
    })),
    sets: sets ?? [],
  };
}
