import { keptBy, readRule, type RetentionRule } from "../../../../src/audit/retention-rule.ts";
import type { CatalogueEntry } from "../../../../src/domain/catalogue.ts";
import type { Backup, Server, Volume } from "../../../../src/domain/inventory.ts";
import type { Policy, ThinningRule } from "../../../../src/domain/policy.ts";
import type { Expected } from "../../../../src/domain/terms.ts";
import { dayMs } from "./scenario.ts";
import { automated, us, type World } from "./world.ts";

/** What is ours, good and wanted, by Cinder's rows and true parents, and by none of the code that plans. Counting is the audit's. */

export const isOurs = ({ metadata, userId }: Backup): boolean => userId === us && metadata[automated] === "True";

export function isGood(world: World, row: Backup): boolean {
  const verdict = row.metadata["dirigent:verdict"];
  if (!isOurs(row) || row.status !== "available" || row.failReason !== null || verdict !== undefined) return false;
  if (!row.isIncremental) return true;
  const parent = parentOf(world, row);
  return parent !== undefined && isGood(world, parent);
}

const parentOf = (world: World, { id }: Backup): Backup | undefined => world.rows.get(world.parents.get(id) ?? "");

/** The oldest of ours that it hangs from without a gap. */
export function topOf(world: World, row: Backup): Backup {
  const parent = parentOf(world, row);
  return parent === undefined || !isOurs(parent) ? row : topOf(world, parent);
}

export const chainOf = (world: World, row: Backup): Backup[] => {
  const top = topOf(world, row);
  return [...world.rows.values()].filter((each) => isOurs(each) && topOf(world, each) === top);
};

const ageOf = (row: Backup): number => (row.dataTimestamp ?? row.createdAt).getTime();

/** The same project, volume and mechanism. */
export const isLike = (a: Backup, b: Backup): boolean =>
  a.volumeId === b.volumeId && a.mechanism === b.mechanism && a.projectId === b.projectId;

/** Of those that a condition holds for. */
export function newestOf(rows: Iterable<Backup>, holds: (row: Backup) => boolean): Backup | undefined {
  let newest: Backup | undefined;
  for (const row of rows) if (holds(row) && (newest === undefined || ageOf(row) > ageOf(newest))) newest = row;
  return newest;
}

/** What a tenant asks for, in ms; undefined when that is nothing or makes no sense. */
function askedMs({ metadata }: Server | Volume): number | undefined {
  const [, days] = /^([1-9]\d*)d$/.exec(metadata["backup_retention"] ?? "") ?? [];
  return days === undefined ? undefined : Number(days) * dayMs;
}

/** Whether its volume or its server asked for another retention when it was made. */
function wasAskedFor({ metadata }: Backup): boolean {
  const rows = (metadata["dirigent:asked"] ?? "").split(" ").map((text) => /^(.+)=(.*)@(.+)$/.exec(text) ?? []);
  const newest = new Map(rows.map(([, by, value]) => [by, value]));
  return ["volume", "server"].some((by) => /^\d/.test(newest.get(by) ?? ""));
}

export interface Rules {
  readonly world: World;
  readonly now: Date;
  readonly listing: { readonly servers: readonly Server[]; readonly volumes: ReadonlyMap<string, Volume> };
  readonly policies: ReadonlyMap<string, Policy>;
  readonly builtIn: Policy;
  readonly catalogue: ReadonlyMap<string, CatalogueEntry>;
  readonly expecting: readonly Expected[];
}

/** Why nobody may let go of a point yet; undefined when nothing speaks against it. */
export function whyWanted(row: Backup, rules: Rules): string | undefined {
  const { catalogue, now, world } = rules;
  const { metadata } = row;
  const entry = catalogue.get(row.id);
  if ("dirigent:hold" in metadata || entry?.held === true) return "held";
  if (row.status !== "available" && row.status !== "error") return `status ${row.status}`;
  const policy = policyOf(row, rules);
  const promisedMs = Date.parse(metadata["dirigent:keep-until"] ?? "");
  const rule = metadata["dirigent:retention"];
  const ageMs = Math.max(
    inForceMs(row.volumeId, policy, rules),
    Number.isNaN(promisedMs) || !wasAskedFor(row) ? (policy?.retentionMs ?? 0) : 0,
  );
  const isOld = now.getTime() >= row.createdAt.getTime() + ageMs && !(promisedMs > now.getTime());
  if (row.status === "error") {
    const others = [...world.rows.values()].filter((each) => isOurs(each) && isLike(each, row));
    if (others.some((each) => isGood(world, each) && ageOf(each) > ageOf(row))) return undefined;
    const newer = others.some((each) => each !== row && each.status === "error" && ageOf(each) >= ageOf(row));
    return newer && isOld && !Number.isNaN(promisedMs) ? undefined : "failed";
  }
  if (!isOld) return "young or promised";
  if (entry?.keepUntil != null && entry.keepUntil > now) return "promised by the database";
  if (rule !== undefined && readRule(rule) === undefined) return "unreadable rule";
  if (policy === undefined && Number.isNaN(promisedMs) && rule === undefined && entry?.keepUntil == null)
    return "nobody knows how long";
  const own = [
    rule === undefined ? undefined : readRule(rule),
    policy?.thinning == null ? undefined : ruleOf(policy.thinning),
  ];
  return own.some((each) => each !== undefined && isCounted(row, each, rules)) ? "counted" : undefined;
}

const nameOf = ({ metadata }: Backup, { builtIn }: Rules): string => metadata["dirigent:policy"] ?? builtIn.name;
const policyOf = (row: Backup, rules: Rules): Policy | undefined => rules.policies.get(nameOf(row, rules));

/** What the volume asks for, else the most of what its servers ask for, else what the policy says; never below its minimum. */
function inForceMs(volumeId: string, policy: Policy | undefined, { listing }: Rules): number {
  if (policy === undefined) return 0;
  const volume = listing.volumes.get(volumeId);
  const servers = listing.servers.filter(({ id }) => volume?.serverIds.includes(id));
  const own = volume === undefined ? undefined : askedMs(volume);
  const asked = own === undefined ? servers.flatMap((server) => askedMs(server) ?? []) : [own];
  return Math.max(policy.minimumRetentionMs, ...(asked.length > 0 ? asked : [policy.retentionMs]));
}

const ruleOf = (rule: ThinningRule): RetentionRule => ({
  steps: (["last", "hourly", "daily", "weekly", "monthly", "yearly"] as const).flatMap((unit) =>
    rule[unit] > 0 ? { unit, count: rule[unit] } : [],
  ),
  minimum: rule.minimumKeep,
  isInTurn: rule.countFrom === "previous",
  timeZone: rule.timeZone,
});

const skewMs = 5 * 60_000;

/** Whether the audit's code counts it among the good ones of its policy, each key once. Only where no rule counts in turn, in which fewer may be kept by more. */
function isCounted(row: Backup, rule: RetentionRule, rules: Rules): boolean {
  if (rule.isInTurn) return false;
  const { world } = rules;
  const periodMs = policyOf(row, rules)?.periodMs ?? Infinity;
  const keyOf = (each: Backup): string => each.metadata["dirigent:key"] ?? each.id;
  const isTwin = (each: Backup): boolean => each !== row && keyOf(each) === keyOf(row);
  const rows = [...world.rows.values()];
  // What is not good itself needs no place beside its good twin.
  if (!isGood(world, row) && rows.some((each) => isTwin(each) && isLike(each, row) && isGood(world, each)))
    return false;
  const group = rows.filter(
    (each) =>
      isLike(each, row) &&
      !isTwin(each) &&
      (each === row || (isGood(world, each) && nameOf(each, rules) === nameOf(row, rules))),
  );
  const expected = rules.expecting
    .filter(
      (each) =>
        each.volumeId === row.volumeId && each.mechanism === row.mechanism && each.policy === nameOf(row, rules),
    )
    .map(({ at }) => ({ id: "expected", calendarMs: at.getTime(), madeMs: at.getTime(), isGood: false }));
  // Of those with one key it may be the first or the last.
  return [group, group.toReversed()].every((all) => {
    const once = new Map(all.map((each) => [keyOf(each), each]));
    const counted = [...once.values()].map((each) => ({
      id: each.id,
      madeMs: each.createdAt.getTime(),
      calendarMs: calendarMs(each, periodMs),
      isGood: each !== row || isGood(world, each),
    }));
    const newestFirst = [...counted, ...expected].sort((x, y) => y.madeMs - x.madeMs);
    return keptBy(rule, newestFirst).has(row.id);
  });
}

/** What was made late stands for its slot; a slot that it cannot have been made in says nothing. */
function calendarMs({ createdAt, metadata }: Backup, periodMs: number): number {
  const madeMs = createdAt.getTime();
  const slotMs = Date.parse(metadata["dirigent:slot"] ?? "");
  const isPlausible = slotMs <= madeMs + skewMs && madeMs <= slotMs + periodMs + skewMs;
  return isPlausible ? slotMs : madeMs;
}
