import type { CatalogueEntry } from "./catalogue.ts";
import type { Backup, Volume } from "./inventory.ts";
import { automatedMark, isMark, mark, markTime, readMarks, workKey } from "./marks.ts";
import { manualSlotId } from "./orders.ts";
import { countOf, defaultCount } from "./peers/platform9.ts";
import { newSnapSentryCache, readSnapSentry } from "./peers/snapsentry.ts";
import { readPeerSnapshot, type PeerSnapshot } from "./peers/snapshots.ts";
import { pointTime } from "./points.ts";
import { newestOnly, type Policy } from "./policy.ts";
import type { Reason } from "./reasons.ts";
import { currentSlot } from "./slots.ts";
import { formatRule } from "./thinning-text.ts";

/** What an operator said beside the snapshots. */
export interface AdoptionWish {
  /** Only snapshots of this creator; `null`: whoever made them. */
  readonly createdBy: string | null;
  /** Take over the peer's own expiry or count as well; otherwise they are kept until somebody lets them go. */
  readonly withRetention: boolean;
  /** In place of the one that the peer's marks name. */
  readonly policy: string | null;
}

/** What one snapshot becomes. */
export interface Adoption {
  readonly snapshot: Backup;
  readonly peer: PeerSnapshot["peer"] | null;
  readonly policy: string;
  /** A slot of the policy where the peer made it for the same one; otherwise one of its own, which satisfies none. */
  readonly slot: string;
  readonly keepUntil: Date | null;
  /** Text of the rule that keeps it. */
  readonly retention: string | null;
  /** All of its metadata from then on. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface AdoptionRefusal {
  readonly snapshot: Backup;
  readonly reason: Reason;
  readonly message: string | null;
}

export interface AdoptionPlan {
  readonly adoptions: readonly Adoption[];
  readonly refusals: readonly AdoptionRefusal[];
}

interface Context {
  readonly wish: AdoptionWish;
  readonly now: Date;
  readonly policies: ReadonlyMap<string, Policy>;
  readonly volumes: ReadonlyMap<string, Pick<Volume, "metadata">>;
  readonly userIds: ReadonlySet<string>;
  /** By snapshot id. */
  readonly catalogue: ReadonlyMap<string, CatalogueEntry>;
}

/** The policy of what was made by hand. No policy of this name can be configured. */
export const adoptedPolicy = "adopted";

/**
 * What would become of snapshots that others made. Each gets our marks beside its own metadata. What carries an earlier adoption's marks keeps them: after
 * a lost database the same order confirms it.
 */
export function planAdoption(snapshots: readonly Backup[], context: Context): AdoptionPlan {
  const adoptions: Adoption[] = [];
  const refusals: AdoptionRefusal[] = [];
  const taken = new Set([...context.catalogue.values()].map(({ key }) => key));
  for (const snapshot of snapshots.toSorted((a, b) => pointTime(a) - pointTime(b) || (a.id < b.id ? -1 : 1))) {
    const refusal = whyNot(snapshot, context);
    if (refusal !== null) refusals.push({ snapshot, ...refusal });
    else {
      const adoption = adopt(snapshot, taken, context);
      taken.add(adoption.metadata[mark.key] ?? "");
      adoptions.push(adoption);
    }
  }
  return { adoptions, refusals };
}

function whyNot(snapshot: Backup, context: Context): { reason: Reason; message: string | null } | null {
  const { catalogue, userIds, wish } = context;
  const { id, mechanism, metadata, status, userId } = snapshot;
  const refuse = (reason: Reason, message: string | null = null) => ({ reason, message });
  if (mechanism !== "snapshot") return refuse("not_a_snapshot");
  if (userId === null) return refuse("unproven_reader");
  const isMarkedNow = metadata[automatedMark] !== undefined;
  if (isMarkedNow && (userIds.has(userId) || catalogue.get(id)?.adopted === true)) return refuse("already_ours");
  if (wish.createdBy !== null && userId !== wish.createdBy) return refuse("other_creator", userId);
  if (status !== "available") return refuse("not_finished", status);
  const { adopted, keepUntil, retention } = readMarks(metadata);
  const isPromised = adopted && (keepUntil !== null || retention !== null);
  if (wish.withRetention && !isPromised && termsOf(snapshot, context) === null) return refuse("no_retention_known");
  return null;
}

function adopt(snapshot: Backup, taken: ReadonlySet<string | null>, context: Context): Adoption {
  const { now, wish } = context;
  const { id, metadata, volumeId } = snapshot;
  const peer = readPeerSnapshot(snapshot);
  const before = readMarks(metadata);
  const policy = wish.policy ?? (before.adopted ? before.policy : null) ?? peer?.policy ?? adoptedPolicy;
  const terms = (wish.withRetention ? termsOf(snapshot, context) : null) ?? { keepUntil: null, retention: null };
  const own = manualSlotId(`adopted-${id}`);
  const mapped = before.adopted ? before.slot : slotOf(snapshot, peer, policy, context);
  const isFree = mapped !== null && !taken.has(workKey(volumeId, policy, mapped, "snapshot"));
  const slot = isFree ? mapped : own;
  // A promise that was made to it is never taken back.
  const keepUntil = before.adopted ? later(before.keepUntil, terms.keepUntil) : terms.keepUntil;
  const retention = (before.adopted ? before.retention : null) ?? terms.retention;
  const theirs = Object.entries(metadata).filter(([key]) => !isMark(key) || (before.adopted && key === mark.hold));
  return {
    snapshot,
    peer: peer?.peer ?? null,
    policy,
    slot,
    keepUntil,
    retention,
    metadata: {
      ...Object.fromEntries(theirs),
      [automatedMark]: "True",
      [mark.adopted]: (before.adopted ? metadata[mark.adopted] : undefined) ?? markTime(now),
      [mark.key]: workKey(volumeId, policy, slot, "snapshot"),
      [mark.policy]: policy,
      [mark.slot]: slot,
      ...(keepUntil === null ? {} : { [mark.keepUntil]: markTime(keepUntil) }),
      ...(retention === null ? {} : { [mark.retention]: retention }),
    },
  };
}

/** The slot of ours that the peer's window is; `null` where it is none. */
function slotOf(snapshot: Backup, peer: PeerSnapshot | null, name: string, context: Context): string | null {
  if (peer === null || peer.policy !== name) return null;
  const policy = policyOf(snapshot, name, context);
  if (policy === undefined) return null;
  if (peer.peer === "snapsentry") {
    const startsAt = peer.windowStartsAt;
    const slot = startsAt === null ? null : currentSlot(policy, startsAt);
    return slot !== null && slot.startsAt.getTime() === startsAt?.getTime() ? slot.id : null;
  }
  // Platform9 knows days only: what was made inside the window is the slot's.
  const slot = currentSlot(policy, snapshot.createdAt);
  return slot !== null && snapshot.createdAt < slot.windowEndsAt ? slot.id : null;
}

/** A policy of the configuration, or one that the volume's metadata makes. */
const policyOf = ({ volumeId }: Backup, name: string, { policies, volumes }: Context): Policy | undefined => {
  const volume = volumes.get(volumeId);
  const asked = volume === undefined ? [] : readSnapSentry(volume, newSnapSentryCache()).policies;
  return policies.get(name) ?? asked.find((policy) => policy.name === name);
};

interface Terms {
  readonly keepUntil: Date | null;
  readonly retention: string | null;
}

/** How long it is kept: as the policy says that the operator names, else as its peer would keep it. */
function termsOf(snapshot: Backup, context: Context): Terms | null {
  const { volumes, wish } = context;
  if (wish.policy !== null) {
    const policy = policyOf(snapshot, wish.policy, context);
    if (policy === undefined) return null;
    const promisedMs = Math.max(policy.retentionMs, policy.minimumRetentionMs);
    return {
      keepUntil: new Date(snapshot.createdAt.getTime() + promisedMs),
      retention: policy.thinning === null ? null : formatRule(policy.thinning),
    };
  }
  const peer = readPeerSnapshot(snapshot);
  if (peer === null) return null;
  if (peer.peer === "snapsentry") return { keepUntil: peer.keepUntil, retention: null };
  const asked = countOf(volumes.get(snapshot.volumeId)?.metadata ?? {}, peer.policy, []);
  const own = context.policies.get(peer.policy)?.thinning ?? null;
  return {
    keepUntil: null,
    retention: formatRule(
      asked === null && own !== null ? own : newestOnly(Math.min(asked ?? defaultCount, mostCounted), "UTC"),
    ),
  };
}

/** What a mark can say. */
const mostCounted = 99_999;

const later = (a: Date | null, b: Date | null): Date | null => (a === null ? b : b === null || a > b ? a : b);
