import type { ListedBackup } from "./listing.ts";

/** Metadata keys of the conductor's backups and snapshots. */
export const mark = {
  automated: "__automated_backup",
  key: "dirigent:key",
  policy: "dirigent:policy",
  slot: "dirigent:slot",
  server: "dirigent:server",
  set: "dirigent:set",
  parent: "dirigent:parent",
  keepUntil: "dirigent:keep-until",
  hold: "dirigent:hold",
  verdict: "dirigent:verdict",
  archive: "dirigent:archive",
  /** The rule of thinning that the point was made under. */
  retention: "dirigent:retention",
  adopted: "dirigent:adopted",
  /** A snapshot that lasts as long as the backup that is made from it. */
  temporary: "dirigent:temporary",
  /** What was remembered of tenants' requests when it was made. */
  asked: "dirigent:asked",
  askedPolicies: "dirigent:asked-policies",
} as const;

/** What only points carry: a tenant who calls one temporary makes it none. */
const ofPoints = [mark.automated, mark.policy, mark.slot, mark.keepUntil, mark.retention, mark.hold, mark.adopted];

/** Whether it says of itself that it is no point but temporary. */
export const saysTemporary = ({ mechanism, metadata }: ListedBackup): boolean =>
  mechanism === "snapshot" &&
  metadata[mark.temporary] !== undefined &&
  metadata[mark.key]?.endsWith("/temporary") === true &&
  ofPoints.every((key) => metadata[key] === undefined);

/** How findings name it. */
export const nameOf = ({ mechanism, id }: ListedBackup): string => `${mechanism} ${id}`;

/** Any of our marks: what a tenant left of them still shows whose the backup was meant to be. */
export const isMarked = (backup: ListedBackup): boolean =>
  Object.keys(backup.metadata).some((key) => key === mark.automated || key.startsWith("dirigent:"));

export const isHeld = (backup: ListedBackup): boolean => Object.hasOwn(backup.metadata, mark.hold);

export const isJudgedBad = (backup: ListedBackup): boolean => backup.metadata[mark.verdict]?.startsWith("bad") === true;

/** Milliseconds since 1970, or undefined when the mark is missing or unreadable. */
export const keepUntilMs = (backup: ListedBackup): number | undefined =>
  utcInstantMs(backup.metadata[mark.keepUntil] ?? "");

/** The instant of an ISO 8601 time in UTC, seconds required; undefined for anything else, such as 30 February. */
export function utcInstantMs(text: string): number | undefined {
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?Z$/.exec(text);
  if (!parts) return undefined;
  const ms = Date.parse(text);
  // Date turns a day that does not exist into the one after it.
  return Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 19) !== parts[1] ? undefined : ms;
}

export const isSlot = (text: string): boolean => /^manual:./.test(text) || utcInstantMs(text) !== undefined;

/** Rows of who asks, for what, and since when: `volume=30d@2026-11-01T00:00:00Z server=7d@2026-11-10T00:00:00Z`. */
export const areRequests = (text: string): boolean =>
  text.split(" ").every((row) => {
    const at = row.lastIndexOf("@");
    return (
      /^[a-z0-9]+=[a-z0-9_,=-]*$/.test(row.slice(0, Math.max(0, at))) && utcInstantMs(row.slice(at + 1)) !== undefined
    );
  });
