import type { ListedBackup, ListedVolume, Listing } from "../../src/audit/listing.ts";

/** The conductor's user in these listings. */
export const conductorId = "conductor";
export const rules = { userIds: [conductorId] };

export interface PointSpec {
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
  const volumeId = spec.volume ?? "v1";
  const slot = new Date(`${spec.created}Z`).toISOString().replace(".000", "");
  const marks: Readonly<Record<string, string | undefined>> = {
    __automated_backup: "True",
    "dirigent:key": `${volumeId}/daily/${slot}`,
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

/** A user's own backup. */
export const foreign = (spec: PointSpec): ListedBackup => point({ user: "alice", metadata: {}, ...spec });

export interface ListingSpec {
  readonly at: string;
  readonly backups: readonly ListedBackup[];
  /** Default: v1 of 1 GiB in project p1. */
  readonly volumes?: readonly ListedVolume[];
  readonly rights?: Listing["rights"];
}

/** A listing that took a minute and ended at `at`. */
export function listing({ at, backups, volumes, rights }: ListingSpec): Listing {
  return {
    startedAt: new Date(Date.parse(at) - 60_000).toISOString(),
    endedAt: new Date(at).toISOString(),
    rights: rights ?? (backups.length === 0 ? "unproven" : "proven"),
    backups,
    volumes: volumes ?? [{ id: "v1", projectId: "p1", sizeGiB: 1 }],
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
  const backups = [...before.backups.filter((each) => !out.has(each.id)), ...came];
  return listing({ at, backups, volumes: before.volumes });
}
