import { Gauge, type Registry } from "prom-client";
import { mechanisms } from "../../domain/inventory.ts";
import type { ProjectFigures } from "./projects.ts";

/**
 * Series by project, filled anew at each scrape: a project that is gone leaves none behind. `limit` keeps a cloud of thousands of projects from
 * flooding Prometheus; those that are worst off are always among them.
 */
export function projectGauges(
  registers: Registry[],
  { limit, figures }: { limit: number; figures: () => readonly ProjectFigures[] },
): void {
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]): Gauge<L> =>
    new Gauge({ name, help, labelNames, registers });
  // First of all, so that a scrape fills the others before they are read.
  const projects = new Gauge({
    name: "dirigent_projects",
    help: "Projects with protected volumes or restore points.",
    registers,
    collect: () => fill(),
  });
  const lastSuccess = gauge(
    "dirigent_last_success_timestamp_seconds",
    "When a backup or snapshot of the project last succeeded, by the policies that protect it.",
    "project",
    "policy",
    "mechanism",
  );
  const newestGood = gauge(
    "dirigent_newest_good_point_timestamp_seconds",
    "Newest good restore point of the project's protected volume that is worst off.",
    "project",
  );
  const points = gauge(
    "dirigent_backups",
    "Restore points, by whether they are good.",
    "project",
    "status",
    "mechanism",
  );
  const volumes = gauge("dirigent_volumes_protected", "Volumes that policies protect.", "project");
  const unprotected = gauge(
    "dirigent_volumes_unprotected",
    "Protected volumes without any good restore point by a mechanism that protects them.",
    "project",
  );
  const violations = gauge(
    "dirigent_rpo_violations",
    "Protected volumes whose newest good restore point is older than two periods of their policy, or that have none; by each mechanism.",
    "project",
  );
  const quotaUsed = gauge(
    "dirigent_quota_used",
    "Used of the project's quota, by resource: of backups, and of snapshots where they are made.",
    "project",
    "resource",
  );
  const quotaLimit = gauge("dirigent_quota_limit", "Limit of it; none without one.", "project", "resource");
  const quotaRatio = gauge("dirigent_quota_ratio", "Used share of the project's quota.", "project", "resource");
  const omitted = gauge("dirigent_projects_omitted", "Projects beyond metrics.projects, without series of their own.");
  const all = [lastSuccess, newestGood, points, volumes, unprotected, violations, quotaUsed, quotaLimit, quotaRatio];
  function fill(): void {
    for (const each of all) each.reset();
    const found = figures();
    projects.set(found.length);
    omitted.set(Math.max(0, found.length - limit));
    for (const of of found.slice(0, limit)) {
      const project = of.id;
      for (const { policy, mechanism, ms } of of.lastSuccesses)
        lastSuccess.set({ project, policy, mechanism }, ms / 1000);
      if (of.oldestNewestGoodMs !== null) newestGood.set({ project }, of.oldestNewestGoodMs / 1000);
      for (const mechanism of mechanisms) {
        points.set({ project, status: "good", mechanism }, of.points[mechanism].good);
        points.set({ project, status: "not_good", mechanism }, of.points[mechanism].notGood);
      }
      volumes.set({ project }, of.protectedVolumes);
      unprotected.set({ project }, of.unprotectedVolumes);
      violations.set({ project }, of.rpoViolations);
      for (const { resource, used, limit: max } of of.quota) {
        quotaUsed.set({ project, resource }, used);
        if (max < 0) continue;
        quotaLimit.set({ project, resource }, max);
        // Nothing may be used: whatever is wanted is too much.
        quotaRatio.set({ project, resource }, max === 0 ? 1 : used / max);
      }
    }
  }
}
