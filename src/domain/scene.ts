import type { Job, OverrideSeen } from "./catalogue.ts";
import type { Server, Volume } from "./inventory.ts";
import { indexSeen, readRequest, type Asking, type RetentionRequest } from "./overrides.ts";
import type { VolumePoints } from "./points.ts";
import type { Policy, Selection } from "./policy.ts";
import { indexByServer, isTagged, volumesOf } from "./selection.ts";
import type { Slot } from "./slots.ts";

/** All that the planner decides by. */
export interface PlanInput {
  readonly now: Date;
  readonly runId: string;
  readonly slot: Slot;
  readonly policy: Policy;
  readonly selection: Selection;
  /** For dates in names. */
  readonly timeZone: string;
  readonly nameTemplate: string;
  readonly servers: readonly Server[];
  readonly volumes: ReadonlyMap<string, Volume>;
  readonly points: ReadonlyMap<string, VolumePoints>;
  /** Open ones of any slot and all of this slot. */
  readonly jobs: readonly Job[];
  readonly overridesSeen: readonly OverrideSeen[];
}

/** The input, sorted out for many look-ups. */
export interface Scene {
  readonly input: PlanInput;
  /** Tagged servers with their volumes' ids, both by id. */
  readonly tagged: ReadonlyMap<Server, readonly string[]>;
  /** Tagged servers by volume, by id. */
  readonly serversOf: ReadonlyMap<string, readonly Server[]>;
  /** By volume, by key. */
  readonly jobsOf: ReadonlyMap<string, readonly Job[]>;
  /** Of the tagged servers and their volumes, by resource id. */
  readonly requests: ReadonlyMap<string, RetentionRequest>;
}

/** Order by code unit: the same everywhere, whatever the locale. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** @param isWanted which servers it is about; by default the tagged ones */
export function setScene(
  input: PlanInput,
  isWanted: (server: Server) => boolean = (server) => isTagged(server, input.selection),
): Scene {
  const { servers, volumes } = input;
  const byServer = indexByServer(volumes.values());
  // A page that was read twice must not make a server's volumes look shared: one server for each id.
  const byId = new Map(servers.filter(isWanted).map((s) => [s.id, s]));
  const sorted = [...byId.values()].sort((a, b) => compareText(a.id, b.id));
  const tagged = new Map(sorted.map((server) => [server, volumesOf(server, byServer).sort(compareText)]));

  const serversOf = new Map<string, Server[]>();
  const requests = new Map<string, RetentionRequest>();
  const context = { ...input, seen: indexSeen(input.overridesSeen) };
  const read = (resource: Asking | undefined): void => {
    if (resource !== undefined && !requests.has(resource.id)) requests.set(resource.id, readRequest(resource, context));
  };
  for (const [server, volumeIds] of tagged) {
    read(server);
    for (const id of volumeIds) {
      read(volumes.get(id));
      const others = serversOf.get(id);
      if (others === undefined) serversOf.set(id, [server]);
      else others.push(server);
    }
  }
  const jobs = input.jobs.toSorted((a, b) => compareText(a.key, b.key));
  return { input, tagged, serversOf, requests, jobsOf: Map.groupBy(jobs, (job) => job.volumeId) };
}
