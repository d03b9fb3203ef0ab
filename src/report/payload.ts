import type { Delivery } from "../domain/deliveries.ts";
import type { ProjectReport, Run } from "../domain/runs.ts";

/** What a webhook gets of a project's report: all of it, the service's own words included, for it belongs to the operators. */
export const projectPayload = (delivery: Pick<Delivery, "id">, report: ProjectReport): string =>
  JSON.stringify({ event: "project.report", delivery: delivery.id, report });

/** What a webhook gets of a run. */
export const runPayload = (delivery: Pick<Delivery, "id">, run: Run, reports: readonly ProjectReport[]): string =>
  JSON.stringify({
    event: "run.ended",
    delivery: delivery.id,
    run,
    projects: reports.map(({ id, lines, projectId, projectName, rotation }) => ({
      reportId: id,
      projectId,
      projectName,
      outcomes: Object.fromEntries(
        (["succeeded", "failed", "skipped", "running"] as const).map((outcome) => [
          outcome,
          lines.filter((line) => line.outcome === outcome).length,
        ]),
      ),
      deleted: rotation.deleted,
      blocked: rotation.blocked,
    })),
  });
