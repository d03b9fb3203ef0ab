import { chainsAbove, childrenToAsk, parentsToAsk } from "./certainty.ts";
import type { Chain, Point, VolumePoints } from "./points.ts";
import type { Reason } from "./reasons.ts";
import { obstacle, sharesImage } from "./retention.ts";
import { readTerms, type Terms, type View } from "./terms.ts";
import { expiresAtMs, newestGood, settled, viewVolume, wantedBecause, type VolumeView } from "./wanted.ts";

/** Why a backup that an operator named, or that a prune looked at, stays. */
export interface Refusal {
  readonly backupId: string;
  readonly volumeId: string | null;
  readonly reason: Reason;
  readonly message: string | null;
}

/** What is deleted of one volume, newest first; each must be gone before the next is sent. */
export interface Removal {
  readonly volumeId: string;
  readonly deletions: readonly Point[];
}

export interface RemovalPlan {
  readonly removals: readonly Removal[];
  readonly refusals: readonly Refusal[];
  /** Ids of backups whose children the reader must list before this may be believed; then plan again. */
  readonly unverified: readonly string[];
}

const views: readonly View[] = ["memory", "marks"];

/** Why a backup that is not ours is left alone. */
const foreignReasons = {
  forged: "forged",
  unmarked: "unmarked",
  temporary: "temporary",
  foreign: "not_ours",
} as const satisfies Record<Exclude<Point["kind"], "ours">, Reason>;

const refusal = (point: Point, reason: Reason, message: string | null = null): Refusal => ({
  backupId: point.backup.id,
  volumeId: point.backup.volumeId,
  reason,
  message,
});

/**
 * Decides which of the backups that an operator named may be deleted. He may end a promise early; he cannot end a hold, take anything of the newest
 * good chain of a volume, or take what another backup needs. Pure.
 * @param volumes all backups of the volumes that they are of
 * @param existingVolumeIds only words depend on it: `null` when it is not known
 */
export function planRemoval(input: {
  readonly ids: readonly string[];
  readonly volumes: readonly VolumePoints[];
  readonly existingVolumeIds: ReadonlySet<string> | null;
  /** Ids of the snapshots that volumes were made from. */
  readonly cloneSources?: ReadonlySet<string>;
}): RemovalPlan {
  const named = new Set(input.ids);
  const listed = new Set(input.volumes.flatMap((volume) => everyPoint(volume).map(({ backup }) => backup.id)));
  const refusals: Refusal[] = [...named]
    .filter((id) => !listed.has(id))
    .map((backupId) => ({ backupId, volumeId: null, reason: "no_such_backup", message: null }));
  const removals: Removal[] = [];
  const ask = new Set<string>();
  for (const volume of input.volumes) {
    const gone = input.existingVolumeIds !== null && !input.existingVolumeIds.has(volume.volumeId);
    for (const other of volume.others) {
      if (named.has(other.backup.id)) refusals.push(refusal(other, foreignReasons[kindOfOther(other)]));
    }
    for (const chain of volume.chains) {
      const deletions: Point[] = [];
      const accepted = new Set<string>();
      for (const point of [...chain.members].reverse()) {
        if (!named.has(point.backup.id)) continue;
        const hasVolumes = input.cloneSources?.has(point.backup.id) === true;
        const reason = hasVolumes ? "keep_has_volumes" : whyKept(point, { chain, volume, gone });
        const children = dependentsOf(point, volume).filter((id) => !accepted.has(id));
        if (reason !== null) refusals.push(refusal(point, reason));
        else if (children.length > 0) refusals.push(refusal(point, "keep_has_children", children.join(", ")));
        else {
          deletions.push(point);
          accepted.add(point.backup.id);
        }
      }
      if (deletions.length === 0) continue;
      removals.push({ volumeId: volume.volumeId, deletions });
      for (const id of questions(chain, volume)) ask.add(id);
      for (const { backup, children } of deletions) if (children === null) ask.add(backup.id);
    }
  }
  return { removals, refusals, unverified: [...ask] };
}

const everyPoint = ({ points, others }: VolumePoints): readonly Point[] => [...points, ...others];

const kindOfOther = ({ kind }: Point): Exclude<Point["kind"], "ours"> => (kind === "ours" ? "foreign" : kind);

/** Rule 1 for one point, whoever asks. */
function whyKept(
  point: Point,
  { chain, volume, gone }: { readonly chain: Chain; readonly volume: VolumePoints; readonly gone: boolean },
): Reason | null {
  if (isHeld(point)) return "keep_held";
  if (point.backup.status === "error_deleting") return "delete_failed";
  if (!settled.has(point.backup.status)) return "keep_running";
  if (sharesImage(point, volume)) return "keep_shared_image";
  const line = lineOf(chain, volume);
  const own = volume.points.filter(({ projectId }) => projectId === point.projectId);
  for (const view of views) {
    const good = newestGood(own, view);
    if (good !== null && line.includes(good)) return gone ? "keep_last_of_gone" : "keep_newest_good";
    if (good === null && line.some(({ backup }) => backup.status !== "error")) return "keep_no_good";
  }
  return null;
}

const isHeld = ({ marks, entry }: Point): boolean => marks.held || entry?.held === true;

/** What builds on a backup of somebody else's that builds on ours belongs to that chain, too. */
const lineOf = (chain: Chain, volume: VolumePoints): readonly Point[] =>
  [chain, ...chainsAbove(chain, volume)].flatMap(({ members }) => members);

/** Ids of the backups that build on a point, as far as is known. */
function dependentsOf(point: Point, volume: VolumePoints): string[] {
  const { id } = point.backup;
  const known = everyPoint(volume).flatMap((other) => (other.parentId === id ? [other.backup.id] : []));
  return [...new Set([...known, ...(point.children ?? [])])];
}

/** What has to be asked before a chain is touched: its own dependants, and what the newest good point leans on. */
function questions(chain: Chain, volume: VolumePoints): readonly string[] {
  const good = views.flatMap((view) => newestGood(volume.points, view) ?? []);
  return [...good.flatMap((point) => parentsToAsk(point, volume)), ...childrenToAsk(chain, volume)];
}

/**
 * Why a backup of ours cannot be let go; `null` when it can. Nothing is deleted by it, but what we do not own is no good point for us: no other one may build on it, and of
 * the newest good chain it goes only with everything else that the volume has.
 * @param named all that are let go together
 */
export function whyNotDisowned(
  id: string,
  volume: VolumePoints,
  named: ReadonlySet<string>,
): Pick<Refusal, "reason" | "message"> | null {
  const point = volume.points.find(({ backup }) => backup.id === id);
  if (point === undefined || volume.points.every(({ backup }) => named.has(backup.id))) return null;
  const children = dependentsOf(point, volume).filter((child) => !named.has(child));
  if (children.length > 0) return { reason: "keep_has_children", message: children.join(", ") };
  const chain = volume.chains.find(({ members }) => members.includes(point));
  const good = newestGood(volume.points, "marks");
  const isNewest = good !== null && chain?.members.includes(good) === true;
  return isNewest ? { reason: "keep_newest_good", message: null } : null;
}

export interface PruneInput extends Terms {
  readonly now: Date;
  readonly volumes: readonly VolumePoints[];
  /** All volumes of the cloud, listed whole. */
  readonly existingVolumeIds: ReadonlySet<string>;
  readonly cloneSources?: ReadonlySet<string>;
}

/**
 * Decides what of volumes that are gone may be deleted: chains from which nothing is promised or held any more, the last one included. What counts keep does
 * not stay for them: no newer point will ever take its place. Pure.
 */
export function planPrune(input: PruneInput): RemovalPlan {
  const removals: Removal[] = [];
  const refusals: Refusal[] = [];
  const ask = new Set<string>();
  for (const volume of input.volumes) {
    if (input.existingVolumeIds.has(volume.volumeId)) continue;
    for (const chain of volume.chains) {
      const kept = keptOfGone(chain, volume, input);
      if (kept.length > 0) refusals.push(...kept);
      else {
        removals.push({ volumeId: volume.volumeId, deletions: [...chain.members].reverse() });
        for (const id of childrenToAsk(chain, volume)) ask.add(id);
        for (const { backup, children } of chain.members) if (children === null) ask.add(backup.id);
      }
    }
  }
  return { removals, refusals, unverified: [...ask] };
}

/** Why a chain of a volume that is gone stays: a line for each member, none when it may go. */
function keptOfGone(chain: Chain, volume: VolumePoints, input: PruneInput): Refusal[] {
  const projectId = chain.members[0]?.projectId ?? "";
  const own = volume.points.filter((point) => point.projectId === projectId);
  const context = { ...input, projectId, expecting: [] };
  const seen = views.map((view) =>
    viewVolume(own, {
      view,
      nowMs: input.now.getTime(),
      terms: readTerms(volume, { ...context, view }),
      byAgeOnly: true,
    }),
  );
  const reasons = new Map(lineOf(chain, volume).map((point) => [point, wantedOfGone(point, seen)]));
  const fact = obstacle(chain, { volume, input: { ...input, projectId } });
  if (fact === null && [...reasons.values()].every((reason) => reason === null)) return [];
  return chain.members.map((point) => refusal(point, reasons.get(point) ?? fact ?? "keep_chain", promiseOf(point)));
}

/** A failed backup is kept as a trace until a good one follows; here none ever will, so that only its promise counts. */
function wantedOfGone(point: Point, seen: readonly VolumeView[]): Reason | null {
  for (const view of seen) {
    const reason = wantedBecause(point, view);
    if (reason === "keep_failed" && expiresAtMs(point, view) <= view.nowMs) continue;
    if (reason !== null) return reason;
  }
  return null;
}

const promiseOf = ({ marks }: Point): string | null =>
  marks.keepUntil === null ? null : `until ${marks.keepUntil.toISOString()}`;
