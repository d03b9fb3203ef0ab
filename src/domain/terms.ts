import { isArchive } from "./archive.ts";
import { wasAskedFor } from "./asked-marks.ts";
import type { CatalogueEntry } from "./catalogue.ts";
import { sureOf } from "./certainty.ts";
import { defaultPolicy, type ArchiveRule, type Policy, type ThinningRule } from "./policy.ts";
import type { InForce } from "./in-force.ts";
import type { Mechanism } from "./inventory.ts";
import type { Point, VolumePoints } from "./points.ts";
import { slotTimeMs } from "./marks.ts";
import { isManualSlot } from "./orders.ts";
import { formatRule, parseRule } from "./thinning-text.ts";
import { keepSet, type Counted, type KeptAs, type Thinned } from "./thinning.ts";
import { keepSetOfAnyPeriod } from "./unknown-period.ts";

/**
 * By what the points of one volume are kept: each by its policy as it is now and as what is asked for on the volume extends it, and by the rule that it was made
 * under. A policy that is gone leaves what its points were promised.
 */

/**
 * What a judgement may lean on: Cinder's rows and marks alone, or the catalogue's memory, too. Both must allow a deletion, so that no
 * database, however old, lets go of what an empty one would keep (rule 5).
 */
export type View = "marks" | "memory";

/** A point that is about to be made: it takes the place that it is going to have, and nothing else. */
export interface Expected {
  readonly volumeId: string;
  readonly policy: string;
  readonly mechanism: Mechanism;
  /** Its slot. */
  readonly at: Date;
}

/** What says how long points are kept. */
export interface Terms {
  /** The policy of a point's mark; `null` when there is none of that name any more. Some are made from a volume's metadata. */
  readonly policyOf: (name: string, volumeId: string) => Policy | null;
  /** The policy of points that name none. */
  readonly policy: Policy;
  /** What is in force now for the existing points of a volume and policy. */
  readonly inForceOf: (volumeId: string, policy: Policy) => InForce;
}

/** The points of one policy in a volume, and what is in force for them. */
export interface Group {
  readonly name: string;
  /** `null`: gone. */
  readonly policy: Policy | null;
  /** In force now; infinite when it makes no sense. Of a policy that is gone: the longest of what its points were promised. */
  readonly retentionMs: number;
  /**
   * The same for a point that was made while nobody asked for another retention, or whose promise cannot be read: never less than the policy's, whatever a tenant
   * asks for now.
   */
  readonly unaskedMs: number;
  /** By which archives have a retention of their own. */
  readonly archive: ArchiveRule | null;
  readonly periodMs: number;
  readonly fullEvery: number;
  /** In force now; of a policy that is gone all that its points were made under. */
  readonly rules: readonly ThinningRule[];
  readonly counted: readonly Counted[];
}

/** What counts say of a point. */
export interface Counting {
  /** Steps that keep it. */
  readonly keptAs: readonly KeptAs[];
  /** When it was pushed out; infinite while it is kept, minus infinity when nothing counts it. */
  readonly outMs: number;
  /** It was made under a rule, and that can be read. */
  readonly isMarked: boolean;
  /** A rule that it was made under cannot be read. */
  readonly unreadable: boolean;
}

export interface PointTerms {
  readonly group: Group;
  readonly counting: Counting;
}

interface Context extends Terms {
  readonly view: View;
  readonly projectId: string;
  /** Of this project. */
  readonly expecting: readonly Expected[];
}

export interface VolumeTerms {
  /** Those of the project. */
  readonly groups: readonly Group[];
  /** Of all points of ours, whatever project they are in. */
  readonly of: ReadonlyMap<Point, PointTerms>;
}

/** Reads the terms of all points of ours of one volume. They are counted together with those of their own project only. */
export function readTerms(volume: VolumePoints, context: Context): VolumeTerms {
  const { volumeId, points } = volume;
  const of = new Map<Point, PointTerms>();
  const groups: Group[] = [];
  for (const [projectId, own] of Map.groupBy(points, (point) => point.projectId)) {
    const isAsked = projectId === context.projectId;
    for (const [name, members] of Map.groupBy(own, (point) => policyName(point, context))) {
      const { mechanism } = members[0]?.backup ?? { mechanism: null };
      const expected = context.expecting.filter(
        (each) => isAsked && each.volumeId === volumeId && each.policy === name && each.mechanism === mechanism,
      );
      const { group, rows } = readGroup(volume, name, { members, expected, context });
      if (isAsked) groups.push(group);
      if (rows.length > 0) count(group, rows, { view: context.view, of });
      else {
        const terms = { group, counting: uncounted };
        for (const point of members) of.set(point, terms);
      }
    }
  }
  return { groups, of };
}

/** The policy of that name for a volume; `null` when it is gone, which the built-in one never is. */
export const findPolicy = (name: string, volumeId: string, { policy, policyOf }: Terms): Policy | null =>
  policyOf(name, volumeId) ?? (name === policy.name ? policy : null);

const remembered = <K extends "key" | "policy" | "slot" | "retention">(
  point: Point,
  key: K,
  view: View,
): CatalogueEntry[K] | null => (view === "memory" ? (point.entry?.[key] ?? null) : null);

const policyName = (point: Point, { view, policy }: Context): string =>
  remembered(point, "policy", view) ?? point.marks.policy ?? policy.name;

/** A point, or one that is expected, among those that are counted. */
interface Row {
  readonly point: Point | null;
  readonly counted: Counted;
}

function readGroup(
  { volumeId, points }: VolumePoints,
  name: string,
  {
    members,
    expected,
    context,
  }: { readonly members: readonly Point[]; readonly expected: readonly Expected[]; readonly context: Context },
): { readonly group: Group; readonly rows: readonly Row[] } {
  const policy = findPolicy(name, volumeId, context);
  const periodMs = policy?.periodMs ?? defaultPolicy.periodMs;
  const terms =
    policy === null ? promisedOrAsked(volumeId, name, { members, context }) : inForce(volumeId, policy, context);
  // By age alone nothing is counted.
  const isCounted = terms.rules.length > 0 || members.some((point) => ruleTexts(point, context.view).length > 0);
  const rows = isCounted
    ? rowsOf(members, { points, expected, view: context.view, periodMs: policy?.periodMs ?? Infinity })
    : [];
  const group: Group = {
    name,
    policy,
    ...terms,
    archive: policy?.archive ?? null,
    periodMs,
    fullEvery: policy?.fullEvery ?? defaultPolicy.fullEvery,
    counted: rows.map(({ counted }) => counted),
  };
  return { group, rows };
}

function rowsOf(
  members: readonly Point[],
  {
    points,
    expected,
    view,
    periodMs,
  }: {
    readonly points: readonly Point[];
    readonly expected: readonly Expected[];
    readonly view: View;
    readonly periodMs: number;
  },
): readonly Row[] {
  const sure = sureOf(points);
  const rows = members
    .map((point): Row => ({ point, counted: countedAs(point, { view, periodMs, isSure: sure.has(point.backup.id) }) }))
    .concat(expected.map(({ at }) => ({ point: null, counted: expectedAt(at) })))
    .sort((a, b) => a.counted.madeMs - b.counted.madeMs);
  return eachKeyOnce(rows, view);
}

/**
 * Of two that were made where one was due the first takes a place: the other pushes nobody out, and stays as long as the first does (rule 2). Also where the first is
 * in doubt for its parents alone: what is not known yet must not let another take the place.
 */
function eachKeyOnce(rows: readonly Row[], view: View): readonly Row[] {
  const taken = new Set<string>();
  return rows.map((row) => {
    const { counted, point } = row;
    const key = point === null ? null : (remembered(point, "key", view) ?? point.marks.key);
    if (key === null || point === null || !isGoodIn(point, view)) return row;
    if (taken.has(key)) return { point, counted: { ...counted, kind: "doubtful" } };
    taken.add(key);
    return row;
  });
}

const isGoodIn = (point: Point, view: View): boolean => (view === "marks" ? point.goodByMarks : point.good);

/** A retention that is no time at all (a damaged or empty policy) never means "delete". */
function inForce(
  volumeId: string,
  policy: Policy,
  { inForceOf }: Context,
): Pick<Group, "retentionMs" | "unaskedMs" | "rules"> {
  const { retentionMs: askedMs, thinning } = inForceOf(volumeId, policy);
  const atLeastMs = Math.max(askedMs, policy.minimumRetentionMs);
  const retentionMs = atLeastMs > 0 || (thinning !== null && atLeastMs === 0) ? atLeastMs : Infinity;
  return {
    retentionMs,
    unaskedMs: Math.max(retentionMs, policy.retentionMs),
    rules: thinning === null ? [] : [thinning],
  };
}

/** What somebody asks to have kept of a volume's points counts also when their policy is gone: taking that away would delete by itself. */
function promisedOrAsked(
  volumeId: string,
  name: string,
  { members, context }: { readonly members: readonly Point[]; readonly context: Context },
): Pick<Group, "retentionMs" | "unaskedMs" | "rules"> {
  const { retentionMs, rules } = promised(members, context.view);
  const nothing: Policy = { ...defaultPolicy, name, retentionMs: 0, minimumRetentionMs: 0 };
  const asked = context.inForceOf(volumeId, nothing);
  const longestMs = Math.max(retentionMs, asked.retentionMs);
  return {
    retentionMs: longestMs,
    unaskedMs: longestMs,
    rules: asked.thinning === null ? rules : [...rules, asked.thinning],
  };
}

/**
 * Of a policy that is gone nobody knows what was in force last, but its points do: the best that one of them was promised holds for all, so that
 * taking a policy away deletes nothing by itself.
 */
function promised(members: readonly Point[], view: View): Pick<Group, "retentionMs" | "rules"> {
  const promisesMs = members
    .filter((point) => !isArchive(point, null) && !isManualSlot(point.marks.slot ?? ""))
    .flatMap((point) =>
      promisesOf(point, view).map((at) => at.getTime() - standsForMs(point, { view, periodMs: Infinity })),
    )
    .filter((ms) => !Number.isNaN(ms));
  const rules = new Map(members.flatMap((point) => rulesOf(point, view)).map((rule) => [formatRule(rule), rule]));
  return {
    retentionMs: promisesMs.length === 0 ? Infinity : Math.max(0, ...promisesMs),
    rules: [...rules.values()],
  };
}

/** Until when anybody remembers that it was promised to stay. */
export const promisesOf = ({ marks, entry }: Point, view: View): Date[] =>
  [marks.keepUntil, view === "memory" ? (entry?.keepUntil ?? null) : null].filter((at) => at !== null);

const ruleTexts = (point: Point, view: View): string[] =>
  [point.marks.retention, remembered(point, "retention", view)].filter((text) => text !== null);

const rulesOf = (point: Point, view: View): ThinningRule[] =>
  ruleTexts(point, view).flatMap((text) => parseRule(text) ?? []);

/** Clocks may differ by so much. */
const skewMs = 5 * 60_000;

/**
 * A point stands for its slot in the calendar: what was made past midnight for the evening before is the evening's. A slot that it cannot have been
 * made in says nothing.
 */
function countedAs(
  point: Point,
  { view, periodMs, isSure }: { readonly view: View; readonly periodMs: number; readonly isSure: boolean },
): Counted {
  const madeMs = point.backup.createdAt.getTime();
  // Without a time it is kept for that; here it must only disturb nothing.
  if (Number.isNaN(madeMs)) return { madeMs: 0, calendarMs: 0, kind: "doubtful" };
  const isTaking = isSure && isGoodIn(point, view);
  return { madeMs, calendarMs: standsForMs(point, { view, periodMs }), kind: isTaking ? "good" : "doubtful" };
}

/**
 * How long after its slot a point was made. Dates are promised from the slot, and by age it is kept from its creation: what was made late is as old only so
 * much later. An adopted one has its date from elsewhere.
 */
export const lateMs = (point: Point, { group }: PointTerms, view: View): number =>
  point.marks.adopted
    ? 0
    : point.backup.createdAt.getTime() - standsForMs(point, { view, periodMs: group.policy?.periodMs ?? Infinity });

/** Its slot, unless it cannot have been made in that. */
function standsForMs(point: Point, { view, periodMs }: { readonly view: View; readonly periodMs: number }): number {
  const madeMs = point.backup.createdAt.getTime();
  const slotMs = slotTimeMs(remembered(point, "slot", view) ?? point.marks.slot);
  const isPlausible = slotMs <= madeMs + skewMs && madeMs <= slotMs + periodMs + skewMs;
  return isPlausible ? slotMs : madeMs;
}

const expectedAt = (at: Date): Counted => ({ madeMs: at.getTime(), calendarMs: at.getTime(), kind: "expected" });

const uncounted: Counting = { keptAs: [], outMs: -Infinity, isMarked: false, unreadable: false };

/** Counts a group by each rule that one of its points is kept by. */
function count(
  group: Group,
  rows: readonly Row[],
  { view, of }: { readonly view: View; readonly of: Map<Point, PointTerms> },
): void {
  // Most points were made under one rule, which is read once: to know it again is quicker than to write it.
  const known = new Map<ThinningRule, readonly Thinned[]>();
  const seen = new Map<string, readonly Thinned[]>();
  const keptBy = group.policy === null ? keepSetOfAnyPeriod : keepSet;
  const verdicts = (rule: ThinningRule): readonly Thinned[] => {
    const before = known.get(rule);
    if (before !== undefined) return before;
    const text = formatRule(rule);
    const set = seen.get(text) ?? keptBy(group.counted, rule);
    seen.set(text, set);
    known.set(rule, set);
    return set;
  };
  for (const [index, { point }] of rows.entries()) {
    if (point === null) continue;
    const own = rulesOf(point, view);
    const said = [...group.rules, ...own].flatMap((rule) => verdicts(rule)[index] ?? []);
    const counting: Counting = {
      keptAs: [...new Set(said.flatMap(({ keptAs }) => keptAs))],
      outMs: Math.max(-Infinity, ...said.map(({ outMs }) => outMs)),
      isMarked: own.length > 0,
      unreadable: ruleTexts(point, view).some((text) => parseRule(text) === null),
    };
    of.set(point, { group, counting });
  }
}

/** How long what is in force now keeps a point, from its making. */
export function inForceMs({ marks }: Point, { retentionMs, unaskedMs }: Group): number {
  if (retentionMs === unaskedMs || marks.keepUntil === null) return unaskedMs;
  return wasAskedFor(marks.asked) ? retentionMs : unaskedMs;
}

/** The longest that a good point of the group would have been kept, had one been made then; `null` when it would still be. */
export function wouldDieAtMs(group: Group, madeMs: number): number | null {
  const missing: Counted = { madeMs, calendarMs: madeMs, kind: "doubtful" };
  const at = group.counted.findIndex((each) => each.madeMs > madeMs);
  const index = at === -1 ? group.counted.length : at;
  const counted = group.counted.toSpliced(index, 0, missing);
  const outMs = group.rules.map((rule) => keepSet(counted, rule)[index]?.outMs ?? Infinity);
  const diesAtMs = Math.max(madeMs + group.unaskedMs, ...outMs);
  return diesAtMs === Infinity ? null : diesAtMs;
}

/** One policy and nothing but age: the plain case, in which a chain's rhythm tells when it died. */
export const isPlain = ({ groups, of }: VolumeTerms): boolean =>
  groups.length === 1 && [...of.values()].every(({ counting }) => counting.outMs === -Infinity);
