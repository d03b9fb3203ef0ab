import type { ListedBackup } from "./listing.ts";
import { mark, utcInstantMs } from "./marks.ts";
import type { Comparison } from "./removals.ts";
import { keptBy, readRule } from "./retention-rule.ts";
import type { Counted, RetentionRule } from "./retention-rule.ts";
import { createdMs, isLeaving } from "./view.ts";

/** What the rules that points carry say of them, between two listings. */
export interface MarkedRules {
  /** Whether the rule that it was made under still wanted the point: at every moment between the listings. */
  wants(was: ListedBackup): boolean;
}

/**
 * Each rule counts the good points of one volume, policy, mechanism and project. What came since takes its place as it
 * came, so a point may go as soon as that pushes it out; what ended in error, too, since room may be made before.
 */
export function markedRules({ before, now }: Pick<Comparison, "before" | "now">): MarkedRules {
  const stood = Map.groupBy(
    before.ours.filter((each) => before.isGood(each)),
    groupOf,
  );
  const came = Map.groupBy(
    now.ours.filter((each) => {
      const turned = before.find(each.id) === undefined || now.isGood(each);
      return turned && !isLeaving(each) && !isGoodBefore(each.id);
    }),
    groupOf,
  );
  const answers = new Map<string, ReadonlySet<string>>();

  function isGoodBefore(id: string): boolean {
    const was = before.find(id);
    return was !== undefined && before.isGood(was);
  }

  /** Ids that a rule kept at every moment. */
  function keptThroughout(rule: RetentionRule, group: string): ReadonlySet<string> {
    const arrivals = (came.get(group) ?? []).toSorted((a, b) => createdMs(a) - createdMs(b));
    const moments = [0, ...arrivals.keys().map((index) => index + 1)].map((count) => {
      const there = firstOfEachKey([...(stood.get(group) ?? []), ...arrivals.slice(0, count)]);
      const newestFirst = there.toSorted((a, b) => createdMs(a) - createdMs(b)).toReversed();
      return keptBy(
        rule,
        newestFirst.map((each) => counted(each, now.isGood(each) || isGoodBefore(each.id))),
      );
    });
    return moments.reduce((a, b) => a.intersection(b));
  }

  return {
    wants(was) {
      const text = was.metadata[mark.retention];
      // A failed attempt is no point that counts keep.
      if (text === undefined || was.status === "error") return false;
      const rule = readRule(text);
      // What cannot be read promises everything.
      if (!rule) return true;
      if (!before.isGood(was)) return false;
      const [group, question] = [groupOf(was), JSON.stringify([groupOf(was), text])];
      const answer = answers.get(question) ?? keptThroughout(rule, group);
      answers.set(question, answer);
      return answer.has(was.id);
    },
  };
}

const groupOf = ({ mechanism, volumeId, projectId, metadata }: ListedBackup): string =>
  JSON.stringify([mechanism, volumeId, projectId, metadata[mark.policy] ?? null]);

/** A second point where one was due takes nobody's place. */
function firstOfEachKey(all: readonly ListedBackup[]): readonly ListedBackup[] {
  const keyOf = ({ id, metadata }: ListedBackup): string => metadata[mark.key] ?? id;
  const oldestFirst = all.toSorted((a, b) => createdMs(a) - createdMs(b));
  const first = new Map(oldestFirst.toReversed().map((each) => [keyOf(each), each.id]));
  return oldestFirst.filter((each) => first.get(keyOf(each)) === each.id);
}

/** Clocks may differ by so much. */
const skewMs = 5 * 60_000;

/** What was made late stands for its slot; a slot that begins after it was made says nothing. */
function counted(each: ListedBackup, isGood: boolean): Counted {
  const slotMs = utcInstantMs(each.metadata[mark.slot] ?? "") ?? Infinity;
  const isPlausible = slotMs <= createdMs(each) + skewMs;
  return { id: each.id, calendarMs: isPlausible ? slotMs : createdMs(each), isGood };
}
