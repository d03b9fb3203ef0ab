import type { Job, OverrideSeen } from "./catalogue.ts";
import { compareText } from "./compare.ts";
import type { Mechanism, Server, Volume } from "./inventory.ts";
import type { Ahead } from "./mode.ts";
import { indexSeen, readRequest, type Asking, type RetentionRequest } from "./overrides.ts";
import type { VolumePoints } from "./points.ts";
import type { Policy, Selection } from "./policy.ts";
import type { Slot } from "./slots.ts";
import type { Target } from "./tracks.ts";

/** All that the planner decides by: one policy's work by one mechanism in one slot. */
export interface PlanInput {
  readonly now: Date;
  readonly runId: string;
  readonly slot: Slot;
  readonly policy: Policy;
  readonly mechanism: Mechanism;
  /** What the policy protects. */
  readonly targets: readonly Target[];
  readonly selection: Selection;
  /** For dates in names. */
  readonly timeZone: string;
  readonly nameTemplate: string;
  readonly volumes: ReadonlyMap<string, Volume>;
  /** Of the mechanism. */
  readonly points: ReadonlyMap<string, VolumePoints>;
  /** Open ones of any slot, policy and mechanism, and all of this slot. */
  readonly jobs: readonly Job[];
  /** By volume, the last backup that is made of it before by other policies in this plan. */
  readonly ahead: ReadonlyMap<string, Ahead>;
  /** Names of the volume types of which backups may be made from temporary snapshots. */
  readonly fromSnapshotTypes: readonly string[];
  readonly overridesSeen: readonly OverrideSeen[];
  /** An operator asks for it: what was refused before is tried again at once. */
  readonly isOrdered?: boolean;
  /** Under which requests for another retention are remembered for this policy. */
  readonly requestKey: string;
}

/** The input, sorted out for many look-ups. */
export interface Scene {
  readonly input: PlanInput;
  /** Servers of the targets by volume, by id. */
  readonly serversOf: ReadonlyMap<string, readonly Server[]>;
  /** By volume, by key. */
  readonly jobsOf: ReadonlyMap<string, readonly Job[]>;
  /** Of the targets' servers and volumes, by resource id. */
  readonly requests: ReadonlyMap<string, RetentionRequest>;
}

export function setScene(input: PlanInput): Scene {
  const { targets, volumes } = input;
  const serversOf = new Map<string, Server[]>();
  const requests = new Map<string, RetentionRequest>();
  const context = { ...input, seen: indexSeen(input.overridesSeen) };
  const read = (resource: Asking | undefined): void => {
    if (resource !== undefined && !requests.has(resource.id)) requests.set(resource.id, readRequest(resource, context));
  };
  for (const { server, volumeIds } of targets) {
    if (server !== null) read(server);
    for (const id of volumeIds) {
      read(volumes.get(id));
      if (server === null) continue;
      const others = serversOf.get(id);
      if (others === undefined) serversOf.set(id, [server]);
      else others.push(server);
    }
  }
  const jobs = input.jobs.toSorted((a, b) => compareText(a.key, b.key));
  return { input, serversOf, requests, jobsOf: Map.groupBy(jobs, (job) => job.volumeId) };
}
