import { Argument } from "commander";
import { describeRetention } from "../../domain/describe-policy.ts";
import { formatDuration } from "../../domain/durations.ts";
import type { Policy } from "../../domain/policy.ts";
import { isSnapSentryPolicy } from "../../domain/peers/snapsentry-keys.ts";
import { describeSchedule } from "../../domain/schedule.ts";
import { nearest } from "../../config/nearest.ts";
import type { Command, Context } from "../command.ts";
import { CommandError, exit } from "../exit-codes.ts";
import { ofEachVolume, originOf, policyFileOptions, readBook, type PolicyFileOptions } from "../policy-files.ts";
import { localTime, nextSlots, policyValue } from "./policies-check.ts";

const shownSlots = 5;

export const policiesShow: Command<PolicyFileOptions> = {
  path: "policies show",
  summary: "show all that one policy says",
  description:
    "Shows a policy of the files, a preset, or the built-in one: all its settings, and when its next slots begin.",
  options: policyFileOptions,
  arguments: [new Argument("<name>", "of the policy")],
  printsData: true,
  run({ options, arguments: [name = ""] }, context) {
    const { policies } = readBook(context, options);
    const policy = policies.get(name);
    if (policy === undefined) {
      if (isSnapSentryPolicy(name)) {
        throw new CommandError(exit.failed, `${name} ${ofEachVolume}`);
      }
      const near = nearest(name, [...policies.keys()]);
      const advice = near === null ? `there are ${[...policies.keys()].join(", ")}` : `did you mean ${near}?`;
      throw new CommandError(exit.failed, `there is no policy ${name}; ${advice}`);
    }
    context.output.data(policyValue(policy, context, shownSlots), () => describe(policy, context));
    return Promise.resolve(exit.ok);
  },
};

function describe(policy: Policy, context: Context): string {
  const { archive, timeZone, windowMs } = policy;
  const isBackup = policy.mechanisms.includes("backup");
  const late = policy.catchUp === "once" ? "until the next slot" : `for ${formatDuration(windowMs)}`;
  const rows: readonly (readonly [string, string | null])[] = [
    ["policy", policy.name],
    ["from", originOf(policy.name, context)],
    ["makes", policy.mechanisms.join(", ")],
    ["when", `${describeSchedule(policy.schedule)}, ${timeZone}`],
    ["work may start", policy.jitterMs > 0 ? `${late}, spread over ${formatDuration(policy.jitterMs)}` : late],
    ["keeps", describeRetention(policy)],
    ["promises at least", formatDuration(policy.minimumRetentionMs)],
    ["not again within", policy.minimumIntervalMs > 0 ? formatDuration(policy.minimumIntervalMs) : null],
    ["full", isBackup ? (policy.fullEvery === 1 ? "always" : `every ${policy.fullEvery}th`) : null],
    ["chain no older than", policy.maximumChainAgeMs === null ? null : formatDuration(policy.maximumChainAgeMs)],
    ["container", policy.container],
    ["archives", archive === null ? null : archiveText(archive)],
    [
      "all volumes of a server",
      isBackup && policy.consistency === "set" ? "as of one moment, from temporary snapshots" : null,
    ],
    ["priority", String(policy.priority)],
    ["at once", policy.maximumConcurrent === null ? null : String(policy.maximumConcurrent)],
    ["without quota", policy.onQuota === "prune" ? "removes first what is no longer wanted" : "makes nothing"],
    [
      "next slots",
      nextSlots(policy, context.clock.now(), shownSlots)
        .map((at) => localTime(at, timeZone))
        .join(", "),
    ],
  ];
  const said = rows.filter(([, text]) => text !== null);
  const width = Math.max(...said.map(([title]) => title.length));
  return said.map(([title, text]) => `${title.padEnd(width)}  ${text ?? ""}\n`).join("");
}

const archiveText = ({ which, container, retentionMs }: NonNullable<Policy["archive"]>): string => {
  const turn = "every" in which ? `every ${which.every}th full` : `the first full of a ${which.firstOf}`;
  return `${turn} to ${container} for ${formatDuration(retentionMs)}`;
};
