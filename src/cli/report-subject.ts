import { existsSync } from "node:fs";
import { Argument } from "commander";
import type { Delivery } from "../domain/deliveries.ts";
import type { ProjectReport, Run } from "../domain/runs.ts";
import { parseStoreUrl } from "../store/address.ts";
import type { Repository } from "../store/repository.ts";
import type { Context } from "./command.ts";
import { CommandError, exit } from "./exit-codes.ts";

export const idArgument = new Argument("<id>", "id of a project's report, or of a run for the operators' digest");

/** Opens the database alone: reports are read without the cloud, and beside a running conductor. */
export async function withRepository<T>(context: Context, work: (repository: Repository) => Promise<T>): Promise<T> {
  const { url } = context.settings().database;
  const address = parseStoreUrl(url);
  const isMissing = address.dialect === "sqlite" && address.path !== null && !existsSync(address.path);
  const { openStore } = await import("../store/open.ts");
  const repository = await openStore(isMissing ? "sqlite::memory:" : url, { io: context.io });
  try {
    return await work(repository);
  } finally {
    await repository.close();
  }
}

/** More than any run has. */
export const manyDeliveries = 10_000;

/** A run's own deliveries, without those of its projects' reports. */
export const ofRunAlone = async (repository: Repository, runId: string): Promise<Delivery[]> =>
  (await repository.deliveries({ runId, limit: manyDeliveries })).filter(({ subject }) => subject === "run");

/** What a digest is of. */
export type Subject = { readonly report: ProjectReport } | { readonly run: Run };

/** A report, else a run, with this id. @throws CommandError when there is neither */
export async function findSubject(repository: Repository, id: string): Promise<Subject> {
  const [report] = await repository.reports({ id, limit: 1 });
  if (report !== undefined) return { report };
  const [run] = await repository.runs({ id, limit: 1 });
  if (run !== undefined) return { run };
  throw new CommandError(exit.failed, `there is no report or run ${id}; see: dirigent report list`);
}
