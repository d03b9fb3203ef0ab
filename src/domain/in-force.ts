import { newestOnly, type Policy, type ThinningRule } from "./policy.ts";

/** What keeps the existing points of a volume and policy now: the policy, and what is asked for on the volume and its servers. */
export interface InForce {
  /** 0 where only {@link thinning} keeps. */
  readonly retentionMs: number;
  readonly thinning: ThinningRule | null;
}

/**
 * The rule by which a policy's points are counted where somebody asks for a count of his own (Platform9's `retention_<policy>`). More than the
 * policy's own is granted at once, and marked on the points made under it; less never is. So it is what counts for existing points, and what is promised
 * to new ones.
 * @param count `null` when nobody asks
 */
export function ruleInForce(policy: Policy, count: number | null): ThinningRule | null {
  const own = policy.thinning;
  if (count === null || !(count >= 1)) return own;
  return { ...(own ?? newestOnly(0, policy.timeZone)), last: Math.max(count, own?.last ?? 0) };
}

/** Whether somebody asks for fewer than the policy keeps, to be told as `request_bounded`. */
export const isCountBounded = ({ thinning }: Policy, count: number): boolean =>
  thinning !== null && thinning.last > count;
