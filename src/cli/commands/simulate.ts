import { writeFile } from "node:fs/promises";
import { Option } from "commander";
import { describeRetention } from "../../domain/describe-policy.ts";
import type { PolicyBook } from "../../domain/policy-book.ts";
import type { Policy } from "../../domain/policy.ts";
import { operatorText } from "../../domain/reasons.ts";
import { isSnapSentryPolicy } from "../../domain/peers/snapsentry-keys.ts";
import { describeSchedule } from "../../domain/schedule.ts";
import { simulate, type Simulation } from "../../domain/simulate.ts";
import { monthsOf, type SimulatedMonth } from "../../domain/simulated-months.ts";
import type { ExistingPoint } from "../../domain/simulated-point.ts";
import type { Command } from "../command.ts";
import { exit, UsageError } from "../exit-codes.ts";
import { table } from "../output.ts";
import { ofEachVolume, policyFileOptions, readBook, type PolicyFileOptions } from "../policy-files.ts";
import { simulationPage } from "../simulate/page.ts";
import { readRequest, type SimulateOptions } from "../simulate/request.ts";
import { kindOf, localDay, localMinute } from "../simulate/words.ts";

interface Options extends SimulateOptions, PolicyFileOptions {
  readonly policy?: string;
  readonly html?: string;
}

export const simulateCommand: Command<Options> = {
  path: "simulate",
  summary: "show what a policy would make and keep over years, and what it stores",
  description:
    "Plays a policy on one volume by the functions that the conductor decides by, as if everything succeeded. Prints what is stored by month; " +
    "with --on also what exists on a day and what keeps each. What is stored is an estimate: a full takes the whole volume, an incremental " +
    "or a snapshot what changes until the next. Sends nothing to the cloud.",
  options: [
    new Option("--policy <name>", "the built-in one, a preset, or one of policies.file (default: the built-in one)"),
    new Option("--years <number>", "how long, 1 to 10 (default: 2)"),
    new Option("--months <number>", "how long, in its place, 1 to 120"),
    new Option("--days <number>", "how long, in its place, 1 to 3660"),
    new Option("--from <date>", "first day (default: today)"),
    new Option("--on <date>", "list what exists at the end of this day, and why"),
    new Option("--size <GiB>", "size of the volume").default("100"),
    new Option("--change-rate <percent>", "how much of it is written anew in a day").default("5"),
    new Option("--html <file>", "write pictures and tables to this file"),
    ...policyFileOptions,
  ],
  printsData: true,
  async run({ options }, context) {
    const policy = findPolicy(readBook(context, options), options.policy ?? context.settings().policy.name);
    const { input, on } = readRequest(policy, options, context.clock.now());
    const simulation = simulate(input);
    const months = monthsOf(simulation);
    // The last day, for the picture of what is kept.
    const shownAt = on ?? new Date(input.until.getTime() - 1);
    const existing = simulation.existingAt(shownAt);
    if (options.html !== undefined) {
      await writeFile(options.html, simulationPage({ simulation, months, at: shownAt, existing }));
      context.output.note(`wrote ${options.html}`);
    }
    const listed = on === null ? null : { at: on, existing };
    context.output.data(valueOf(simulation, months, listed), () => describe(simulation, months, listed));
    return exit.ok;
  },
};

function findPolicy(book: PolicyBook, name: string): Policy {
  const policy = book.policies.get(name);
  if (policy !== undefined) return policy;
  if (isSnapSentryPolicy(name)) throw new UsageError(`--policy ${name} ${ofEachVolume}`);
  throw new UsageError(`--policy ${name} is not there; allowed: ${[...book.policies.keys()].join(", ")}`);
}

interface Listed {
  readonly at: Date;
  readonly existing: readonly ExistingPoint[];
}

const rounded = (gib: number): number => Math.round(gib * 10) / 10;

const valueOf = ({ input, points }: Simulation, months: readonly SimulatedMonth[], listed: Listed | null): object => ({
  policy: input.policy.name,
  schedule: describeSchedule(input.policy.schedule),
  timeZone: input.policy.timeZone,
  keeps: describeRetention(input.policy),
  from: input.from,
  until: input.until,
  sizeGiB: input.sizeGiB,
  changeRate: input.dailyChange * 100,
  months: months.map((month) => ({ ...month, storedGiB: rounded(month.storedGiB), mostGiB: rounded(month.mostGiB) })),
  points,
  on:
    listed === null
      ? null
      : {
          at: listed.at,
          points: listed.existing.map(({ point, because }) => ({
            ...point,
            because,
            reasons: because.map((reason) => operatorText(reason)),
          })),
        },
});

function describe(simulation: Simulation, months: readonly SimulatedMonth[], listed: Listed | null): string {
  const { input, points } = simulation;
  const { policy, from, until, sizeGiB, dailyChange } = input;
  const zone = policy.timeZone;
  const last = new Date(until.getTime() - 1);
  const removed = points.filter(({ removedAt }) => removedAt !== null).length;
  const parts = [
    `Policy ${policy.name}: ${policy.mechanisms.join(" and ")}, ${describeSchedule(policy.schedule)} (${zone}), keeps ${describeRetention(policy)}`,
    `${localDay(from, zone)} to ${localDay(last, zone)}, a volume of ${sizeGiB} GiB of which ${rounded(dailyChange * 100)}% change in a day\n`,
    table(months, [
      { title: "MONTH", value: ({ month }) => month },
      { title: "MADE", value: ({ made }) => String(made), align: "right" },
      { title: "REMOVED", value: (each) => String(each.removed), align: "right" },
      { title: "POINTS", value: (each) => String(each.points), align: "right" },
      { title: "GiB", value: ({ storedGiB }) => storedGiB.toFixed(1), align: "right" },
      { title: "MOST GiB", value: ({ mostGiB }) => mostGiB.toFixed(1), align: "right" },
    ]),
    `${points.length} made, ${removed} removed, ${points.length - removed} left.`,
  ];
  if (listed !== null) {
    parts.push(
      `\nAt the end of ${localDay(listed.at, zone)} there are ${listed.existing.length}:\n`,
      table(listed.existing, [
        { title: "MADE", value: ({ point }) => localMinute(point.createdAt, zone) },
        { title: "KIND", value: ({ point }) => kindOf(point) },
        { title: "KEPT BECAUSE", value: ({ because }) => because.map((reason) => operatorText(reason)).join("; ") },
      ]),
    );
  }
  return parts.join("\n");
}
