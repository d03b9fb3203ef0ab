import type { OverrideSeen } from "./catalogue.ts";
import { holdRetention, type Keeps } from "./held-retention.ts";
import { isCountBounded } from "./in-force.ts";
import type { Volume } from "./inventory.ts";
import type { Asking, Notice } from "./overrides.ts";
import { readPlatform9 } from "./peers/platform9.ts";
import { readSnapSentry, type SnapSentryCache } from "./peers/snapsentry.ts";
import type { PolicyVariants } from "./policy-variants.ts";
import type { Policy, Selection } from "./policy.ts";

export interface PeerContext {
  readonly now: Date;
  readonly selection: Pick<Selection, "overrideDelayMs">;
  readonly policies: ReadonlyMap<string, Policy>;
  /** False while we write Platform9's keys ourselves: they are never read back as truth. */
  readonly readsPlatform9: boolean;
  readonly cache: SnapSentryCache;
  readonly variants: PolicyVariants;
  /** What earlier scans saw, by resource id. */
  readonly seen: ReadonlyMap<string, readonly OverrideSeen[]>;
}

/** A policy that a peer's keys ask for, and which keys. */
export interface PeerPolicy {
  readonly policy: Policy;
  readonly key: string;
}

/** What SnapSentry's and Platform9's keys on a volume add, as far as it counts today. */
export interface PeerRequest {
  readonly policies: readonly PeerPolicy[];
  readonly notices: readonly Notice[];
  readonly seen: readonly OverrideSeen[];
}

/** Reads what the peers' keys on a volume ask for. More counts at once, less when it has been seen for `overrideDelayMs`; that a subscription has ended is told once. */
export function readPeerRequests(volume: Volume, context: PeerContext): PeerRequest {
  const snapSentry = readSnapSentry(volume, context.cache);
  const platform9 = context.readsPlatform9 ? readPlatform9(volume.metadata) : null;
  const unknown = platform9?.policies.filter((name) => !context.policies.has(name)) ?? [];
  const problems = [
    ...snapSentry.problems,
    ...(platform9?.problems ?? []),
    ...unknown.map((name) => `snapshot_policies: there is no policy ${name}`),
  ];
  const asked: PeerAsking[] = [
    ...snapSentry.policies.map((policy) => ({
      policy,
      key: snapSentryKey,
      keeps: { retentionMs: policy.retentionMs, last: policy.thinning?.last ?? 0 },
    })),
    ...(platform9?.policies ?? []).flatMap((name) => {
      const policy = context.policies.get(name);
      const last = platform9?.counts.get(name);
      return policy === undefined
        ? []
        : { policy, key: platform9Key, keeps: last === undefined ? null : { retentionMs: 0, last } };
    }),
  ];
  const held = hold(volume, asked, context);
  const { rows, ended } = follow(volume, held.policies, context);
  const invalid = problems.map((message) => noticeOf(volume, "request_invalid", message));
  return {
    policies: held.policies,
    notices: [...invalid, ...held.notices, ...ended],
    seen: [...rows, ...held.seen],
  };
}

/** With how much of it they ask to keep. */
interface PeerAsking extends PeerPolicy {
  /** `null`: as much as the policy itself keeps. */
  readonly keeps: Keeps | null;
}

/** As much as has been asked for, until less has been asked for long enough. */
function hold(
  volume: Asking,
  asked: readonly PeerAsking[],
  { now, seen, selection, variants }: PeerContext,
): PeerRequest {
  const known = keepsByKey(seen.get(volume.id) ?? []);
  const { overrideDelayMs } = selection;
  const follow = (key: string, keeps: Keeps | null): ReturnType<typeof holdRetention> =>
    holdRetention(keeps, { resourceId: volume.id, key, known: known.get(key) ?? [], now, overrideDelayMs });
  const notices: Notice[] = [];
  const rows: OverrideSeen[] = [];
  const policies = asked.map(({ policy: own, key, keeps }) => {
    const rowKey = keepsKey(key, own.name);
    const held = follow(rowKey, keeps);
    known.delete(rowKey);
    rows.push(...held.seen);
    const policy = variants.keeping(own, held.keeps);
    if (policy !== variants.keeping(own, keeps)) {
      const text = `less for ${own.name} counts from ${held.firmFrom.toISOString()}`;
      notices.push(noticeOf(volume, "request_waits", `${key}: ${text}`));
    }
    if (key === platform9Key && keeps !== null && isCountBounded(own, keeps.last)) {
      const text = `retention_${own.name}: ${keeps.last}, at least ${own.thinning?.last}`;
      notices.push(noticeOf(volume, "request_bounded", text));
    }
    return { policy, key };
  });
  // Asked for no more: remembered for a while.
  for (const key of known.keys()) rows.push(...follow(key, null).seen);
  return { policies, notices, seen: rows };
}

/** What is to be remembered of a volume that the peers' keys are not read of. @param known its rows, of any key */
export const restPeerRequests = (
  resourceId: string,
  known: readonly OverrideSeen[],
  { now, selection: { overrideDelayMs } }: Pick<PeerContext, "now" | "selection">,
): readonly OverrideSeen[] =>
  [...keepsByKey(known)].flatMap(
    ([key, rows]) => holdRetention(null, { resourceId, key, known: rows, now, overrideDelayMs }).seen,
  );

const keepsByKey = (rows: readonly OverrideSeen[]): Map<string, OverrideSeen[]> =>
  Map.groupBy(
    rows.filter(({ key }) => key.startsWith(keepsPrefix)),
    ({ key }) => key,
  );

const keepsPrefix = "keeps@";
const keepsKey = (key: string, policy: string): string => `${keepsPrefix}${key}@${policy}`;

/** Under which is remembered how much a volume's keys ask a policy to keep. */
export const snapSentryKeeps = (policy: string): string => keepsKey(snapSentryKey, policy);
export const platform9Keeps = (policy: string): string => keepsKey(platform9Key, policy);

const snapSentryKey = "x-snapsentry";
const platform9Key = "snapshot_policies";

/** Remembers that there was a subscription, so that its end is told. */
function follow(
  volume: Asking,
  policies: readonly PeerPolicy[],
  { now, seen }: PeerContext,
): { rows: OverrideSeen[]; ended: Notice[] } {
  const known = seen.get(volume.id) ?? [];
  const rows: OverrideSeen[] = [];
  const ended: Notice[] = [];
  for (const key of [snapSentryKey, platform9Key]) {
    const names = policies.filter((each) => each.key === key);
    const before = known.find((row) => row.key === key);
    const value = names.map(({ policy }) => policy.name).join(",");
    if (value !== "") {
      rows.push(before?.value === value ? before : { resourceId: volume.id, key, value, firstSeenAt: now });
    }
    const left = before?.value.split(",").filter((name) => !names.some(({ policy }) => policy.name === name)) ?? [];
    if (left.length > 0) ended.push(noticeOf(volume, "protection_ended", left.join(", ")));
  }
  return { rows, ended };
}

const noticeOf = (resource: Asking, reason: Notice["reason"], message: string): Notice => ({
  reason,
  projectId: resource.projectId,
  resourceId: resource.id,
  message,
});
