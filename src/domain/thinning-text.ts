import type { ThinningRule } from "./policy.ts";
import { thinningSteps } from "./thinning.ts";

/**
 * A rule as it is marked on the points made under it, e.g. `last=5,daily=7,weekly=4,min=1,tz=Europe/Berlin`. Steps that keep nothing are left out;
 * `from=previous` stands before the zone.
 */
export function formatRule(rule: ThinningRule): string {
  const steps = thinningSteps.flatMap((step) => (rule[step] > 0 ? `${step}=${rule[step]}` : []));
  const from = rule.countFrom === "previous" ? ["from=previous"] : [];
  return [...steps, `min=${rule.minimumKeep}`, ...from, `tz=${rule.timeZone}`].join(",");
}

const known = new Map<string, ThinningRule | null>();
const knownLimit = 1000;

/** The rule in a mark; `null` when it is not exactly what {@link formatRule} writes: such a mark keeps its point. */
export function parseRule(text: string): ThinningRule | null {
  const before = known.get(text);
  if (before !== undefined) return before;
  const rule = readRule(text);
  if (known.size >= knownLimit) known.clear();
  known.set(text, rule);
  return rule;
}

function readRule(text: string): ThinningRule | null {
  const fields = new Map(text.split(",").map((part) => part.split("=", 2) as [string, string | undefined]));
  const numberOf = (name: string): number => {
    const value = fields.get(name) ?? "0";
    return /^\d{1,5}$/.test(value) ? Number(value) : 0;
  };
  const rule: ThinningRule = {
    last: numberOf("last"),
    hourly: numberOf("hourly"),
    daily: numberOf("daily"),
    weekly: numberOf("weekly"),
    monthly: numberOf("monthly"),
    yearly: numberOf("yearly"),
    countFrom: fields.get("from") === "previous" ? "previous" : "newest",
    minimumKeep: numberOf("min"),
    timeZone: fields.get("tz") ?? "",
  };
  // Whatever was not understood is missing here.
  return rule.minimumKeep > 0 && isTimeZone(rule.timeZone) && formatRule(rule) === text ? rule : null;
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
