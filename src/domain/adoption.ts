import { AdoptableChains } from "./adoption-chains.ts";
import type { CatalogueEntry } from "./catalogue.ts";
import type { Backup, Volume } from "./inventory.ts";
import { automatedMark, isMark, mark, markTime, readMarks, workKey } from "./marks.ts";
import { manualSlotId } from "./orders.ts";
import { countOf, defaultCount } from "./peers/platform9.ts";
import { newSnapSentryCache, readSnapSentry } from "./peers/snapsentry.ts";
import { peerOf, type Peer } from "./peers/peer.ts";
import { readPeerSnapshot, type PeerSnapshot } from "./peers/snapshots.ts";
import { kindOf, pointTime } from "./points.ts";
import { newestOnly, type Policy } from "./policy.ts";
import type { Reason } from "./reasons.ts";
import { currentSlot } from "./slots.ts";
import { formatRule } from "./thinning-text.ts";

/** What an operator said beside the backups and snapshots. */
export interface AdoptionWish {
  /** Only those of this creator; `null`: whoever made them. */
  readonly createdBy: string | null;
  /** Take over the peer's own expiry or count as well; otherwise they are kept until somebody lets them go. */
  readonly withRetention: boolean;
  /** In place of the one that the peer's marks name. */
  readonly policy: string | null;
}

/** What one backup or snapshot becomes. */
export interface Adoption {
  readonly point: Backup;
  readonly peer: Peer | null;
  /** Of an incremental, as the reader found it; ours, or adopted before it. */
  readonly parentId: string | null;
  readonly policy: string;
  /** A slot of the policy where the peer made it for the same one; otherwise one of its own, which satisfies none. */
  readonly slot: string;
  readonly keepUntil: Date | null;
  /** Text of the rule that keeps it. */
  readonly retention: string | null;
  /** What the database knew of it before. */
  readonly entry: CatalogueEntry | null;
  /** All of its metadata from then on. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface AdoptionRefusal {
  readonly point: Backup;
  readonly reason: Reason;
  readonly message: string | null;
}

export interface AdoptionPlan {
  /** Parents before what is built on them. */
  readonly adoptions: readonly Adoption[];
  readonly refusals: readonly AdoptionRefusal[];
}

interface Context {
  readonly wish: AdoptionWish;
  readonly now: Date;
  readonly policies: ReadonlyMap<string, Policy>;
  readonly volumes: ReadonlyMap<string, Pick<Volume, "metadata">>;
  readonly userIds: ReadonlySet<string>;
  /** By the id of the backup or snapshot. */
  readonly catalogue: ReadonlyMap<string, CatalogueEntry>;
  /** Of incrementals that are to be adopted and of those they are built on: their real parents, as the reader found them. */
  readonly parents: ReadonlyMap<string, string | null>;
  /** All backups of their volumes, by id. */
  readonly siblings: ReadonlyMap<string, Backup>;
}

/** The policy of what was made by hand. No policy of this name can be configured. */
export const adoptedPolicy = "adopted";

/**
 * What would become of backups and snapshots that others made. Each gets our marks beside its own metadata. What carries an earlier adoption's marks keeps
 * them: after a lost database the same order confirms it. A backup is adopted with all that it is built on, or not at all.
 */
export function planAdoption(points: readonly Backup[], context: Context): AdoptionPlan {
  const adoptions: Adoption[] = [];
  const refusals: AdoptionRefusal[] = [];
  const taken = new Set([...context.catalogue.values()].map(({ key }) => key));
  const chains = new AdoptableChains({ ...context, isOurs: (point) => isOurs(point, context) });
  const oldestFirst = points.toSorted((a, b) => pointTime(a) - pointTime(b) || (a.id < b.id ? -1 : 1));
  for (const point of chains.parentsFirst(oldestFirst)) {
    const refusal = whyNot(point, context) ?? chains.whyIncomplete(point);
    if (refusal !== null) refusals.push({ point, ...refusal });
    else {
      chains.accept(point);
      const adoption = adopt(point, taken, context);
      taken.add(adoption.metadata[mark.key] ?? "");
      adoptions.push(adoption);
    }
  }
  return { adoptions, refusals };
}

const isOurs = (point: Backup, { catalogue, userIds }: Context): boolean =>
  kindOf(point, userIds, catalogue.get(point.id)) === "ours";

function whyNot(point: Backup, context: Context): { reason: Reason; message: string | null } | null {
  const { wish } = context;
  const { failReason, mechanism, metadata, snapshotId, status, userId } = point;
  const refuse = (reason: Reason, message: string | null = null) => ({ reason, message });
  if (userId === null) return refuse("unproven_reader");
  const { adopted, keepUntil, retention } = readMarks(metadata);
  const isPromised = adopted && (keepUntil !== null || retention !== null);
  if (isOurs(point, context) && !(wish.withRetention && isWithoutRetention(point, context))) {
    return refuse("already_ours");
  }
  if (wish.createdBy !== null && userId !== wish.createdBy) return refuse("other_creator", userId);
  if (status !== "available" || failReason) return refuse("not_finished", failReason ?? status);
  // With Ceph it may be a good one by its looks only, and what is deleted beside it may be its data.
  if (mechanism === "backup" && snapshotId !== null) return refuse("made_from_snapshot", snapshotId);
  if (wish.policy !== null && policyOf(point, wish.policy, context) === undefined) {
    return refuse("no_such_policy", wish.policy);
  }
  if (!wish.withRetention || isPromised || termsOf(point, context) !== null) return null;
  return refuse("no_retention_known", "name the policy that it is to be kept by");
}

/** Adopted once, and nobody has said since how long it is to be kept. */
function isWithoutRetention({ id, metadata }: Backup, { catalogue }: Context): boolean {
  const entry = catalogue.get(id);
  const marks = readMarks(metadata);
  return (
    entry?.adopted === true &&
    [entry, marks].every(({ keepUntil, retention }) => keepUntil === null && retention === null)
  );
}

function adopt(point: Backup, taken: ReadonlySet<string | null>, context: Context): Adoption {
  const { now, wish } = context;
  const { id, mechanism, metadata, volumeId } = point;
  const peer = snapshotOfPeer(point);
  const parentId = point.isIncremental ? (context.parents.get(id) ?? null) : null;
  const before = readMarks(metadata);
  const policy = wish.policy ?? (before.adopted ? before.policy : null) ?? peer?.policy ?? adoptedPolicy;
  const terms = (wish.withRetention ? termsOf(point, context) : null) ?? { keepUntil: null, retention: null };
  const own = manualSlotId(`adopted-${id}`);
  const mapped = before.adopted ? before.slot : slotOf(point, peer, policy, context);
  const entry = context.catalogue.get(id) ?? null;
  const key = mapped === null ? null : workKey(volumeId, policy, mapped, mechanism);
  const isFree = mapped !== null && (!taken.has(key) || entry?.key === key);
  const slot = isFree ? mapped : own;
  // A promise that was made to it is never taken back.
  const keepUntil = before.adopted ? later(before.keepUntil, terms.keepUntil) : terms.keepUntil;
  const retention = (before.adopted ? before.retention : null) ?? terms.retention;
  const isKept = (key: string): boolean => !isMark(key) || (before.adopted && keptMarks.has(key));
  const theirs = Object.entries(metadata).filter(([key]) => isKept(key));
  return {
    point,
    peer: peerOf(point),
    parentId,
    policy,
    slot,
    keepUntil,
    retention,
    entry,
    metadata: {
      ...Object.fromEntries(theirs),
      [automatedMark]: "True",
      [mark.adopted]: (before.adopted ? metadata[mark.adopted] : undefined) ?? markTime(now),
      [mark.key]: workKey(volumeId, policy, slot, mechanism),
      [mark.policy]: policy,
      [mark.slot]: slot,
      ...(parentId === null ? {} : { [mark.parent]: parentId }),
      ...(keepUntil === null ? {} : { [mark.keepUntil]: markTime(keepUntil) }),
      ...(retention === null ? {} : { [mark.retention]: retention }),
    },
  };
}

/** What may have come to it since it was adopted. */
const keptMarks: ReadonlySet<string> = new Set([mark.hold, mark.verdict]);

/** SnapSentry and Platform9 make nothing but snapshots; their marks on a backup say nothing. */
const snapshotOfPeer = (point: Backup): PeerSnapshot | null =>
  point.mechanism === "snapshot" ? readPeerSnapshot(point) : null;

/** The slot of ours that the peer's window is; `null` where it is none. */
function slotOf(point: Backup, peer: PeerSnapshot | null, name: string, context: Context): string | null {
  if (peer === null || peer.policy !== name) return null;
  const policy = policyOf(point, name, context);
  if (policy === undefined) return null;
  if (peer.peer === "snapsentry") {
    const startsAt = peer.windowStartsAt;
    const slot = startsAt === null ? null : currentSlot(policy, startsAt);
    return slot !== null && slot.startsAt.getTime() === startsAt?.getTime() ? slot.id : null;
  }
  // Platform9 knows days only: what was made inside the window is the slot's.
  const slot = currentSlot(policy, point.createdAt);
  return slot !== null && point.createdAt < slot.windowEndsAt ? slot.id : null;
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
function termsOf(point: Backup, context: Context): Terms | null {
  const { volumes, wish } = context;
  if (wish.policy !== null) {
    const policy = policyOf(point, wish.policy, context);
    if (policy === undefined) return null;
    const promisedMs = Math.max(policy.retentionMs, policy.minimumRetentionMs);
    return {
      keepUntil: new Date(point.createdAt.getTime() + promisedMs),
      retention: policy.thinning === null ? null : formatRule(policy.thinning),
    };
  }
  const peer = snapshotOfPeer(point);
  if (peer === null) return null;
  if (peer.peer === "snapsentry") return { keepUntil: peer.keepUntil, retention: null };
  const asked = countOf(volumes.get(point.volumeId)?.metadata ?? {}, peer.policy, []);
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
