import type { ConductorSettings } from "../../../../src/conductor/context.ts";
import { policyFinder } from "../../../../src/conductor/assign.ts";
import { planTracks, type CyclePlan } from "../../../../src/conductor/plan.ts";
import { retentionTerms, whyPartial, type Inventory } from "../../../../src/conductor/scan.ts";
import { marksOf } from "../../../../src/conductor/submit.ts";
import { askedMarks } from "../../../../src/domain/asked-marks.ts";
import { assignPolicies, type Assignment } from "../../../../src/domain/assignment.ts";
import { isOpen, type Job } from "../../../../src/domain/catalogue.ts";
import { pickJobs } from "../../../../src/domain/dispatch.ts";
import { mechanisms, type Backup, type Server, type Volume } from "../../../../src/domain/inventory.ts";
import { readByMechanism } from "../../../../src/domain/points.ts";
import { indexSeen } from "../../../../src/domain/overrides.ts";
import type { PolicyBook } from "../../../../src/domain/policy-book.ts";
import { newestOnly, type Policy } from "../../../../src/domain/policy.ts";
import type { Reason } from "../../../../src/domain/reasons.ts";
import { planRotation, type RotationPlan } from "../../../../src/domain/retention.ts";
import type { Rule } from "../../../../src/domain/rules.ts";
import type { Run } from "../../../../src/domain/runs.ts";
import { judgeBackup } from "../../../../src/domain/states.ts";
import type { Expected } from "../../../../src/domain/terms.ts";
import { tracksOf, type Track } from "../../../../src/domain/tracks.ts";
import { clockTrusted, type ClockReading } from "../../../../src/domain/trust.ts";
import { selection } from "../clouds.ts";
import { Database } from "./database.ts";
import { playHistory } from "./history.ts";
import { dayMs, zones, type Outcome, type Pass, type PolicyChange, type Scenario } from "./scenario.ts";
import { automated, us, World } from "./world.ts";

/** Our own functions, driven as the conductor drives them, and nothing but them: what they decide happens in the world. */

export interface Listing {
  readonly servers: readonly Server[];
  readonly volumes: ReadonlyMap<string, Volume>;
}

export interface Planned extends CyclePlan {
  readonly assignment: Assignment;
  readonly tracks: readonly Track[];
}

/** What is seen of each step, by whoever judges it. */
export interface Watcher {
  planned(plan: Planned, seen: { readonly now: Date; readonly listing: Listing }): void;
  /** Before the request leaves. */
  posting(job: Job): void;
  /** Also of what was made before the world begins. */
  born(policy: string, row: Backup): void;
  rotating(plan: RotationPlan, when: RotationQuestion): void;
  /** Before the DELETE leaves. */
  deleting(row: Backup, projectId: string): void;
}

export interface RotationQuestion {
  readonly now: Date;
  readonly projectId: string;
  readonly listing: Listing;
  readonly blocked: Reason | null;
  readonly expecting: readonly Expected[];
  /** Lifts pace and brake. */
  readonly unlimited?: boolean;
  readonly database?: Database;
  readonly policies?: ReadonlyMap<string, Policy>;
  readonly builtIn?: Policy;
  /** Asks for all children at once, instead of those that the plan wants to know. */
  readonly lookUpAll?: boolean;
}

const settleMs = 10 * 60_000;
const limits = { global: 4, perProject: 3, perPool: 4, perBackupService: 4 };

export class Machine {
  readonly world: World;
  database = new Database();
  #old: Database[] = [];
  builtIn: Policy;
  readonly policies: Map<string, Policy>;
  readonly #removed = new Map<string, Policy>();
  attached: readonly string[];
  #isExcluded = false;
  #previous: ClockReading | null = null;
  readonly #watcher: Watcher;

  constructor(scenario: Scenario, watcher: (machine: Machine) => Watcher) {
    this.world = new World(scenario);
    this.policies = new Map(scenario.policies.map((policy) => [policy.name, policy]));
    this.builtIn = scenario.policies[0]!;
    this.attached = scenario.attached;
    this.#watcher = watcher(this);
    playHistory(this, scenario, (policy, row) => this.#watcher.born(policy, row));
  }

  /** As it was one or two passes ago. */
  get old(): Database {
    return this.#old[0] ?? new Database();
  }

  get settings(): ConductorSettings {
    const read: Pick<ConductorSettings, "policy" | "selection" | "timeZone" | "nameTemplate" | "fromSnapshotTypes"> = {
      fromSnapshotTypes: [],
      policy: this.builtIn,
      selection,
      timeZone: this.builtIn.timeZone,
      nameTemplate: "{VOLUME_NAME}-{VOLUME_ID}",
    };
    return read as ConductorSettings;
  }

  bookOf(policies: ReadonlyMap<string, Policy>): PolicyBook {
    const rule: Rule = {
      name: "all",
      priority: 10,
      match: { kind: "all", of: [] },
      effect: { kind: "attach", policies: this.attached, retention: new Map(), continue: false },
    };
    return {
      policies,
      rules: this.attached.length === 0 ? [] : [rule],
      exclusions: this.#isExcluded ? [{ scope: "volume", id: "volume-0", reason: "scratch", until: null }] : [],
      version: null,
    };
  }

  get isExcluded(): boolean {
    return this.#isExcluded;
  }

  /** A copy: what was listed stays as it was. */
  get whole(): Listing {
    return { servers: [...this.world.servers], volumes: new Map(this.world.volumes) };
  }

  setDatabase(becomes: "lost" | "old"): void {
    this.database = becomes === "lost" ? new Database() : new Database(this.old);
  }

  change(at: number, change: PolicyChange): void {
    const names = ["default", "gold", "thin"];
    const name = names[at % names.length]!;
    const policy = this.policies.get(name);
    if (change === "rule") this.attached = this.attached.length === 0 ? ["gold", "thin"] : this.attached.slice(1);
    if (change === "exclude") this.#isExcluded = !this.#isExcluded;
    const removed = this.#removed.get(name);
    if (change === "restore" && removed !== undefined && policy === undefined) this.policies.set(name, removed);
    if (policy === undefined) return;
    if (change === "remove" && name !== this.builtIn.name) {
      this.policies.delete(name);
      this.#removed.set(name, policy);
      return;
    }
    const changed = changedPolicy(policy, change);
    this.policies.set(name, changed);
    if (name === this.builtIn.name) this.builtIn = changed;
  }

  /** What protects what; worked out once for the same question. */
  assign(
    now: Date,
    listing: Listing,
    database = this.database,
    policies: ReadonlyMap<string, Policy> = this.policies,
  ): Assignment {
    const { builtIn } = this;
    const book = this.bookOf(policies);
    const what = [
      now.getTime(),
      listing,
      database.overrides,
      builtIn,
      ...policies.values(),
      this.attached,
      this.#isExcluded,
    ];
    const known = this.#assigned;
    if (known?.what.length === what.length && known.what.every((each, index) => each === what[index]))
      return known.said;
    const said = assignPolicies({
      now,
      ...listing,
      projects: new Map(),
      selection,
      book,
      builtIn,
      overridesSeen: database.overrides,
      readsPlatform9: true,
    });
    this.#assigned = { what, said };
    return said;
  }

  #assigned: { readonly what: readonly unknown[]; readonly said: Assignment } | null = null;

  plan(now: Date, listing: Listing, database = this.database): Planned {
    const assignment = this.assign(now, listing, database);
    const tracks = tracksOf(assignment.targets, now);
    const points = readByMechanism({
      backups: this.world.rows.values(),
      catalogue: database.catalogue,
      userIds: new Set([us]),
    });
    const slots = new Set(tracks.map(({ slot }) => slot.id));
    const jobs = [...database.jobs.values()].filter((job) => isOpen(job) || slots.has(job.slot));
    const plan = planTracks(
      this.settings,
      { runId: "run", now, assignment, tracks, inventory: listing, jobs, overridesSeen: database.overrides },
      (mechanism) => points[mechanism],
    );
    return { ...plan, assignment, tracks };
  }

  /** Plans as the conductor does: reads, plans, asks for the children that the plan wants to know, until it wants no more. */
  rotation(question: RotationQuestion): RotationPlan {
    const { database = this.database, listing, now, policies = this.policies, projectId } = question;
    const { rows } = this.world;
    const backups = [...rows.values()].filter((row) => row.projectId === projectId);
    const builtIn = question.builtIn ?? this.builtIn;
    const finder = policyFinder(
      { policyBook: () => this.bookOf(policies), settings: this.settings },
      this.assign(now, listing, database, policies),
    );
    const terms = retentionTerms(listing, { policy: builtIn, selection }, finder);
    const children = new Map<string, readonly string[]>();
    if (question.lookUpAll === true) for (const id of rows.keys()) children.set(id, this.world.children(id));
    const sinceMs = now.getTime() - dayMs;
    const sent = database.sent.filter((each) => each.projectId === projectId && each.atMs >= sinceMs && !each.wasNew);
    for (;;) {
      const points = readByMechanism({ backups, catalogue: database.catalogue, userIds: new Set([us]), children });
      const plan = planRotation({
        now,
        projectId,
        volumes: mechanisms.flatMap((mechanism) => [...points[mechanism].values()]),
        existingVolumeIds: question.blocked === "partial_scan" ? null : new Set(listing.volumes.keys()),
        ...terms,
        expecting: question.expecting,
        cloneSources: new Set(),
        deletedLast24h: sent.length,
        override: question.unlimited === true ? { projectId, count: 1e6, expiresAt: new Date(8.64e15) } : null,
        blocked: question.blocked,
      });
      const ask = plan.unverified.filter((id) => !children.has(id));
      if (ask.length === 0) return plan;
      for (const id of ask) {
        const found = this.world.children(id);
        children.set(id, found);
        if (question.database === undefined) for (const child of found) this.database.learn(child, id);
      }
    }
  }

  projects(): string[] {
    return [...new Set([...this.world.rows.values()].flatMap(({ projectId }) => projectId ?? []))];
  }

  /** One cycle. */
  pass(event: Pass): void {
    const { world } = this;
    world.nowMs += event.gapMs;
    this.#old = [...this.#old.slice(-1), new Database(this.database)];
    const clock = (): Date => new Date(world.nowMs + event.skewMs);
    const now = clock();
    const listing = this.#list(event.hides);
    const blocked = this.#whyBlocked(event, { now, listing });
    const { database } = this;
    this.#watch(now);
    if (event.proven) database.sync(world.rows);
    const plan = this.plan(now, listing);
    this.#watcher.planned(plan, { now, listing });
    database.overrides = plan.overridesSeen;
    const question = { listing, blocked, expecting: [] };
    if (event.prunes) {
      const expecting = plan.jobs.map(({ mechanism, policy, slot, volumeId }) => ({
        mechanism,
        policy,
        volumeId,
        at: new Date(slot),
      }));
      this.#rotate(event, { ...question, expecting }, clock);
    }
    for (const job of plan.jobs) database.jobs.set(job.key, job);
    const outcomes = event.outcomes.values();
    for (let round = 0; round < 3; round += 1) {
      const all = [...database.jobs.values()].filter(isOpen);
      const waiting = plan.jobs.flatMap(
        ({ key }) => all.find((job) => job.key === key && job.state === "planned") ?? [],
      );
      const picked = pickJobs({
        planned: waiting,
        inFlight: all.filter(({ state }) => state !== "planned"),
        limits,
        backupServicesUp: 1,
      });
      if (picked.length === 0) break;
      for (const job of picked) this.#submit(job, outcomes.next().value ?? "good", clock());
    }
    if (event.proven) database.sync(world.rows);
    this.#rotate(event, question, clock);
  }

  #list(hides: number | null): Listing {
    const { servers, volumes } = this.whole;
    if (hides === null) return { servers, volumes };
    const hidden = [...volumes.keys()][hides];
    return hidden === undefined
      ? { servers: servers.filter((_, index) => index !== hides % servers.length), volumes }
      : { servers, volumes: new Map([...volumes].filter(([id]) => id !== hidden)) };
  }

  #whyBlocked({ proven }: Pass, { now, listing }: { readonly now: Date; readonly listing: Listing }): Reason | null {
    const { database, world } = this;
    const rows = [...database.catalogue.values()].map(({ createdAt }) => createdAt.getTime());
    const reading: ClockReading = { wall: now, monotonicMs: world.nowMs };
    const newestRow = rows.length === 0 ? null : new Date(Math.max(...rows));
    const trust = clockTrusted({
      ...reading,
      previous: this.#previous,
      newestRow,
      serviceDate: new Date(world.nowMs),
    });
    this.#previous = reading;
    const size = { servers: listing.servers.length, volumes: listing.volumes.size };
    const partial = whyPartial(listing as Inventory, now, (database.lastGood ?? undefined) as Run | undefined);
    if (partial === null) database.lastGood = { startedAt: now, ...size };
    if (!trust.trusted) return "clock_jump";
    return partial !== null ? "partial_scan" : proven ? null : "unproven_reader";
  }

  /** Looks after the jobs that are open. */
  #watch(now: Date): void {
    const { database, world } = this;
    for (const job of [...database.jobs.values()].filter(isOpen)) {
      const found = [...world.rows.values()].find(
        (row) => row.userId === us && row.metadata[automated] === "True" && row.metadata["dirigent:key"] === job.key,
      );
      if (job.state === "planned" && now >= job.windowEndsAt) database.move(job.key, { state: "cancelled" });
      if (job.state === "submitting") {
        const isSettled = now.getTime() - Number(job.submittedAt) >= settleMs;
        if (found !== undefined) database.move(job.key, { state: "running", backupId: found.id });
        else if (isSettled && now < job.windowEndsAt) this.#submit({ ...job, state: "planned" }, "good", now);
        else if (isSettled) database.move(job.key, { state: "cancelled", reason: "window_missed" });
      }
      const running = database.jobs.get(job.key);
      if (running?.state === "running") this.#look(running, now);
    }
  }

  #look(job: Job, now: Date): void {
    const row = this.world.rows.get(job.backupId ?? "");
    const verdict = judgeBackup(job, row ?? "gone", now);
    if (verdict.kind === "failed")
      this.database.move(job.key, { state: "failed", reason: verdict.reason, endedAt: now });
    if (verdict.kind !== "good" || row === undefined) return;
    this.database.move(job.key, { state: "succeeded", reason: "succeeded" });
    this.database.sync(this.world.rows);
    this.database.learn(row.id, this.world.parents.get(row.id) ?? null);
  }

  #submit(job: Job, outcome: Outcome, now: Date): void {
    const { database, world } = this;
    this.#watcher.posting(job);
    const send = (sent: Job): Backup | null =>
      world.make({
        ...sent,
        isIncremental: sent.mode === "incremental",
        userId: us,
        status: outcome === "error" || outcome === "creating" ? outcome : "available",
        metadata: marksOf(sent, askedMarks(sent, indexSeen(database.overrides), { selection, policy: this.builtIn })),
      });
    database.jobs.set(job.key, { ...job, state: "submitting", submittedAt: now });
    if (outcome === "lost, not made") return;
    // A volume that has moved in between is not found with the token of its former project.
    const isElsewhere = world.volumes.get(job.volumeId)?.projectId !== job.projectId;
    if (outcome === "refused" || isElsewhere) {
      database.move(job.key, { state: "failed", reason: "refused", endedAt: now });
      return;
    }
    // What cannot be an incremental is refused as such, and made as a full.
    const row = send(job) ?? send({ ...job, mode: "full", parentId: null });
    if (row === null) {
      database.move(job.key, { state: "failed", reason: "refused", endedAt: now });
      return;
    }
    this.#watcher.born(job.policy, row);
    if (outcome === "lost, made") return;
    database.move(job.key, { state: "running", backupId: row.id });
    this.#look(database.jobs.get(job.key)!, now);
  }

  #rotate(
    { farewell }: Pass,
    question: Pick<RotationQuestion, "listing" | "blocked" | "expecting">,
    clock: () => Date,
  ): void {
    const { database, world } = this;
    for (const projectId of this.projects()) {
      const asked = { ...question, now: clock(), projectId };
      const plan = this.rotation(asked);
      this.#watcher.rotating(plan, asked);
      for (const { deletions } of plan.chains) {
        for (const { backup } of deletions) {
          this.#watcher.deleting(world.rows.get(backup.id)!, projectId);
          const wasNew = asked.now.getTime() - backup.createdAt.getTime() < dayMs;
          database.sent.push({ id: backup.id, projectId, atMs: asked.now.getTime(), wasNew });
          const entry = database.catalogue.get(backup.id);
          if (entry !== undefined) database.catalogue.set(backup.id, { ...entry, deleteSentAt: asked.now });
          if (farewell === "gone") world.rows.delete(backup.id);
          else world.set(backup.id, { status: farewell });
          // Each is seen gone before the next is sent.
          if (farewell !== "gone") break;
        }
      }
    }
  }
}

function changedPolicy(policy: Policy, change: PolicyChange): Policy {
  const { minimumRetentionMs, retentionMs, thinning, timeZone } = policy;
  switch (change) {
    case "shorter":
      return { ...policy, retentionMs: retentionMs === 0 ? 0 : Math.max(minimumRetentionMs, retentionMs / 3) };
    case "longer":
      return { ...policy, retentionMs: retentionMs * 3 };
    case "fewer":
      return thinning === null
        ? policy
        : { ...policy, thinning: { ...thinning, last: Math.max(1, thinning.last - 1), daily: 0, monthly: 0 } };
    case "more":
      return { ...policy, thinning: { ...(thinning ?? newestOnly(0, timeZone)), last: (thinning?.last ?? 0) + 2 } };
    case "by age":
      return { ...policy, thinning: null, retentionMs: Math.max(minimumRetentionMs, retentionMs, 2 * policy.periodMs) };
    case "zone":
      return { ...policy, timeZone: zones[(zones.findIndex((zone) => zone === timeZone) + 1) % zones.length]! };
    case "both":
      return { ...policy, mechanisms };
    case "remove":
    case "restore":
    case "rule":
    case "exclude":
      return policy;
  }
}
