import { Option } from "commander";
import { snapSentryPolicyName, type SnapSentryKind } from "../../domain/peers/snapsentry-keys.ts";
import { expressIntervals, snapSentryPolicy } from "../../domain/peers/snapsentry.ts";
import {
  readSubscription,
  readSwitch,
  subscriptionMetadata,
  type SubscriptionText,
} from "../../domain/peers/subscription.ts";
import type { Policy } from "../../domain/policy.ts";
import { nextSlotStart } from "../../domain/slots.ts";
import type { Command } from "../command.ts";
import { UsageError } from "../exit-codes.ts";
import { openConfiguredClouds } from "../open.ts";
import { table } from "../output.ts";
import { exitOf, findVolumes, volumeIdOption, volumeIds, writeToEach } from "../subscriptions.ts";

interface Options extends SubscriptionText {
  readonly volumeId: readonly string[];
  readonly enabled: string | true;
}

/** So many next slots are shown. */
const shownSlots = 3;

const startTime = new Option(
  "--start-time <HH:MM>",
  "when it is due, in --timezone; seconds are dropped (default: 00:00)",
);

const summaries = {
  express: { often: "several times a day", days: 1, own: [intervalHours()] },
  daily: { often: "every day", days: 2, own: [startTime] },
  weekly: {
    often: "every week",
    days: 7,
    own: [startTime, new Option("--week-day <day>", "day of the week: sunday, Sun, 0 and so on (default: sunday)")],
  },
  monthly: {
    often: "every month",
    days: 30,
    own: [startTime, new Option("--month-day <day>", "1 to 31; in shorter months it is the last day (default: 1)")],
  },
} as const satisfies Record<SnapSentryKind, { often: string; days: number; own: readonly Option[] }>;

function intervalHours(): Option {
  return new Option("--interval-hours <hours>", `${expressIntervals.join(", ")}, from midnight on (default: 6)`);
}

/** The command that subscribes volumes to one of SnapSentry's four policies. */
export function subscribeCommand(kind: SnapSentryKind): Command<Options> {
  const { often, days, own } = summaries[kind];
  return {
    path: `subscribe ${kind}`,
    summary: `have snapshots made of volumes ${often}, by metadata on them`,
    description:
      `Writes SnapSentry's metadata for the ${kind} policy on the volumes, with a token of their own project; other metadata stays. The conductor, or \`dirigent run\`, makes snapshots by it: ` +
      "the first at once, for the slot that has begun, then one in each slot. " +
      "All is checked before anything is written. It is SnapSentry's command with its options; --retention-type is an addition.",
    options: [
      volumeIdOption(),
      new Option("--retention <days>", `days that a snapshot is kept (default: ${days})`),
      new Option(
        "--retention-type <type>",
        "time: so many days; count: so many days and the newest so many (default: time)",
      ),
      new Option("--timezone <zone>", "IANA time zone (default: UTC)"),
      ...own,
      new Option("--enabled [boolean]", "false leaves the schedule on the volume and makes no snapshots by it").default(
        "true",
      ),
    ],
    printsData: true,
    async run({ options }, context) {
      const ids = volumeIds(options.volumeId);
      const enabled = readSwitch(options.enabled);
      const { parameters, problems } = readSubscription(kind, options);
      const wrong = enabled === null ? [`--enabled ${String(options.enabled)}: must be true or false`] : [];
      if (problems.length + wrong.length > 0) throw new UsageError([...problems, ...wrong].join("\n"));
      const policy = snapSentryPolicy(parameters);
      const metadata = subscriptionMetadata(parameters, enabled !== false);
      const clouds = await openConfiguredClouds(context);
      try {
        const { cut } = context.signals;
        const volumes = await findVolumes(clouds, ids, cut);
        const written = await writeToEach(context, volumes, ({ id, projectId }) =>
          clouds.writer.forProject(projectId).setVolumeMetadata(id, metadata, cut),
        );
        const nextSlots = enabled === false ? [] : upcoming(policy, context.clock.now());
        const value = {
          policy: snapSentryPolicyName(kind),
          enabled,
          metadata,
          nextSlots,
          volumes: written.map(({ volume, error }) => ({ id: volume.id, projectId: volume.projectId, error })),
        };
        context.output.data(value, () => describe(value, policy));
        return exitOf(written);
      } finally {
        clouds.close();
      }
    },
  };
}

/** The slots to come after the present one. */
function upcoming(policy: Policy, now: Date): Date[] {
  const slots: Date[] = [];
  for (let at = now; slots.length < shownSlots;) {
    at = nextSlotStart(policy, at);
    slots.push(at);
  }
  return slots;
}

function describe(
  value: {
    readonly nextSlots: readonly Date[];
    readonly volumes: readonly { readonly id: string; readonly projectId: string; readonly error: string | null }[];
  },
  { timeZone }: Policy,
): string {
  const rows = table(value.volumes, [
    { title: "VOLUME", value: ({ id }) => id },
    { title: "PROJECT", value: ({ projectId }) => projectId },
    { title: "OUTCOME", value: ({ error }) => error ?? "written" },
  ]);
  if (value.nextSlots.length === 0) return `${rows}Not enabled: no snapshots are made by it.\n`;
  const format = new Intl.DateTimeFormat("en-GB", { timeZone, dateStyle: "full", timeStyle: "short" });
  const slots = value.nextSlots.map((at) => `  ${at.toISOString()}  ${format.format(at)} ${timeZone}\n`);
  return `${rows}The first is due at once; then:\n${slots.join("")}`;
}
