import type { Backup, Mechanism } from "../inventory.ts";
import { readPeerSnapshot } from "./snapshots.ts";
import { isNamedByStaffeln } from "./staffeln.ts";

/** Tools whose backups or snapshots can be told by what they write, and what each makes. */
export const madeByPeer = {
  snapsentry: "snapshot",
  platform9: "snapshot",
  staffeln: "backup",
} as const satisfies Record<string, Mechanism>;

export type Peer = keyof typeof madeByPeer;

export const peers = Object.keys(madeByPeer) as readonly Peer[];

/** Whose it is by its marks or its name, which anybody can write. */
export function peerOf(point: Backup): Peer | null {
  if (point.mechanism === "snapshot") return readPeerSnapshot(point)?.peer ?? null;
  return isNamedByStaffeln(point) ? "staffeln" : null;
}
