import type { OverrideSeen } from "./catalogue.ts";
import { formatDuration, parseDuration } from "./durations.ts";
import type { Policy, Selection } from "./policy.ts";
import type { Reason } from "./reasons.ts";

/** Something that operators and tenants are told beside the volumes. */
export interface Notice {
  readonly reason: Reason;
  readonly projectId: string | null;
  readonly resourceId: string | null;
  readonly message: string | null;
}

/** A server or volume, which may ask for another retention. */
export interface Asking {
  readonly id: string;
  readonly projectId: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface RequestContext {
  readonly now: Date;
  readonly policy: Pick<Policy, "retentionMs" | "minimumRetentionMs">;
  readonly selection: Pick<Selection, "retentionKey" | "overrideDelayMs">;
  /** Under which requests are remembered for this policy. */
  readonly requestKey: string;
  /** What earlier scans saw, by resource id; see {@link indexSeen}. */
  readonly seen: ReadonlyMap<string, readonly OverrideSeen[]>;
}

/** What one server's or volume's metadata asks for new points, as far as it counts today. */
export interface RetentionRequest {
  /** `null` when it has no say. */
  readonly retentionMs: number | null;
  /** Seen for `overrideDelayMs`: it may take from what others ask for. */
  readonly firm: boolean;
  readonly notices: readonly Notice[];
  /** All that must be remembered of the resource. */
  readonly seen: readonly OverrideSeen[];
}

export const indexSeen = (seen: readonly OverrideSeen[]): ReadonlyMap<string, readonly OverrideSeen[]> =>
  Map.groupBy(seen, (row) => row.resourceId);

/**
 * Reads a resource's request. More than what was in force counts at once; less only when it has been seen for `overrideDelayMs`, and never below
 * the policy's minimum. Taking a longer request back, or spoiling it, is a request for less, too. What was in force while a request waits is
 * remembered as a second row; without one it was the policy's retention.
 */
export function readRequest(resource: Asking, context: RequestContext): RetentionRequest {
  const { policy, requestKey, selection, seen } = context;
  const key = selection.retentionKey;
  const value = requestedText(resource, selection);
  const known = seen.get(resource.id)?.filter((row) => row.key === requestKey) ?? [];
  const notices: Notice[] = [];
  const tell = (reason: Reason, text: string): void => {
    const message = `${key}: ${text}`;
    notices.push({ reason, projectId: resource.projectId, resourceId: resource.id, message });
  };
  const askedMs = parseDuration(value);
  if (value !== "" && askedMs === null) tell("request_invalid", value);
  if (askedMs !== null && askedMs < policy.minimumRetentionMs) {
    tell("request_bounded", `${value}, at least ${formatDuration(policy.minimumRetentionMs)}`);
  }

  const { current, before } = follow(
    known,
    { resourceId: resource.id, key: requestKey, value, firstSeenAt: context.now },
    context,
  );
  const firm = isFirm(current, context);
  const rows = firm || before === null ? [current] : [before, current];

  if (!counts(current, before, context)) {
    tell(
      "request_waits",
      `${value === "" ? "taken back" : value}, counts from ${firmFrom(current, selection).toISOString()}`,
    );
    // Waiting behind the policy's own retention is no say: what the volume's server asks for may still count.
    return { retentionMs: before === null ? null : grantedMs(before.value, policy), firm, notices, seen: rows };
  }
  return askedMs === null
    ? { ...silent, notices }
    : { retentionMs: grantedMs(value, policy), firm, notices, seen: rows };
}

/**
 * What is to be remembered of a resource that the policy does not protect at the moment: that it asks for nothing, and until that has been seen for the
 * delay what it asked for before. So untagging, lowering and tagging again is no way around the delay.
 */
export const restRequest = (
  resourceId: string,
  context: Pick<RequestContext, "now" | "selection" | "requestKey" | "seen">,
): readonly OverrideSeen[] =>
  // Whatever the policy keeps is no less than this: what was asked for last was in force.
  readRequest(
    { id: resourceId, projectId: "", metadata: {} },
    { ...context, policy: { retentionMs: 0, minimumRetentionMs: 0 } },
  ).seen;

/** What is promised to a new point: the volume's request goes before its server's, but takes from it only when it is firm. */
export function promisedRetentionMs(
  volume: RetentionRequest | undefined,
  server: RetentionRequest | undefined,
  policy: Policy,
): number {
  const ownMs = volume?.retentionMs ?? null;
  const serverMs = server?.retentionMs ?? null;
  if (ownMs === null) return serverMs ?? policy.retentionMs;
  return volume?.firm === true ? ownMs : Math.max(ownMs, serverMs ?? 0);
}

/**
 * The retention in force for a volume's existing points: the volume's request, else the longest of its servers', else the policy's. It has no
 * memory, so that a lost database changes no deletion; what a request for less may not take, the points' own keep-until dates hold.
 */
export function retentionInForceMs(input: {
  volume: Asking | null;
  servers: readonly Asking[];
  policy: Policy;
  selection: Selection;
}): number {
  const { volume, servers, policy, selection } = input;
  const validOf = (resource: Asking): number[] => {
    const value = requestedText(resource, selection);
    return parseDuration(value) === null ? [] : [grantedMs(value, policy)];
  };
  const own = volume === null ? [] : validOf(volume);
  const asked = own.length > 0 ? own : servers.flatMap(validOf);
  return asked.length > 0 ? Math.max(...asked) : policy.retentionMs;
}

const silent: RetentionRequest = { retentionMs: null, firm: false, notices: [], seen: [] };

/** Under which requests for another retention of a policy's points are remembered: what counts as less differs from policy to policy. */
export const retentionRequestKey = (
  { policy, selection }: { readonly policy: Pick<Policy, "name">; readonly selection: Pick<Selection, "retentionKey"> },
  name: string,
): string => (name === policy.name ? selection.retentionKey : `${selection.retentionKey}@${name}`);

/** Empty when there is no request. */
const requestedText = (resource: Asking, selection: Pick<Selection, "retentionKey">): string =>
  (resource.metadata[selection.retentionKey] ?? "").trim().toLowerCase();

/** What a request is worth once it counts: an invalid or missing one the policy's retention, any other at least the minimum. */
const grantedMs = (value: string, policy: RequestContext["policy"]): number => {
  const askedMs = parseDuration(value);
  return askedMs === null ? policy.retentionMs : Math.max(askedMs, policy.minimumRetentionMs);
};

const firmFrom = (row: OverrideSeen, selection: RequestContext["selection"]): Date =>
  new Date(row.firstSeenAt.getTime() + selection.overrideDelayMs);

const isFirm = (row: OverrideSeen, { now, selection }: RequestContext): boolean => now >= firmFrom(row, selection);

/** The row of today's request, and the one that was in force when it appeared; `null` for the policy's own retention. */
function follow(
  known: readonly OverrideSeen[],
  today: OverrideSeen,
  context: RequestContext,
): { current: OverrideSeen; before: OverrideSeen | null } {
  const oldestFirst = known.toSorted((a, b) => a.firstSeenAt.getTime() - b.firstSeenAt.getTime());
  const latest = oldestFirst.at(-1) ?? null;
  const before = oldestFirst.at(-2) ?? null;
  if (latest !== null && isSame(latest, today)) return { current: latest, before };
  const inForce = latest === null || counts(latest, before, context) ? latest : before;
  return { current: today, before: inForce !== null && isSame(inForce, today) ? null : inForce };
}

/** However it is written; what cannot be read asks for nothing. */
const isSame = (a: OverrideSeen, b: OverrideSeen): boolean => parseDuration(a.value) === parseDuration(b.value);

const counts = (row: OverrideSeen, before: OverrideSeen | null, context: RequestContext): boolean => {
  const beforeMs = before === null ? context.policy.retentionMs : grantedMs(before.value, context.policy);
  return isFirm(row, context) || grantedMs(row.value, context.policy) >= beforeMs;
};
