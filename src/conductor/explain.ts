import { assignVolume, contextOf, type Protection, type VolumeAssignment } from "../domain/assignment.ts";
import { openJobStates, type Job } from "../domain/catalogue.ts";
import { exclusionOf, type Exclusion } from "../domain/exclusions.ts";
import type { Backup, Mechanism, Project, Server, Volume } from "../domain/inventory.ts";
import { mechanisms } from "../domain/inventory.ts";
import { workKey } from "../domain/marks.ts";
import { byResource, noticesOfPoints, type Notice, type Skip } from "../domain/planner.ts";
import { readByMechanism, type Point, type VolumePoints } from "../domain/points.ts";
import type { Policy } from "../domain/policy.ts";
import type { Reason } from "../domain/reasons.ts";
import { readReleases, withReleased } from "../domain/release.ts";
import type { Decision } from "../domain/retention.ts";
import { inOrder, type Rule } from "../domain/rules.ts";
import { currentSlot, nextSlotStart, type Slot } from "../domain/slots.ts";
import { readTerms, type Terms } from "../domain/terms.ts";
import { tracksOf } from "../domain/tracks.ts";
import { diesAtMs } from "../domain/wanted.ts";
import { assignmentInput, policyFinder } from "./assign.ts";
import type { Conductor } from "./context.ts";
import { listPoints } from "./mechanism.ts";
import { ClockWatch } from "./memory.ts";
import { planTracks } from "./plan.ts";
import { planProjectRotation } from "./rotate.ts";
import { isProven, ourUserIds, retentionTerms, whyPartial, type Inventory } from "./scan.ts";

/** How it stands with the current slot of a policy. */
export type SlotState =
  | { readonly state: "done"; readonly pointId: string | null; readonly job: Job | null }
  | { readonly state: "running" | "failed"; readonly job: Job }
  /** Nothing is in its way: the next cycle makes it. */
  | { readonly state: "due"; readonly job: Job }
  | { readonly state: "waiting" | "missed" | "skipped"; readonly reason: Reason; readonly message: string | null }
  /** There was no slot yet. */
  | { readonly state: "before_first" };

export interface ExplainedTrack {
  readonly mechanism: Mechanism;
  readonly slot: Slot | null;
  readonly now: SlotState;
}

export interface ExplainedProtection extends Protection {
  readonly tracks: readonly ExplainedTrack[];
  readonly nextSlots: readonly Date[];
}

/** A restore point that exists, and what the next rotation says of it. */
export interface ExplainedPoint extends Decision {
  /** Until when it is kept for its own sake as things are; `null` while something without an end keeps it. */
  readonly keptUntil: Date | null;
  /** Id of the one whose key it has, too. */
  readonly duplicateOf: string | null;
}

/** A rule, and whether it was reached and matched. */
export interface ExplainedRule {
  readonly rule: Rule;
  readonly matched: boolean;
  readonly lookedAt: boolean;
}

export interface Explanation {
  readonly volume: Volume;
  readonly project: Pick<Project, "id" | "name">;
  /** That it is attached to, as far as they are listed. */
  readonly servers: readonly Server[];
  readonly excluded: string | null;
  /** The entry of the operators' file that leaves it out; `null` also when a rule does. */
  readonly exclusion: Exclusion | null;
  /** When its snapshots go because its owner lets go of them; no new ones are made until then, and after. `null`: he does not. */
  readonly releasedAt: Date | null;
  readonly rules: readonly ExplainedRule[];
  readonly protections: readonly ExplainedProtection[];
  /** What is wrong with its requests, what waits, what is odd about its restore points. */
  readonly notices: readonly Notice[];
  /** Of ours, oldest first. */
  readonly points: readonly ExplainedPoint[];
  /** Of others, and those whose marks are not what they should be. */
  readonly others: readonly Point[];
  /** Why nothing at all would be deleted; `null` when nothing forbids it. */
  readonly blocked: Reason | null;
}

const shownSlots = 3;

/** Says all that decides about some volumes, from fresh listings. Writes nothing anywhere. */
export async function explainVolumes(
  conductor: Conductor,
  inventory: Inventory,
  volumeIds: readonly string[],
  signal: AbortSignal,
): Promise<readonly Explanation[]> {
  const { clock, reader, repository, settings } = conductor;
  const [newest] = await repository.runs({ limit: 1 });
  const [lastGood] = await repository.runs({ limit: 1, scanGood: true });
  const now = clock.now();
  const partial = whyPartial(inventory, now, lastGood) !== null;
  const clockTrusted = new ClockWatch().check(conductor, newest?.startedAt ?? null).trusted;
  const input = await assignmentInput(conductor, inventory, { now, signal });
  const context = contextOf(input);
  const projects = new Map((await reader.projects(signal)).map((project) => [project.id, project]));
  const base = {
    conductor,
    inventory,
    now,
    signal,
    userIds: await ourUserIds(conductor, signal),
    existingVolumeIds: partial ? null : inventory.volumeIds,
    blocked: !clockTrusted ? ("clock_jump" as const) : partial ? ("partial_scan" as const) : null,
  };
  const explained: Explanation[] = [];
  for (const id of volumeIds) {
    const volume = inventory.volumes.get(id);
    if (volume === undefined) continue;
    const said = assignVolume(volume, context);
    const servers = context.serversOf.get(id) ?? [];
    const targets = new Map(
      said.protections.map(({ policy, server }) => [policy, [{ server, volumeIds: [id] }]] as const),
    );
    const terms = retentionTerms(inventory, settings, policyFinder(conductor, { targets }));
    const released = readReleases({
      volumes: [volume],
      rule: settings.release,
      seen: input.overridesSeen,
      now,
    });
    const releasedAt = released.dueAt.get(id) ?? null;
    const points = await readVolume(base, { volume, terms, releasedAt });
    // That it is asked for is said by itself.
    const invalid = released.notices.filter(({ reason }) => reason === "request_invalid");
    const requests = servers.flatMap((server) => context.serverRequests.get(server.id)?.notices ?? []);
    const { overridesSeen } = input;
    const planned = await planVolume(base, { volume, said, points: points.read, releasedAt, overridesSeen });
    const who = { volumeId: id, serverIds: servers.map((server) => server.id), projectId: volume.projectId };
    explained.push({
      volume,
      project: projects.get(volume.projectId) ?? { id: volume.projectId, name: volume.projectId },
      servers,
      excluded: said.excluded,
      exclusion: exclusionOf(input.book.exclusions, who, now),
      releasedAt,
      rules: rulesOf(input.book.rules, said),
      protections: planned.protections,
      notices: eachOnce([...said.notices, ...requests, ...invalid, ...planned.notices, ...points.notices]).sort(
        byResource,
      ),
      points: points.explained,
      others: points.others,
      blocked: points.blocked,
    });
  }
  return explained;
}

interface Base {
  readonly conductor: Conductor;
  readonly inventory: Inventory;
  readonly now: Date;
  readonly signal: AbortSignal;
  readonly userIds: ReadonlySet<string>;
  readonly existingVolumeIds: ReadonlySet<string> | null;
  readonly blocked: Reason | null;
}

/** Looked at are all rules until one ends it, with whichever server. */
function rulesOf(rules: readonly Rule[], { ruled }: VolumeAssignment): ExplainedRule[] {
  const ordered = inOrder(rules);
  const matched = new Set(ruled.flatMap(({ said }) => said.matched));
  const ends = ({ effect }: Rule): boolean => effect.kind === "exclude" || !effect.continue;
  const reached = ruled.map(({ said }) => {
    const last = ordered.findIndex((rule) => said.matched.includes(rule.name) && ends(rule));
    return last === -1 ? ordered.length : last + 1;
  });
  const count = Math.max(0, ...reached);
  return ordered.map((rule, index) => ({ rule, matched: matched.has(rule.name), lookedAt: index < count }));
}

type PointsByMechanism = Readonly<Record<Mechanism, ReadonlyMap<string, VolumePoints>>>;

/** What each policy has to do for the volume now. */
async function planVolume(
  { conductor, inventory, now }: Base,
  {
    volume,
    said,
    points,
    releasedAt,
    overridesSeen,
  }: {
    readonly volume: Volume;
    readonly said: VolumeAssignment;
    readonly points: PointsByMechanism;
    readonly releasedAt: Date | null;
    readonly overridesSeen: Parameters<typeof planTracks>[1]["overridesSeen"];
  },
): Promise<{ readonly protections: readonly ExplainedProtection[]; readonly notices: readonly Notice[] }> {
  const { repository, settings } = conductor;
  const targets = new Map(
    said.protections.map(({ policy, server }) => [policy, [{ server, volumeIds: [volume.id] }]] as const),
  );
  const tracks = tracksOf(targets, now);
  const keyOf = (policy: Policy, mechanism: Mechanism, slot: Slot): string =>
    workKey(volume.id, policy.name, slot.id, mechanism);
  const keys = tracks.map(({ policy, mechanism, slot }) => keyOf(policy, mechanism, slot));
  const ofSlots = keys.length === 0 ? [] : await repository.jobs({ keys });
  const open = await repository.jobs({ states: openJobStates, projectId: volume.projectId });
  const jobs = new Map([...open, ...ofSlots].map((job) => [job.key, job]));
  const assignment = { targets, excluded: new Map(), notices: [], overridesSeen: [] };
  const plan = planTracks(
    settings,
    { runId: "explain", now, assignment, tracks, inventory, jobs: [...jobs.values()], overridesSeen },
    (mechanism) => points[mechanism],
  );
  const due = new Map(plan.jobs.map((job) => [job.key, job]));
  const skips = new Map(plan.skips.map((skip) => [skip.key, skip]));
  return {
    notices: plan.notices,
    protections: said.protections.map((protection) => {
      const { policy } = protection;
      const slot = currentSlot(policy, now);
      return {
        ...protection,
        nextSlots: slotsAfter(policy, now),
        tracks: policy.mechanisms.map((mechanism) => {
          if (slot === null) return { mechanism, slot, now: { state: "before_first" as const } };
          const key = keyOf(policy, mechanism, slot);
          const ofVolume = points[mechanism].get(volume.id)?.points ?? [];
          const made = ofVolume.find(({ marks, entry }) => marks.key === key || entry?.key === key) ?? null;
          const isReleased = mechanism === "snapshot" && releasedAt !== null;
          const facts = { job: jobs.get(key), due: due.get(key), skip: skips.get(key), made, isReleased };
          return { mechanism, slot, now: stateOf(facts) };
        }),
      };
    }),
  };
}

function stateOf({
  job,
  due,
  skip,
  made,
  isReleased,
}: {
  readonly job: Job | undefined;
  readonly due: Job | undefined;
  readonly skip: Skip | undefined;
  readonly made: Point | null;
  readonly isReleased: boolean;
}): SlotState {
  if (job !== undefined) {
    if (job.state === "succeeded") return { state: "done", pointId: job.backupId, job };
    return { state: job.state === "failed" || job.state === "cancelled" ? "failed" : "running", job };
  }
  if (made !== null) return { state: "done", pointId: made.backup.id, job: null };
  if (isReleased) return { state: "skipped", reason: "release_requested", message: null };
  if (due !== undefined) return { state: "due", job: due };
  const reason = skip?.reason ?? "window_missed";
  const states: Partial<Record<Reason, "waiting" | "missed">> = {
    not_yet: "waiting",
    still_running: "waiting",
    too_soon: "waiting",
    window_missed: "missed",
  };
  return { state: states[reason] ?? "skipped", reason, message: skip?.message ?? null };
}

function slotsAfter(policy: Policy, now: Date): Date[] {
  const slots: Date[] = [];
  for (let at = now; slots.length < shownSlots;) slots.push((at = nextSlotStart(policy, at)));
  return slots;
}

/** The volume's restore points, and what its rotation would do. The project's brake is left aside: it is not about one volume. */
async function readVolume(
  { conductor, inventory, now, signal, userIds, existingVolumeIds, ...base }: Base,
  { volume, terms, releasedAt }: { readonly volume: Volume; readonly terms: Terms; readonly releasedAt: Date | null },
): Promise<{
  readonly read: PointsByMechanism;
  readonly explained: readonly ExplainedPoint[];
  readonly others: readonly Point[];
  readonly notices: readonly Notice[];
  readonly blocked: Reason | null;
}> {
  const { reader, repository, settings } = conductor;
  const rows: Backup[] = [];
  let proven = true;
  for (const mechanism of mechanisms) {
    const found = await Array.fromAsync(listPoints(reader, mechanism, { volumeId: volume.id }, signal));
    rows.push(...found);
    if (found.length > 0 && !(await isProven(conductor, mechanism, found, signal))) proven = false;
  }
  const projectIds = [...new Set(rows.flatMap(({ projectId }) => projectId ?? []))].sort();
  const entries = await Promise.all(projectIds.map((projectId) => repository.catalogue({ projectId })));
  const catalogue = new Map(entries.flat().map((entry) => [entry.backupId, entry]));
  const read = readByMechanism({ backups: rows, catalogue, userIds });
  const volumes = [...read.backup.values(), ...read.snapshot.values()];
  const notices = noticesOfPoints(volumes);
  const originals = duplicatesOf(volumes);
  const blocked = base.blocked ?? (proven ? null : "unproven_reader");
  const explained: ExplainedPoint[] = [];
  for (const projectId of projectIds) {
    const noBrake = { projectId, count: Number.MAX_SAFE_INTEGER, expiresAt: new Date(now.getTime() + 60_000) };
    const plan = await planProjectRotation(
      { ...conductor, settings: { ...settings, brakeOverrides: [noBrake] } },
      {
        runId: "explain",
        projectId,
        volumes,
        existingVolumeIds,
        terms,
        cloneSources: inventory.cloneSources,
        userIds,
        blocked,
      },
    );
    const untilOf = keptUntil(volumes, { ...terms, projectId });
    const { cloneSources } = inventory;
    const dueAt = new Map(releasedAt === null ? [] : [[volume.id, releasedAt]]);
    const decisions = blocked === null ? withReleased(plan.decisions, { dueAt, now, cloneSources }) : plan.decisions;
    const whenDue = withReleased(decisions, { dueAt, now: releasedAt ?? now, cloneSources });
    const goesThen = new Set(whenDue.flatMap(({ point, reason }) => (reason === "released" ? point : [])));
    for (const decision of decisions) {
      const { point } = decision;
      const until = endsByItself(decision) ? untilOf(point) : null;
      explained.push({
        ...decision,
        keptUntil: decision.reason === "released" ? null : goesThen.has(point) ? earlier(until, releasedAt) : until,
        duplicateOf: originals.get(point.backup.id) ?? null,
      });
    }
  }
  return {
    read,
    explained: explained.sort((a, b) => Number(a.point.backup.createdAt) - Number(b.point.backup.createdAt)),
    others: volumes.flatMap(({ others }) => others),
    notices,
    blocked,
  };
}

const earlier = (a: Date | null, b: Date | null): Date | null => (a === null || (b !== null && b < a) ? b : a);

const withoutEnd: ReadonlySet<Reason> = new Set(["keep_held", "keep_adopted", "keep_policy_gone", "keep_unreadable"]);

const endsByItself = ({ because }: Decision): boolean => !because.some((reason) => withoutEnd.has(reason));

/** By age and by counts; `null` where counts keep it: newer ones must push it out first. */
function keptUntil(
  volumes: readonly VolumePoints[],
  terms: Terms & { readonly projectId: string },
): (point: Point) => Date | null {
  const all = volumes.map((volume) => readTerms(volume, { expecting: [], ...terms, view: "memory" }));
  return (point) => {
    const own = all.find(({ of }) => of.has(point));
    const ms = own === undefined ? Infinity : diesAtMs(point, { view: "memory", terms: own });
    return Number.isFinite(ms) ? new Date(ms) : null;
  };
}

function duplicatesOf(volumes: readonly VolumePoints[]): ReadonlyMap<string, string> {
  const duplicates = new Map<string, string>();
  for (const { points } of volumes) {
    const first = new Map<string, string>();
    for (const { backup, marks } of points) {
      if (marks.key === null) continue;
      const original = first.get(marks.key);
      if (original === undefined) first.set(marks.key, backup.id);
      else duplicates.set(backup.id, original);
    }
  }
  return duplicates;
}

const eachOnce = (notices: readonly Notice[]): Notice[] => [
  ...new Map(
    notices.map((notice) => [JSON.stringify([notice.reason, notice.resourceId, notice.message]), notice]),
  ).values(),
];
