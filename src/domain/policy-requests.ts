import type { OverrideSeen } from "./catalogue.ts";
import type { Asking, Notice } from "./overrides.ts";
import type { Policy, Selection } from "./policy.ts";
import type { Reason } from "./reasons.ts";

/** What a server's or volume's `backup_policy` asks for, as far as it counts today. */
export interface PolicyRequest {
  /** What it asks for, beside what it was before; `null` when it has no say. */
  readonly policies: readonly Policy[] | null;
  /** Seen for `overrideDelayMs`: it stands in place of what tag and rules say. */
  readonly firm: boolean;
  readonly notices: readonly Notice[];
  readonly seen: readonly OverrideSeen[];
}

export const noPolicyRequest: PolicyRequest = { policies: null, firm: false, notices: [], seen: [] };

/**
 * Reads which policies a resource asks for. They are added at once; what it gives up by asking, by asking for others, or by asking no more, goes when
 * that has been seen for `overrideDelayMs`. An unknown name asks for nothing, and is told.
 */
export function readPolicyRequest(
  resource: Asking,
  context: {
    readonly now: Date;
    readonly selection: Selection;
    readonly policies: ReadonlyMap<string, Policy>;
    readonly seen: ReadonlyMap<string, readonly OverrideSeen[]>;
  },
): PolicyRequest {
  const { now, policies, selection } = context;
  const key = selection.policyKey;
  const value = (resource.metadata[key] ?? "").trim().toLowerCase();
  const known = (context.seen.get(resource.id) ?? [])
    .filter((row) => row.key === key)
    .sort((a, b) => a.firstSeenAt.getTime() - b.firstSeenAt.getTime());
  if (value === "" && known.length === 0) return noPolicyRequest;
  const notices: Notice[] = [];
  const tell = (reason: Reason, text: string): void => {
    notices.push({ reason, projectId: resource.projectId, resourceId: resource.id, message: `${key}: ${text}` });
  };
  const unknown = namesIn(value).filter((name) => !policies.has(name));
  if (unknown.length > 0) tell("request_invalid", `there is no policy ${unknown.join(", ")}`);

  const latest = known.at(-1);
  const current =
    latest !== undefined && isSame(latest.value, value)
      ? latest
      : { resourceId: resource.id, key, value, firstSeenAt: now };
  // What named no policy leaves nothing to wait for: a tenant may write something else every minute.
  const before = known.filter((row) => !isSame(row.value, value) && knownPolicies(row.value, policies).length > 0);
  const firmFrom = current.firstSeenAt.getTime() + selection.overrideDelayMs;
  const firm = now.getTime() >= firmFrom;
  const asked = knownPolicies(value, policies);
  if (firm) {
    const seen = value === "" ? [] : [current];
    return { policies: asked.length === 0 ? null : asked, firm: asked.length > 0, notices, seen };
  }
  if (before.length > 0)
    tell(
      "request_waits",
      `${value === "" ? "taken back" : value}, replaces what was asked before from ${new Date(firmFrom).toISOString()}`,
    );
  const all = [...new Set([...asked, ...before.flatMap((row) => knownPolicies(row.value, policies))])];
  return { policies: all.length === 0 ? null : all, firm: false, notices, seen: [...before, current] };
}

/** What is to be remembered of a resource that is not asked: that it asks for nothing, and until that has been seen for the delay what it asked for before. */
export const restPolicyRequest = (
  id: string,
  context: Parameters<typeof readPolicyRequest>[1],
): readonly OverrideSeen[] => readPolicyRequest({ id, projectId: "", metadata: {} }, context).seen;

/** Each once, known or not. */
export const namesIn = (value: string): string[] => [
  ...new Set(
    value
      .split(/[,;]/)
      .map((name) => name.trim())
      .filter((name) => name !== ""),
  ),
];

/** However it is written. */
const isSame = (a: string, b: string): boolean => {
  const [one, other] = [a, b].map((value) => namesIn(value).sort().join(","));
  return one === other;
};

const knownPolicies = (value: string, policies: ReadonlyMap<string, Policy>): Policy[] =>
  namesIn(value).flatMap((name) => policies.get(name) ?? []);
