import { snapSentryMark, snapSentryPolicyName, isSnapSentryKind } from "./snapsentry-keys.ts";
import type { Backup } from "../inventory.ts";

/** What another tool's marks say of a snapshot. Marks can be written by tenants: who created it decides. */
export interface PeerSnapshot {
  readonly peer: "snapsentry" | "platform9";
  /** Ours by its name. */
  readonly policy: string;
  /** The start of the peer's window that it was made for; `null` where its marks do not say. */
  readonly windowStartsAt: Date | null;
  /** The peer's own expiry; `null`: it keeps by count. */
  readonly keepUntil: Date | null;
}

export const platform9Mark = {
  createdBy: "created_by",
  policy: "policy",
  projectId: "original_project_id",
  volumeId: "original_volume_id",
} as const;

/** What Platform9 writes as the creator of its scheduled snapshots. Its safety snapshots before a restore have another. */
export const platform9Creator = "p9_auto_snapshots";

type Marked = Pick<Backup, "volumeId" | "metadata" | "name">;

/** Reads SnapSentry's or Platform9's marks. @returns null when it has neither's, or not all that say what it is */
export const readPeerSnapshot = (snapshot: Marked): PeerSnapshot | null =>
  readOfSnapSentry(snapshot) ?? readOfPlatform9(snapshot);

/** Managed alone is not enough: SnapSentry itself deletes what has no expiry, also a snapshot that somebody marked by hand. */
function readOfSnapSentry({ metadata, name, volumeId }: Marked): PeerSnapshot | null {
  const kind = metadata[snapSentryMark.policy] ?? "";
  const keepUntil = readTime(metadata[snapSentryMark.expiry] ?? "");
  if (metadata[snapSentryMark.managed] !== "true" || !isSnapSentryKind(kind) || keepUntil === null) return null;
  // SnapSentry keeps the window's start in the name only.
  const prefix = `managed-${kind}-${volumeId}-`;
  const windowStartsAt = name.startsWith(prefix) ? readTime(name.slice(prefix.length)) : null;
  return { peer: "snapsentry", policy: snapSentryPolicyName(kind), windowStartsAt, keepUntil };
}

function readOfPlatform9({ metadata, volumeId }: Marked): PeerSnapshot | null {
  const policy = metadata[platform9Mark.policy]?.trim().toLowerCase() ?? "";
  if (metadata[platform9Mark.createdBy] !== platform9Creator || policy === "") return null;
  // A snapshot that was moved or copied with its marks says nothing about this volume.
  if (metadata[platform9Mark.volumeId] !== volumeId) return null;
  return { peer: "platform9", policy, windowStartsAt: null, keepUntil: null };
}

/** RFC 3339 with a zone. */
function readTime(text: string): Date | null {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(text)) return null;
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? null : at;
}
