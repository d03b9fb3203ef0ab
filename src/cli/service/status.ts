import type { DaemonState } from "../../conductor/daemon.ts";
import type { Job } from "../../domain/catalogue.ts";
import { commonUnit, unitOf } from "../../report/digest.ts";

/** A state in one line, for `systemctl status`. */
export function stateText(state: DaemonState): string {
  switch (state.kind) {
    case "standby":
      return "standing by: another conductor holds the lease";
    case "working":
      return "looking for what is due";
    case "waiting": {
      const { nextSlotAt, outcome, reports, run } = state.last;
      const lines = reports.flatMap((report) => report.lines);
      const bad = lines.filter((line) => line.outcome === "failed").length;
      const { noun } = commonUnit(reports.map((report) => unitOf(report.lines)));
      const what = lines.length === 0 ? "" : `: ${lines.length} ${noun}s, ${bad} failed`;
      return `waiting; last run ${short(run.startedAt)} ${outcome}${what}; next slot ${short(nextSlotAt)}`;
    }
    case "failing": {
      const { error } = state;
      return `failing since its last try, trying again: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
}

/** How far the open jobs are. */
export function progressText(open: readonly Job[]): string {
  const waiting = open.filter((job) => job.state === "planned").length;
  const stuck = open.filter((job) => job.stuckReportedAt !== null).length;
  if (open.length === 0) return "all work has ended; rotating";
  const running = open.filter((job) => job.state !== "planned");
  const snapshots = running.filter(({ mechanism }) => mechanism === "snapshot").length;
  const parts = [
    `${running.length - snapshots} backups${snapshots === 0 ? "" : ` and ${snapshots} snapshots`} running`,
    `${waiting} waiting`,
  ];
  return [...parts, ...(stuck === 0 ? [] : [`${stuck} stuck`])].join(", ");
}

const short = (at: Date): string => `${at.toISOString().slice(0, 16)}Z`;
