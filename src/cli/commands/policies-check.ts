import { describeMatch } from "../../domain/describe-match.ts";
import { describeOverride, describeRetention } from "../../domain/describe-policy.ts";
import { isExpired, type Exclusion } from "../../domain/exclusions.ts";
import type { PolicyBook } from "../../domain/policy-book.ts";
import type { Policy } from "../../domain/policy.ts";
import { inOrder, type Rule } from "../../domain/rules.ts";
import { describeSchedule } from "../../domain/schedule.ts";
import { nextSlotStart } from "../../domain/slots.ts";
import type { Command, Context } from "../command.ts";
import { exit } from "../exit-codes.ts";
import { table } from "../output.ts";
import { originOf, pathsOf, policyFileOptions, readBook, type PolicyFileOptions } from "../policy-files.ts";

export const policiesCheck: Command<PolicyFileOptions> = {
  path: "policies check",
  summary: "check the files of policies, rules and exclusions, and show what they say",
  description:
    "Reports everything that is wrong with the files, with its place, and exits with status 10. Else shows the policies with their next slots and what each keeps, " +
    "the rules in the order in which they are looked at, and the exclusions. Sends nothing to the cloud.",
  options: policyFileOptions,
  printsData: true,
  run({ options }, context) {
    const book = readBook(context, options);
    context.output.data(bookValue(book, context, options), () => describeBook(book, context));
    return Promise.resolve(exit.ok);
  },
};

const shownSlots = 3;

/** When the next slots begin. */
export function nextSlots(policy: Policy, from: Date, count: number): readonly Date[] {
  const slots: Date[] = [];
  for (let at = from; slots.length < count;) slots.push((at = nextSlotStart(policy, at)));
  return slots;
}

/** A policy as `--json` has it. */
export const policyValue = (policy: Policy, context: Context, slots: number): object => ({
  ...policy,
  origin: originOf(policy.name, context),
  scheduleText: describeSchedule(policy.schedule),
  keeps: describeRetention(policy),
  nextSlots: nextSlots(policy, context.clock.now(), slots),
});

const ruleValue = ({ name, priority, match, effect }: Rule): object => ({
  name,
  priority,
  match: describeMatch(match),
  effect: effect.kind,
  ...(effect.kind === "exclude"
    ? {}
    : {
        policies: effect.policies,
        retention: Object.fromEntries([...effect.retention].map(([policy, each]) => [policy, describeOverride(each)])),
        continue: effect.continue,
      }),
});

const bookValue = (book: PolicyBook, context: Context, given: PolicyFileOptions): object => {
  const { file, rulesFile } = pathsOf(context, given);
  return {
    file,
    rulesFile,
    version: book.version,
    policies: [...book.policies.values()].map((policy) => policyValue(policy, context, shownSlots)),
    rules: inOrder(book.rules).map(ruleValue),
    exclusions: book.exclusions.map((each) => ({ ...each, expired: isExpired(each, context.clock.now()) })),
  };
};

function effectText({ effect }: Rule): string {
  if (effect.kind === "exclude") return "exclude";
  const retention = [...effect.retention].map(([policy, each]) => `${policy} keeps ${describeOverride(each)}`);
  return [...(effect.policies.length > 0 ? [effect.policies.join(", ")] : []), ...retention].join("; ");
}

/** A time in the policy's own zone, to the minute. */
export const localTime = (at: Date, timeZone: string): string =>
  new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "short", timeZone }).format(at);

function describePolicies(policies: readonly Policy[], context: Context): string {
  const now = context.clock.now();
  return table(policies, [
    { title: "POLICY", value: ({ name }) => name },
    { title: "FROM", value: ({ name }) => originOf(name, context) },
    { title: "MAKES", value: ({ mechanisms }) => mechanisms.join(", ") },
    { title: "WHEN", value: ({ schedule }) => describeSchedule(schedule) },
    { title: "ZONE", value: ({ timeZone }) => timeZone },
    { title: "KEEPS", value: describeRetention },
    {
      title: "NEXT SLOTS",
      value: (policy) =>
        nextSlots(policy, now, shownSlots)
          .map((at) => localTime(at, policy.timeZone))
          .join(", "),
    },
  ]);
}

function describeBook(book: PolicyBook, context: Context): string {
  const now = context.clock.now();
  const parts = [describePolicies([...book.policies.values()], context)];
  const rules = inOrder(book.rules);
  parts.push(rules.length === 0 ? "\nNo rules.\n" : `\n${ruleTable(rules)}`);
  if (book.exclusions.length > 0) parts.push(`\n${exclusionTable(book.exclusions, now)}`);
  return parts.join("");
}

const ruleTable = (rules: readonly Rule[]): string =>
  table(rules, [
    { title: "PRIORITY", value: ({ priority }) => String(priority), align: "right" },
    { title: "RULE", value: ({ name }) => name },
    { title: "MATCHES", value: ({ match }) => describeMatch(match) },
    { title: "DOES", value: effectText },
    { title: "THEN", value: ({ effect }) => (effect.kind === "attach" && effect.continue ? "goes on" : "ends") },
  ]);

const exclusionTable = (exclusions: readonly Exclusion[], now: Date): string =>
  table(exclusions, [
    { title: "EXCLUDED", value: ({ scope, id }) => `${scope} ${id}` },
    { title: "REASON", value: ({ reason }) => reason },
    {
      title: "UNTIL",
      value: (each) =>
        each.until === null ? "for ever" : `${each.until.toISOString()}${isExpired(each, now) ? " (expired)" : ""}`,
    },
  ]);
