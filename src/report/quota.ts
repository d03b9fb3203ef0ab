import type { ProjectReport } from "../domain/runs.ts";
import { plain } from "./format.ts";

/** As in the mail: nothing to do, look at it, act. */
export type Colour = "green" | "yellow" | "red";

/** One quota as the digest shows it. */
export interface QuotaView {
  readonly label: string;
  /** The same in a word or two, e.g. `backup GiB`. */
  readonly short: string;
  readonly used: string;
  /** `unlimited` for -1. */
  readonly limit: string;
  /** With one decimal, e.g. `49.9%`; `unlimited`, or `no quota` where the limit is 0. */
  readonly percent: string;
  readonly colour: Colour;
  /** Length of a bar, 0 to 100. */
  readonly bar: number;
}

/** Below 50% green, from 50% to 80% yellow, above 80% red; without a limit green, with a limit of 0 red: nothing can be backed up. */
export function quotaColour({ limit, used }: { readonly limit: number; readonly used: number }): Colour {
  if (limit < 0) return "green";
  if (limit === 0) return "red";
  // In whole numbers: nothing is rounded before it is compared.
  if (used * 2 < limit) return "green";
  return used * 5 <= limit * 4 ? "yellow" : "red";
}

/** Rounded to the side of its colour, so that 80.04% never reads as a red 80.0%. */
function percentOf(used: number, limit: number, colour: Colour): string {
  const tenths = (used * 1000) / limit;
  return `${((colour === "red" ? Math.ceil(tenths) : Math.floor(tenths)) / 10).toFixed(1)}%`;
}

/** What is counted: its name, the same in short, and the unit of its figures. */
type Counted = readonly [label: string, short: string, unit: string];

const ofBackups = {
  gigabytes: ["Backup gigabytes", "backup GiB", " GiB"],
  backups: ["Number of backups", "backups", ""],
} as const satisfies Record<string, Counted>;

const ofSnapshots = {
  volumeGigabytes: ["Gigabytes of volumes and snapshots", "volume GiB", " GiB"],
  snapshots: ["Number of snapshots", "snapshots", ""],
} as const satisfies Record<string, Counted>;

function quotaView([label, short, unit]: Counted, quota: { readonly limit: number; readonly used: number }): QuotaView {
  const { limit, used } = quota;
  const colour = quotaColour(quota);
  return {
    label,
    short,
    used: `${used}${unit}`,
    limit: limit < 0 ? "unlimited" : `${limit}${unit}`,
    percent: limit > 0 ? percentOf(used, limit, colour) : limit < 0 ? "unlimited" : "no quota",
    colour,
    bar: limit > 0 ? Math.min(100, Math.round((used * 100) / limit)) : limit === 0 ? 100 : 0,
  };
}

/**
 * By gigabytes and by count, those of snapshots where some are made, and those of volume types that have limits of their own; empty when the quota could not be
 * read. Where nothing but snapshots is made, backups are left out: a project may well have no quota for them.
 */
export function quotaViews({
  lines,
  points,
  quota,
}: Pick<ProjectReport, "lines" | "points" | "quota">): readonly QuotaView[] {
  if (quota === null) return [];
  const { backups, gigabytes, ofType = [], snapshots, volumeGigabytes } = quota;
  const views: QuotaView[] = [];
  if (snapshots === undefined || (points?.count ?? 0) > 0 || lines.some(({ mechanism }) => mechanism === "backup")) {
    views.push(quotaView(ofBackups.gigabytes, gigabytes), quotaView(ofBackups.backups, backups));
  }
  if (volumeGigabytes !== undefined) views.push(quotaView(ofSnapshots.volumeGigabytes, volumeGigabytes));
  if (snapshots !== undefined) views.push(quotaView(ofSnapshots.snapshots, snapshots));
  for (const { type, ...own } of ofType) {
    const name = plain(type, 60);
    for (const resource of ["volumeGigabytes", "snapshots"] as const) {
      if (own[resource].limit < 0) continue;
      const [label, short, unit] = ofSnapshots[resource];
      views.push(quotaView([`${label} of type ${name}`, `${short} of ${name}`, unit], own[resource]));
    }
  }
  return views;
}
