import type { BrakeOverride, Job, Operation } from "../domain/catalogue.ts";
import type { Clock } from "../domain/clock.ts";
import type { Delivery } from "../domain/deliveries.ts";
import type { Logger } from "../domain/log.ts";
import type { BackupQuota, Mechanism } from "../domain/inventory.ts";
import type { VolumePoints } from "../domain/points.ts";
import type { PolicyBook } from "../domain/policy-book.ts";
import type { Policy, Selection } from "../domain/policy.ts";
import type { ProtectedVolume } from "../domain/protected.ts";
import type { ReleaseRule } from "../domain/release.ts";
import type { ProjectReport, Run } from "../domain/runs.ts";
import type { ReaderCloud, WriterCloud } from "../openstack/cloud.ts";
import type { Repository } from "../store/repository.ts";
import type { PolicySource } from "./policy-source.ts";

/** The settings that the conductor itself reads. Durations in milliseconds. */
export interface ConductorSettings {
  /** Creators whose marked objects are ours, beside the writer's own user. */
  readonly userIds: readonly string[];
  /** IANA name of the zone that slots are counted in. */
  readonly timeZone: string;
  readonly policy: Policy;
  readonly selection: Selection;
  readonly release: ReleaseRule;
  readonly nameTemplate: string;
  /** Container of the backups; `null` leaves it to Cinder. */
  readonly container: string | null;
  /** Names of the volume types of which backups may be made from temporary snapshots. */
  readonly fromSnapshotTypes: readonly string[];
  readonly limits: {
    readonly global: number;
    readonly perProject: number;
    readonly perPool: number;
    readonly perBackupService: number;
  };
  readonly settleMs: number;
  readonly pollMs: number;
  readonly keepHistoryMs: number;
  readonly leaseTtlMs: number;
  readonly leaseOwner: string;
  readonly deadline: { readonly baseMs: number; readonly bytesPerSecond: number };
  readonly rotationEnabled: boolean;
  /** Platform9's keys are written on volumes, and not read. */
  readonly publishAssignment: boolean;
  readonly brakeOverrides: readonly BrakeOverride[];
}

/** What is queued for the mailer with a report, and with a run's end. */
export interface Reporting {
  ofProject(report: ProjectReport): readonly Delivery[];
  ofRun(run: Pick<Run, "id" | "outcome">): readonly Delivery[];
  /** Something was queued. */
  wake(): void;
}

/** By volume id. */
export type PointsByMechanism = Readonly<Record<Mechanism, ReadonlyMap<string, VolumePoints>>>;

/** What every part of the conductor is given. Nothing here is read from globals. */
export interface Conductor {
  readonly settings: ConductorSettings;
  readonly reader: ReaderCloud;
  readonly writer: WriterCloud;
  readonly repository: Repository;
  readonly clock: Clock;
  readonly log: Logger;
  /** A new unique id, e.g. a UUID. */
  readonly newId: () => string;
  /** Says who is told of what; without it nobody is. */
  readonly reporting?: Reporting;
  /** The operator's policies, rules and exclusions; without it the built-in policy and the presets are all there are. */
  readonly policyBook?: () => PolicyBook;
  /** Where that comes from, when it comes from files. */
  readonly policySource?: PolicySource;
  /** Told at every look at the files of policies and rules whether they are valid. */
  readonly onPolicyFiles?: (valid: boolean) => void;
  /** Told of the open jobs after every round, for somebody who watches. */
  readonly onProgress?: (open: readonly Job[]) => void;
  /** Told in every cycle of the volumes that are to be protected, due or not, by id. */
  readonly onProtected?: (volumes: ReadonlyMap<string, ProtectedVolume>) => void;
  /** Told of a project's restore points, by volume, whenever they have been read for its rotation. */
  readonly onPoints?: (projectId: string, points: PointsByMechanism) => void;
  /** Told of a project's quota whenever it has been read. */
  readonly onQuota?: (projectId: string, quota: BackupQuota) => void;
}

/** The two stages of stopping: `drain` means start nothing new, `cut` means give up on work in hand. */
export interface Signals {
  readonly drain: AbortSignal;
  readonly cut: AbortSignal;
}

/** Makes an operation row; what is not given is `null`. */
export const operation = (
  conductor: Conductor,
  runId: string,
  fields: Pick<Operation, "kind" | "reason"> & Partial<Omit<Operation, "id" | "runId" | "at">>,
): Operation => ({
  id: conductor.newId(),
  runId,
  at: conductor.clock.now(),
  projectId: null,
  serverId: null,
  volumeId: null,
  backupId: null,
  key: null,
  message: null,
  requestId: null,
  ...fields,
});
