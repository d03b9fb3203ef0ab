import type { ProjectReport } from "../domain/runs.ts";

/** As in the mail: nothing to do, look at it, act. */
export type Colour = "green" | "yellow" | "red";

/** One quota as the digest shows it. */
export interface QuotaView {
  readonly label: string;
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

function quotaView(label: string, unit: string, quota: { readonly limit: number; readonly used: number }): QuotaView {
  const { limit, used } = quota;
  const colour = quotaColour(quota);
  return {
    label,
    used: `${used}${unit}`,
    limit: limit < 0 ? "unlimited" : `${limit}${unit}`,
    percent: limit > 0 ? percentOf(used, limit, colour) : limit < 0 ? "unlimited" : "no quota",
    colour,
    bar: limit > 0 ? Math.min(100, Math.round((used * 100) / limit)) : limit === 0 ? 100 : 0,
  };
}

/** By gigabytes and by count, those of snapshots where some are made; empty when the quota could not be read. */
export const quotaViews = (quota: ProjectReport["quota"]): readonly QuotaView[] =>
  quota === null
    ? []
    : [
        quotaView("Backup gigabytes", " GiB", quota.gigabytes),
        quotaView("Number of backups", "", quota.backups),
        ...(quota.volumeGigabytes === undefined
          ? []
          : [quotaView("Gigabytes of volumes and snapshots", " GiB", quota.volumeGigabytes)]),
        ...(quota.snapshots === undefined ? [] : [quotaView("Number of snapshots", "", quota.snapshots)]),
      ];
