/** What a zone's clocks show, by Intl alone: shares nothing with the code that finds slots. Minutes are since 1970, UTC. */

const minuteMs = 60_000;
const dayMinutes = 1440;

/** Local minutes: what UTC would show at that many minutes since 1970. */
export type LocalMinutes = number;

interface Stretch {
  readonly fromMinute: number;
  readonly offset: number;
}

/** The first minute at which the zone's clocks show a time or a later one. Asks must be in ascending order of time. */
export class LocalClock {
  readonly #stretches: readonly Stretch[];
  readonly #untilMinute: number;

  constructor(zone: string, from: Date, until: Date) {
    const parts = new Intl.DateTimeFormat("en-u-hc-h23", {
      timeZone: zone,
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
    });
    const offsetAt = (minute: number): number => {
      const found = new Map(parts.formatToParts(minute * minuteMs).map(({ type, value }) => [type, Number(value)]));
      const part = (name: Intl.DateTimeFormatPartTypes): number => found.get(name) ?? NaN;
      const shown = Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"));
      return shown / minuteMs - minute;
    };
    const fromMinute = from.getTime() / minuteMs;
    this.#untilMinute = until.getTime() / minuteMs;
    const stretches: Stretch[] = [{ fromMinute, offset: offsetAt(fromMinute) }];
    // No zone changes its clocks twice within three days.
    const step = 3 * dayMinutes;
    for (let low = fromMinute; low < this.#untilMinute; low += step) {
      const [before, after] = [offsetAt(low), offsetAt(low + step)];
      if (before === after) continue;
      let [same, other] = [low, low + step];
      while (other - same > 1) {
        const middle = Math.floor((same + other) / 2);
        if (offsetAt(middle) === before) same = middle;
        else other = middle;
      }
      stretches.push({ fromMinute: other, offset: after });
    }
    this.#stretches = stretches;
  }

  /** The first minute at which the clocks show `local` or later. */
  firstAt(local: LocalMinutes): number {
    for (const [index, { fromMinute, offset }] of this.#stretches.entries()) {
      const endMinute = this.#stretches[index + 1]?.fromMinute ?? this.#untilMinute;
      const minute = Math.max(fromMinute, local - offset);
      if (minute < endMinute) return minute;
    }
    return this.#untilMinute;
  }

  /** Whether any minute shows this local day. */
  hasDay(local: LocalMinutes): boolean {
    const day = Math.floor(local / dayMinutes);
    const minute = this.firstAt(day * dayMinutes);
    const stretch = this.#stretches.findLast(({ fromMinute }) => fromMinute <= minute);
    return Math.floor((minute + (stretch?.offset ?? NaN)) / dayMinutes) === day;
  }
}
