import type { OverrideSeen } from "./catalogue.ts";
import { formatDuration } from "./durations.ts";
import type { Volume } from "./inventory.ts";
import type { Notice } from "./overrides.ts";
import type { Point } from "./points.ts";
import type { Decision } from "./retention.ts";
import type { Target, Track } from "./tracks.ts";

/** How an owner asks that the automated snapshots of his volume go, and how long they stay after that. */
export interface ReleaseRule {
  /** Volume metadata. */
  readonly key: string;
  /** Milliseconds from the first scan that saw the request. */
  readonly delayMs: number;
}

/** What the owners' requests come to. */
export interface Releases {
  /** When the snapshots of a volume may go, by its id. While it is in here, no new ones are made. */
  readonly dueAt: ReadonlyMap<string, Date>;
  /** All that must be remembered. */
  readonly seen: readonly OverrideSeen[];
  /** Of what is new in this scan, and of what cannot be read. */
  readonly notices: readonly Notice[];
}

const yes: ReadonlySet<string> = new Set(["yes", "true", "1", "y", "on"]);
const no: ReadonlySet<string> = new Set(["", "no", "false", "0", "n", "off"]);

const textOf = (metadata: Readonly<Record<string, string>>, { key }: Pick<ReleaseRule, "key">): string =>
  (metadata[key] ?? "").trim().toLowerCase();

/**
 * Reads the requests of a scan. Whoever takes one back begins anew: the delay is there so that somebody can notice. Without a memory of an earlier
 * scan nothing is ever due.
 * @param seen what earlier scans saw; rows of other keys are left out
 */
export function readReleases(input: {
  readonly volumes: Iterable<Pick<Volume, "id" | "projectId" | "metadata">>;
  readonly rule: ReleaseRule;
  readonly seen: readonly OverrideSeen[];
  readonly now: Date;
}): Releases {
  const { now, rule } = input;
  const before = new Map(input.seen.filter(({ key }) => key === rule.key).map((row) => [row.resourceId, row]));
  const dueAt = new Map<string, Date>();
  const seen: OverrideSeen[] = [];
  const notices: Notice[] = [];
  for (const { id, metadata, projectId } of input.volumes) {
    const text = textOf(metadata, rule);
    if (no.has(text)) continue;
    if (!yes.has(text)) {
      const message = `${rule.key}: ${text} is neither yes nor no; nothing is released`;
      notices.push({ reason: "request_invalid", projectId, resourceId: id, message });
      continue;
    }
    const row = before.get(id) ?? { resourceId: id, key: rule.key, value: "yes", firstSeenAt: now };
    const at = new Date(row.firstSeenAt.getTime() + rule.delayMs);
    seen.push(row);
    dueAt.set(id, at);
    if (before.has(id)) continue;
    const message = `its automated snapshots go on ${at.toISOString()} (after ${formatDuration(rule.delayMs)}); take ${rule.key} off the volume to keep them`;
    notices.push({ reason: "release_requested", projectId, resourceId: id, message });
  }
  return { dueAt, seen, notices };
}

/** Tracks without the snapshots of released volumes: no new ones are made. Their backups go on. */
export const withoutReleased = (tracks: readonly Track[], releasedAt: ReadonlyMap<string, Date>): readonly Track[] =>
  releasedAt.size === 0
    ? tracks
    : tracks.map((track) =>
        track.mechanism === "backup"
          ? track
          : { ...track, targets: track.targets.flatMap((each) => left(each, releasedAt)) },
      );

/** A server all of whose volumes are released is none without volumes, which would be told. */
function left(target: Target, releasedAt: ReadonlyMap<string, Date>): readonly Target[] {
  const volumeIds = target.volumeIds.filter((id) => !releasedAt.has(id));
  return volumeIds.length === target.volumeIds.length
    ? [target]
    : volumeIds.length === 0
      ? []
      : [{ ...target, volumeIds }];
}

/**
 * The points of one volume that its owner has released and that may go now: snapshots of ours that have ended and are not held, the newest good one
 * included. Never backups.
 */
export function releasedPoints(
  points: readonly Point[],
  { dueAt, now }: { readonly dueAt: ReadonlyMap<string, Date>; readonly now: Date },
): readonly Point[] {
  return points.filter(({ backup, entry, kind, marks }) => {
    const at = dueAt.get(backup.volumeId);
    return (
      at !== undefined &&
      at <= now &&
      backup.mechanism === "snapshot" &&
      kind === "ours" &&
      !marks.held &&
      entry?.held !== true &&
      (backup.status === "available" || backup.status === "error")
    );
  });
}

/**
 * What a rotation decides, with what its releases delete after it.
 * @param cloneSources ids of snapshots that a volume was made from: they stay
 */
export const withReleased = (
  decisions: readonly Decision[],
  input: {
    readonly dueAt: ReadonlyMap<string, Date>;
    readonly now: Date;
    readonly cloneSources: ReadonlySet<string>;
  },
): readonly Decision[] => {
  const goes = new Set(
    releasedPoints(
      decisions.map(({ point }) => point),
      input,
    ),
  );
  return decisions.map((decision) =>
    goes.has(decision.point) && !input.cloneSources.has(decision.point.backup.id)
      ? { point: decision.point, action: "delete", reason: "released", because: ["released"] }
      : decision,
  );
};
