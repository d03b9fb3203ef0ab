import { assignVolume, contextOf, type VolumeAssignment } from "../domain/assignment.ts";
import { exclusionOf, type Exclusion } from "../domain/exclusions.ts";
import type { Project, Server, Volume } from "../domain/inventory.ts";
import { byResource, type Notice } from "../domain/planner.ts";
import type { Point } from "../domain/points.ts";
import type { Reason } from "../domain/reasons.ts";
import { readReleases } from "../domain/release.ts";
import { inOrder, type Rule } from "../domain/rules.ts";
import { assignmentInput, policyFinder } from "./assign.ts";
import type { Conductor } from "./context.ts";
import { explainGone } from "./explained-gone.ts";
import {
  explainPoints,
  type Braked,
  type ExplainBase,
  type ExplainedPoint,
  type ExplainedPoints,
} from "./explained-points.ts";
import { explainSlots, type ExplainedProtection } from "./explained-slots.ts";
import { ClockWatch } from "./memory.ts";
import type { RemovalPreview } from "./orders/removal.ts";
import { ProjectRotations } from "./project-rotations.ts";
import { ourUserIds, retentionTerms, whyPartial, type Inventory } from "./scan.ts";

/** A rule, and whether it was reached and matched. */
export interface ExplainedRule {
  readonly rule: Rule;
  readonly matched: boolean;
  readonly lookedAt: boolean;
}

export interface Explanation {
  readonly volumeId: string;
  /** `null`: it is gone. */
  readonly volume: Volume | null;
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
  /** Why nothing at all would be deleted; `null` when nothing forbids it, or there is nothing to delete. */
  readonly blocked: Reason | null;
  /** Set when it is the brake. */
  readonly braked: Braked | null;
  /** Whether rotation is on at all. */
  readonly rotationEnabled: boolean;
  /** Of a volume that is gone: what `prune --gone` would do with what is left of it. */
  readonly prune: RemovalPreview | null;
}

/** Says all that decides about some volumes, from fresh listings. Writes nothing anywhere. */
export async function explainVolumes(
  conductor: Conductor,
  inventory: Inventory,
  volumeIds: readonly string[],
  signal: AbortSignal,
): Promise<readonly Explanation[]> {
  const { settings } = conductor;
  const base = await readBase(conductor, inventory, signal);
  const { now } = base;
  const input = await assignmentInput(conductor, inventory, { now, signal });
  const context = contextOf(input);
  const projects = await projectNames(conductor, signal);
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
    const points = await explainPoints(base, { volumeId: id, terms, releasedAt });
    // That it is asked for is said by itself.
    const invalid = released.notices.filter(({ reason }) => reason === "request_invalid");
    const requests = servers.flatMap((server) => context.serverRequests.get(server.id)?.notices ?? []);
    const { overridesSeen } = input;
    const planned = await explainSlots(base, { volume, said, points: points.read, releasedAt, overridesSeen });
    const who = { volumeId: id, serverIds: servers.map((server) => server.id), projectId: volume.projectId };
    explained.push({
      volumeId: id,
      volume,
      project: projects(volume.projectId),
      servers,
      excluded: said.excluded,
      exclusion: exclusionOf(input.book.exclusions, who, now),
      releasedAt,
      rules: rulesOf(input.book.rules, said),
      protections: planned.protections,
      notices: eachOnce([...said.notices, ...requests, ...invalid, ...planned.notices, ...points.notices]).sort(
        byResource,
      ),
      prune: null,
      ...shownOf(points, conductor),
    });
  }
  return explained;
}

/**
 * The same of a volume that Cinder does not list any more. Nothing protects it; what is left of it is kept.
 * @returns null when nothing is left of it
 */
export async function explainGoneVolume(
  conductor: Conductor,
  inventory: Inventory,
  volumeId: string,
  signal: AbortSignal,
): Promise<Explanation | null> {
  const gone = await explainGone(await readBase(conductor, inventory, signal), volumeId);
  if (gone === null) return null;
  const { points, prune } = gone;
  const [first] = [...points.explained.map(({ point }) => point), ...points.others];
  const projects = await projectNames(conductor, signal);
  return {
    volumeId,
    volume: null,
    project: projects(first?.projectId ?? ""),
    servers: [],
    excluded: null,
    exclusion: null,
    releasedAt: null,
    rules: [],
    protections: [],
    notices: eachOnce(points.notices).sort(byResource),
    prune,
    ...shownOf(points, conductor),
  };
}

const shownOf = ({ blocked, braked, explained, others }: ExplainedPoints, { settings }: Conductor) => ({
  points: explained,
  others,
  blocked,
  braked,
  rotationEnabled: settings.rotationEnabled,
});

async function readBase(conductor: Conductor, inventory: Inventory, signal: AbortSignal): Promise<ExplainBase> {
  const { clock, repository } = conductor;
  const [newest] = await repository.runs({ limit: 1 });
  const [lastGood] = await repository.runs({ limit: 1, scanGood: true });
  const now = clock.now();
  const partial = whyPartial(inventory, now, lastGood) !== null;
  const clockTrusted = new ClockWatch().check(conductor, newest?.startedAt ?? null).trusted;
  const userIds = await ourUserIds(conductor, signal);
  const existingVolumeIds = partial ? null : inventory.volumeIds;
  const known = { conductor, inventory, now, signal, userIds, existingVolumeIds };
  return {
    ...known,
    blocked: !clockTrusted ? "clock_jump" : partial ? "partial_scan" : null,
    rotations: new ProjectRotations(known),
  };
}

async function projectNames(
  { reader }: Conductor,
  signal: AbortSignal,
): Promise<(id: string) => Pick<Project, "id" | "name">> {
  const projects = new Map((await reader.projects(signal)).map((project) => [project.id, project]));
  return (id) => projects.get(id) ?? { id, name: id };
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

const eachOnce = (notices: readonly Notice[]): Notice[] => [
  ...new Map(
    notices.map((notice) => [JSON.stringify([notice.reason, notice.resourceId, notice.message]), notice]),
  ).values(),
];
