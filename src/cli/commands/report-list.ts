import { Option } from "commander";
import type { Delivery } from "../../domain/deliveries.ts";
import type { ProjectReport, Run } from "../../domain/runs.ts";
import { verdictOf } from "../../report/digest.ts";
import { operatorsDigest } from "../../report/operators.ts";
import type { Repository } from "../../store/repository.ts";
import type { Command } from "../command.ts";
import { exit, UsageError } from "../exit-codes.ts";
import { table } from "../output.ts";
import { manyDeliveries, ofRunAlone, withRepository } from "../report-subject.ts";

/** One line of `report list`. */
interface Listed {
  readonly id: string;
  readonly kind: "project" | "run";
  readonly runId: string;
  readonly projectId: string | null;
  readonly name: string;
  readonly at: Date;
  readonly result: string;
  readonly deliveries: Readonly<Record<Delivery["state"], number>>;
}

interface ListOptions {
  readonly project?: string;
  readonly run?: string;
  readonly limit: number;
}

const countStates = (deliveries: readonly Delivery[]): Listed["deliveries"] => {
  const number = (wanted: Delivery["state"]): number => deliveries.filter(({ state }) => state === wanted).length;
  return { queued: number("queued"), sent: number("sent"), failed: number("failed") };
};

const listedReport = async (repository: Repository, report: ProjectReport): Promise<Listed> => ({
  id: report.id,
  kind: "project",
  runId: report.runId,
  projectId: report.projectId,
  name: report.projectName,
  at: report.at,
  result: verdictOf(report).headline,
  deliveries: countStates(await repository.deliveries({ reportId: report.id, limit: manyDeliveries })),
});

async function listedRun(repository: Repository, run: Run, timeZone: string): Promise<Listed | null> {
  const reports = await repository.reports({ runId: run.id, limit: 100_000 });
  const deliveries = await ofRunAlone(repository, run.id);
  // Most runs find nothing to do, and there is nothing to tell of them.
  if (reports.length === 0 && deliveries.length === 0) return null;
  return {
    id: run.id,
    kind: "run",
    runId: run.id,
    projectId: null,
    name: "all projects",
    at: run.endedAt ?? run.startedAt,
    result: operatorsDigest(run, reports, { notices: [], problems: [], timeZone }).verdict.headline,
    deliveries: countStates(deliveries),
  };
}

export const reportList: Command<ListOptions> = {
  path: "report list",
  summary: "list the reports of projects and runs, and whether they were delivered",
  description: "Lists the newest reports: one for each project and run, and one of the run itself for operators.",
  options: [
    new Option("--project <id>", "only of this project"),
    new Option("--run <id>", "only of this run"),
    new Option("--limit <n>", "so many at most").default(20).argParser((text) => {
      if (!/^[1-9]\d{0,5}$/.test(text)) throw new UsageError("--limit takes a whole number above zero");
      return Number(text);
    }),
  ],
  printsData: true,
  async run({ options: { limit, project, run: runId } }, context) {
    const { timeZone } = context.settings().conductor;
    const listed = await withRepository(context, async (repository) => {
      const filter = { limit, ...(project === undefined ? {} : { projectId: project }) };
      const reports = await repository.reports({ ...filter, ...(runId === undefined ? {} : { runId }) });
      const rows = await Promise.all(reports.map((report) => listedReport(repository, report)));
      if (project !== undefined) return rows;
      const ids = runId === undefined ? new Set(reports.map((report) => report.runId)) : new Set([runId]);
      for (const id of ids) {
        const [run] = await repository.runs({ id, limit: 1 });
        const row = run === undefined ? null : await listedRun(repository, run, timeZone);
        if (row !== null) rows.push(row);
      }
      return rows.sort((a, b) => Number(b.at) - Number(a.at)).slice(0, limit);
    });
    context.output.data(listed, () => (listed.length === 0 ? "No reports.\n" : describeListed(listed)));
    return exit.ok;
  },
};

const describeListed = (listed: readonly Listed[]): string =>
  table(listed, [
    { title: "ID", value: ({ id }) => id },
    { title: "OF", value: ({ kind }) => kind },
    { title: "NAME", value: ({ name }) => name },
    { title: "AT", value: ({ at }) => at.toISOString() },
    { title: "RESULT", value: ({ result }) => result },
    { title: "QUEUED", value: ({ deliveries }) => String(deliveries.queued), align: "right" },
    { title: "SENT", value: ({ deliveries }) => String(deliveries.sent), align: "right" },
    { title: "FAILED", value: ({ deliveries }) => String(deliveries.failed), align: "right" },
  ]);
