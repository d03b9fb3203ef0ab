import { dayMs } from "./durations.ts";
import { existsAt } from "./simulated-point.ts";
import type { Simulation } from "./simulate.ts";
import { Temporal } from "temporal-polyfill";

/** What happened in a calendar month of the policy's zone, and what was there at its end. */
export interface SimulatedMonth {
  /** `2026-11` */
  readonly month: string;
  readonly made: number;
  readonly removed: number;
  readonly points: number;
  /** At its end. */
  readonly storedGiB: number;
  /** The most on any of its days. */
  readonly mostGiB: number;
}

/** The months of a simulation; the first and the last may be parts of one. */
export function monthsOf(simulation: Simulation): SimulatedMonth[] {
  const { from, policy, until } = simulation.input;
  const months: SimulatedMonth[] = [];
  for (let start = from; start < until;) {
    const local = Temporal.Instant.fromEpochMilliseconds(start.getTime()).toZonedDateTimeISO(policy.timeZone);
    const next = local.toPlainDate().with({ day: 1 }).add({ months: 1 }).toZonedDateTime(policy.timeZone);
    const end = new Date(Math.min(next.epochMilliseconds, until.getTime()));
    // What is made as the next month begins is the next one's.
    const last = new Date(end.getTime() - 1);
    const within = (at: Date | null): boolean => at !== null && at >= start && at < end;
    const daily: number[] = [];
    for (let ms = start.getTime() + dayMs - 1; ms < last.getTime(); ms += dayMs) {
      daily.push(simulation.storedAt(new Date(ms)));
    }
    const storedGiB = simulation.storedAt(last);
    months.push({
      month: local.toPlainDate().toPlainYearMonth().toString(),
      made: simulation.points.filter(({ createdAt }) => within(createdAt)).length,
      removed: simulation.points.filter(({ removedAt }) => within(removedAt)).length,
      points: simulation.points.filter((point) => existsAt(point, last)).length,
      storedGiB,
      mostGiB: Math.max(storedGiB, ...daily),
    });
    start = end;
  }
  return months;
}
