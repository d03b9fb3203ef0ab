import assert from "node:assert/strict";
import { isOpen, type Job } from "../../../../src/domain/catalogue.ts";
import type { Backup, Volume } from "../../../../src/domain/inventory.ts";
import type { Policy } from "../../../../src/domain/policy.ts";
import { reasons } from "../../../../src/domain/reasons.ts";
import type { RotationPlan } from "../../../../src/domain/retention.ts";
import { Database } from "./database.ts";
import type { Listing, Machine, Planned, RotationQuestion, Watcher } from "./machine.ts";
import { dayMs, type Comparison } from "./scenario.ts";
import { chainOf, isGood, isOurs, newestOf, whyWanted, type Rules } from "./truth.ts";

/** What a point was made under. */
interface Birth {
  readonly row: Backup;
  readonly policy: Policy;
  readonly listing: Listing;
}

/** Judges every step by the five rules. It asks the code under test nothing but to decide once more, in another situation. */
export class Oracle implements Watcher {
  readonly #machine: Machine;
  readonly #births = new Map<string, Birth>();
  /** By the key of the job. */
  readonly #plannedUnder = new Map<string, Policy>();
  /** What was seen, so that a world in which nothing happens shows. */
  readonly seen: Set<string>;
  /** What is looked at beside in this pass. */
  compares: Comparison = "nothing";

  constructor(machine: Machine, seen: Set<string>) {
    this.#machine = machine;
    this.seen = seen;
  }

  planned(plan: Planned, { now, listing }: { readonly now: Date; readonly listing: Listing }): void {
    const { database, world } = this.#machine;
    // Rule 4: of each volume of each track one decision, with a reason.
    const expected = plan.tracks.flatMap(({ policy, mechanism, slot, targets }) =>
      targets.flatMap(({ server, volumeIds }) =>
        (volumeIds.length === 0 ? [server?.id ?? ""] : volumeIds).map(
          (id) =>
            `${id}/${policy.name}/${slot.id}${mechanism === "snapshot" ? "/snapshot" : ""} with ${server?.id ?? ""}`,
        ),
      ),
    );
    const decided = [...plan.jobs, ...plan.skips].map(({ key, serverId }) => `${key} with ${serverId}`);
    // A track whose window has passed tells of what it missed and makes nothing.
    assert.deepEqual(decided.sort(), expected.sort(), "rule 4: one decision for each volume");
    for (const { reason } of plan.skips) {
      assert.ok(reason in reasons, `rule 4: ${reason}`);
      this.seen.add(`skip: ${reason}`);
    }
    this.#assertProtected(plan, listing);
    assert.equal(new Set(plan.jobs.map(({ key }) => key)).size, plan.jobs.length, "rule 2: a key twice");
    const busy = new Set([...database.jobs.values()].filter(isOpen).map(({ volumeId }) => volumeId));
    for (const job of plan.jobs) {
      this.seen.add(`job: ${job.modeReason}`);
      this.#assertNew(job, database.jobs.get(job.key), now);
      assert.ok(!busy.has(job.volumeId), `rule 2: ${job.key} while another job is open`);
      this.#assertNotDone(job, database);
      this.#assertAllowed(job, listing);
      assert.ok(now < job.windowEndsAt, `${job.key} after its window`);
    }
    if (this.compares !== "plans") return;
    // Rule 5: no slot that is done is done again without a database.
    for (const forgetful of [new Database(), this.#machine.old]) {
      for (const job of this.#machine.plan(now, listing, forgetful).jobs) this.#assertNotDone(job, forgetful);
    }
    this.seen.add(world.rows.size > 0 ? "compared with an empty database" : "nothing to compare");
  }

  /** What Cinder never began is tried again a day later; nothing else is planned twice. */
  #assertNew({ key }: Job, before: Job | undefined, now: Date): void {
    if (before === undefined) return;
    this.seen.add("job: another try");
    assert.equal(before.state, "failed", `rule 2: ${key} was planned before`);
    assert.equal(before.backupId, null, `rule 2: ${key} was begun before`);
    assert.ok(now.getTime() - Number(before.endedAt) >= dayMs, `rule 2: ${key} was tried today`);
  }

  /** What a tag protects, and nobody has asked to have otherwise, is spoken of. */
  #assertProtected({ jobs, skips, tracks }: Planned, listing: Listing): void {
    const { builtIn, database, isExcluded } = this.#machine;
    if (!tracks.some(({ policy }) => policy === builtIn)) return;
    const isTagged = (metadata: Volume["metadata"]): boolean =>
      ["yes", "true"].includes(metadata["backup"]?.trim().toLowerCase() ?? "");
    const said = new Set(
      [...jobs, ...skips].map(({ volumeId, policy, mechanism }) => `${volumeId}/${policy}/${mechanism}`),
    );
    for (const volume of listing.volumes.values()) {
      const servers = listing.servers.filter(({ id }) => volume.serverIds.includes(id));
      const mayDiffer = [volume, ...servers].some(
        ({ id, metadata }) =>
          "backup_policy" in metadata ||
          database.overrides.some(({ key, resourceId }) => key === "backup_policy" && resourceId === id),
      );
      const isLeftOut = isExcluded && volume.id === "volume-0";
      if (isLeftOut)
        assert.ok(
          jobs.every(({ volumeId }) => volumeId !== volume.id),
          "excluded",
        );
      if (mayDiffer || isLeftOut || !servers.some(({ metadata }) => isTagged(metadata))) continue;
      for (const mechanism of builtIn.mechanisms) {
        assert.ok(said.has(`${volume.id}/${builtIn.name}/${mechanism}`), `rule 4: nothing is said of ${volume.id}`);
      }
    }
  }

  #assertAllowed(job: Job, { servers, volumes }: Listing): void {
    const volume = volumes.get(job.volumeId);
    assert.ok(volume !== undefined);
    assert.equal(job.projectId, volume.projectId, "rule 3: the volume's own project");
    const server = servers.find(({ id }) => id === job.serverId);
    assert.ok(server === undefined || server.projectId === volume.projectId, "rule 3: a server of another project");
    assert.ok(["available", "in-use"].includes(volume.status));
    const skip = volume.metadata["skip-volume-backup"];
    assert.ok(skip === undefined || skip === "false", "asks to be skipped");
    const policy = this.#machine.policies.get(job.policy);
    assert.ok(policy !== undefined);
    this.#plannedUnder.set(job.key, policy);
    const promisedMs = job.keepUntil.getTime() - Date.parse(job.slot);
    assert.ok(promisedMs >= policy.minimumRetentionMs, "promised less than the minimum");
    const asks = [volume, ...servers].some(
      ({ id, metadata }) => this.#hasAsked.has(id) || "backup_retention" in metadata,
    );
    if (!asks) assert.ok(promisedMs >= policy.retentionMs, "promised less than the policy says");
    if (policy.thinning !== null) assert.ok(job.retention !== null, "made without its rule");
  }

  /** Ids of servers and volumes that ever asked for another retention. */
  readonly #hasAsked = new Set<string>();

  asked(id: string | null, key: string): void {
    if (id !== null && key === "backup_retention") this.#hasAsked.add(id);
  }

  /** Rule 2: nothing of ours in Cinder has the key, nor does what the database knows of what is there. */
  #assertNotDone(job: Job, database: Database): void {
    for (const row of this.#machine.world.rows.values()) {
      if (!isOurs(row)) continue;
      const keys = [row.metadata["dirigent:key"], database.catalogue.get(row.id)?.key];
      assert.ok(!keys.includes(job.key), `rule 2: ${job.key} is done by ${row.id}`);
    }
  }

  posting(job: Job): void {
    // A lost answer is looked for by its key in Cinder alone.
    this.#assertNotDone(job, new Database());
  }

  born(name: string, row: Backup): void {
    // One that is made late was promised what its policy said when it was planned; that may be gone by now.
    const policy = this.#plannedUnder.get(row.metadata["dirigent:key"] ?? "") ?? this.#machine.policies.get(name);
    const { servers, volumes } = this.#machine.world;
    assert.ok(policy !== undefined);
    assert.equal(row.projectId, volumes.get(row.volumeId)?.projectId, "rule 3: in the volume's own project");
    this.#births.set(row.id, { row, policy, listing: { servers: [...servers], volumes: new Map(volumes) } });
  }

  rotating(plan: RotationPlan, when: RotationQuestion): void {
    const { world } = this.#machine;
    const { blocked, projectId } = when;
    const deletions = plan.chains.flatMap((chain) => chain.deletions.map(({ backup }) => backup.id));
    // Rule 4: of each point of ours one decision, with a reason.
    const ours = [...world.rows.values()].filter((row) => isOurs(row) && row.projectId === projectId);
    assert.deepEqual(
      plan.decisions.map(({ point }) => point.backup.id).sort(),
      ours.map(({ id }) => id).sort(),
      "rule 4: one decision for each point",
    );
    for (const { action, because, point, reason } of plan.decisions) {
      assert.ok(reason in reasons && because.length > 0, `rule 4: ${reason}`);
      assert.equal(action === "delete", deletions.includes(point.backup.id), "rule 4: what is deleted is said to be");
      this.seen.add(`${action}: ${reason}`);
    }
    if (plan.blocked !== null) {
      this.seen.add(`blocked: ${plan.blocked}`);
      assert.deepEqual(deletions, [], "rule 1: nothing on doubt");
    }
    if (blocked !== null) assert.equal(plan.blocked, blocked);
    this.#assertDead(deletions, when);
    this.#assertBrake(deletions, ours, when);
    if (blocked === null) this.#compare(when);
  }

  /** Rule 1, by the truth. */
  #assertDead(deletions: readonly string[], when: RotationQuestion): void {
    const { world } = this.#machine;
    if (deletions.length === 0) return;
    const rules = this.#rulesOf(when);
    const left = new Map(world.rows);
    for (const id of deletions) {
      const row = world.rows.get(id)!;
      assert.ok(isOurs(row) && row.projectId === when.projectId, "rule 1: only what is ours");
      const chain = chainOf(world, row);
      const newest = newestOf(world.rows.values(), (each) => isSame(each, row) && isGood(world, each));
      if (newest === undefined)
        assert.ok(
          chain.every(({ status }) => status === "error"),
          "rule 1: nothing good is left",
        );
      else assert.ok(!chain.includes(newest), `rule 1: ${id} is of the newest good chain`);
      for (const member of chain) {
        const why = whyWanted(member, rules);
        assert.equal(why, undefined, `rule 1: ${id} goes, and ${member.id} of its chain is wanted`);
      }
      // Newest first: nothing that is left builds on it.
      const children = [...left.keys()].filter((each) => world.parents.get(each) === id);
      assert.deepEqual(children, [], `rule 1: ${id} before its children`);
      const siblings = chain.filter((each) => left.has(each.id) && each.createdAt > row.createdAt);
      assert.deepEqual(siblings, [], "rule 1: newest first");
      left.delete(id);
    }
  }

  #assertBrake(deletions: readonly string[], ours: readonly Backup[], { now, projectId }: RotationQuestion): void {
    if (deletions.length === 0) return;
    const { database, world } = this.#machine;
    const sinceMs = now.getTime() - dayMs;
    const isNew = (row: Backup): boolean => row.createdAt.getTime() > sinceMs;
    const fresh = ours.filter((row) => isNew(row) && isGood(world, row)).length;
    const sent = database.sent.filter(
      (each) => each.projectId === projectId && each.atMs > sinceMs && !each.wasNew,
    ).length;
    const cap = Math.max(10, 0.15 * ours.length) + fresh;
    assert.ok(sent + deletions.length <= cap, `rule 1: ${sent} and ${deletions.length} more than ${cap} in a day`);
  }

  #rulesOf({ expecting, listing, now }: RotationQuestion): Rules {
    const { builtIn, database, policies, world } = this.#machine;
    return { world, now, listing, policies, builtIn, catalogue: database.catalogue, expecting };
  }

  /** Rule 5: no database makes rotation delete what it would keep with none. */
  #compare(when: RotationQuestion): void {
    const { database, old } = this.#machine;
    const all = { ...when, lookUpAll: true, expecting: [], unlimited: this.compares !== "tonight" };
    if (this.compares === "tenants") this.#compareTenants({ ...all, database });
    if (this.compares !== "all" && this.compares !== "tonight") return;
    const empty = this.#deadBy({ ...all, database: new Database() });
    for (const some of [database, old]) {
      assertSubset(this.#deadBy({ ...all, database: some }), empty, "rule 5: more than with an empty database");
    }
    this.seen.add(`compared ${this.compares}: ${empty.size > 0 ? "something" : "nothing"} dead`);
  }

  #deadBy(question: RotationQuestion): Set<string> {
    const { chains } = this.#machine.rotation(question);
    return new Set(chains.flatMap((chain) => chain.deletions.map(({ backup }) => backup.id)));
  }

  /** What was made of a volume while one thing was asked for is not gone earlier because another one is today. */
  #compareTenants(question: RotationQuestion): void {
    const { world } = this.#machine;
    const dead = this.#deadBy(question);
    for (const id of dead) {
      const { volumeId } = world.rows.get(id)!;
      const rows = [...world.rows.values()].filter((row) => row.volumeId === volumeId && isOurs(row));
      const births = rows.map((row) => {
        const birth = this.#births.get(row.id);
        return birth?.row.metadata === row.metadata ? birth : undefined;
      });
      const [first] = births;
      if (
        first === undefined ||
        !births.every(
          (birth) => birth !== undefined && asksOf(birth.listing, volumeId) === asksOf(first.listing, volumeId),
        )
      )
        continue;
      if (asksOf(first.listing, volumeId) === asksOf(question.listing, volumeId)) continue;
      this.seen.add("tenants have changed their minds");
      // A promise counts from the slot, and what is in force now from the making.
      const lateMs = rows.map((row) => row.createdAt.getTime() - Date.parse(row.metadata["dirigent:slot"] ?? ""));
      const then = new Date(question.now.getTime() + Math.max(0, ...lateMs));
      const before = this.#deadBy({ ...question, now: then, listing: first.listing });
      assert.ok(before.has(id), `${id} goes by what is asked for today alone`);
    }
  }

  /** All that is dead now, whatever pace and brake say. */
  dead(): Set<string> {
    const { world } = this.#machine;
    return new Set(
      this.#machine.projects().flatMap((projectId) => [
        ...this.#deadBy({
          now: new Date(world.nowMs),
          projectId,
          listing: this.#machine.whole,
          blocked: null,
          expecting: [],
          unlimited: true,
          database: this.#machine.database,
          lookUpAll: true,
        }),
      ]),
    );
  }

  pointIds(): Iterable<string> {
    return this.#machine.world.rows.keys();
  }

  /** Whether the policies of a volume were the same ever since its points were made. */
  isSettled(id: string): boolean {
    const { policies, world } = this.#machine;
    const { volumeId } = world.rows.get(id)!;
    return [...world.rows.values()].every((row) => {
      if (row.volumeId !== volumeId || !isOurs(row)) return true;
      const birth = this.#births.get(row.id);
      return (
        birth !== undefined && birth.row.metadata === row.metadata && policies.get(birth.policy.name) === birth.policy
      );
    });
  }

  deleting(row: Backup, projectId: string): void {
    const { database, world } = this.#machine;
    assert.ok(isOurs(row));
    assert.equal(row.projectId, projectId, "rule 3: with a token of its own project");
    assert.ok(row.status === "available" || row.status === "error");
    assert.ok(!("dirigent:hold" in row.metadata) && database.catalogue.get(row.id)?.held !== true, "held");
    assert.deepEqual(world.children(row.id), []);
    assert.notEqual(newestOf(world.rows.values(), (each) => isSame(each, row) && isGood(world, each))?.id, row.id);
  }
}

const isSame = (a: Backup, b: Backup): boolean =>
  a.volumeId === b.volumeId && a.mechanism === b.mechanism && a.projectId === b.projectId;

const asksOf = ({ servers, volumes }: Listing, volumeId: string): string => {
  const volume = volumes.get(volumeId);
  const own = servers.filter(({ id }) => volume?.serverIds.includes(id));
  return JSON.stringify([volume?.metadata, ...own.map(({ metadata }) => metadata)]);
};

export function assertSubset(small: ReadonlySet<string>, large: ReadonlySet<string>, message: string): void {
  assert.deepEqual(
    [...small].filter((id) => !large.has(id)),
    [],
    message,
  );
}
