import { describeRetention } from "../../domain/describe-policy.ts";
import { operatorText } from "../../domain/reasons.ts";
import { describeSchedule } from "../../domain/schedule.ts";
import type { Simulation } from "../../domain/simulate.ts";
import type { SimulatedMonth } from "../../domain/simulated-months.ts";
import type { ExistingPoint } from "../../domain/simulated-point.ts";
import { keptChart, livesChart, storageChart } from "./charts.ts";
import { escapeXml, style, svg, type Picture } from "./svg.ts";
import { kindOf, localDay, localMinute } from "./words.ts";

const pageStyle = `
:root { color-scheme: light dark; }
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; color: #1f2933; background: #ffffff; }
figure { margin: 1.5rem 0; overflow-x: auto; }
svg { max-width: 100%; height: auto; }
figcaption, .soft { color: #52606d; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: 0.2rem 0.9rem 0.2rem 0; text-align: left; border-bottom: 1px solid #d9e2ec; vertical-align: top; }
td:first-child { white-space: nowrap; }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; }
@media (max-width: 480px) {
  h1 { font-size: 1.5rem; }
  h2 { font-size: 1.2rem; }
  th, td { padding-right: 0.45rem; font-size: 0.8rem; }
}
@media (prefers-color-scheme: dark) {
  body { color: #e4e7eb; background: #16191d; }
  figcaption, .soft { color: #9aa5b1; }
  th, td { border-color: #323f4b; }
}`;

interface Shown {
  readonly simulation: Simulation;
  readonly months: readonly SimulatedMonth[];
  /** When {@link existing} is. */
  readonly at: Date;
  readonly existing: readonly ExistingPoint[];
}

interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly isNumber?: true;
}

function htmlTable<Row>(caption: string, rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const kind = (column: Column<Row>): string => (column.isNumber === true ? ' class="number"' : "");
  const head = columns.map((column) => `<th scope="col"${kind(column)}>${escapeXml(column.title)}</th>`).join("");
  const body = rows.map(
    (row) => `<tr>${columns.map((column) => `<td${kind(column)}>${escapeXml(column.value(row))}</td>`).join("")}</tr>`,
  );
  return [
    `<table><caption>${escapeXml(caption)}</caption>`,
    `<thead><tr>${head}</tr></thead>`,
    "<tbody>",
    ...body,
    "</tbody></table>",
  ].join("\n");
}

const figure = (picture: Picture): string =>
  `<figure>\n${svg(picture)}<figcaption>${escapeXml(picture.description)}</figcaption>\n</figure>`;

/** One page with everything in it: nothing is loaded from anywhere, and no script runs. */
export function simulationPage({ simulation, months, at, existing }: Shown): string {
  const { policy, from, until, sizeGiB, dailyChange } = simulation.input;
  const zone = policy.timeZone;
  const title = `Policy ${policy.name}, simulated`;
  const last = localDay(new Date(until.getTime() - 1), zone);
  const pictures = [keptChart(existing, at, zone), livesChart(simulation), storageChart(simulation)];
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escapeXml(title)}</title>`,
    `<style>${pageStyle}${style}\n</style>`,
    "</head>",
    "<body>",
    "<main>",
    `<h1>${escapeXml(title)}</h1>`,
    `<p>${escapeXml(`${policy.mechanisms.join(" and ")}, ${describeSchedule(policy.schedule)} (${zone}), keeps ${describeRetention(policy)}.`)}<br>`,
    escapeXml(
      `${localDay(from, zone)} to ${last}, a volume of ${sizeGiB} GiB of which ${Math.round(dailyChange * 1000) / 10}% change in a day.`,
    ),
    "</p>",
    ...pictures.flatMap((picture) => [`<h2>${escapeXml(picture.title)}</h2>`, figure(picture)]),
    "<h2>The figures</h2>",
    htmlTable("Storage by month, an estimate", months, [
      { title: "Month", value: ({ month }) => month },
      { title: "Made", value: ({ made }) => String(made), isNumber: true },
      { title: "Removed", value: ({ removed }) => String(removed), isNumber: true },
      { title: "Points at its end", value: ({ points }) => String(points), isNumber: true },
      { title: "GiB at its end", value: ({ storedGiB }) => storedGiB.toFixed(1), isNumber: true },
      { title: "Most GiB", value: ({ mostGiB }) => mostGiB.toFixed(1), isNumber: true },
    ]),
    htmlTable(`Restore points at the end of ${localDay(at, zone)}`, existing, [
      { title: "Made", value: ({ point }) => localMinute(point.createdAt, zone) },
      { title: "Kind", value: ({ point }) => kindOf(point) },
      { title: "Kept because", value: ({ because }) => because.map((reason) => operatorText(reason)).join("; ") },
    ]),
    "</main>",
    "</body>",
    "</html>",
    "",
  ].join("\n");
}
