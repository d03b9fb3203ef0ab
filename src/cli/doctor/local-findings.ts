import { describeDrift } from "../../domain/compression.ts";
import { formatDuration } from "../../domain/durations.ts";
import type { Examination } from "./examination.ts";
import type { Finding } from "./findings.ts";

const leastSettleTimeMs = 5 * 60_000;

/** What is on our side: the database and the settings. */
export const localFindings = (seen: Examination): readonly Finding[] => [
  schema(seen),
  settleTime(seen),
  ...compression(seen),
];

function compression({ compression: state }: Examination): readonly Finding[] {
  const id = "compression";
  const fix = "Run dirigent compression show and set what it prints; Dirigent changes nothing at the backend.";
  switch (state.kind) {
    case "none":
      return [];
    case "unseen":
      return [
        {
          id,
          level: "warning",
          message: "What the backend compresses cannot be seen from here.",
          fix: `Compare it by hand with dirigent compression show; for Ceph, set compression.ceph.executable.`,
        },
      ];
    case "failed":
      return [
        {
          id,
          level: "warning",
          message: `Ceph could not be asked what the pool compresses: ${state.message}.`,
          fix: "Check compression.ceph.* and the rights of the client's user (mon 'allow r').",
        },
      ];
    case "seen":
      return state.drift.length === 0
        ? [{ id, level: "ok", message: "The pool compresses as configured.", fix: null }]
        : [
            {
              id,
              level: "warning",
              message: `The pool is not as configured: ${state.drift.map(describeDrift).join("; ")}.`,
              fix,
            },
          ];
  }
}

function schema({ schema: seen }: Examination): Finding {
  const id = "database.schema";
  if ("problem" in seen) {
    const fix = "Check database.url, and whether the server can be reached and lets us in.";
    return { id, level: "failed", message: `The database cannot be read: ${seen.problem.message}.`, fix };
  }
  const { applied, pending, newer } = seen.value;
  if (newer.length > 0) {
    const message = `The database has a newer schema than this program knows: ${newer.join(", ")}.`;
    return {
      id,
      level: "failed",
      message,
      fix: "Run the program that made it, or restore the copy from before the upgrade.",
    };
  }
  if (pending.length === 0) return { id, level: "ok", message: "The database has this program's schema.", fix: null };
  const message =
    applied.length === 0 ? "The database has no schema yet." : `The database lacks ${pending.join(", ")}.`;
  return { id, level: "warning", message, fix: "Run dirigent db migrate (after a copy of the database)." };
}

function settleTime({ settleTimeMs, longestTimeoutMs }: Examination): Finding {
  const id = "settle-time";
  const leastMs = Math.max(2 * longestTimeoutMs, leastSettleTimeMs);
  if (settleTimeMs >= leastMs) {
    const message = `A request whose answer was lost is sent again after ${formatDuration(settleTimeMs)} at the earliest.`;
    return { id, level: "ok", message, fix: null };
  }
  return {
    id,
    level: "warning",
    message:
      `openstack.settle_time is ${formatDuration(settleTimeMs)}; ${formatDuration(leastMs)} is safe with the timeout of ` +
      `${formatDuration(longestTimeoutMs)}. A slow Cinder may make a second backup.`,
    fix: "Take openstack.settle_time out of the configuration; it is lowered for tests only.",
  };
}
