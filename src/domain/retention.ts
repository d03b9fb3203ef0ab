import type { BrakeOverride } from "./catalogue.ts";
import { chainsAbove, childrenToAsk, hasOutsideChildren, parentsToAsk } from "./certainty.ts";
import { deletionCap, dueTimes } from "./pace.ts";
import type { Chain, Point, VolumePoints } from "./points.ts";
import type { Policy } from "./policy.ts";
import type { Reason } from "./reasons.ts";
import { expiresAtMs, isLeaving, viewVolume, wantedBecause, type VolumeView } from "./wanted.ts";

export interface RotationInput {
  readonly now: Date;
  readonly projectId: string;
  /** Every volume that has points of ours in this project; what is in other projects is only looked at. */
  readonly volumes: readonly VolumePoints[];
  /** `null` when the volumes were not listed. */
  readonly existingVolumeIds: ReadonlySet<string> | null;
  /** The retention in force now for the existing points of a volume. */
  readonly retentionMsOf: (volumeId: string) => number;
  readonly policy: Policy;
  /**
   * Of this project: points to which a DELETE was sent in the last 24 hours, without those that had turned good in the same 24 hours (where
   * slots are short): rule 1 counts them on both sides.
   */
  readonly deletedLast24h: number;
  readonly override: BrakeOverride | null;
  /** Set when nothing may be deleted: `partial_scan`, `unproven_reader`, `clock_jump`. */
  readonly blocked: Reason | null;
}

/** A chain from which nothing is wanted any more. */
export interface DeadChain {
  readonly volumeId: string;
  readonly rootId: string;
  /** When the last of its promises passed. */
  readonly diedAt: Date;
  /** All that exist, oldest first. */
  readonly members: readonly Point[];
  /** What may be deleted now, newest first; each must be gone before the next is sent. Perhaps not all members: pace. */
  readonly deletions: readonly Point[];
}

/** What becomes of one point of ours, and why. */
export interface Decision {
  readonly point: Point;
  readonly action: "keep" | "delete";
  readonly reason: Reason;
}

export interface RotationPlan {
  /** In the order in which to work; only those with deletions. */
  readonly chains: readonly DeadChain[];
  /** One for every point of ours in the project. */
  readonly decisions: readonly Decision[];
  /** Why nothing at all is deleted, if so: the input's, or `brake`. */
  readonly blocked: Reason | null;
  /** Points that should have been deleted nights ago; above {@link allowance} the brake stops everything. */
  readonly overdue: number;
  /** How many may still be deleted today. */
  readonly allowance: number;
  /**
   * Ids of backups whose children the reader must list before more can be decided (then `readPoints` again, with `children`). The chains
   * in question stay until then. Empty on normal nights; full after a lost database.
   */
  readonly unverified: readonly string[];
}

/** Decides what rotation deletes in one project. Pure; see docs/design.md, "Retention". */
export function planRotation(input: RotationInput): RotationPlan {
  const nowMs = input.now.getTime();
  const volumes = [...input.volumes].sort((a, b) => (a.volumeId < b.volumeId ? -1 : 1));
  const judgements = volumes.flatMap((volume) => judgeVolume(volume, input));
  const ours = volumes.flatMap(({ points }) => points).filter((point) => point.projectId === input.projectId);
  // Queued by the marks alone: what only the catalogue keeps holds its place in the queue, so that it never lets others through.
  const queue = judgements
    .filter((judgement) => judgement.deadByMarks)
    .flatMap((judgement) => turnsOf(judgement))
    // Stable: of equal times, as the volumes and their chains are ordered, and newest first within a chain.
    .sort((a, b) => a.dueMs - b.dueMs);

  const allowance = Math.max(0, deletionCap(ours, { nowMs, override: input.override }) - input.deletedLast24h);
  const overdue = queue.filter((turn) => turn.dueMs <= nowMs).length;
  const clock: Reason | null = Number.isNaN(nowMs) ? "clock_jump" : null;
  // Written so that a figure which is not a number stops it.
  const blocked = input.blocked ?? clock ?? (overdue <= allowance ? null : "brake");

  const turns = blocked === null ? queue.slice(0, allowance) : [];
  // Braked, the overdue ones are still looked up: what was dead only by lost marks may prove to be alive.
  const looked = blocked === "brake" ? queue.filter((turn) => turn.dueMs <= nowMs) : turns;
  const deletions = Map.groupBy(
    turns.filter(({ judgement }) => judgement.keep === null && judgement.ask.size === 0),
    (turn) => turn.judgement,
  );
  return {
    chains: [...deletions].map(([judgement, chosen]) => ({
      volumeId: judgement.volumeId,
      rootId: judgement.chain.rootId,
      diedAt: new Date(Math.min(judgement.diedMs, nowMs)),
      members: judgement.chain.members,
      deletions: chosen.map((turn) => turn.point),
    })),
    decisions: decide(judgements, { deletions, blocked }).filter(({ point }) => point.projectId === input.projectId),
    blocked,
    overdue,
    allowance,
    unverified: [...new Set(looked.flatMap(({ judgement }) => [...judgement.ask]))],
  };
}

interface Judgement {
  readonly volumeId: string;
  readonly chain: Chain;
  /** Reasons of the members that are wanted for their own sake. */
  readonly wanted: ReadonlyMap<Point, Reason>;
  /** Why the others are kept; `null` when nothing keeps the chain. */
  readonly keep: Reason | null;
  /** Nothing keeps the chain when the catalogue is left aside. */
  readonly deadByMarks: boolean;
  readonly ask: ReadonlySet<string>;
  /** By the marks. */
  readonly diedMs: number;
  /** Newest first, when each member is overdue. */
  readonly dueMs: readonly number[];
}

function judgeVolume(volume: VolumePoints, input: RotationInput): Judgement[] {
  const chains = volume.chains.filter(({ members }) => members.some((point) => point.projectId === input.projectId));
  const points = volume.points.filter((point) => point.projectId === input.projectId);
  const retentionMs = retentionInForce(volume.volumeId, input);
  const unpromisedMs = Math.max(retentionMs, input.policy.retentionMs);
  const { archive } = input.policy;
  const context = { nowMs: input.now.getTime(), retentionMs, unpromisedMs, archive };
  const marks = viewVolume(points, { ...context, view: "marks" });
  const memory = viewVolume(points, { ...context, view: "memory" });
  // What supersedes the dead must be beyond doubt before they go.
  const unsure = [marks, memory].flatMap(({ newestGood }) =>
    newestGood === null ? [] : parentsToAsk(newestGood, volume),
  );
  const gone = input.existingVolumeIds !== null && !input.existingVolumeIds.has(volume.volumeId);
  return chains.map((chain, index) => {
    const fact = obstacle(chain, { volume, input });
    // What builds on a backup of somebody else's that builds on ours belongs to that chain, too.
    const line = [chain, ...chainsAbove(chain, volume)].flatMap(({ members }) => members);
    const byMarks = aliveBecause(line, marks, gone) ?? fact;
    const newestFirst = [...chain.members].reverse();
    const expiry = (point: Point): number => expiresAtMs(point, marks);
    return {
      volumeId: volume.volumeId,
      chain,
      wanted: wantedMembers(chain, [memory, marks]),
      keep: aliveBecause(line, memory, gone) ?? byMarks,
      deadByMarks: byMarks === null,
      ask: new Set(byMarks === null ? [...unsure, ...childrenToAsk(chain, volume)] : []),
      diedMs: Math.max(...chain.members.map(expiry)),
      dueMs: dueTimes(newestFirst, {
        later: chains.slice(index + 1).flatMap(({ members }) => members),
        expiresAtMs: expiry,
        nowMs: context.nowMs,
        policy: input.policy,
      }),
    };
  });
}

/** A retention that is no time at all (a damaged or empty policy) never means "delete". */
export function retentionInForce(
  volumeId: string,
  { retentionMsOf, policy }: Pick<RotationInput, "retentionMsOf" | "policy">,
): number {
  const retentionMs = Math.max(retentionMsOf(volumeId), policy.minimumRetentionMs);
  return retentionMs > 0 ? retentionMs : Infinity;
}

function wantedMembers(chain: Chain, views: readonly VolumeView[]): ReadonlyMap<Point, Reason> {
  const wanted = new Map<Point, Reason>();
  for (const point of chain.members) {
    const reason = views.map((view) => wantedBecause(point, view)).find((each) => each !== null);
    if (reason !== undefined) wanted.set(point, reason);
  }
  return wanted;
}

/** Why a line of points is not dead in one view. */
function aliveBecause(line: readonly Point[], view: VolumeView, gone: boolean): Reason | null {
  if (line.some((point) => wantedBecause(point, view) !== null)) return "keep_chain";
  if (view.newestGood === null) {
    // Failed ones restore nothing; anything else might, whatever made us doubt it.
    return line.every((point) => point.backup.status === "error") ? null : "keep_no_good";
  }
  if (line.includes(view.newestGood)) return gone ? "keep_last_of_gone" : "keep_newest_good";
  return null;
}

/** What Cinder shows that forbids deleting any of it, or makes it wait. */
export function obstacle(
  chain: Chain,
  { volume, input }: { readonly volume: VolumePoints; readonly input: Pick<RotationInput, "projectId"> },
): Reason | null {
  const { members } = chain;
  if (members.some((point) => point.projectId !== input.projectId)) return "keep_has_children";
  if (hasOutsideChildren(chain, volume)) return "keep_has_children";
  if (members.some((point) => sharesImage(point, volume))) return "keep_shared_image";
  return members.some(isLeaving) ? "keep_pace" : null;
}

/**
 * With Ceph, all backups of a volume made from snapshots share one image: a second one fails, and deleting the failed row destroys the
 * first, which stays `available`.
 */
export function sharesImage(point: Point, volume: VolumePoints): boolean {
  const fromSnapshot = ({ backup }: Point): boolean => backup.snapshotId !== null;
  if (!fromSnapshot(point) || point.backup.status !== "error") return false;
  return volume.others.some(fromSnapshot) || volume.points.some((other) => fromSnapshot(other) && other.goodByMarks);
}

/** One member's place in the queue. */
interface Turn {
  readonly judgement: Judgement;
  readonly point: Point;
  readonly dueMs: number;
}

const turnsOf = (judgement: Judgement): Turn[] =>
  [...judgement.chain.members].reverse().map((point, index) => ({
    judgement,
    point,
    dueMs: judgement.dueMs[index] ?? Infinity,
  }));

function decide(
  judgements: readonly Judgement[],
  outcome: {
    readonly deletions: ReadonlyMap<Judgement, readonly Turn[]>;
    readonly blocked: Reason | null;
  },
): Decision[] {
  return judgements.flatMap((judgement) => {
    const chosen = new Set(outcome.deletions.get(judgement)?.map((turn) => turn.point));
    const others =
      judgement.keep ?? outcome.blocked ?? (judgement.ask.size > 0 ? "keep_unverified" : ("keep_pace" as const));
    return judgement.chain.members.map((point): Decision => {
      if (chosen.has(point)) return { point, action: "delete", reason: deletionReason(point) };
      const own = judgement.wanted.get(point) ?? (isLeaving(point) ? leavingReason(point) : null);
      return { point, action: "keep", reason: own ?? others };
    });
  });
}

const deletionReason = (point: Point): Reason =>
  point.backup.status === "error" && point.entry?.deleteSentAt == null ? "failed_superseded" : "expired";

const leavingReason = (point: Point): Reason =>
  point.backup.status === "error_deleting" ? "delete_failed" : "keep_running";
