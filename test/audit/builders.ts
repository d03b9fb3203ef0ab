import type { ListedBackup, ListedVolume, Listing, Mechanism } from "../../src/audit/listing.ts";

/** The conductor's user in these listings. */
export const conductorId = "conductor";
export const rules = { userIds: [conductorId] };

export interface PointSpec {
  /** Default: a backup. */
  readonly mechanism?: Mechanism;
  readonly id: string;
  readonly volume?: string;
  readonly project?: string;
  readonly user?: string;
  readonly status?: string;
  readonly sizeGiB?: number;
  /** Also the slot. */
  readonly created: string;
  readonly updated?: string;
  readonly failReason?: string;
  /** Makes it an incremental, with the mark that names the parent. */
  readonly parent?: string;
  readonly keepUntil?: string;
  /** Over the marks a conductor writes; undefined takes one away. */
  readonly marks?: Readonly<Record<string, string | undefined>>;
  /** Instead of all marks. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A backup as the conductor makes it: available, marked, of volume v1 in project p1, to be kept until 2026-01-15. */
export function point(spec: PointSpec): ListedBackup {
  const mechanism = spec.mechanism ?? "backup";
  const volumeId = spec.volume ?? "v1";
  const slot = new Date(`${spec.created}Z`).toISOString().replace(".000", "");
  const marks: Readonly<Record<string, string | undefined>> = {
    __automated_backup: "True",
    "dirigent:key": `${volumeId}/daily/${slot}${mechanism === "snapshot" ? "/snapshot" : ""}`,
    "dirigent:policy": "daily",
    "dirigent:slot": slot,
    "dirigent:server": "s1",
    "dirigent:set": `s1/daily/${slot}`,
    "dirigent:keep-until": spec.keepUntil ?? "2026-01-15T00:00:00Z",
    "dirigent:volume-type": "",
    ...(spec.parent !== undefined && { "dirigent:parent": spec.parent }),
    ...spec.marks,
  };
  const kept = Object.entries(marks).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return {
    mechanism,
    id: spec.id,
    volumeId,
    projectId: spec.project ?? "p1",
    userId: spec.user ?? conductorId,
    status: spec.status ?? "available",
    sizeGiB: spec.sizeGiB ?? 1,
    createdAt: `${spec.created}.000Z`,
    updatedAt: spec.updated === undefined ? null : `${spec.updated}.000Z`,
    failReason: spec.failReason ?? null,
    isIncremental: spec.parent !== undefined,
    parentId: spec.parent ?? null,
    metadata: spec.metadata ?? Object.fromEntries(kept),
  };
}

export const snapshot = (spec: PointSpec): ListedBackup => point({ mechanism: "snapshot", ...spec });

/** A user's own backup. */
export const foreign = (spec: PointSpec): ListedBackup => point({ user: "alice", metadata: {}, ...spec });

export interface ListingSpec {
  readonly at: string;
  /** Backups and snapshots. */
  readonly points: readonly ListedBackup[];
  /** Default: v1 of 1 GiB in project p1. */
  readonly volumes?: readonly ListedVolume[];
  readonly rights?: Listing["rights"];
}

/** A listing that took a minute and ended at `at`. */
export function listing({ at, points, volumes, rights }: ListingSpec): Listing {
  const of = (mechanism: Mechanism) => points.filter((each) => each.mechanism === mechanism);
  return {
    startedAt: new Date(Date.parse(at) - 60_000).toISOString(),
    endedAt: new Date(at).toISOString(),
    rights: rights ?? (of("backup").length === 0 ? "unproven" : "proven"),
    backups: of("backup"),
    snapshots: of("snapshot"),
    volumes: volumes ?? [{ id: "v1", projectId: "p1", sizeGiB: 1, snapshotId: null }],
  };
}

/** The same listing at another time, without some backups and with others. */
export function later(
  before: Listing,
  at: string,
  change: { readonly gone?: readonly string[]; readonly came?: readonly ListedBackup[] } = {},
): Listing {
  const came = change.came ?? [];
  const out = new Set([...(change.gone ?? []), ...came.map((each) => each.id)]);
  const points = [...before.backups, ...before.snapshots].filter((each) => !out.has(each.id));
  return listing({ at, points: [...points, ...came], volumes: before.volumes });
}
