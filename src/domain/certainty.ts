import type { Chain, Point, VolumePoints } from "./points.ts";

/**
 * What must be known of a chain before any of it may go: who builds on it. Cinder shows no parents, so whatever has an unknown one may
 * build on anything older.
 */

/**
 * True when a backup outside the chain builds on a member, as far as the reader has seen. Then nothing of the chain is deleted: Cinder's
 * own check looks into one project only, and the newest members would be lost for nothing.
 */
export function hasOutsideChildren(chain: Chain, volume: VolumePoints): boolean {
  const members = new Set(chain.members.map((point) => point.backup.id));
  return (
    volume.others.some((other) => other.parentId !== null && members.has(other.parentId)) ||
    chain.members.some((point) => point.children?.some((child) => !members.has(child)))
  );
}

/** The chains that this one hangs from through backups that are not ours, nearest first. */
export function chainsAbove(chain: Chain, volume: VolumePoints): readonly Chain[] {
  return foundAbove(chain, volume).chains;
}

function foundAbove(chain: Chain, volume: VolumePoints): { chains: Chain[]; unplaced: Point | null } {
  const chains: Chain[] = [];
  let parentId = chain.members[0]?.parentId ?? null;
  while (parentId !== null) {
    const id = parentId;
    const other = volume.others.find((point) => point.backup.id === id);
    if (other?.parentVerified === false) return { chains, unplaced: other };
    const next = volume.chains.find(({ members }) => members.some((point) => point.backup.id === id));
    if (next !== undefined) chains.push(next);
    parentId = (other ?? next?.members[0])?.parentId ?? null;
  }
  return { chains, unplaced: null };
}

/**
 * The backups whose children the reader must list before the chain may be judged; none when all is known. First where its members belong
 * (a wanted point with an unknown parent must not be lost as an orphan), also through backups of others; then, when a younger incremental of anybody's has an unknown
 * parent, whether that is a member.
 */
export function childrenToAsk(chain: Chain, volume: VolumePoints): ReadonlySet<string> {
  const all = [...volume.points, ...volume.others];
  const ask = new Set<string>();
  const addUnasked = (points: readonly Point[], notAfter: Point): void => {
    for (const point of points) {
      if (point !== notAfter && point.children === null && createdMs(point) <= createdMs(notAfter)) {
        ask.add(point.backup.id);
      }
    }
  };
  for (const member of chain.members) {
    if (member.parentVerified) continue;
    if (member.parentId === null) addUnasked(all, member);
    else ask.add(member.parentId);
  }
  const { unplaced } = foundAbove(chain, volume);
  if (unplaced !== null) addUnasked(all, unplaced);
  const members = new Set(chain.members);
  for (const other of all) {
    if (!other.parentVerified && !members.has(other)) addUnasked(chain.members, other);
  }
  return ask;
}

/** Ids of those whose ancestors are known for certain: what takes another one's place must be beyond doubt. */
export function sureOf(parentsFirst: readonly Point[]): ReadonlySet<string> {
  const sure = new Set<string>();
  for (const { backup, parentId, parentVerified } of parentsFirst) {
    if (parentVerified && (parentId === null || sure.has(parentId))) sure.add(backup.id);
  }
  return sure;
}

/** The parents to ask so that a good point is good for certain: by a mark alone it could lean on what is gone. */
export function parentsToAsk(good: Point, volume: VolumePoints): readonly string[] {
  const chain = volume.chains.find(({ members }) => members.includes(good));
  return chain?.members.flatMap((point) => (point.parentVerified ? [] : (point.parentId ?? []))) ?? [];
}

const createdMs = (point: Point): number => point.backup.createdAt.getTime();
