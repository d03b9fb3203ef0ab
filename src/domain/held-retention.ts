import type { OverrideSeen } from "./catalogue.ts";
import { dayMs } from "./durations.ts";

/** How much of a policy's points a tenant's keys ask to keep: by age, and so many of the newest. */
export interface Keeps {
  readonly retentionMs: number;
  /** 0: no count. */
  readonly last: number;
}

export interface HeldRetention {
  /** What counts today: what is asked for, and while less waits also what was asked before; `null` when neither says anything. */
  readonly keeps: Keeps | null;
  /** From when what is asked for counts alone. */
  readonly firmFrom: Date;
  /** What must be remembered. */
  readonly seen: readonly OverrideSeen[];
}

/**
 * Follows what one resource asks of one policy. More counts at once; less, and asking no more, when it has been seen for the delay. What was in force
 * is remembered beside it until then, also over a time in which nothing is asked for: stopping and beginning again is no way around the delay.
 * @param known rows of the resource and key
 */
export function holdRetention(
  asked: Keeps | null,
  {
    known,
    ...context
  }: {
    readonly resourceId: string;
    readonly key: string;
    readonly known: readonly OverrideSeen[];
    readonly now: Date;
    readonly overrideDelayMs: number;
  },
): HeldRetention {
  const { key, now, overrideDelayMs, resourceId } = context;
  const isFirm = (row: OverrideSeen): boolean => now.getTime() >= row.firstSeenAt.getTime() + overrideDelayMs;
  const rowOf = (keeps: Keeps | null, firstSeenAt: Date): OverrideSeen => ({
    resourceId,
    key,
    value: formatKeeps(keeps),
    firstSeenAt,
  });
  const today = rowOf(asked, now);
  const oldestFirst = known.toSorted((a, b) => a.firstSeenAt.getTime() - b.firstSeenAt.getTime());
  const latest = oldestFirst.at(-1);
  const earlier = parseKeeps(oldestFirst.at(-2)?.value ?? "");
  const isSame = latest?.value === today.value;
  const current = isSame ? latest : today;
  const firmFrom = new Date(current.firstSeenAt.getTime() + overrideDelayMs);
  if (isFirm(current)) return { keeps: asked, firmFrom, seen: asked === null ? [] : [current] };
  const before = isSame || latest === undefined ? earlier : inForce(latest, earlier, isFirm);
  const keeps = most(asked, before);
  const isLess = formatKeeps(keeps) !== today.value;
  const held = isLess ? [rowOf(before, oldestFirst[0]?.firstSeenAt ?? now)] : [];
  return { keeps, firmFrom, seen: asked === null && !isLess ? [] : [...held, current] };
}

const inForce = (latest: OverrideSeen, earlier: Keeps | null, isFirm: (row: OverrideSeen) => boolean): Keeps | null => {
  const keeps = parseKeeps(latest.value);
  return isFirm(latest) ? keeps : most(keeps, earlier);
};

function most(a: Keeps | null, b: Keeps | null): Keeps | null {
  if (a === null || b === null) return a ?? b;
  return { retentionMs: Math.max(a.retentionMs, b.retentionMs), last: Math.max(a.last, b.last) };
}

/** As it is stored; empty for nothing. */
const formatKeeps = (keeps: Keeps | null): string =>
  keeps === null ? "" : `${keeps.retentionMs / dayMs}d,last=${keeps.last}`;

function parseKeeps(text: string): Keeps | null {
  const [, days, last] = /^(\d+)d,last=(\d+)$/.exec(text) ?? [];
  return days === undefined || last === undefined ? null : { retentionMs: Number(days) * dayMs, last: Number(last) };
}
