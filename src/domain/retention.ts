import { isArchive } from "./archive.ts";
import type { BrakeOverride } from "./catalogue.ts";
import { chainsAbove, childrenToAsk, hasOutsideChildren, parentsToAsk, sureOf } from "./certainty.ts";
import { deletionCap, dueTimes, dueTimesOfMany } from "./pace.ts";
import type { Chain, Point, VolumePoints } from "./points.ts";
import type { Reason } from "./reasons.ts";
import { isPlain, readTerms, wouldDieAtMs, type Expected, type Terms, type View } from "./terms.ts";
import { diesAtMs, isLeaving, isThinned, viewVolume, whyWanted, wantedBecause, type VolumeView } from "./wanted.ts";

export interface RotationInput extends Terms {
  readonly now: Date;
  readonly projectId: string;
  /**
   * Every volume that has points of ours in this project, once for its backups and once for its snapshots; what is in other projects is only looked
   * at.
   */
  readonly volumes: readonly VolumePoints[];
  /** `null` when the volumes were not listed. */
  readonly existingVolumeIds: ReadonlySet<string> | null;
  /** Points that are about to be made in this project, where there is no room for them before others go. */
  readonly expecting?: readonly Expected[];
  /** Ids of the snapshots that volumes were made from. */
  readonly cloneSources?: ReadonlySet<string>;
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
  /** The first of {@link because}. */
  readonly reason: Reason;
  /** All that keeps it for its own sake, else the one reason. */
  readonly because: readonly Reason[];
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
  const volumes = [...input.volumes].sort((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
  const judgements = volumes.flatMap((volume) => judgeVolume(volume, input));
  const ours = volumes.flatMap(({ points }) => points).filter((point) => point.projectId === input.projectId);
  // Queued by the marks alone: what only the catalogue keeps holds its place in the queue, so that it never lets others through.
  const queue = judgements
    .filter((judgement) => judgement.deadByMarks)
    .flatMap((judgement) => turnsOf(judgement))
    // Stable: of equal times, as the volumes and their chains are ordered, and newest first within a chain.
    .sort((a, b) => a.dueMs - b.dueMs);

  const sure = new Set(volumes.flatMap(({ points }) => [...sureOf(points)]));
  const allowance = Math.max(0, deletionCap(ours, { nowMs, override: input.override, sure }) - input.deletedLast24h);
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

const orderOf = ({ volumeId, points }: VolumePoints): string => `${volumeId}/${points[0]?.backup.mechanism ?? ""}`;

interface Judgement {
  readonly volumeId: string;
  readonly chain: Chain;
  /** Reasons of the members that are wanted for their own sake. */
  readonly wanted: ReadonlyMap<Point, readonly Reason[]>;
  /** Members that counts let go of. */
  readonly thinned: ReadonlySet<Point>;
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
  const nowMs = input.now.getTime();
  const viewOf = (view: View): VolumeView =>
    viewVolume(points, { view, nowMs, terms: readTerms(volume, { expecting: [], ...input, view }) });
  const marks = viewOf("marks");
  const memory = viewOf("memory");
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
    const expiry = (point: Point): number => diesAtMs(point, marks);
    return {
      volumeId: volume.volumeId,
      chain,
      wanted: wantedMembers(chain, [memory, marks]),
      thinned: new Set(chain.members.filter((point) => isThinned(point, marks))),
      keep: aliveBecause(line, memory, gone) ?? byMarks,
      deadByMarks: byMarks === null,
      ask: new Set(byMarks === null ? [...unsure, ...childrenToAsk(chain, volume)] : []),
      diedMs: Math.max(...chain.members.map(expiry)),
      dueMs: byMarks === null ? dueOf(chain, { later: chains.slice(index + 1), view: marks }) : [],
    };
  });
}

/** Newest first, when each member of a dead chain is overdue. */
function dueOf(
  { members }: Chain,
  { later, view }: { readonly later: readonly Chain[]; readonly view: VolumeView },
): number[] {
  const newestFirst = [...members].reverse();
  const { nowMs, terms } = view;
  const context = {
    later: later.flatMap((chain) => chain.members),
    diesAtMs: (point: Point) => diesAtMs(point, view),
    nowMs,
  };
  const [first] = terms.groups;
  if (first !== undefined && isPlain(terms)) return dueTimes(newestFirst, { ...context, ...first });
  const isSnapshot = members[0]?.backup.mechanism === "snapshot";
  return dueTimesOfMany(newestFirst, {
    ...context,
    periodMs: Math.min(...terms.groups.map(({ periodMs }) => periodMs)),
    chainLength: isSnapshot ? 1 : Math.max(...terms.groups.map(({ fullEvery }) => fullEvery)),
    isArchive: (point) => terms.groups.some(({ archive }) => isArchive(point, archive)),
    wouldDieAtMs: (madeMs) =>
      Math.max(-Infinity, ...terms.groups.flatMap((group) => wouldDieAtMs(group, madeMs) ?? [])),
  });
}

function wantedMembers(chain: Chain, views: readonly VolumeView[]): ReadonlyMap<Point, readonly Reason[]> {
  const wanted = new Map<Point, readonly Reason[]>();
  for (const point of chain.members) {
    const reasons = new Set(views.flatMap((view) => whyWanted(point, view)));
    if (reasons.size > 0) wanted.set(point, [...reasons]);
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
  {
    volume,
    input,
  }: { readonly volume: VolumePoints; readonly input: Pick<RotationInput, "projectId" | "cloneSources"> },
): Reason | null {
  const { members } = chain;
  if (members.some(({ backup }) => input.cloneSources?.has(backup.id))) return "keep_has_volumes";
  if (members.some((point) => point.projectId !== input.projectId)) return "keep_has_children";
  if (hasOutsideChildren(chain, volume)) return "keep_has_children";
  if (members.some((point) => sharesImage(point, volume))) return "keep_shared_image";
  return members.some(isLeaving) ? "keep_pace" : null;
}

/**
 * With Ceph, all backups of a volume made from snapshots share one image: a second one fails, and deleting the failed row destroys the
 * first, which stays `available`. Whether that one is good says nothing here: what is known of its parents differs with the database (rule 5).
 */
export function sharesImage(point: Point, volume: VolumePoints): boolean {
  const fromSnapshot = ({ backup }: Point): boolean => backup.snapshotId !== null;
  if (!fromSnapshot(point) || point.backup.status !== "error") return false;
  const mayHaveData = (other: Point): boolean => other.backup.status !== "error" && !isLeaving(other);
  return volume.others.some(fromSnapshot) || volume.points.some((other) => fromSnapshot(other) && mayHaveData(other));
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
      if (chosen.has(point)) {
        const reason = deletionReason(point, judgement.thinned);
        return { point, action: "delete", reason, because: [reason] };
      }
      const [leaving, because = [leaving ?? others]] = [
        isLeaving(point) ? leavingReason(point) : null,
        judgement.wanted.get(point),
      ];
      return { point, action: "keep", reason: because[0] ?? others, because };
    });
  });
}

function deletionReason(point: Point, thinned: ReadonlySet<Point>): Reason {
  if (point.backup.status === "error" && point.entry?.deleteSentAt == null) return "failed_superseded";
  return thinned.has(point) ? "thinned" : "expired";
}

const leavingReason = (point: Point): Reason =>
  point.backup.status === "error_deleting" ? "delete_failed" : "keep_running";
