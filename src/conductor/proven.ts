import { mechanisms, type Backup } from "../domain/inventory.ts";
import type { Reason } from "../domain/reasons.ts";
import type { Terms } from "../domain/terms.ts";
import { policyFinder } from "./assign.ts";
import type { Cycle } from "./cycle-state.ts";
import { listPoints } from "./mechanism.ts";
import { isProven, retentionTerms, withoutTemporaries } from "./scan.ts";

/** By what the points of the cloud are kept in this cycle. */
export const termsOf = ({ assignment, conductor, inventory }: Cycle): Terms =>
  retentionTerms(inventory, conductor.settings, policyFinder(conductor, assignment));

/**
 * The restore points of one project for its rotation, and what forbids it. Of a project whose jobs have just ended they are listed again; others use the cycle's listing.
 */
export async function provenBackups(
  cycle: Cycle,
  projectId: string,
  { listed, isWorked }: { readonly listed: ReadonlyMap<string, readonly Backup[]> | null; readonly isWorked: boolean },
): Promise<{ backups: readonly Backup[] | null; blocked: Reason | null }> {
  const before = listed?.get(projectId);
  const backups = isWorked || before === undefined ? await listProject(cycle, projectId, before) : before;
  const proven =
    backups.length > 0 &&
    backups.every((backup) => backup.projectId === projectId) &&
    (backups.some(({ mechanism }) => mechanism === "backup") ||
      (await isProven(cycle.conductor, "snapshot", backups, cycle.signals.cut)));
  const blocked: Reason | null = !cycle.clockTrusted()
    ? "clock_jump"
    : cycle.partial
      ? "partial_scan"
      : proven
        ? null
        : "unproven_reader";
  return { backups: proven ? backups : null, blocked };
}

/** Snapshots only where some policy makes them, or there were some: a cloud without them pays nothing for them. */
async function listProject(
  { conductor, signals, tracks }: Cycle,
  projectId: string,
  before: readonly Backup[] = [],
): Promise<Backup[]> {
  const snapshots = [...tracks, ...before].some(({ mechanism }) => mechanism === "snapshot");
  const rows: Backup[] = [];
  for (const mechanism of snapshots ? mechanisms : (["backup"] as const)) {
    const found = await Array.fromAsync(listPoints(conductor.reader, mechanism, { projectId }, signals.cut));
    for (const row of await withoutTemporaries(conductor, mechanism, found)) rows.push(row);
  }
  return rows;
}
