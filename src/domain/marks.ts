import type { Mechanism } from "./inventory.ts";

/** The marks on OpenStack objects (design, "Marks on OpenStack objects"). They are enough to rebuild the catalogue. */
export const automatedMark = "__automated_backup";

export const mark = {
  key: "dirigent:key",
  policy: "dirigent:policy",
  slot: "dirigent:slot",
  server: "dirigent:server",
  set: "dirigent:set",
  parent: "dirigent:parent",
  keepUntil: "dirigent:keep-until",
  hold: "dirigent:hold",
  verdict: "dirigent:verdict",
  /** The source's volume type when it was backed up: an incremental cannot follow a retype. */
  volumeType: "dirigent:volume-type",
  /** An archive full: nothing may build on it. */
  archive: "dirigent:archive",
  /** Of a full where every Nth is archived: its number since the last archive. */
  fullNumber: "dirigent:full-number",
  /** The thinning rule it was made under, as `last=5,daily=7,min=1,tz=UTC`; absent where only its age keeps it. */
  retention: "dirigent:retention",
  /** Made by somebody else, and taken over by an operator. */
  adopted: "dirigent:adopted",
  /** On a snapshot: a temporary one that a backup is made from, and no restore point. */
  temporary: "dirigent:temporary",
  /** What was remembered of requests for another retention when it was made; see asked-marks.ts. */
  asked: "dirigent:asked",
  /** The same of requests for policies. */
  askedPolicies: "dirigent:asked-policies",
} as const;

/** Whether a metadata key of a backup is one of ours; a later version may know more of them. */
export const isMark = (key: string): boolean => key === automatedMark || key.startsWith("dirigent:");

/** Server metadata that the conductor writes after a complete set. */
export const lastBackupTimeKey = "last-backup-time";

/** What the marks of one object say; a field that is missing or unreadable is `null`. */
export interface Marks {
  readonly key: string | null;
  readonly policy: string | null;
  readonly slot: string | null;
  readonly serverId: string | null;
  readonly set: string | null;
  readonly parentId: string | null;
  readonly keepUntil: Date | null;
  /** Any value holds, so that a damaged one fails safe. */
  readonly held: boolean;
  readonly verdict: string | null;
  readonly volumeType: string | null;
  /** Any value counts, so that a damaged one fails safe. */
  readonly archived: boolean;
  readonly fullNumber: number | null;
  /** As it is written; see thinning-text.ts. */
  readonly retention: string | null;
  readonly adopted: boolean;
  /** What was asked for when it was made, as it is written; see asked-marks.ts. */
  readonly asked: string | null;
}

/** True when an object claims to be automated. It is a claim only: who created it decides (design, "Who may be believed"). */
export const isMarked = (metadata: Readonly<Record<string, string>>): boolean => {
  const value = metadata[automatedMark];
  return value !== undefined && value.toLowerCase() === "true";
};

export function readMarks(metadata: Readonly<Record<string, string>>): Marks {
  const text = (key: string): string | null => {
    const value = metadata[key];
    return value === undefined || value === "" ? null : value;
  };
  const keepUntil = text(mark.keepUntil);
  const at = keepUntil === null ? NaN : Date.parse(keepUntil);
  return {
    key: text(mark.key),
    policy: text(mark.policy),
    slot: text(mark.slot),
    serverId: text(mark.server),
    set: text(mark.set),
    parentId: text(mark.parent),
    keepUntil: Number.isNaN(at) ? null : new Date(at),
    held: metadata[mark.hold] !== undefined,
    verdict: text(mark.verdict),
    volumeType: metadata[mark.volumeType] ?? null,
    archived: metadata[mark.archive] !== undefined,
    retention: metadata[mark.retention] ?? null,
    adopted: metadata[mark.adopted] !== undefined,
    asked: text(mark.asked),
    fullNumber: /^[1-9]\d{0,8}$/.test(metadata[mark.fullNumber] ?? "") ? Number(metadata[mark.fullNumber]) : null,
  };
}

/** An instant as the marks write it: ISO 8601 UTC without fractions, e.g. `2026-11-21T00:00:00Z`. */
export const markTime = (at: Date): string => at.toISOString().replace(/\.\d{3}Z$/, "Z");

/** Slots are shared by all volumes of a policy, and asked for again and again. */
const slotTimes = new Map<string, number>();
const slotTimesLimit = 20_000;

/** When the slot of a mark begins, in ms since 1970; not a number for a manual run's, in whose id a lenient reader may well find a date. */
export function slotTimeMs(slot: string | null): number {
  if (slot === null) return NaN;
  const known = slotTimes.get(slot);
  if (known !== undefined) return known;
  const atMs = /^\d{4}-\d\d-\d\dT/.test(slot) ? Date.parse(slot) : NaN;
  if (slotTimes.size >= slotTimesLimit) slotTimes.clear();
  slotTimes.set(slot, atMs);
  return atMs;
}

/** The key of one unit of work. Deterministic, so that a lost answer or a lost database never makes a second backup. */
export const workKey = (volumeId: string, policy: string, slot: string, mechanism: Mechanism = "backup"): string =>
  `${volumeId}/${policy}/${slot}${mechanism === "snapshot" ? "/snapshot" : ""}`;

/** The key of the temporary snapshot that a backup is made from. @param key the backup's */
export const temporaryKey = (key: string): string => `${key}/temporary`;
