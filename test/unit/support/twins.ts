import { policyFinder } from "../../../src/conductor/assign.ts";
import type { ConductorSettings } from "../../../src/conductor/context.ts";
import { planTracks } from "../../../src/conductor/plan.ts";
import { retentionTerms } from "../../../src/conductor/scan.ts";
import { assignPolicies } from "../../../src/domain/assignment.ts";
import type { CatalogueEntry, Job, OverrideSeen } from "../../../src/domain/catalogue.ts";
import { hash } from "../../../src/domain/hash.ts";
import { mechanisms, type Backup, type Mechanism, type Server, type Volume } from "../../../src/domain/inventory.ts";
import { mark } from "../../../src/domain/marks.ts";
import type { PolicyBook } from "../../../src/domain/policy-book.ts";
import { readPoints, type VolumePoints } from "../../../src/domain/points.ts";
import type { Policy } from "../../../src/domain/policy.ts";
import type { Reason } from "../../../src/domain/reasons.ts";
import { planRotation } from "../../../src/domain/retention.ts";
import { tracksOf } from "../../../src/domain/tracks.ts";
import { aServer, aVolume } from "./builders.ts";
import { ourUser, selection } from "./clouds.ts";
import { entryOf } from "./rhythm.ts";
import { backupOf, lifeKey, twinOf } from "./twin-points.ts";

/**
 * Many tenants on the conductor's pure parts: assignment, plan, marks, rotation. Each has a project with a server and its volume. Every job and every
 * deletion succeeds at once.
 */

export type Metadata = Readonly<Record<string, string>>;

/** What a tenant has; `null`: deleted. */
export interface Tenant {
  readonly server: Server | null;
  readonly volume: Volume | null;
}

/** Until when a restore point was there, in steps. */
export interface Life {
  lastSeen: number;
  /** The last step in which it was kept for its own sake, not for what builds on it or for want of a newer one. */
  lastWanted: number;
}

/** By policy, slot and mechanism, which are the same in twins. */
export type Lives = ReadonlyMap<string, Life>;

export interface TwinsOptions {
  readonly builtIn: Policy;
  readonly startMs: number;
  readonly stepMs: number;
}

interface State {
  tenant: Tenant;
  readonly volumeId: string;
  readonly projectId: string;
  /** Oldest first, by id. */
  readonly rows: Map<string, Backup>;
  readonly lives: Map<string, Life>;
}

const notForItself: ReadonlySet<Reason> = new Set(["keep_chain", "keep_newest_good", "keep_last_of_gone", "keep_pace"]);

export class Twins {
  readonly #options: TwinsOptions;
  readonly #states = new Map<number, State>();
  /** Cinder's, by child. */
  readonly #parents = new Map<string, string>();
  #catalogue = new Map<string, CatalogueEntry>();
  #seen: readonly OverrideSeen[] = [];
  #step = -1;
  #made = 0;
  #ids = 0;
  /** What the operator's files say. */
  book: PolicyBook;

  constructor(book: PolicyBook, options: TwinsOptions) {
    this.book = book;
    this.#options = options;
  }

  /** @returns its number */
  add({
    name,
    server,
    volume,
  }: {
    readonly name: string;
    readonly server: Metadata;
    readonly volume: Metadata;
  }): number {
    const own = this.#nextIds();
    return this.#insert({
      tenant: {
        server: aServer(own.serverId, { projectId: own.projectId, metadata: server, volumeIds: [own.volumeId] }),
        volume: aVolume(own.volumeId, { projectId: own.projectId, name, metadata: volume, serverIds: [own.serverId] }),
      },
      ...own,
      rows: new Map(),
      lives: new Map(),
    });
  }

  /** A twin: it has all that this one has, and goes its own way from now on. */
  fork(number: number): number {
    const { tenant, volumeId, rows, lives } = this.#stateOf(number);
    const own = this.#nextIds();
    const { server, volume } = tenant;
    const newIds = new Map([...rows.keys()].map((id) => [id, this.#nextPointId()]));
    const renamed = (id: string): string => newIds.get(id) ?? id;
    const copies = new Map<string, Backup>();
    for (const row of rows.values()) {
      const copy = twinOf(row, { id: renamed(row.id), renamed, ...own });
      copies.set(copy.id, copy);
      const parent = this.#parents.get(row.id);
      if (parent !== undefined) this.#parents.set(copy.id, renamed(parent));
      const entry = this.#catalogue.get(row.id);
      if (entry === undefined) continue;
      const key = copy.metadata[mark.key] ?? null;
      const facts = { backupId: copy.id, volumeId: own.volumeId, projectId: own.projectId, key };
      this.#catalogue.set(copy.id, {
        ...entry,
        ...facts,
        parentId: entry.parentId === null ? null : renamed(entry.parentId),
      });
    }
    const ids = new Map([
      [volumeId, own.volumeId],
      [server?.id ?? "", own.serverId],
    ]);
    this.#seen = this.#seen.concat(
      this.#seen.flatMap((row) => {
        const resourceId = ids.get(row.resourceId);
        return resourceId === undefined ? [] : { ...row, resourceId };
      }),
    );
    return this.#insert({
      tenant: {
        server: server && { ...server, id: own.serverId, projectId: own.projectId, volumeIds: [own.volumeId] },
        volume: volume && { ...volume, id: own.volumeId, projectId: own.projectId, serverIds: [own.serverId] },
      },
      ...own,
      rows: copies,
      lives: new Map([...lives].map(([key, life]) => [key, { ...life }])),
    });
  }

  change(number: number, change: (tenant: Tenant) => Tenant): void {
    const state = this.#stateOf(number);
    state.tenant = change(state.tenant);
  }

  loseDatabase(): void {
    this.#catalogue = new Map();
    this.#seen = [];
  }

  /** Whether something is left of what it has been followed for. */
  isAlive(number: number): boolean {
    return [...this.#stateOf(number).lives.values()].some(({ lastSeen }) => lastSeen === this.#step);
  }

  /** It goes no further. @returns what became of all that was followed */
  end(number: number): Lives {
    const { lives } = this.#stateOf(number);
    this.#states.delete(number);
    return lives;
  }

  /** One cycle: what is due is made, what nothing keeps is deleted. @param follow whether lives that begin in it are followed */
  step({ follow }: { readonly follow: boolean }): void {
    this.#step += 1;
    const { builtIn, startMs, stepMs } = this.#options;
    const now = new Date(startMs + this.#step * stepMs);
    const states = [...this.#states.values()];
    const volumes = states.flatMap(({ tenant }) => tenant.volume ?? []);
    const inventory = {
      servers: states.flatMap(({ tenant }) => tenant.server ?? []),
      volumes: new Map(volumes.map((volume) => [volume.id, volume])),
    };
    const own = { policy: builtIn, selection, timeZone: "UTC", nameTemplate: "x", fromSnapshotTypes: [] };
    const settings = own as Partial<ConductorSettings> as ConductorSettings;
    const assignment = assignPolicies({
      ...inventory,
      now,
      projects: new Map(),
      selection,
      book: this.book,
      builtIn,
      overridesSeen: this.#seen,
      readsPlatform9: true,
    });
    const points = new Map(states.map((state) => [state.volumeId, this.#read(state)]));
    const pointsBy = (mechanism: Mechanism): ReadonlyMap<string, VolumePoints> =>
      new Map([...points].flatMap(([id, { [mechanism]: own }]) => (own === undefined ? [] : [[id, own]])));
    const ofAll = { backup: pointsBy("backup"), snapshot: pointsBy("snapshot") };
    const tracks = tracksOf(assignment.targets, now);
    const input = { runId: "run", now, assignment, tracks, inventory, jobs: [], overridesSeen: this.#seen };
    const plan = planTracks(settings, input, (mechanism) => ofAll[mechanism]);
    this.#seen = plan.overridesSeen;
    const jobsOf = Map.groupBy(plan.jobs, ({ volumeId }) => volumeId);
    const terms = retentionTerms(
      inventory,
      settings,
      policyFinder({ settings, policyBook: () => this.book }, assignment),
    );
    const existingVolumeIds = new Set(inventory.volumes.keys());
    for (const state of states) {
      const { lives, projectId, rows, volumeId } = state;
      const jobs = jobsOf.get(volumeId) ?? [];
      for (const job of jobs) this.#make(state, job, { now, follow });
      const read = jobs.length === 0 ? points.get(volumeId) : this.#read(state);
      const { chains, decisions } = planRotation({
        ...terms,
        now,
        projectId,
        volumes: mechanisms.flatMap((mechanism) => read?.[mechanism] ?? []),
        existingVolumeIds,
        deletedLast24h: 0,
        override: null,
        blocked: null,
      });
      for (const { point, action, because } of decisions) {
        const life = action === "keep" ? lives.get(lifeKey(point.backup)) : undefined;
        if (life === undefined) continue;
        life.lastSeen = this.#step;
        if (because.some((reason) => !notForItself.has(reason))) life.lastWanted = this.#step;
      }
      for (const { backup } of chains.flatMap(({ deletions }) => deletions)) {
        rows.delete(backup.id);
        this.#catalogue.delete(backup.id);
      }
    }
  }

  #make({ lives, rows }: State, job: Job, { now, follow }: { readonly now: Date; readonly follow: boolean }): void {
    const id = this.#nextPointId();
    // As Cinder does it: on the newest backup that there is.
    const newest = [...rows.values()].findLast(({ mechanism }) => mechanism === "backup")?.id ?? null;
    const parentId = job.mode === "incremental" ? newest : null;
    if (parentId !== null) this.#parents.set(id, parentId);
    // One after the other.
    const createdAt = new Date(now.getTime() + rows.size * 1000);
    const backup = backupOf(job, { id, createdAt, isIncremental: parentId !== null });
    rows.set(id, backup);
    const { key, keepUntil, policy, retention, slot } = job;
    const facts = { key, policy, slot, keepUntil, retention, parentId, parentVerified: true, goodAt: createdAt };
    this.#catalogue.set(id, entryOf(backup, facts));
    if (follow) lives.set(lifeKey(backup), { lastSeen: this.#step, lastWanted: this.#step });
  }

  #read({ rows, volumeId }: State): Partial<Record<Mechanism, VolumePoints>> {
    // Cinder was asked for the children of each.
    const children = new Map<string, string[]>();
    for (const id of rows.keys()) {
      children.set(id, []);
      children.get(this.#parents.get(id) ?? "")?.push(id);
    }
    const byMechanism = Map.groupBy(rows.values(), ({ mechanism }) => mechanism);
    const read = (mechanism: Mechanism): Partial<Record<Mechanism, VolumePoints>> => {
      const backups = byMechanism.get(mechanism) ?? [];
      const points = readPoints({ backups, catalogue: this.#catalogue, userIds: ourUsers, children }).get(volumeId);
      return points === undefined ? {} : { [mechanism]: points };
    };
    return { ...read("backup"), ...read("snapshot") };
  }

  #stateOf(number: number): State {
    const state = this.#states.get(number);
    if (state === undefined) throw new Error(`no tenant ${number}`);
    return state;
  }

  #insert(state: State): number {
    this.#states.set(this.#ids, state);
    return this.#ids;
  }

  /** Volumes begin their first chains in different phases, by their ids: twins begin in the same. */
  #nextIds(): { readonly volumeId: string; readonly serverId: string; readonly projectId: string } {
    do this.#ids += 1;
    while (hash(`v${this.#ids}`) % 4 !== 3);
    return { volumeId: `v${this.#ids}`, serverId: `s${this.#ids}`, projectId: `p${this.#ids}` };
  }

  #nextPointId(): string {
    this.#made += 1;
    return String(this.#made).padStart(8, "0");
  }
}

const ourUsers: ReadonlySet<string> = new Set([ourUser]);
