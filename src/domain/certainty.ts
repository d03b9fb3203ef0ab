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

/**
 * The backups whose children the reader must list before the chain may be judged; none when all is known. First where its members belong
 * (a wanted point with an unknown parent must not be lost as an orphan); then, when a younger incremental of anybody's has an unknown
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
  const members = new Set(chain.members);
  for (const other of all) {
    if (!other.parentVerified && !members.has(other)) addUnasked(chain.members, other);
  }
  return ask;
}

const createdMs = (point: Point): number => point.backup.createdAt.getTime();
