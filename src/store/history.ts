import { and, asc, desc, eq, gte, inArray, isNotNull, isNull } from "../../db/drizzle.ts";
import type { Operation } from "../domain/catalogue.ts";
import type { ProjectReport } from "../domain/runs.ts";
import type { Database } from "./database.ts";
import { chunksOf } from "./chunks.ts";
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
>;

export function historyMethods(db: Database): HistoryMethods {
  const { runs, operations, reports, quotaSamples } = db.tables;
  return {
    insertRun: (run) => db.write((s) => s.insert(runs, [run], "keep")),
    async updateRun(id, patch) {
      if (Object.keys(patch).length === 0) return;
      if ((await db.write((s) => s.update(runs, patch, eq(runs.id, id)))) === 0) {
        throw new StoreError(`there is no run ${id}`, { transient: false });
      }
    },
    runs: ({ limit, outcome, scanGood, open }) =>
      db.read((s) =>
        s.select(runs, {
          where: and(
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

    insertReport: (report) => db.write((s) => s.insert(reports, [toRow(report)], "keep")),
    reports: ({ runId, projectId, limit }) =>
      db.read(async (s) => {
        const where = and(
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

function fromRow({ id, runId, projectId, at, body }: ReportRow): ProjectReport {
  const rest = JSON.parse(body) as Omit<ProjectReport, keyof ReportRow>;
  return { id, runId, projectId, at, ...rest };
}
