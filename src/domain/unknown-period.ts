import type { ThinningRule } from "./policy.ts";
import { keepSet, type Counted, type Thinned } from "./thinning.ts";

/**
 * What a rule says of the points of a policy that is gone. How long after its slot a point can have been made was the policy's to say: what was made later does not
 * stand for its slot. As nobody knows that period any more, a point stays when it would with any.
 * @param points as for {@link keepSet}, each standing for its slot
 */
export function keepSetOfAnyPeriod(points: readonly Counted[], rule: ThinningRule): readonly Thinned[] {
  let said = keepSet(points, rule);
  for (const reading of readings(points)) {
    // Nothing is let go of any more.
    if (said.every(({ outMs }) => outMs === Infinity)) break;
    const other = keepSet(reading, rule);
    said = said.map((each, index) => longer(each, other[index]));
  }
  return said;
}

const longer = (a: Thinned, b: Thinned | undefined): Thinned => (b !== undefined && b.outMs > a.outMs ? b : a);

const lateness = ({ calendarMs, madeMs }: Counted): number => madeMs - calendarMs;

/** The points as they stand in the calendar where the period is shorter than one after the other of them was late. */
const readings = (points: readonly Counted[]): readonly (readonly Counted[])[] =>
  [...new Set(points.map(lateness))]
    .filter((lateMs) => lateMs > 0)
    .map((lateMs) =>
      points.map((point) => (lateness(point) >= lateMs ? { ...point, calendarMs: point.madeMs } : point)),
    );
