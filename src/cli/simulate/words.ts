import type { SimulatedPoint } from "../../domain/simulated-point.ts";

/** In a zone, e.g. `2026-11-21 02:30`. */
export const localMinute = (at: Date, timeZone: string): string =>
  new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short", timeZone }).format(at);

/** In a zone, e.g. `2026-11-21`. */
export const localDay = (at: Date, timeZone: string): string =>
  new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeZone }).format(at);

export type PointKind = "full" | "incremental" | "archive" | "snapshot";

export const kindOf = ({ mechanism, mode, isArchive }: SimulatedPoint): PointKind =>
  mechanism === "snapshot" ? "snapshot" : isArchive ? "archive" : mode;
