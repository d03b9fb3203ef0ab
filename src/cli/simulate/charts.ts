import { Temporal } from "temporal-polyfill";
import { dayMs } from "../../domain/durations.ts";
import type { Reason } from "../../domain/reasons.ts";
import type { Simulation } from "../../domain/simulate.ts";
import type { ExistingPoint, SimulatedPoint } from "../../domain/simulated-point.ts";
import { legend, line, short, text, type Picture } from "./svg.ts";
import { kindOf, localDay } from "./words.ts";

const width = 960;
const left = 96;
const right = 40;
const across = width - left - right;

const kindsOf = (points: readonly SimulatedPoint[]): string[] =>
  ["full", "incremental", "archive", "snapshot"].filter((kind) => points.some((point) => kindOf(point) === kind));

interface TimeAxis {
  readonly xOf: (at: Date) => number;
  /** Lines and words of the months. */
  readonly drawn: (top: number, bottom: number) => string;
}

function timeAxis({ input: { from, policy, until } }: Simulation): TimeAxis {
  const spanMs = until.getTime() - from.getTime();
  const xOf = (at: Date): number => left + ((at.getTime() - from.getTime()) / spanMs) * across;
  // About eight words, on the first of a month where there is room for it.
  const months = Math.max(1, Math.round(spanMs / dayMs / 30 / 8));
  const byDays = spanMs < 90 * dayMs ? { days: Math.max(1, Math.round(spanMs / dayMs / 8)) } : null;
  const drawn = (top: number, bottom: number): string => {
    const parts: string[] = [];
    const local = Temporal.Instant.fromEpochMilliseconds(from.getTime()).toZonedDateTimeISO(policy.timeZone);
    const first = local.toPlainDate();
    for (let day = byDays === null ? first.with({ day: 1 }) : first; ; day = day.add(byDays ?? { months })) {
      const at = new Date(day.toZonedDateTime(policy.timeZone).epochMilliseconds);
      if (at > until) break;
      if (at < from) continue;
      const x = xOf(at);
      const words = byDays === null ? day.toPlainYearMonth().toString() : day.toString();
      parts.push(line(x, top, x, bottom), text(x, bottom + 18, words, { anchor: "middle", soft: true }));
    }
    return parts.join("\n");
  };
  return { xOf, drawn };
}

/** Each point as a line from its making to its removal. */
export function livesChart(simulation: Simulation): Picture {
  const { points, input } = simulation;
  const [top, bottom, height] = [40, 420, 460];
  const axis = timeAxis(simulation);
  const yOf = (at: Date): number => top + ((axis.xOf(at) - left) / across) * (bottom - top);
  // The first kinds are fewest, and come to lie on top.
  const paths = kindsOf(points)
    .reverse()
    .map((kind) => {
      const strokes = points
        .filter((point) => kindOf(point) === kind)
        .map(({ createdAt, removedAt }) => {
          // What lives for less than a dot is still to be seen.
          const x = axis.xOf(createdAt);
          const end = Math.max(axis.xOf(removedAt ?? input.until), x + 1);
          return `M${short(x)} ${short(yOf(createdAt))}H${short(end)}`;
        });
      return `<path class="${kind} life" d="${strokes.join("")}"/>`;
    });
  const kept = points.filter(({ removedAt }) => removedAt === null).length;
  return {
    id: "lives",
    title: "Restore points from their making to their removal",
    description:
      `Time goes to the right, and each of the ${points.length} restore points is a line from the day it was made to the day it was removed; ` +
      `those made later are further down. A line straight down through any day crosses what exists on it. ${kept} are left at the end.`,
    width,
    height,
    body: [axis.drawn(top, bottom), ...paths, legend(kindsOf(points), left, 24)].join("\n"),
  };
}

/** What is stored on each day. */
export function storageChart(simulation: Simulation): Picture {
  const { from, until, sizeGiB } = simulation.input;
  const [top, bottom, height] = [24, 220, 260];
  const axis = timeAxis(simulation);
  const stepMs = Math.max(dayMs, (until.getTime() - from.getTime()) / across);
  const values: (readonly [at: Date, gib: number])[] = [];
  for (let ms = from.getTime() + dayMs - 1; ms < until.getTime(); ms += stepMs) {
    values.push([new Date(ms), simulation.storedAt(new Date(ms))]);
  }
  const most = Math.max(sizeGiB / 10, ...values.map(([, gib]) => gib));
  const unit = niceStep(most / 5);
  const yOf = (gib: number): number => bottom - (gib / (Math.ceil(most / unit) * unit)) * (bottom - top);
  const rules: string[] = [];
  for (let gib = 0; gib <= Math.ceil(most / unit) * unit; gib += unit) {
    rules.push(line(left, yOf(gib), width - right, yOf(gib)));
    rules.push(text(left - 8, yOf(gib) + 4, `${short(gib)} GiB`, { anchor: "end", soft: true }));
  }
  const outline = values.map(([at, gib]) => `L${short(axis.xOf(at))} ${short(yOf(gib))}`).join("");
  const end = values.at(-1)?.[0] ?? from;
  const path = `M${short(axis.xOf(values[0]?.[0] ?? from))} ${bottom}${outline}L${short(axis.xOf(end))} ${bottom}Z`;
  return {
    id: "storage",
    title: "What is stored on each day",
    description: `An estimate in GiB for a volume of ${short(sizeGiB)} GiB: at most ${short(most)} GiB, ${short(values.at(-1)?.[1] ?? 0)} GiB at the end. The table by month has the figures.`,
    width,
    height,
    body: [axis.drawn(top, bottom), ...rules, `<path class="area" d="${path}"/>`].join("\n"),
  };
}

/** 1, 2 or 5 and zeros, not below. */
function niceStep(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5].find((each) => each * power >= value) ?? 10);
}

/** The words at the left of the lanes. */
const lanes: readonly (readonly [Reason, string])[] = [
  ["keep_last", "last"],
  ["keep_hourly", "hourly"],
  ["keep_daily", "daily"],
  ["keep_weekly", "weekly"],
  ["keep_monthly", "monthly"],
  ["keep_yearly", "yearly"],
  ["keep_minimum", "minimum"],
  ["keep_age", "age"],
  ["keep_promised", "promised"],
  ["keep_archive", "archive"],
  ["keep_newest_good", "newest good"],
  ["keep_chain", "chain"],
  ["keep_pace", "waits"],
];

const ages: readonly (readonly [days: number, words: string])[] = [
  [0, "now"],
  [1, "1 day"],
  [3, "3 days"],
  [7, "1 week"],
  [14, "2 weeks"],
  [30, "1 month"],
  [91, "3 months"],
  [182, "6 months"],
  [365, "1 year"],
  [730, "2 years"],
  [1826, "5 years"],
  [3652, "10 years"],
];

/** What exists at a time, by age, a lane for each reason that keeps it. */
export function keptChart(existing: readonly ExistingPoint[], at: Date, timeZone: string): Picture {
  const shown = lanes.filter(([reason]) => existing.some(({ because }) => because.includes(reason)));
  const top = 44;
  const bottom = top + Math.max(1, shown.length) * 30;
  const daysOf = ({ point }: ExistingPoint): number => (at.getTime() - point.createdAt.getTime()) / dayMs;
  const oldest = Math.max(1, ...existing.map(daysOf));
  // The younger, the more room a day has.
  const scale = (days: number): number => Math.log1p(days) / Math.log1p(oldest);
  const xOf = (days: number): number => width - right - 16 - scale(days) * (across - 32);
  const ticks = ages.filter(([days]) => days <= oldest * 1.001);
  const words = ticks.map(([days, name], index) => {
    const x = xOf(days);
    const next = ticks[index - 1];
    const isFree = next === undefined || xOf(next[0]) - x > 62;
    return line(x, top, x, bottom) + (isFree ? text(x, bottom + 18, name, { anchor: "middle", soft: true }) : "");
  });
  const rows = shown.map(([reason, name], lane) => {
    const y = top + lane * 30 + 15;
    const dots = existing
      .filter(({ because }) => because.includes(reason))
      .map((each) => {
        const label = `${localDay(each.point.createdAt, timeZone)}, ${kindOf(each.point)}`;
        return `<circle class="${kindOf(each.point)}" cx="${short(xOf(daysOf(each)))}" cy="${y}" r="4.5"><title>${label}</title></circle>`;
      });
    return [line(left, y, width - right, y), text(left - 8, y + 4, name, { anchor: "end" }), ...dots].join("\n");
  });
  const counts = shown.map(
    ([reason, name]) => `${name} ${existing.filter(({ because }) => because.includes(reason)).length}`,
  );
  return {
    id: "kept",
    title: `What exists on ${localDay(at, timeZone)}, by age and by what keeps it`,
    description:
      existing.length === 0
        ? "There are no restore points."
        : `${existing.length} restore points. Kept as: ${counts.join(", ")}; one may be kept as several. The oldest is ${Math.round(oldest)} days old.`,
    width,
    height: bottom + 36,
    body: [legend(kindsOf(existing.map(({ point }) => point)), left, 24), ...words, ...rows].join("\n"),
  };
}
