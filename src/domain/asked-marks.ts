import type { OverrideSeen } from "./catalogue.ts";
import { formatDuration, parseDuration } from "./durations.ts";
import { mark, markTime } from "./marks.ts";
import { retentionRequestKey } from "./overrides.ts";
import { platform9Keeps, snapSentryKeeps } from "./peer-requests.ts";
import { namesIn } from "./policy-requests.ts";
import type { Policy, Selection } from "./policy.ts";

/**
 * What was remembered of its volume's and server's requests when a restore point was made, as marks on the point: so that less waits although the
 * database was lost, and counts in the end although there never is one.
 */

/** Whose request it is, and by which keys. */
export type AskedBy = "volume" | "server" | "snapsentry" | "platform9";

/** One row of what is remembered, as a mark has it. */
export interface Asked {
  readonly by: AskedBy;
  readonly value: string;
  readonly since: Date;
}

export interface AskedContext {
  readonly selection: Pick<Selection, "policyKey" | "retentionKey">;
  /** The built-in one. */
  readonly policy: Pick<Policy, "name">;
}

/** What a restore point is of. */
export interface Made {
  readonly volumeId: string;
  /** Empty without a server. */
  readonly serverId: string;
  readonly policy: string;
}

/** Where a request that concerns a restore point is remembered. */
export interface AskedPlace {
  readonly mark: typeof mark.asked | typeof mark.askedPolicies;
  readonly by: AskedBy;
  readonly resourceId: string;
  readonly key: string;
}

/** All places of requests that concern what a policy makes of a volume. */
export function placesOf({ policy, serverId, volumeId }: Made, context: AskedContext): readonly AskedPlace[] {
  const { policyKey } = context.selection;
  const key = retentionRequestKey(context, policy);
  const ofVolume: AskedPlace[] = [
    { mark: mark.asked, by: "volume", resourceId: volumeId, key },
    { mark: mark.asked, by: "snapsentry", resourceId: volumeId, key: snapSentryKeeps(policy) },
    { mark: mark.asked, by: "platform9", resourceId: volumeId, key: platform9Keeps(policy) },
    { mark: mark.askedPolicies, by: "volume", resourceId: volumeId, key: policyKey },
  ];
  if (serverId === "") return ofVolume;
  return [
    ...ofVolume,
    { mark: mark.asked, by: "server", resourceId: serverId, key },
    { mark: mark.askedPolicies, by: "server", resourceId: serverId, key: policyKey },
  ];
}

/** What Cinder takes as a value of metadata. */
const longest = 255;

/** The marks of a new restore point; none where nothing is asked for. */
export function askedMarks(
  made: Made,
  seen: ReadonlyMap<string, readonly OverrideSeen[]>,
  context: AskedContext,
): Record<string, string> {
  const places = placesOf(made, context);
  return Object.fromEntries(
    [mark.asked, mark.askedPolicies].flatMap((name) => {
      const rows = places
        .filter((place) => place.mark === name)
        .flatMap(({ by, key, resourceId }) => {
          const own = (seen.get(resourceId) ?? []).filter((row) => row.key === key);
          const oldestFirst = own.toSorted((a, b) => a.firstSeenAt.getTime() - b.firstSeenAt.getTime());
          return (name === mark.askedPolicies ? joined(oldestFirst) : oldestFirst).map(({ firstSeenAt, value }) => ({
            by,
            value: name === mark.askedPolicies ? namesOf(value) : durationOf(value),
            since: firstSeenAt,
          }));
        });
      const text = formatAsked(rows);
      return text === "" ? [] : [[name, text]];
    }),
  );
}

/** All that was asked before in one row: it is as many as a tenant has tried. */
function joined(oldestFirst: readonly OverrideSeen[]): readonly OverrideSeen[] {
  const [first] = oldestFirst;
  const current = oldestFirst.at(-1);
  if (first === undefined || current === undefined || first === current) return oldestFirst;
  const before = oldestFirst.slice(0, -1).map(({ value }) => value);
  return [{ ...first, value: before.join(",") }, current];
}

/** What names no policy asks for nothing. */
const namesOf = (value: string): string =>
  namesIn(value)
    .filter((name) => /^[a-z0-9_-]+$/.test(name))
    .sort()
    .join(",");

/** A retention in one spelling; what cannot be read asks for nothing, what peers' keys ask for is written by us. */
function durationOf(value: string): string {
  const ms = parseDuration(value);
  return ms !== null ? formatDuration(ms) : /^\d+d,last=\d+$/.test(value) ? value : "";
}

/** Never earlier than it was seen, although marks know no fractions of a second. */
const formatOne = ({ by, since, value }: Asked): string =>
  `${by}=${value}@${markTime(new Date(Math.ceil(since.getTime() / 1000) * 1000))}`;

/** Rows that find no room are left out: the longest held come first, and the newest only end a wait. */
export function formatAsked(rows: readonly Asked[]): string {
  let text = "";
  for (const row of rows) {
    const longer = `${text}${text === "" ? "" : " "}${formatOne(row)}`;
    if (longer.length <= longest) text = longer;
  }
  return text;
}

const pattern = /^(volume|server|snapsentry|platform9)=([a-z0-9_,=-]*)@(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/;

/**
 * Whether another retention was asked for when a point was made, by its volume or its server; peers' keys only ever add.
 * @param text its mark
 */
export function wasAskedFor(text: string | null): boolean {
  if (text === null) return false;
  // Of each the newest row is what it asked for, whether that counted yet or not; those before it are what was in force.
  const newest = new Map<AskedBy, Asked>();
  for (const row of parseAsked(text)) {
    const known = newest.get(row.by);
    if (known === undefined || row.since >= known.since) newest.set(row.by, row);
  }
  return (["volume", "server"] as const).some((by) => parseDuration(newest.get(by)?.value ?? "") !== null);
}

/** What a mark says; what cannot be read says nothing. */
export const parseAsked = (text: string): readonly Asked[] =>
  text.split(" ").flatMap((part) => {
    const [, by, value, at] = pattern.exec(part) ?? [];
    if (by === undefined || value === undefined || at === undefined || Number.isNaN(Date.parse(at))) return [];
    return { by: by as AskedBy, value, since: new Date(at) };
  });
