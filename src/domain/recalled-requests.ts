import { parseAsked, placesOf, type Asked, type AskedContext, type AskedPlace } from "./asked-marks.ts";
import type { OverrideSeen } from "./catalogue.ts";
import type { Backup, Server, Volume } from "./inventory.ts";
import { readMarks } from "./marks.ts";
import { isManualSlot } from "./orders.ts";
import { restRequest } from "./overrides.ts";
import { restPeerRequests } from "./peer-requests.ts";
import { kindOf } from "./points.ts";
import { restPolicyRequest } from "./policy-requests.ts";
import type { Policy, Selection } from "./policy.ts";

export interface RecallInput extends AskedContext {
  readonly selection: Selection;
  readonly points: Iterable<Backup>;
  /** `conductor.user_ids`. */
  readonly userIds: ReadonlySet<string>;
  readonly servers: readonly Server[];
  readonly volumes: ReadonlyMap<string, Volume>;
  readonly policies: ReadonlyMap<string, Policy>;
}

/** What one restore point says of the requests that are remembered in one place. */
interface Observed {
  readonly at: Date;
  /** Oldest first. */
  readonly rows: readonly Asked[];
}

/**
 * What a lost database remembered of tenants' requests, by the marks of the restore points that exist. Of each place the newest point that says anything counts; those before it bound
 * since when it can have been so, as nobody can write when a point was created; and one after it that says nothing was made when nothing was asked for.
 */
export function recallRequests(input: RecallInput): readonly OverrideSeen[] {
  const serverProjects = new Map(input.servers.map(({ id, projectId }) => [id, projectId]));
  const observed = new Map<string, { readonly place: AskedPlace; readonly points: Observed[] }>();
  for (const point of input.points) {
    const { createdAt, metadata, projectId, volumeId } = point;
    const { adopted, policy, serverId, slot } = readMarks(metadata);
    const isPlain = policy !== null && slot !== null && !isManualSlot(slot) && !adopted;
    if (!isPlain || Number.isNaN(createdAt.getTime()) || kindOf(point, input.userIds) !== "ours") continue;
    if (input.volumes.get(volumeId)?.projectId !== projectId) continue;
    // What is written in one project says nothing of a server in another.
    const ownServer = serverId !== null && serverProjects.get(serverId) === projectId ? serverId : "";
    for (const place of placesOf({ volumeId, serverId: ownServer, policy }, input)) {
      const id = JSON.stringify([place.resourceId, place.key]);
      const rows = parseAsked(metadata[place.mark] ?? "").filter(({ by }) => by === place.by);
      const known = observed.get(id) ?? { place, points: [] };
      observed.set(id, known);
      known.points.push({ at: createdAt, rows: rows.toSorted((a, b) => a.since.getTime() - b.since.getTime()) });
    }
  }
  return [...observed.values()].flatMap(({ place, points }) =>
    recall(
      place,
      points.sort((a, b) => a.at.getTime() - b.at.getTime()),
      input,
    ),
  );
}

function recall(place: AskedPlace, oldestFirst: readonly Observed[], input: RecallInput): readonly OverrideSeen[] {
  const index = oldestFirst.findLastIndex(({ rows }) => rows.length > 0);
  const said = oldestFirst[index];
  const current = said?.rows.at(-1);
  if (said === undefined || current === undefined) return [];
  const sinceMs = sinceOf(current, oldestFirst.slice(0, index + 1));
  const before = said.rows.slice(0, -1).map((row) => ({ ...row, since: atMost(row.since, sinceMs - 1) }));
  const rows = [...before, { ...current, since: new Date(sinceMs) }].map(({ since, value }) => ({
    resourceId: place.resourceId,
    key: place.key,
    value,
    firstSeenAt: since,
  }));
  const after = oldestFirst[index + 1];
  return after === undefined ? rows : restAt(after.at, rows, { place, input });
}

/** Since when what is asked for now can have been asked for. A point was made by somebody who knew. */
function sinceOf({ value }: Asked, oldestFirst: readonly Observed[]): number {
  let sinceMs = -Infinity;
  for (const { at, rows } of oldestFirst.toReversed()) {
    const asked = rows.at(-1);
    if (asked?.value !== value) return Math.max(sinceMs, at.getTime());
    sinceMs = Math.max(sinceMs, Math.min(asked.since.getTime(), at.getTime()));
  }
  return sinceMs;
}

const atMost = (at: Date, ms: number): Date => new Date(Math.min(at.getTime(), ms));

/** What was still remembered when nothing was asked for any more. */
function restAt(
  now: Date,
  rows: readonly OverrideSeen[],
  { place: { by, key, resourceId }, input }: { readonly place: AskedPlace; readonly input: RecallInput },
): readonly OverrideSeen[] {
  const { policies, selection } = input;
  const seen = new Map([[resourceId, rows]]);
  if (key === selection.policyKey) return restPolicyRequest(resourceId, { now, selection, policies, seen });
  if (by === "snapsentry" || by === "platform9") return restPeerRequests(resourceId, rows, { now, selection });
  return restRequest(resourceId, { now, selection, requestKey: key, seen });
}
